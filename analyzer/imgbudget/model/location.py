"""Locations: files, paths into JSON documents, byte spans of text."""

from imgbudget.namedtuples import NamedTuple

Key = str | int
Keys = tuple[Key, ...]
"""The path to a value of a JSON document: object keys and array indices."""

UNEDITED = 1000
"""An `outer_depth` deeper than any path: no part of the path is inside a string of JSON, but the text around
it is no JSON, or is a string itself; nothing there is edited."""

_new = tuple.__new__


class Location(NamedTuple):
    """A place in a file: the file itself, or a value of a JSON document in it.

    `keys` is the path to the value, None for an image file. Its first `root` keys are the path to the request
    body; the rest, after `prefix`, is the path inside the body as sent, which `dotted` gives. Only
    transcripts have a prefix: a message has a line to itself there, and is under `messages` in the request.
    `document` is the 0-based number of the document in a JSONL file. `outer_depth` is 0 except in recordings:
    there the first `outer_depth` keys are the path to a string, the others a path in the JSON text it holds.
    """

    path: str
    keys: Keys | None = None
    root: int = 0
    document: int = 0
    prefix: Keys = ()
    outer_depth: int = 0

    def at(self, *keys: Key) -> "Location":
        """The location of a value inside this one."""
        path, mine, root, document, prefix, outer_depth = self
        return _new(Location, (path, (mine or ()) + keys, root, document, prefix, outer_depth))

    def items(self, count: int) -> "list[Location]":
        """The locations of the first `count` items of the array at this location."""
        path, keys, root, document, prefix, outer_depth = self
        keys = keys or ()
        # bypasses the constructor, and adds tuples instead of unpacking: there may be very many
        return [
            _new(Location, (path, keys + (i,), root, document, prefix, outer_depth))  # noqa: RUF005
            for i in range(count)
        ]

    @property
    def outer_path(self) -> Keys:
        """The path to a value of the file itself: this one, or the string whose JSON text holds it."""
        return self.keys[: self.outer_depth or None] if self.keys else ()

    @property
    def pointer(self) -> str | None:
        """RFC 6901 pointer of `outer_path`; None for an image file."""
        if self.keys is None:
            return None
        path = self.outer_path
        pointer = "/".join(["", *map(str, path)])
        if "~" in pointer or pointer.count("/") != len(path):  # rare: a key with ~ or /
            return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)
        return pointer

    @property
    def place(self) -> str:
        """The file, and the block of the request if it is in one, for a line of text."""
        return f"{self.path}: {self.dotted}" if self.dotted else self.path

    @property
    def dotted(self) -> str | None:
        """The API's dotted notation of the block, e.g. `messages.0.content.1`; None outside a request."""
        keys = self.prefix + (self.keys or ())[self.root :]
        if not keys:
            return None
        names = keys
        while names and not isinstance(names[-1], int):
            names = names[:-1]
        return ".".join(map(str, names or keys))


class Span(NamedTuple):
    """A range of a text file: byte offsets, and 1-based lines and columns; the end is exclusive.

    Columns count characters. `byte_column` and `end_byte_column` count bytes of UTF-8; they are None unless
    an output format needs them.
    """

    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int
    byte_column: int | None = None
    end_byte_column: int | None = None


class TextEdit(NamedTuple):
    """A range of a JSON text and its replacement."""

    span: Span
    text: str


class Excerpt(NamedTuple):
    """A line of a text file shortened to a terminal's width, and the columns to underline."""

    line: int
    text: str
    start: int
    width: int
