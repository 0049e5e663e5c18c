"""Gitignore patterns, compiled: one pattern as git's wildmatch.c (2.39) reads it, and whole lists of them."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import groupby

from imgbudget.namedtuples import NamedTuple

SPECIAL = re.compile(r"[*?\[\\]")
"""The characters that make a pattern more than a literal name."""


def literal(name: str) -> str:
    """A name as a pattern that matches only this name; bytes that are not Unicode match any."""
    return "".join(
        "?" if "\ud800" <= char <= "\udfff" else f"\\{char}" if char in "\\*?[]!#" else char for char in name
    )


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
    """The equivalent regex for whole names; None for a pattern that never matches in git.

    With `path` the pattern is matched against a path and wildcards except `**` do not match slashes; without,
    it is matched against a name without slashes.
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
    pieces = [skip + part for skip, part in zip(wide, others, strict=True)]
    return first + "".join(f"(?>{piece})" for piece in pieces[:-1]) + "".join(pieces[-1:])


def _stretch(tokens: list[str], any_char: str) -> str:
    """The regex of tokens without `**`."""
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
    """The token for a run of asterisks in a path pattern, and the end of the run.

    Git compares the literal beginning of a pattern first and runs wildmatch on the rest, so a `**` at the
    start of the rest counts as leading: a/b** matches slashes, contrary to the manual.
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
    """The regex for one of these characters, as ranges to keep it short."""
    codes = sorted(map(ord, members))
    if not codes:
        return "(?!)"
    begins = [code for code in codes if chr(code - 1) not in members]
    ends = [code for code in codes if chr(code + 1) not in members]
    ranges = (f"\\x{begin:02x}-\\x{end:02x}" for begin, end in zip(begins, ends, strict=True))
    return f"[{''.join(ranges)}]"


def _bracket(glob: str, at: int) -> tuple[set[str], int] | None:
    """The characters of a set whose `[` is before `at`, and its end; None if it is not closed."""
    negated = glob[at : at + 1] in ("!", "^")
    at += negated
    members: set[str] = set()
    low = ""  # the start of a possible range: none at the beginning, after a range and after a class
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
    """Whether `[:` at `at` and `]` at `end` enclose a class name, not just characters of a set."""
    return end > at + 2 and glob[end - 1] == ":"


_Match = Callable[[str], object]
MAX_PATTERN = 4096
"""Maximum characters of a pattern, the limit for a path on Linux; longer lines are ignored."""
_INNER_ASTERISKS = r"[^/*]\*\*"  # a**/b matches ab


def as_bytes_text(text: str) -> str:
    """A name or pattern with one character per byte, as patterns are matched on bytes."""
    return text if text.isascii() else os.fsencode(text).decode("latin-1")


class _Pattern(NamedTuple):
    """One line. `folder` is the pattern for the folder of an entry, None for any folder."""

    folder: str | None
    name: str
    ignores: bool
    folders_only: bool


class _Names(NamedTuple):
    """Patterns of names, each as the cheapest equivalent test."""

    literals: frozenset[str]
    beginnings: tuple[str, ...]
    endings: tuple[str, ...]
    match: _Match | None

    @classmethod
    def of(cls, globs: Iterable[str]) -> "_Names":
        literals: list[str] = []
        beginnings: list[str] = []
        endings: list[str] = []
        regexes: list[str | None] = []
        for glob in globs:
            special = SPECIAL.search(glob)
            if not special:
                literals.append(glob)
            elif glob[-1] == "*" and special.end() == len(glob):
                beginnings.append(glob[:-1])
            elif glob[0] == "*" and not SPECIAL.search(glob, 1):
                endings.append(glob[1:])
            else:
                regexes.append(translate(glob, path=False))
        return cls(
            literals=frozenset(literals),
            beginnings=tuple(beginnings),
            endings=tuple(endings),
            match=_any_of(regexes),
        )

    def matching(self, names: list[str]) -> set[str]:
        hits = set(self.literals.intersection(names))
        if self.beginnings:
            hits.update([name for name in names if name.startswith(self.beginnings)])
        if self.endings:
            hits.update([name for name in names if name.endswith(self.endings)])
        if self.match:
            hits.update(filter(self.match, names))
        return hits


class _Block(NamedTuple):
    """Adjacent patterns with the same effect, so their order does not matter.

    All names of a folder are matched at once; `match_path` has the few patterns that need whole paths.
    """

    ignores: bool
    anywhere: _Names
    in_folder: Mapping[str, _Names]
    in_folders: tuple[tuple[_Match, _Names], ...]
    match_path: _Match | None

    def matching(self, names: list[str], folder: str) -> set[str]:
        hits = self.anywhere.matching(names)
        if here := self.in_folder.get(folder):
            hits |= here.matching(names)
        for matches, there in self.in_folders:
            if matches(folder):
                hits |= there.matching(names)
        if self.match_path:
            hits.update([name for name in names if self.match_path(folder + name)])
        return hits


class Patterns(NamedTuple):
    """One ignore file, or the patterns of one setting; a later pattern overrules an earlier one."""

    for_files: tuple[_Block, ...]
    for_folders: tuple[_Block, ...]

    @classmethod
    def parse(cls, lines: Iterable[str]) -> "Patterns":
        """The patterns in these lines (see `as_bytes_text`); comments and unmatchable lines are skipped."""
        patterns = [pattern for line in lines if (pattern := _pattern(line))]
        return cls(
            tuple(_blocks(pattern for pattern in patterns if not pattern.folders_only)),
            tuple(_blocks(patterns)),
        )

    def __bool__(self) -> bool:
        return bool(self.for_folders)

    def decide(self, names: list[str], folder: str, *, folders: bool) -> tuple[list[str], list[str]]:
        """The names that no pattern matches, and those that a negated pattern keeps; the others are ignored.

        All names are entries of `folder`, a path relative to the folder of the patterns, empty or ending
        with a slash. With `folders` all names are folders, else none is (a link is not a folder).
        """
        kept: list[str] = []
        for block in self.for_folders if folders else self.for_files:
            hits = block.matching(names, folder)
            if hits:
                if not block.ignores:
                    kept += hits
                names = [name for name in names if name not in hits]
        return names, kept

    def match_within(self, path: str, *, folder: bool = False) -> bool:
        """Whether a relative path with `/`, or one of its parent folders, is ignored."""
        *around, name = as_bytes_text(path).split("/")
        at = ""
        for step in around:
            if self._ignores(step, at, folder=True):
                return True
            at += f"{step}/"
        return self._ignores(name, at, folder=folder)

    def _ignores(self, name: str, at: str, *, folder: bool) -> bool:
        if name in ("", "..", "."):  # not an entry of a folder
            return False
        undecided, kept = self.decide([name], at, folders=folder)
        return not undecided and not kept


@lru_cache(maxsize=64)
def parse_ignore_file(data: bytes) -> Patterns:
    """The patterns of an ignore file; cached, since trees repeat the same file in many folders."""
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n")
    return Patterns.parse([line.removesuffix("\r") for line in lines])


def _pattern(line: str) -> _Pattern | None:
    if line.startswith("#") or len(line) > MAX_PATTERN:
        return None
    glob = _without_trailing_blanks(line.partition("\0")[0])  # git reads lines as C strings
    ignores = not glob.startswith("!")
    glob = glob.removeprefix("!")
    folders_only = glob.endswith("/")
    glob = glob.removesuffix("/")
    folder: str | None = None
    if "/" in glob:
        folder, slash, glob = glob.removeprefix("/").rpartition("/")
        folder += slash
        if folder == "**/":
            folder = None
    if folder is None and not glob:
        return None
    return _Pattern(folder=folder, name=glob, ignores=ignores, folders_only=folders_only)


def why_never(line: str) -> str | None:
    """Why a pattern matches no file, as a clause; None if it may match one."""
    if line.startswith("#"):
        return "# begins a comment; write \\# for a name that begins with it"
    pattern = _pattern(line)
    if pattern is None:
        return f"it is longer than {MAX_PATTERN:,} characters" if len(line) > MAX_PATTERN else "it is empty"
    glob = (pattern.folder or "") + pattern.name
    steps = glob.split("/")
    if ".." in steps or "." in steps:
        return "patterns are relative to the folder of the configuration and have no . or .. as a folder"
    if "" in steps:
        return "it has two slashes in a row"
    if translate(glob, path=True) is None:
        return "a [ is not closed, or a backslash is at the end; write \\[ for a name with a bracket"
    return None


def covered(pattern: str, root: str, folders: Iterable[str]) -> bool:
    """Whether all files that a pattern can match are in these folders; all paths are absolute, with `/`."""
    folder = root
    if "/" in pattern.rstrip("/") and not pattern.startswith("!"):
        for step in pattern.strip("/").split("/"):
            if SPECIAL.search(step):
                break
            folder = f"{folder}/{step}"
    return any(folder == path or folder.startswith(path.rstrip("/") + "/") for path in folders)


def _without_trailing_blanks(line: str) -> str:
    """The line without trailing blanks, except the first if a backslash escapes it."""
    bare = line.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 and bare != line else bare


def _blocks(patterns: Iterable[_Pattern]) -> Iterable[_Block]:
    """The blocks of the patterns, the last one, which takes precedence, first."""
    for ignores, group in groupby(reversed(tuple(patterns)), key=lambda pattern: pattern.ignores):
        anywhere: list[str] = []
        by_folder: dict[str, list[str]] = {}
        paths: list[str | None] = []
        for pattern in group:
            if pattern.folder is None:
                anywhere.append(pattern.name)
            elif _needs_path(pattern.folder, pattern.name):
                paths.append(translate(pattern.folder + pattern.name, path=True))
            else:
                by_folder.setdefault(pattern.folder, []).append(pattern.name)
        literal = {folder: names for folder, names in by_folder.items() if not SPECIAL.search(folder)}
        yield _Block(
            ignores=ignores,
            anywhere=_Names.of(anywhere),
            in_folder={folder: _Names.of(names) for folder, names in literal.items()},
            in_folders=tuple(
                (match, _Names.of(names))
                for folder, names in by_folder.items()
                if folder not in literal and (match := _any_of([translate(folder, path=True)]))
            ),
            match_path=_any_of(paths),
        )


def _needs_path(folder: str, name: str) -> bool:
    """Whether the slash between them may be part of a set, or matched by asterisks."""
    return "[" in folder or "\\" in folder or "**" in name or bool(re.search(_INNER_ASTERISKS, folder))


def _any_of(regexes: Iterable[str | None]) -> _Match | None:
    """A function that matches any of the regexes; None is a regex that matches nothing."""
    real = [regex for regex in regexes if regex is not None]
    return re.compile("|".join(real), re.DOTALL).fullmatch if real else None
