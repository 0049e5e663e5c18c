"""The guard's error in a form that SDKs raise at once: they retry any other as a connection error."""

import sys
from functools import cache
from typing import Any

from imgbudget.errors import GuardError
from imgbudget.model.subjects import Finding

_ERRORS = (("anthropic", "AnthropicError"), ("openai", "OpenAIError"))
"""The base classes of errors that SDKs raise unchanged; other SDKs do so with any but those of httpx."""


def refused(text: str, found: tuple[Finding, ...] = ()) -> GuardError:
    """An error that says why nothing was sent; also one of the SDKs that are loaded."""
    loaded = (getattr(sys.modules.get(module), name, None) for module, name in _ERRORS)
    return _error_class(tuple(base for base in loaded if isinstance(base, type)))(text, found)


@cache
def _error_class(bases: tuple[type, ...]) -> type[GuardError]:
    if not bases:
        return GuardError

    def reduce(self: GuardError) -> tuple[Any, ...]:
        return refused, (str(self), self.findings)

    members = {"__doc__": "A request of an SDK client that the guard did not send.", "__reduce__": reduce}
    return type("RefusedRequestError", (GuardError, *bases), {**members, "__module__": __name__})
