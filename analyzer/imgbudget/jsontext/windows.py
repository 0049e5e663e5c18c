"""The bytes of a text that a scan has in memory: a window that slides over them, or all of them."""

from imgbudget.jsontext.alphabet import first_foreign, in_alphabet, is_decoded
from imgbudget.jsontext.source import JsonSource


class Window:
    """A sliding window: the first `have` bytes of `buffer` are those of the source from offset `base`."""

    __slots__ = ("_in_alphabet", "_view", "base", "buffer", "have", "source")

    def __init__(self, source: JsonSource, width: int, base: int) -> None:
        self.source: JsonSource = source
        self.buffer: bytearray = bytearray(width)
        self._view = memoryview(self.buffer)
        self.base: int = base
        self.have: int = 0
        self._in_alphabet: bytearray | None = None

    def slide(self, keep: int) -> bool:
        """Drop the bytes before `keep` and fill the buffer; returns whether anything was read."""
        rest = self.have - keep
        if rest and keep:
            self.buffer[:rest] = self.buffer[keep : self.have]
        self.base += keep
        got = self.source.readinto(self._view[rest:], self.base + rest)
        self.have = rest + got
        self._in_alphabet = None
        return got > 0

    def first_foreign(self, start: int, end: int) -> int:
        """The position of the first byte in a range that is not in the base64 alphabet, else -1."""
        if is_decoded(end - start):
            first = first_foreign(self._view[start:end])
            return start + first if first >= 0 else -1
        if self._in_alphabet is None:  # once per window, so that no string in it is copied
            self._in_alphabet = in_alphabet(self.buffer)
        return self._in_alphabet.find(0, start, end)

    def part(self, start: int, end: int) -> memoryview:
        """A range of the window, which is not copied; it must not be kept."""
        return self._view[start:end]

    def is_full(self, pos: int, end: int) -> bool:
        """Whether all the window is what begins at `pos`, and ends at `end`; -1 if it does not."""
        return end < 0 and pos <= 2 and self.have == len(self.buffer)

    def piece(self, start: int, end: int) -> bytes:
        """A copy of a range of the window."""
        return bytes(self._view[start:end])


class WholeText(Window):
    """All bytes of a source in memory, which are not copied; `width` is that of a window."""

    __slots__ = ("_width",)
    base: int
    have: int

    def __init__(self, source: JsonSource, data: bytes, width: int) -> None:
        super().__init__(source, 0, 0)
        self._width = width
        self.buffer = data  # type: ignore[assignment]  # it is only read
        self._view = memoryview(data)

    def slide(self, keep: int) -> bool:
        """Drop the bytes before `keep`; whether there are others, the first time."""
        is_first = not (self.base or self.have)
        self._view = self._view[keep:]
        self.base += keep
        self.have = len(self._view)
        return is_first and self.have > 0

    def is_full(self, pos: int, end: int) -> bool:
        """Whether what begins at `pos` would fill a window that begins before its quote."""
        return (self.have if end < 0 else end) - pos >= self._width - 2
