"""Tar headers are read as the standard library reads them, and damage is reported."""

import io
import tarfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.auditing.inputs.tape import DamagedArchiveError, Tape
from imgbudget.auditing.inputs.tarheads import Head, heads

NAMES = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=150)


def members(data: bytes) -> list[Head]:
    """The members of an archive, their contents skipped."""
    return list(heads(Tape(io.BytesIO(data))))


def archive(names: list[str], contents: list[bytes], form: int) -> bytes:
    """An archive with a folder and a link behind its files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, content in zip(names, contents, strict=True):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for name, kind in (("folder", tarfile.DIRTYPE), ("link", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "x"
            tar.addfile(member)
    return out.getvalue()


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@given(
    files=st.lists(st.tuples(st.lists(NAMES, min_size=1, max_size=3), st.binary(max_size=1100)), max_size=5)
)
def test_members_are_those_of_the_standard_library(form: int, files: list[tuple[list[str], bytes]]) -> None:
    """Names and contents of any length; folders are skipped and links are reported."""
    names = ["/".join(steps) for steps, _ in files]
    data = archive(names, [content for _, content in files], form)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        expected = [(item.name, item.size, item.isreg()) for item in tar if not item.isdir()]
    assert [(head.name, head.size, head.regular) for head in members(data)] == expected


@given(cut=st.integers(0, 3000))
def test_truncated_archive_gives_its_first_members_or_is_damaged(cut: int) -> None:
    """Wherever it is truncated, no other error is raised and the members read are correct."""
    data = archive(["a.png", "b" * 120 + ".png"], [b"x" * 700, b"y" * 10], tarfile.GNU_FORMAT)
    whole = members(data)
    found: list[Head] = []
    with suppress(DamagedArchiveError):
        found.extend(heads(Tape(io.BytesIO(data[:cut]))))
    assert found == whole[: len(found)]


@given(at=st.integers(0, 511), value=st.integers(0, 255))
def test_changed_header_is_detected(at: int, value: int) -> None:
    """The checksum detects a changed byte; a checksum itself may be written in several ways."""
    data = bytearray(archive(["a.png"], [b"x"], tarfile.USTAR_FORMAT))
    if data[at] == value or 148 <= at < 156:
        return
    data[at] = value
    with pytest.raises(DamagedArchiveError, match="at byte 0"):
        members(bytes(data))


def test_sizes_beyond_eight_gigabytes_are_read() -> None:
    """GNU writes them in binary, pax as a record."""
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        member = tarfile.TarInfo("a.png")
        member.size = 9 << 30
        assert next(heads(Tape(io.BytesIO(member.tobuf(form))))).size == 9 << 30
