"""JPEG files with an EXIF orientation are turned block by block, where jpegtran is installed."""

import base64
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image, ImageChops

from imgbudget import programs
from imgbudget.errors import FixError
from imgbudget.fixing import turning
from imgbudget.fixing.encode import turned
from imgbudget.fixing.image import edit_image
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size
from imgbudget.model.edits import ImageEdit
from imgbudget.model.safety import ANY_LOSS, NO_LOSS, NO_TURNER
from imgbudget.model.subjects import ProbeField
from tests.builders import body, image_bytes, write_json
from tests.conftest import Command, posix
from tests.drawings import encoded, noisy, opened, soft
from tests.imagebytes import TABLES, exif_segment, segment, tiff
from tests.test_fix_more_pictures import GAIN_MAP, ISO, indexed, with_segments, xmp

UPRIGHT = ImageEdit(upright=True, permits=NO_LOSS, may_grow=False)
TURN = UPRIGHT._replace(may_grow=True)
GRID = (96, 64)
"""Whole blocks of 16x16 px and of 32x8 px."""

INSTALLED = shutil.which("jpegtran")
real = pytest.mark.skipif(INSTALLED is None, reason="jpegtran is not installed")
ODD = "its height of 60 px is not a multiple of its blocks of 16 px"
INVERSE = {6: 8, 8: 6}

STEPS = {
    "-flip horizontal": Image.Transpose.FLIP_LEFT_RIGHT,
    "-rotate 180": Image.Transpose.ROTATE_180,
    "-flip vertical": Image.Transpose.FLIP_TOP_BOTTOM,
    "-transpose": Image.Transpose.TRANSPOSE,
    "-rotate 90": Image.Transpose.ROTATE_270,
    "-transverse": Image.Transpose.TRANSVERSE,
    "-rotate 270": Image.Transpose.ROTATE_90,
}
Install = Callable[[str], None]


def stand_in(command: tuple[str, ...], data: bytes) -> bytes:
    """What jpegtran would write, but with pixels that are near the right ones only: it decodes."""
    image = Image.open(io.BytesIO(data))
    _, *always, order = command[:5]
    assert always == ["-copy", "none", "-perfect"]
    turn = " ".join(command[6 if order == "-scans" else 5 :])
    tables = {number: list(table) for number, table in image.quantization.items()}  # type: ignore[attr-defined]
    return encoded(image.transpose(STEPS[turn]), "JPEG", qtables=tables, optimize=True, subsampling=0)


@pytest.fixture
def install(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make a script the program that is found."""

    def installed(script: str) -> None:
        folder = tmp_path_factory.mktemp("bin")
        path = folder / "jpegtran"
        path.write_text(script, encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(programs, "get_exec_path", lambda: [str(folder)])

    return installed


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Pretend that the program is installed."""

    def pretend() -> None:
        monkeypatch.setattr(programs, "_found", lambda name, _: name)
        monkeypatch.setattr(turning, "_output", stand_in)

    return pretend


@pytest.fixture
def jpegtran(monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed program is found."""
    monkeypatch.setattr(programs, "get_exec_path", lambda: [os.path.dirname(INSTALLED or "")])


def photo(size: tuple[int, int] = GRID, orientation: int = 6, mode: str = "RGB", **options: Any) -> bytes:
    """A JPEG file with an orientation."""
    picture = soft(size).convert(mode) if mode != "RGB" else Image.blend(soft(size), noisy(size), 0.2)
    return encoded(picture, "JPEG", orientation=orientation, **options)


def tagged(data: bytes, orientation: int) -> bytes:
    """A file of Pillow with another orientation, 1 before."""
    assert data.count(b"\x01\x12\0\x03\0\0\0\x01\0\x01") == 1
    return data.replace(
        b"\x01\x12\0\x03\0\0\0\x01\0\x01", b"\x01\x12\0\x03\0\0\0\x01\0" + bytes((orientation,))
    )


def furthest(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of two pictures in levels."""
    extremes = ImageChops.difference(one, other).getextrema()
    return int(max(high for _, high in (extremes if isinstance(extremes[0], tuple) else (extremes,))))


KINDS: dict[str, Any] = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "grey": {"mode": "L"},
    "cmyk": {"mode": "CMYK"},
    "rgb": {"keep_rgb": True},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_rows": 1},
}


@real
@pytest.mark.parametrize(
    ("kind", "orientation"),
    [*(("4:2:0", turn) for turn in range(2, 9)), *((kind, turn) for kind in KINDS for turn in (3, 6))],
)
def test_no_coefficient_changes(kind: str, orientation: int, jpegtran: None) -> None:
    """The pixels are those of the original but for rounding, and turned back they are exactly the same."""
    data = photo(orientation=orientation, **KINDS[kind])
    made = edit_image(data, TURN)
    assert (made.quality, made.degraded) == (None, ())
    upright = turned(opened(data), orientation)
    assert (made.size, opened(made.data).mode) == (upright.size, upright.mode)
    if kind in {"4:4:4", "grey", "rgb"}:
        assert furthest(opened(made.data), upright) <= 3
    returned = edit_image(tagged(made.data, INVERSE.get(orientation, orientation)), TURN)
    assert opened(returned.data).tobytes() == opened(data).tobytes()


@real
@pytest.mark.parametrize("orientation", [2, 3, 6, 8])
@pytest.mark.parametrize("kind", ["4:2:2", "4:2:0", "grey"])
@pytest.mark.parametrize("size", [(96, 72), (104, 60)])
def test_the_grid_of_blocks_decides_as_in_jpegtran(
    size: tuple[int, int], kind: str, orientation: int, jpegtran: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the header allows is made, and what it forbids jpegtran refuses too."""
    data = photo(size, orientation, **KINDS[kind])
    facts = probe_bytes(data, ProbeField.ORIENTATION)
    if facts.unturnable == "":
        made = edit_image(data, TURN)
        assert furthest(opened(made.data).convert("L"), turned(opened(data), orientation).convert("L")) <= 12
        return
    with pytest.raises(
        FixError, match=r"is not a multiple of its blocks of (8|16) px; encoding it once more"
    ):
        edit_image(data, UPRIGHT)
    with pytest.raises(FixError, match="jpegtran failed: transformation is not perfect"):
        list(turning.turned_upright(data, facts._replace(unturnable="")))


@pytest.mark.parametrize(
    ("size", "kind", "allowed"),
    [
        ((96, 64), "4:2:0", {2, 3, 4, 5, 6, 7, 8}),
        ((96, 72), "4:2:0", {2, 5, 8}),
        ((96, 72), "4:2:2", {2, 3, 4, 5, 6, 7, 8}),
        ((104, 64), "4:2:2", {4, 5, 6}),
        ((104, 72), "4:4:4", {2, 3, 4, 5, 6, 7, 8}),
        ((104, 72), "grey", {2, 3, 4, 5, 6, 7, 8}),
        ((101, 71), "4:4:4", {5}),
        ((104, 71), "4:4:4", {2, 5, 8}),
    ],
)
def test_only_edges_that_move_need_whole_blocks(size: tuple[int, int], kind: str, allowed: set[int]) -> None:
    """Turned to the right the lower edge moves to the left; a transposition moves none."""
    turnable = {
        orientation
        for orientation in range(2, 9)
        if probe_bytes(photo(size, orientation, **KINDS[kind]), ProbeField.ORIENTATION).unturnable == ""
    }
    assert turnable == allowed
    assert probe_bytes(photo(size, 1, **KINDS[kind]), ProbeField.ALL).unturnable is None


def test_grey_with_a_sampling_factor_has_blocks_of_8_px() -> None:
    """A scan of one component is not interleaved, whatever its factors say."""
    data = bytearray(photo((104, 72), mode="L"))
    at = data.index(b"\xff\xc0")
    data[at + 11] = 0x22
    assert probe_bytes(bytes(data), ProbeField.ORIENTATION).unturnable == ""


MAP = xmp(b' hdrgm:Version="1.0"')
DEPTH = xmp(b' xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/"')
MORE = "it has a gain map, other data or a signature for its pixels as they are stored"


@pytest.mark.parametrize(
    ("segments", "reason"),
    [
        ((MAP,), MORE),
        ((DEPTH,), MORE),
        ((ISO,), MORE),
        ((segment(0xE1, b"FLIR\0" + bytes(40)),), MORE),
        ((segment(0xE3, bytes(500)),), MORE),
        ((segment(0xEB, b"JP\0\1" + bytes(8) + b"jumb" + bytes(40)),), MORE),
        ((segment(0xEB, b"HDR_RI" + bytes(40)),), MORE),
        ((segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0GDepth:Data" + bytes(90)),), MORE),
        ((segment(0xE2, b"MPF\0" + bytes(40)),), MORE),
        ((segment(0xE2, bytes(60_000)), segment(0xE2, bytes(60_000)), DEPTH), MORE),
    ],
)
def test_data_for_the_stored_pixels_is_not_left_behind(segments: tuple[bytes, ...], reason: str) -> None:
    """A depth map, thermal data or a signature would not fit the turned picture."""
    data = with_segments(photo(), *segments)
    assert probe_bytes(data, ProbeField.ORIENTATION).unturnable == reason
    assert probe_bytes(data, ProbeField.ALL).unturnable == reason
    with pytest.raises(FixError, match=r"cannot be turned without loss: it has .*; encoding it once more is"):
        edit_image(data, UPRIGHT)


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC9, 0xCA])
def test_other_codings_are_refused(marker: int) -> None:
    """Lossless, hierarchical, arithmetic."""
    data = photo().replace(b"\xff\xc0\0\x11", bytes((0xFF, marker, 0, 0x11)))
    assert "is not Huffman coded blocks" in (probe_bytes(data, ProbeField.ORIENTATION).unturnable or "")
    with pytest.raises(FixError):
        edit_image(data, UPRIGHT)


def test_all_metadata_is_kept_and_fits_the_turned_picture(installed: Callable[[], None]) -> None:
    """Only the orientation and what is stated by width and height changes, at the same length."""
    installed()
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    exif[0x011A], exif[0x011B] = 72.0, 300.0
    exif.get_ifd(0x8769)[0xA002], exif.get_ifd(0x8769)[0xA003] = 96, 64
    rest = [
        segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(300)),
        segment(0xED, b"Photoshop 3.0\0" + bytes(60)),
        segment(0xFE, b"a comment"),
        segment(0xE5, b"of a maker" * 9),
    ]
    words = segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<rdf:Description tiff:Orientation="6"/>')
    data = with_segments(encoded(noisy(GRID), "JPEG", exif=exif, dpi=(72, 300)), *rest, words) + b"trailer"
    made = edit_image(data, TURN).data
    facts = probe_bytes(made, ProbeField.ALL)
    assert (facts.size, facts.orientation, facts.unturnable) == (Size(64, 96), 1, None)
    assert facts.metadata_bytes == probe_bytes(data, ProbeField.ALL).metadata_bytes
    assert all(part in made for part in (*rest, words.replace(b'Orientation="6"', b'Orientation="1"')))
    assert made.endswith(b"\xff\xd9trailer")
    image = opened(made)
    found = image.getexif()
    assert (found[0x010F], found[0x0112], found[0x011A], found[0x011B]) == ("Maker", 1, 300.0, 72.0)
    assert (found.get_ifd(0x8769)[0xA002], found.get_ifd(0x8769)[0xA003]) == (64, 96)
    assert image.info["jfif_density"] == (300, 72)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 3, 4])
def test_the_orientation_is_set_in_its_type(order: str, kind: int) -> None:
    """BYTE, SHORT and LONG, in either order."""
    block = bytearray(tiff(6, order=order))
    name: Literal["big", "little"] = "big" if order == ">" else "little"
    at = block.index((0x0112).to_bytes(2, name))
    block[at + 2 : at + 4] = kind.to_bytes(2, name)
    block[at + 8 : at + 12] = (6).to_bytes({1: 1, 3: 2, 4: 4}[kind], name).ljust(4, b"\0")
    made = turning._upright(exif_segment(bytes(block)), transposed=True)
    assert len(made) == len(exif_segment(bytes(block)))
    assert probe_bytes(with_segments(image_bytes((16, 16), "JPEG"), made), ProbeField.ALL).orientation == 1
    old = with_segments(image_bytes((16, 16), "JPEG"), exif_segment(bytes(block)))
    assert probe_bytes(old, ProbeField.ALL).orientation == 6


def test_an_exif_block_may_have_its_prefix_twice() -> None:
    """As some writers have it; readers skip both."""
    doubled = exif_segment(b"Exif\0\0" + tiff(6))
    made = turning._upright(doubled, transposed=True)
    assert len(made) == len(doubled)
    found = [
        probe_bytes(with_segments(image_bytes((16, 16), "JPEG"), one), ProbeField.ALL)
        for one in (doubled, made)
    ]
    assert [one.orientation for one in found] == [6, 1]


def test_without_a_temporary_folder_the_other_orders_are_tried(
    installed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one of three needs it, and no folder is made for the others."""
    installed()
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    data = photo()
    assert len(list(turning.turned_upright(data, probe_bytes(data, ProbeField.ALL)))) == 2


@posix
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("#!/bin/sh\necho 'Premature end of JPEG file' >&2\nexit 2\n", "jpegtran failed: Premature end of"),
        ("#!/bin/sh\nexit 3\n", "jpegtran failed: exit code 3"),
        ("#!/bin/sh\nexit 0\n", "jpegtran failed: exit code 0"),
        ("#!/bin/sh\nhead -c 300\n", "it has no end marker"),
        ("#!/bin/sh\ncat\n", "verification failed: jpegtran wrote another picture"),
        ("no program", "jpegtran cannot be run"),
    ],
)
def test_a_program_that_fails_or_lies_changes_nothing(script: str, reason: str, install: Install) -> None:
    """Its result is compared with the original: facts, and the brightness of each block."""
    install(script)
    with pytest.raises(FixError, match=f"{reason}.*; encoding it once more is an unsafe fix"):
        edit_image(photo(), UPRIGHT)
    fallback = edit_image(photo(), ImageEdit(upright=True, permits=ANY_LOSS))
    assert (fallback.size, fallback.degraded) == (Size(64, 96), ("re-encoded at quality 80",))


@pytest.mark.parametrize(
    ("turn", "options"),
    [
        ("-rotate 90", {"quality": 20}),
        ("-rotate 90", {"quality": 99}),
        ("-rotate 270", {}),
        ("-transpose", {}),
    ],
)
def test_another_picture_is_noticed(
    turn: str, options: dict[str, int], installed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the brightness of each block, and by the tables."""
    installed()

    def wrong(_: tuple[str, ...], data: bytes) -> bytes:
        image = Image.open(io.BytesIO(data))
        return encoded(image.transpose(STEPS[turn]), "JPEG", **(options or {"quality": 80}))

    monkeypatch.setattr(turning, "_output", wrong)
    with pytest.raises(FixError, match="verification failed: jpegtran wrote another picture"):
        edit_image(photo(quality=80), UPRIGHT)


@posix
def test_a_program_that_hangs_is_ended(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a time that a file never takes."""
    install("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(turning, "_SECONDS", 0.2)
    with pytest.raises(FixError, match=r"jpegtran took more than 0\.2 s"):
        edit_image(photo(), UPRIGHT)


def test_a_picture_that_follows_is_not_left_unturned(installed: Callable[[], None]) -> None:
    """A gain map without an index; a video stays, because it has its own orientation."""
    installed()
    with pytest.raises(FixError, match="another picture follows in the file"):
        edit_image(photo() + GAIN_MAP, UPRIGHT)
    video = b"\0\0\0\x18ftypmp42" + bytes(500)
    assert edit_image(photo() + video, UPRIGHT).data.endswith(video)
    facts = probe_bytes(indexed(photo(), GAIN_MAP), ProbeField.ALL)
    assert (facts.frames, facts.unturnable) == (1, MORE)


@real
def test_cut_data_is_refused(jpegtran: None) -> None:
    """An end marker follows, but half of the picture is missing."""
    data = photo()
    with pytest.raises(FixError, match="jpegtran failed: "):
        edit_image(data[: len(data) * 2 // 3] + b"\xff\xd9", UPRIGHT)


@real
@pytest.mark.parametrize("kind", ["4:2:0", "progressive", "grey"])
@pytest.mark.parametrize("orientation", [5, 6])
def test_nothing_grows(kind: str, orientation: int, jpegtran: None) -> None:
    """Where the order that the data has takes more bytes, others are tried; else the file stays as it is."""
    data = photo((384, 256), orientation, optimize=True, **KINDS[kind])
    orders = [len(order) for order in turning.turned_upright(data, probe_bytes(data, ProbeField.ALL))]
    assert len(orders) == (2 if kind == "grey" else 3)
    if fitting := [length for length in orders if length <= len(data)]:
        assert len(edit_image(data, UPRIGHT).data) == fitting[0]
        return
    with pytest.raises(FixError, match=r"would grow from \S+ bytes if it were turned without loss"):
        edit_image(data, UPRIGHT)


def test_the_first_order_that_does_not_grow_is_taken(
    installed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that fits in no order is left as it is; one that the API refuses may grow."""
    installed()
    data = photo()
    lengths: list[str] = []

    def padded(command: tuple[str, ...], picture: bytes) -> bytes:
        made = output(command, picture)
        lengths.append(command[4])
        return made[:2] + segment(0xDD, b"\0\0") + made[2:] if command[4] == "-scans" else grown(made)

    def grown(made: bytes) -> bytes:
        return made[:2] + TABLES * 100 + made[2:]

    output = turning._output
    monkeypatch.setattr(turning, "_output", padded)
    assert len(edit_image(data, UPRIGHT).data) < len(data)
    assert lengths == ["-optimize", "-progressive", "-scans"]
    assert len(edit_image(data, TURN).data) > len(data)
    monkeypatch.setattr(turning, "_output", lambda command, picture: grown(output(command, picture)))
    with pytest.raises(FixError, match=r"would grow from \S+ bytes if it were turned without loss; encoding"):
        edit_image(data, UPRIGHT)


def test_safety_depends_on_the_program_and_the_grid(
    tmp_path: Path, imgbudget: Command, installed: Callable[[], None]
) -> None:
    """The finding says what is missing, and what it says is true of `--fix`."""
    (tmp_path / "fits.jpg").write_bytes(photo())
    (tmp_path / "odd.jpg").write_bytes(photo((96, 60)))

    def fixes() -> dict[str, tuple[str, str]]:
        found = imgbudget("check", ".", "--select", "IB303", "--format", "json").json["findings"]
        return {one["path"]: (one["fix"]["safety"], one["help"]) for one in found}

    plain = "rotate the pixels and drop the tag before sending"
    assert fixes()["fits.jpg"] == ("unsafe", f"{plain}; {NO_TURNER}")
    installed()
    assert fixes() == {
        "fits.jpg": ("safe", plain),
        "odd.jpg": (
            "unsafe",
            f"{plain}; turning it without loss is not possible: {ODD}",
        ),
    }
    before = (tmp_path / "odd.jpg").read_bytes()
    run = imgbudget("check", "--fix", ".", "--select", "IB303")
    assert (run.code, (tmp_path / "odd.jpg").read_bytes()) == (1, before)
    facts = probe_bytes((tmp_path / "fits.jpg").read_bytes(), ProbeField.ALL)
    assert (facts.size, facts.orientation) == (Size(64, 96), 1)
    assert list(fixes()) == ["odd.jpg"]


def test_a_program_in_the_working_folder_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by an empty or relative folder of PATH."""
    script = tmp_path / ("jpegtran.exe" if os.name == "nt" else "jpegtran")
    script.write_text("#!/bin/sh\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(programs, "get_exec_path", lambda: ["", ".", os.curdir])
    assert programs.jpegtran() is None
    monkeypatch.setattr(programs, "get_exec_path", lambda: ["", str(tmp_path)])
    assert programs.jpegtran() == str(script)


def test_a_position_is_removed_where_the_picture_cannot_be_turned(tmp_path: Path, imgbudget: Command) -> None:
    """The safe fix of the one finding does not wait for the unsafe one of the other."""
    data = with_segments(image_bytes((320, 232), "JPEG"), exif_segment(tiff(6, gps=[(2, 3), (4, 3)])))
    (tmp_path / "a.jpg").write_bytes(data)
    run = imgbudget("check", "--fix", ".", "--format", "json")
    assert run.codes == ["IB303"]
    made = (tmp_path / "a.jpg").read_bytes()
    facts = probe_bytes(made, ProbeField.ALL)
    assert (facts.has_location, facts.orientation) == (False, 6)
    assert opened(made).tobytes() == opened(data).tobytes()


def test_a_position_is_removed_with_the_turn(
    tmp_path: Path, imgbudget: Command, installed: Callable[[], None]
) -> None:
    """Both fixes in one edit, without new pixels."""
    installed()
    data = with_segments(image_bytes((320, 240), "JPEG"), exif_segment(tiff(6, gps=[(2, 3), (4, 3)])))
    (tmp_path / "a.jpg").write_bytes(data)
    run = imgbudget("check", "--fix", ".", "--format", "json")
    assert run.codes == []
    facts = probe_bytes((tmp_path / "a.jpg").read_bytes(), ProbeField.ALL)
    assert (facts.has_location, facts.orientation, facts.metadata_bytes) == (False, 1, 0)


def test_images_of_requests_are_turned_too(
    tmp_path: Path, imgbudget: Command, installed: Callable[[], None]
) -> None:
    """With --fix-level, as all warnings in requests."""
    installed()
    block = {
        "type": "image",
        "source": {
            "type": "base64",
            "media_type": "image/jpeg",
            "data": base64.b64encode(photo()).decode("ascii"),
        },
    }
    write_json(tmp_path / "r.json", body(block))
    imgbudget("check", "--fix", "--fix-level", "warning", "--select", "IB303", ".")
    after = imgbudget("check", ".", "--select", "IB303", "--format", "json")
    assert after.codes == []
    assert b'"data": "' in (tmp_path / "r.json").read_bytes()


@posix
def test_a_resize_encodes_once(install: Install) -> None:
    """No program is run for an image whose pixels change anyway."""
    install("#!/bin/sh\nexit 3\n")
    made = edit_image(photo(), ImageEdit(size=Size(48, 32), upright=True, permits=ANY_LOSS))
    assert (made.size, probe_bytes(made.data, ProbeField.ALL).orientation) == (Size(32, 48), 1)
