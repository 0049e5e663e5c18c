"""Images from elsewhere through every edit: the result is valid, or one error gives the reason."""

from pathlib import Path

import pytest
from PIL import Image, ImageOps

from imgbudget.errors import FixError
from imgbudget.fixing import vips
from imgbudget.fixing.image import WRITTEN, edit_image
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size
from imgbudget.model.edits import ImageEdit
from imgbudget.model.subjects import ProbeField
from tests.builders import CORPUS
from tests.drawings import distance, opened, seen

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this checkout")

SHORTEST = 4
"""Edge in px below which JPEG has next to nothing to show."""

UNREADABLE_EXIF = {"wuffs__exif.png"}
"""Pillow decodes them, and stumbles over their EXIF."""

LARGEST = 1_500_000
"""Pixels of the pictures that are edited here: larger ones take a second each."""


def files(*folders: str) -> list[Path]:
    """Files of the corpus, in order."""
    return sorted(
        path for name in folders for path in (CORPUS / "images" / name).rglob("*") if path.is_file()
    )


def is_small(data: bytes) -> bool:
    """Whether an edit takes no time to speak of."""
    size = probe_bytes(data).size
    return size is None or size.width * size.height <= LARGEST


@pytest.mark.filterwarnings("ignore")  # Pillow, asked for the original, warns of many of them
def test_stripping_leaves_every_pixel_of_valid_files() -> None:
    """Each file's first frame before and after, as Pillow decodes it; nothing is named as lost."""
    seen_any = 0
    for path in files("valid", "photos"):
        data = path.read_bytes()
        if not is_small(data):
            continue
        made = edit_image(data, ImageEdit(strip=True))
        facts = probe_bytes(made.data, ProbeField.ALL)
        if made.quality is not None:
            continue
        seen_any += 1
        assert made.degraded == (), path
        assert len(made.data) <= len(data) + 40, path
        assert not facts.has_location, path
        assert opened(made.data).tobytes() == opened(data).tobytes(), path
        assert facts.orientation == probe_bytes(data, ProbeField.ALL).orientation, path
    assert seen_any > 160


@pytest.mark.filterwarnings("ignore")
def test_halving_gives_what_pillow_gives() -> None:
    """Valid files and photographs at half their size, upright, first frame: exact size, like the original."""
    far = {}
    for path in files("valid", "photos"):
        data = path.read_bytes()
        facts = probe_bytes(data, ProbeField.ALL)
        assert facts.size is not None, path
        if not is_small(data):
            continue
        half = Size(max(facts.size.width // 2, 1), max(facts.size.height // 2, 1))
        made = edit_image(data, ImageEdit(size=half, upright=True, first_frame=True))
        size = half.transposed if facts.orientation > 4 else half
        assert made.size == size, path
        assert made.format == facts.format, path
        if path.name in UNREADABLE_EXIF or min(size) < SHORTEST:
            continue
        if "colours converted" not in " ".join(made.degraded) and facts.format != "gif":
            far[path.name] = distance(seen(made.data), seen(data, size))
    assert {name: value for name, value in far.items() if value > 8} == {}
    assert sum(far.values()) / len(far) < 2.5


def test_unsupported_files_are_converted_or_refused_by_name() -> None:
    """Everything that Pillow decodes becomes PNG or JPEG; the others are named."""
    made = {}
    for path in files("unsupported"):
        data = path.read_bytes()
        if not is_small(data):
            continue
        try:
            edited = edit_image(data, ImageEdit(upright=True, first_frame=True))
        except FixError:
            made[path.name] = "refused"
        else:
            made[path.name] = edited.format
            assert edited.format in WRITTEN, path
    kinds = {kind: list(made.values()).count(kind) for kind in ("png", "jpeg", "refused")}
    assert kinds["png"] > 15
    assert kinds["jpeg"] > 12
    assert 25 < kinds["refused"] < 45


@pytest.mark.parametrize(
    "edit",
    [
        ImageEdit(strip=True),
        ImageEdit(size=Size(1, 1), upright=True, first_frame=True),
        ImageEdit(max_bytes=400),
    ],
    ids=["strip", "size", "bytes"],
)
def test_malformed_files_raise_nothing_else(edit: ImageEdit) -> None:
    """Bombs, fuzz inputs, zero bytes."""
    refused = 0
    for path in files("malformed"):
        try:
            edit_image(path.read_bytes(), edit)
        except FixError:
            refused += 1
    assert refused > 50


def test_photographs_with_orientation_look_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real cameras' files, against Pillow's own turn; libvips is at most 2 % further from it than Pillow."""
    edit = ImageEdit(upright=True, size=Size(300, 200))
    for name in ("Landscape_6", "Portrait_3", "Portrait_8"):
        data = (CORPUS / "images" / "photos" / f"exif-orientation-examples__{name}.jpg").read_bytes()
        made = edit_image(data, edit)
        expected = ImageOps.exif_transpose(opened(data)).resize(made.size, Image.Resampling.LANCZOS)
        with monkeypatch.context() as without:
            without.setattr(vips, "library", lambda: None)
            by_pillow = distance(seen(edit_image(data, edit).data), expected)
        assert by_pillow < 4
        assert distance(seen(made.data), expected) < 1.02 * by_pillow
