"""New files have the permissions that the user's other files would have, and rewritten ones keep theirs."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import image_bytes
from tests.conftest import Command, posix

pytestmark = posix

FIXABLE = image_bytes((1700, 300), "JPEG")
CLEAN = image_bytes((800, 600), "JPEG")


def mode(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o027, 0o077, 0o002])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """What new files are denied."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with an image that is fixed and one that is copied."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "fixed.jpg").write_bytes(FIXABLE)
    (folder / "copied.jpg").write_bytes(CLEAN)
    (folder / "renamed.bmp").write_bytes(image_bytes((300, 300), "BMP"))
    return folder


@pytest.mark.parametrize("source", [0o644, 0o664, 0o666, 0o600, 0o444, 0o755, 0o4755])
def test_output_files_have_the_mode_of_their_source_less_the_umask(
    imgbudget: Command, tmp_path: Path, photos: Path, umask: int, source: int
) -> None:
    """As cp does: a private file stays private, and others may read what they could read."""
    for path in photos.iterdir():
        path.chmod(source)
    for _ in range(2):  # the second run replaces the files of the first
        assert imgbudget("check", "--fix", str(photos), "--output-dir", "out", "-j", "1").code in (0, 1)
        modes = {path.name: mode(path) for path in (tmp_path / "out").iterdir()}
        assert modes == dict.fromkeys(("fixed.jpg", "copied.jpg", "renamed.png"), source & 0o777 & ~umask)


@pytest.mark.parametrize("source", [0o640, 0o666, 0o600, 0o755])
def test_rewritten_files_keep_their_mode(imgbudget: Command, photos: Path, umask: int, source: int) -> None:
    """Whatever the umask is."""
    del umask
    for path in photos.iterdir():
        path.chmod(source)
    assert imgbudget("check", "--fix", "--backup", str(photos), "-j", "1").code in (0, 1)
    assert {path.name for path in photos.iterdir()} >= {"fixed.jpg.bak", "renamed.png", "renamed.bmp.bak"}
    assert {mode(path) for path in photos.iterdir()} == {source}


def test_new_reports_follow_the_umask(imgbudget: Command, tmp_path: Path, photos: Path, umask: int) -> None:
    """`--format json:FILE`, `--report`, a baseline; a replaced report keeps its mode."""
    imgbudget("check", str(photos), "--format", "json:report.json")
    imgbudget("check", "--fix", str(photos), "--output-dir", "out", "--report", "manifest.json")
    imgbudget("baseline", "--write", str(photos))
    for name in ("report.json", "manifest.json", ".imgbudget-baseline.json"):
        assert mode(tmp_path / name) == 0o666 & ~umask
    (tmp_path / "report.json").chmod(0o640)
    imgbudget("check", str(photos), "--format", "json:report.json")
    assert mode(tmp_path / "report.json") == 0o640


@pytest.fixture
def attributes(photos: Path) -> dict[str, bytes]:
    """Extended attributes that the images have."""
    if not hasattr(os, "setxattr"):
        pytest.skip("the platform has no extended attributes in Python")
    wanted = {"user.origin": b"https://example.com/a", "user.note": b"\0\xff"}
    try:
        for path in photos.iterdir():
            for name, value in wanted.items():
                os.setxattr(path, name, value)
    except OSError:
        pytest.skip("the file system has no extended attributes")
    return wanted


def attributes_of(path: Path) -> dict[str, bytes]:
    """The user's extended attributes of a file."""
    return {name: os.getxattr(path, name) for name in os.listxattr(path) if name.startswith("user.")}


def test_extended_attributes_are_kept(
    imgbudget: Command, tmp_path: Path, photos: Path, attributes: dict[str, bytes]
) -> None:
    """In the output folder, then in place, with and without a new name."""
    imgbudget("check", "--fix", str(photos), "--output-dir", "out", "-j", "1")
    for name in ("fixed.jpg", "copied.jpg", "renamed.png"):
        assert attributes_of(tmp_path / "out" / name) == attributes
    imgbudget("check", "--fix", str(photos), "-j", "1")
    for name in ("fixed.jpg", "copied.jpg", "renamed.png"):
        assert attributes_of(photos / name) == attributes


ACL = "system.posix_acl_access"
# version 2; owner rw, user 12345 r, group r, mask r, others none
VALUE = bytes.fromhex(
    "0200000001000600ffffffff020004003930000004000400ffffffff10000400ffffffff20000000ffffffff"
)


def test_access_lists_are_kept(imgbudget: Command, tmp_path: Path, photos: Path) -> None:
    """Where the file system has them; a folder's default list gives a file without one no other rights."""
    try:
        os.setxattr(photos / "fixed.jpg", ACL, VALUE)
    except (OSError, AttributeError):
        pytest.skip("the file system has no access lists")
    (photos / "renamed.bmp").chmod(0o640)
    os.setxattr(photos, "system.posix_acl_default", VALUE)
    before = mode(photos / "fixed.jpg")
    imgbudget("check", "--fix", str(photos), "--output-dir", str(tmp_path / "out"), "-j", "1")
    assert os.getxattr(tmp_path / "out" / "fixed.jpg", ACL)[:20] == VALUE[:20]
    imgbudget("check", "--fix", str(photos), "-j", "1")
    assert os.getxattr(photos / "fixed.jpg", ACL) == VALUE
    assert mode(photos / "fixed.jpg") == before
    assert ACL not in os.listxattr(photos / "renamed.png")
    assert mode(photos / "renamed.png") == 0o640


def test_an_attribute_that_cannot_be_kept_stops_the_fix(
    imgbudget: Command, photos: Path, attributes: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In place it would be lost; the file is unchanged and named."""
    del attributes

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "setxattr", full)
    run = imgbudget("check", "--fix", str(photos), "-j", "1")
    assert run.code == 2
    assert "fixed.jpg: cannot be written: no space left on device; nothing was changed" in run.err
    assert (photos / "fixed.jpg").read_bytes() == FIXABLE
