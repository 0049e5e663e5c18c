"""The shapes that requests come in, one file each; the first that recognises a body reads it."""

from imgbudget.sources.dialects.base import Dialect
from imgbudget.sources.dialects.messages import MESSAGES

DIALECTS: tuple[Dialect, ...] = (MESSAGES,)
"""Every dialect, the more particular ones first."""
