"""What to say of a name that does not exist: the nearest one that does."""

from collections.abc import Sequence


def unknown(what: str, given: str, known: Sequence[str]) -> str:
    """That there is no such thing, and which one may have been meant."""
    import difflib  # noqa: PLC0415 - only a mistake pays for it

    near = [
        match for text in (given, given.upper()) for match in difflib.get_close_matches(text, known, 1, 0.5)
    ]
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {what} {given!r}{hint}"
