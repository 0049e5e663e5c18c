"""Locations: files, paths into JSON documents, byte spans of text."""

from typing import NamedTuple

Key = str | int
Keys = tuple[Key, ...]
"""The route to a value of a JSON document: object keys and array indices."""

_new = tuple.__new__


class Location(NamedTuple):
    """Where a subject stands: a file, and inside a JSON document the route to the value.

    `keys` is None for an image file. The first `root` keys lead to the request itself, so that `location`
    is what the API would say of the same block. `document` counts the documents of a JSONL file, from 0.
    `lead` is what the route inside the request begins with before the keys behind `root`: in a transcript a
    message stands in a line of its own, in the request that is sent under `messages`. `embedded` is 0 but in
    a recording: there so many keys lead to a string, and the others lead on in the JSON text that it holds.
    """

    path: str
    keys: Keys | None = None
    root: int = 0
    document: int = 0
    lead: Keys = ()
    embedded: int = 0

    def at(self, *keys: Key) -> "Location":
        """A place further inside."""
        path, mine, root, document, lead, embedded = self
        return _new(Location, (path, (mine or ()) + keys, root, document, lead, embedded))

    def items(self, count: int) -> "list[Location]":
        """The places of the first items of the array that stands here."""
        path, keys, root, document, lead, embedded = self
        keys = keys or ()
        # without the constructor, and without a list for each tuple: there may be very many
        return [_new(Location, (path, keys + (i,), root, document, lead, embedded)) for i in range(count)]  # noqa: RUF005

    @property
    def route(self) -> Keys:
        """The keys that lead to a value of the file: that of the place, or the string that holds it."""
        return self.keys[: self.embedded or None] if self.keys else ()

    @property
    def pointer(self) -> str | None:
        """RFC 6901 pointer, to the string where the place is inside of one; None for an image file."""
        if self.keys is None:
            return None
        route = self.route
        pointer = "/".join(["", *map(str, route)])
        if "~" in pointer or pointer.count("/") != len(route):  # keys of requests have neither
            return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in route)
        return pointer

    @property
    def location(self) -> str | None:
        """The API's dotted notation of the block, e.g. `messages.0.content.1`; None outside a request."""
        keys = self.lead + (self.keys or ())[self.root :]
        if not keys:
            return None
        names = keys
        while names and not isinstance(names[-1], int):
            names = names[:-1]
        return ".".join(map(str, names or keys))


class Span(NamedTuple):
    """A stretch of a text file: byte offsets, and 1-based lines and columns; the end is exclusive.

    Columns count characters. `byte_column` and `end_byte_column` count bytes of UTF-8; they are None unless a
    format asked for them.
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
    """A stretch of a JSON text and what to write there instead."""

    span: Span
    text: str


class Excerpt(NamedTuple):
    """A line of a text file shortened to a terminal's width, with the stretch that is meant."""

    line: int
    text: str
    start: int
    width: int
