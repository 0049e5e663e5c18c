"""How many pictures a HEIC or AVIF file has: what a person would miss, not tiles, thumbnails and maps."""

import io
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from PIL import Image

from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.model.subjects import ProbeField
from tests.conftest import Command
from tests.imagebytes import bmff

Items = Mapping[int, tuple[bytes, int]]
Reference = tuple[bytes, int, tuple[int, ...]]


def item_info(items: Items, *, wide: bool) -> bytes:
    """The list of items, each with its type and whether it is hidden."""
    entries = [
        bmff(
            b"infe",
            bytes((3 if wide else 2, 0, 0, hidden)),
            struct.pack(">IH" if wide else ">HH", number, 0) + kind + b"infe\0",
        )
        for number, (kind, hidden) in items.items()
    ]
    count = struct.pack(">I" if wide else ">H", len(entries))
    return bmff(b"iinf", bytes((wide, 0, 0, 0)), count, *entries)


def references(found: Iterable[Reference], *, wide: bool) -> bytes:
    """The references between items."""
    code = "I" if wide else "H"
    boxes = [
        bmff(kind, struct.pack(f">{code}H{len(to)}{code}", item, len(to), *to)) for kind, item, to in found
    ]
    return bmff(b"iref", bytes((wide, 0, 0, 0)), *boxes)


def heif(
    items: Items,
    found: Iterable[Reference] = (),
    *,
    groups: Iterable[tuple[bytes, tuple[int, ...]]] = (),
    brand: bytes = b"heic",
    wide: bool = False,
) -> bytes:
    """The boxes of a file whose primary picture is the item 1."""
    made = [
        bmff(kind, bytes(4), struct.pack(f">II{len(members)}I", 99, len(members), *members))
        for kind, members in groups
    ]
    meta = bmff(
        b"meta",
        bytes(4),
        bmff(b"hdlr", bytes(20)),
        bmff(b"pitm", bytes(4), struct.pack(">H", 1)),
        item_info(items, wide=wide),
        references(found, wide=wide),
        bmff(b"grpl", *made),
    )
    return bmff(b"ftyp", brand, bytes(4), b"mif1") + meta + bmff(b"mdat", bytes(100))


PICTURE, HIDDEN = (b"hvc1", 0), (b"hvc1", 1)
TILES = dict.fromkeys(range(10, 58), HIDDEN)
ALL_TILES = (b"dimg", 1, tuple(TILES))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("brand", [b"heic", b"avif", b"mif1"])
@pytest.mark.parametrize(
    ("items", "found", "pictures"),
    [
        ({1: PICTURE}, [], 1),
        ({1: PICTURE, 2: PICTURE}, [], 2),
        ({1: PICTURE, 2: (b"av01", 0), 3: (b"jpeg", 0), 4: (b"Exif", 0), 5: (b"mime", 0)}, [], 3),
        ({1: PICTURE, 2: HIDDEN}, [], 1),
        ({1: PICTURE, 2: PICTURE}, [(b"thmb", 2, (1,))], 1),
        ({1: PICTURE, 2: PICTURE, 3: PICTURE}, [(b"auxl", 2, (1,)), (b"auxl", 3, (1,))], 1),
        ({1: PICTURE, 2: PICTURE, 3: PICTURE}, [(b"thmb", 3, (1, 2))], 2),
        ({1: PICTURE, 2: PICTURE}, [(b"cdsc", 2, (1,))], 2),
        ({1: (b"grid", 0), **TILES}, [ALL_TILES], 1),
        ({1: (b"grid", 0), **dict.fromkeys(TILES, PICTURE)}, [ALL_TILES], 1),
        ({1: (b"grid", 0), **TILES, 2: PICTURE, 3: PICTURE}, [ALL_TILES, (b"thmb", 2, (1,))], 2),
        ({1: PICTURE, 2: (b"grid", 0), 3: PICTURE, 4: PICTURE}, [(b"dimg", 2, (3, 4))], 2),
        ({1: PICTURE, 2: (b"iovl", 0), 3: PICTURE}, [(b"dimg", 2, (1, 3))], 2),
        ({1: PICTURE, 2: (b"iden", 0)}, [(b"dimg", 2, (1,))], 1),
        ({1: (b"iden", 0), 2: PICTURE}, [(b"dimg", 1, (2,))], 1),
        ({1: PICTURE, 2: (b"tmap", 0), 3: HIDDEN}, [(b"dimg", 2, (1, 3))], 1),
        ({1: PICTURE, 2: (b"tmap", 0), 3: PICTURE}, [(b"dimg", 2, (1, 3))], 1),
        ({1: PICTURE, 2: PICTURE, 3: (b"iden", 1)}, [(b"dimg", 3, (2,))], 2),
    ],
)
def test_pictures_are_counted(
    items: Items, found: list[Reference], pictures: int, brand: bytes, *, wide: bool
) -> None:
    """Other pictures count if they are shown and neither made of, nor made for, the primary one."""
    data = heif(items, found, brand=brand, wide=wide)
    assert probe_bytes(data, ProbeField.ALL).frames == pictures
    assert probe_bytes(data).frames == min(pictures, 2)


def test_alternative_encodings_are_one_picture() -> None:
    """As the JPEG beside a HEVC picture; the eyes of a stereo pair are two."""
    items = {1: PICTURE, 2: (b"jpeg", 0), 3: PICTURE, 4: (b"av01", 0)}
    assert probe_bytes(heif(items, groups=[(b"altr", (2, 1))]), ProbeField.ALL).frames == 3
    both = heif(items, groups=[(b"altr", (2, 1)), (b"altr", (3, 4))])
    assert probe_bytes(both, ProbeField.ALL).frames == 2
    assert probe_bytes(heif({1: PICTURE, 2: PICTURE}, groups=[(b"ster", (1, 2))]), ProbeField.ALL).frames == 2


def test_the_items_of_a_meta_box_that_ends_early_do_no_harm() -> None:
    """Wherever it ends, and whatever lengths and counts it claims."""
    data = heif({1: (b"grid", 0), **TILES, 2: PICTURE}, [ALL_TILES], groups=[(b"altr", (1, 2))])
    for end in range(len(data)):
        probe_bytes(data[:end], ProbeField.ALL)
    for at in range(40, len(data) - 100):
        probe_bytes(data[:at] + b"\xff" + data[at + 1 :], ProbeField.ALL)


def test_heic_of_several_pictures_is_not_cut(imgbudget: Command, tmp_path: Path) -> None:
    """A safe fix leaves a burst as it is; an unsafe one would lose pictures, as the finding says."""
    heif_reader = pytest.importorskip("pillow_heif")
    pictures = [Image.new("RGB", (1700, 300), (shade, 0, 0)) for shade in (10, 200, 90)]
    out = io.BytesIO()
    made = heif_reader.from_pillow(pictures[0])
    for picture in pictures[1:]:
        made.add_from_pillow(picture)
    made.save(out)
    data = out.getvalue()
    (tmp_path / "burst.heic").write_bytes(data)
    assert probe_bytes(data, ProbeField.ALL).frames == len(heif_reader.open_heif(data)) == 3
    run = imgbudget("check", "--fix", "burst.heic", "--format", "json")
    assert (tmp_path / "burst.heic").read_bytes() == data
    assert {finding["fix"]["safety"] for finding in run.json["findings"] if finding["fix"]} == {"unsafe"}
