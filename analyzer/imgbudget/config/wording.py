"""How names and values from a configuration are put into messages, and which known name was meant."""

from collections.abc import Iterable
from os.path import commonprefix

_SIMILARITY = 0.6
"""Share of matching letters from which on a name is offered; difflib's own default."""

MOST_HINTS = 100
"""Mistakes of a kind for which the name that was meant is looked for; what has more is no configuration."""

_LONGEST = 60
"""Characters of a value that a message repeats."""


def plain(text: str) -> str:
    """Text cut short and on one line, without control characters."""
    if not text.isprintable():
        text = text.encode("unicode_escape").decode("ascii")
    return f"{text[:_LONGEST]}..." if len(text) > _LONGEST else text


def quoted(text: str) -> str:
    """The same in double quotes."""
    return f'"{plain(text)}"'


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The most similar known name; of several the one that begins most alike; None where nothing is.

    Case, `-` and `_` make no difference.
    """
    from difflib import SequenceMatcher  # noqa: PLC0415 - needed for mistakes only

    word = _folded(word)[:_LONGEST]
    matcher = SequenceMatcher(b=word)
    similar = []
    for name in known:
        matcher.set_seq1(_folded(name))
        # the cheap bounds first: most names are ruled out by them
        if matcher.real_quick_ratio() < _SIMILARITY or matcher.quick_ratio() < _SIMILARITY:
            continue
        if (ratio := matcher.ratio()) >= _SIMILARITY:
            shared = commonprefix([word, _folded(name)])  # noqa: RUF071 - letters are meant, not folders
            similar.append((-ratio, -len(shared), name))
    return min(similar)[-1] if similar else None


def _folded(name: str) -> str:
    return name.lower().replace("_", "-")
