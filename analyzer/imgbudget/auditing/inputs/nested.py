"""Archives inside archives: opened one level deep, bounded in bytes and members over the whole archive."""

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol, cast

from imgbudget.auditing.failures import reason_of, until_failure
from imgbudget.auditing.inputs import NOTHING_READ, REST_LOST, input_of
from imgbudget.auditing.inputs.sniffing import archive_kind
from imgbudget.auditing.inputs.tape import RECORD
from imgbudget.auditing.inputs.unpacking import FREE, most_unpacked, too_much
from imgbudget.auditing.records import Content, RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.unopened import APPLE_DOUBLE, is_apple_double
from imgbudget.errors import UnreadableError
from imgbudget.output.base import figure

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from imgbudget.auditing.inputs.tape import Stream

MOST_MEMBERS = 2_000_000
"""Members of all the archives inside one archive: ImageNet's has 1.3 million."""


class NestedBudget:
    """What the archives inside an archive may unpack to, all together."""

    def __init__(self, packed: Callable[[], int]) -> None:
        """`packed` returns how many bytes of the archive around them were read."""
        self._packed = packed
        self._left = FREE
        self._total = 0
        self._members = MOST_MEMBERS

    def charge(self, size: int) -> None:
        """Count unpacked bytes. Raises UnreadableError if they are too many."""
        self._total += size
        self._left -= size
        if self._left < 0:
            most = most_unpacked(self._packed())
            if self._total > most:
                raise too_much("what is inside the archives in it", most)
            self._left = most - self._total

    def count_member(self, *, nested: bool) -> None:
        """Count a member of an archive inside. Raises UnreadableError if they are too many."""
        if not nested:
            return
        self._members -= 1
        if self._members < 0:
            raise UnreadableError(f"the archives inside the archive have over {figure(MOST_MEMBERS)} members")

    def metered(self, stream: "Stream") -> "Stream":
        """The stream, each of whose bytes is counted."""
        return _Charged(stream, self)


class _Charged:
    def __init__(self, stream: "Stream", budget: NestedBudget) -> None:
        self._stream = stream
        self._budget = budget

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._budget.charge(len(data))
        return data


class _Nestable(Protocol):
    """An input module whose archives may be inside others."""

    DAMAGE: str

    def inside(
        self, content: Content, where: RowLocation, builder: RecordBuilder, budget: NestedBudget
    ) -> Iterator[FactsRecord]:
        """The rows of an archive that is a member of another one."""


def nested_rows(
    kind: str, content: Content, where: RowLocation, builder: RecordBuilder, budget: NestedBudget
) -> Iterator[FactsRecord]:
    """The rows of an archive inside an archive; its damage is the last of them."""
    if is_apple_double(where.member or "", content.read):
        yield builder.skip(where, APPLE_DOUBLE)
        return
    module = cast("_Nestable", input_of(archive_kind(content.read(RECORD, 0)) or kind))
    found = False

    def rows() -> Iterator[FactsRecord]:
        nonlocal found
        for record in module.inside(content, where, builder, budget):
            found = True
            yield record

    def failed(error: Exception) -> Iterator[FactsRecord]:
        rest = REST_LOST if found else NOTHING_READ
        yield builder.skip(where, reason_of(error, module.DAMAGE, rest), missed=True)

    builder.nested = True
    try:
        yield from until_failure(rows(), failed)
    finally:
        builder.nested = False


class NestedFile(io.BufferedReader):
    """A member of an archive as a file to be read."""

    def __init__(self, content: Content) -> None:
        super().__init__(_Raw(content), 1 << 16)


class _Raw(io.RawIOBase):
    def __init__(self, content: Content) -> None:
        super().__init__()
        self._content = content
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._content.size}[whence]
        if start + offset < 0:
            raise OSError("a position before the beginning")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        size = min(len(view), max(self._content.size - self._position, 0))
        data = self._content.read(size, self._position)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
