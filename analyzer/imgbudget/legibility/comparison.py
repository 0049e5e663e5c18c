"""Compares what was read of a line at two sizes."""

import unicodedata


def significant(text: str) -> str:
    """The text without blanks, in the compatibility form in which wide and narrow characters are equal."""
    return "".join(unicodedata.normalize("NFKC", text).split())


_CUT = 2
"""Characters at the end of a part of a line that the cut may have gone through."""


def share_kept(full: str, seen: str, *, is_part: bool = False) -> float:
    """The share of the characters of `full` that `seen` still has in their order, from 0 to 1.

    Every wrong, missing and additional character counts (Levenshtein); blanks do not. 1 for an empty `full`.
    Of the part of a line the last characters do not count, as they may be cut.
    """
    first, second = significant(full), significant(seen)
    if first == second or not first:
        return 1.0
    ends = range(1)
    if is_part and len(first) > 2 * _CUT:
        first = first[:-_CUT]
        ends = range(2 * _CUT + 1)
    fewest = min(distance(first, second[: len(second) - cut]) for cut in ends if cut <= len(second))
    return max(1 - fewest / len(first), 0.0)


def distance(first: str, second: str) -> int:
    """The fewest characters to insert, remove or replace to make the second text of the first (Levenshtein).

    Lines have tens of characters, which take a tenth of a millisecond: no compiled library is faster than
    reading them.
    """
    row = list(range(len(second) + 1))
    for number, char in enumerate(first, 1):
        diagonal, row[0] = row[0], number
        for at, other in enumerate(second, 1):
            least = min(row[at] + 1, row[at - 1] + 1, diagonal + (char != other))
            diagonal, row[at] = row[at], least
    return row[-1]


_FEWEST = 3
"""Letters and digits without which a line is not judged by them alone."""


def letters_kept(full: str, seen: str, *, is_part: bool = False) -> float:
    """The share of the letters and digits of `full` that `seen` still has, as `share_kept`; 0 for a few.

    Recognisers read quotation marks and brackets as they like: in a short line they outweigh the word.
    """
    first, second = ("".join(filter(str.isalnum, significant(text))) for text in (full, seen))
    return share_kept(first, second, is_part=is_part) if len(first) >= _FEWEST else 0.0


_CHANCE = 0.5
"""The share of a line up to which any long text has something that resembles it."""

_SHORT = 3
"""Characters of a line up to which it has to be a word by itself: any long text holds them somewhere."""


def share_within(known: str, text: str) -> float:
    """The share of the characters of a line that a longer text holds in one place, from 0 to 1.

    Blanks and line breaks do not count. What resembles less than half of the line is chance, and 0.
    """
    first, second = significant(known), significant(text)
    if not first:
        return 1.0
    if len(first) <= _SHORT:
        return float(first in {significant(word) for word in text.split()})
    if first in second:
        return 1.0
    share = 1 - fewest_within(first, second) / len(first)
    return share if share > _CHANCE else 0.0


def fewest_within(known: str, text: str) -> int:
    """The fewest characters to insert, remove or replace so that `known` is somewhere in `text`.

    The columns of the table of distances are the bits of integers, a step for each character of the text
    (Myers 1999): a page of text against a line takes milliseconds.
    """
    places: dict[str, int] = {}
    for at, char in enumerate(known):
        places[char] = places.get(char, 0) | 1 << at
    every = (1 << len(known)) - 1
    last = 1 << len(known) - 1 if known else 0
    up, down, fewest = every, 0, len(known)
    least = fewest
    for char in text:
        same = places.get(char, 0)
        across = (((same & up) + up) ^ up) | same
        more = (down | ~(across | up)) & every
        fewer = up & across
        fewest += bool(more & last) - bool(fewer & last)
        more, fewer = more << 1 & every, fewer << 1 & every
        same |= down
        up, down = (fewer | ~(same | more)) & every, more & same
        least = min(least, fewest)
    return least
