"""The shapes that requests come in, one file each; the first that recognises a body reads it."""

from imgbudget.sources.dialects.base import Dialect
from imgbudget.sources.dialects.bedrock_converse import BEDROCK_CONVERSE
from imgbudget.sources.dialects.bedrock_invoke import BEDROCK_INVOKE
from imgbudget.sources.dialects.gemini import GEMINI
from imgbudget.sources.dialects.messages import MESSAGES
from imgbudget.sources.dialects.openai_chat import OPENAI_CHAT
from imgbudget.sources.dialects.openai_responses import OPENAI_RESPONSES

DIALECTS: tuple[Dialect, ...] = (
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    BEDROCK_INVOKE,
    GEMINI,
    MESSAGES,
)
"""Every dialect, the more particular ones first."""
