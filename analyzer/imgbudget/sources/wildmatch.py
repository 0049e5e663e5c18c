"""One gitignore wildcard pattern as a regular expression, as git's wildmatch.c (2.39) reads it.

Patterns and names are text of one character a byte (latin-1 of the file system's bytes), because git
matches bytes: `?` is one byte of a letter such as e with an accent.

Only the last `*` of a stretch may be tried again: an earlier one takes the first place that fits, which
leaves the most to what follows. That keeps the time linear in name times pattern where git itself, up to
2.40, takes exponential time.
"""

import re

SPECIAL = re.compile(r"[*?\[\\]")
"""The characters that make a pattern more than a literal name."""

_STAR, _FOLDERS, _EVERYTHING = "*", "**/", "**"  # every other token is the regex of one character
_WIDE = {_FOLDERS: "(?:.*?/)??", _EVERYTHING: ".*?"}

_ANY = {chr(byte) for byte in range(1, 256)}
_CLASSES = {
    "alnum": str.isalnum,
    "alpha": str.isalpha,
    "blank": " \t".__contains__,
    "cntrl": lambda char: char < " " or char == "\x7f",
    "digit": str.isdigit,
    "graph": lambda char: "!" <= char <= "~",
    "lower": str.islower,
    "print": lambda char: " " <= char <= "~",
    "punct": lambda char: "!" <= char <= "~" and not char.isalnum(),
    "space": " \t\n\r".__contains__,  # git's own ctype: neither vertical tab nor form feed
    "upper": str.isupper,
    "xdigit": "0123456789abcdefABCDEF".__contains__,
}
"""Which ASCII characters a class such as [:digit:] holds."""


def translate(glob: str, *, path: bool) -> str | None:
    """The regex that matches the same whole names; None for a pattern that git never matches.

    With `path` the pattern is matched against a path and its wildcards, `**` excepted, stop at slashes;
    without, against a name that has none.
    """
    tokens = _tokens(glob, path=path)
    if tokens is None:
        return None
    stretches: list[list[str]] = [[]]
    wide: list[str] = []
    for token in tokens:
        if token in _WIDE:
            wide.append(_WIDE[token])
            stretches.append([])
        else:
            stretches[-1].append(token)
    any_char = "[^/]" if path else "."
    first, *others = (_stretch(tokens, any_char) for tokens in stretches)
    pieces = [skip + stretch for skip, stretch in zip(wide, others, strict=True)]
    return first + "".join(f"(?>{piece})" for piece in pieces[:-1]) + "".join(pieces[-1:])


def _stretch(tokens: list[str], any_char: str) -> str:
    """The regex of tokens that hold no `**`."""
    pieces = [""]
    for token in tokens:
        if token == _STAR:
            pieces.append("")
        else:
            pieces[-1] += token
    first, *others = pieces
    atomic = "".join(f"(?>{any_char}*?{piece})" for piece in others[:-1])
    return first + atomic + "".join(f"{any_char}*{piece}" for piece in others[-1:])


def _tokens(glob: str, *, path: bool) -> list[str] | None:
    tokens: list[str] = []
    special = SPECIAL.search(glob)
    literal = special.start() if special else 0
    at = 0
    while at < len(glob):
        char = glob[at]
        at += 1
        if char == "*":
            token, at = _asterisks(glob, at - 1, literal=literal) if path else (_STAR, at)
            tokens.append(token)
        elif char == "?":
            tokens.append("[^/]" if path else ".")
        elif char == "[":
            bracket = _bracket(glob, at)
            if bracket is None:
                return None
            members, at = bracket
            tokens.append(_one_of(members - {"/"} if path else members))
        else:
            if char == "\\":
                if at == len(glob):
                    return None
                char = glob[at]
                at += 1
            tokens.append(re.escape(char))
    return tokens


def _asterisks(glob: str, begin: int, *, literal: int) -> tuple[str, int]:
    """What a run of asterisks in a path pattern means, and where it ends.

    Git compares the literal beginning of a pattern first and starts wildmatch behind it, so that a `**`
    is at a start there: a/b** crosses slashes although the manual says that it does not.
    """
    end = begin + 1
    while glob[end : end + 1] == "*":
        end += 1
    opens = begin in (0, literal) or glob[begin - 1] == "/"
    closes = end == len(glob) or glob.startswith(("/", "\\/"), end)
    if end - begin == 1 or not opens or not closes:
        return _STAR, end
    if glob.startswith("/", end):
        return _FOLDERS, end + 1
    return _EVERYTHING, end


def _one_of(members: set[str]) -> str:
    """The regex of one of these characters, as ranges: short, whatever the pattern spelled out."""
    codes = sorted(map(ord, members))
    if not codes:
        return "(?!)"
    begins = [code for code in codes if chr(code - 1) not in members]
    ends = [code for code in codes if chr(code + 1) not in members]
    ranges = (f"\\x{begin:02x}-\\x{end:02x}" for begin, end in zip(begins, ends, strict=True))
    return f"[{''.join(ranges)}]"


def _bracket(glob: str, at: int) -> tuple[set[str], int] | None:
    """The characters of a set whose `[` stands before `at`, and where it ends; None if it never does."""
    negated = glob[at : at + 1] in ("!", "^")
    at += negated
    members: set[str] = set()
    low = ""  # what a range would begin with: nothing at the start, behind a range and behind a class
    first = True
    while first or glob[at : at + 1] != "]":
        first = False
        if at >= len(glob):
            return None
        char = glob[at]
        if char == "-" and low and glob[at + 1 : at + 2] not in ("", "]"):
            at += 1 + (glob[at + 1] == "\\")
            if at >= len(glob):
                return None
            members.update(map(chr, range(ord(low), ord(glob[at]) + 1)))
            low = ""
        elif glob.startswith("[:", at) and (end := glob.find("]", at + 2)) != -1 and _named(glob, at, end):
            test = _CLASSES.get(glob[at + 2 : end - 1])
            if test is None:
                return None
            members.update(filter(test, map(chr, range(1, 128))))
            low = ""
            at = end
        elif glob.startswith("[:", at) and glob.find("]", at + 2) == -1:
            return None
        else:
            if char == "\\":
                at += 1
                if at >= len(glob):
                    return None
            low = glob[at]
            members.add(low)
        at += 1
    return (_ANY - members if negated else members), at + 1


def _named(glob: str, at: int, end: int) -> bool:
    """Whether `[:` at `at` and `]` at `end` enclose a class name and not just three characters of a set."""
    return end > at + 2 and glob[end - 1] == ":"
