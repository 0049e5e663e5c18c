"""A JSON source of any size that is generated when read and never stored."""

from imgbudget.jsontext.source import JsonSource


class Repeated(JsonSource):
    """A generated text: a head, one piece repeated, a tail."""

    __slots__ = ("_head", "_piece", "_tail")

    def __init__(self, head: bytes, piece: bytes, size: int, tail: bytes = b"") -> None:
        super().__init__(b"")
        self.size = len(head) + size // len(piece) * len(piece) + len(tail)
        self._head, self._piece, self._tail = head, piece * ((1 << 19) // len(piece)), tail

    def pread(self, size: int, offset: int) -> bytes:
        """Return the bytes at an offset."""
        parts = []
        end = min(offset + size, self.size)
        while offset < end:
            part = self._part(offset)[: end - offset]
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def readinto(self, buffer: memoryview, offset: int) -> int:
        """Fill the buffer from an offset and return the number of bytes."""
        data = self.pread(len(buffer), offset)
        buffer[: len(data)] = data
        return len(data)

    def _part(self, offset: int) -> bytes:
        if offset < len(self._head):
            return self._head[offset:]
        body = self.size - len(self._tail) - offset
        if body <= 0:
            return self._tail[-body:]
        phase = (offset - len(self._head)) % len(self._piece)
        return self._piece[phase : phase + body]
