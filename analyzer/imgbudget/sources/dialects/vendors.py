"""Whether a request is meant for a model of another vendor, to which Claude's limits say nothing."""

import re

from imgbudget.limits.ids import read_id

_CLAUDE = ("claude", "anthropic", "opus", "sonnet", "haiku", "fable", "mythos")
_OTHERS = re.compile(
    r"(?:^|[/.:])(?:"
    r"gpt|chatgpt|o[1-9](?![a-z0-9])|gemini|gemma|grok|(?:meta-)?llama|mi[sx]tral|pixtral|qwen|deepseek|nova|titan"
    r"|kimi|glm|minimax|command|phi|jamba|internvl|llava"
    r")"
)
"""How the ids of other vendors' model families begin, behind a path, a region or a vendor."""


def is_other_vendors(model: str, dialect: str) -> bool:
    """Whether the id is that of another vendor's model.

    In OpenAI's shapes that is any id that neither names a family of Claude nor is spelled as Bedrock or
    Google Cloud spell ids: such a body is Claude's only through a gateway. Elsewhere the id has to name
    another family.
    """
    text = model.lower()
    if any(word in text for word in _CLAUDE):
        return False
    if _OTHERS.search(text):
        return True
    return dialect.startswith("openai") and read_id(model).platform is None
