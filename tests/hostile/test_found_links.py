"""A link in a named folder shows, copies and counts nothing of files that whoever wrote it may not read."""

import hashlib
import json
from pathlib import Path

import pytest

import imgbudget
from tests.builders import body, image_bytes, text_block
from tests.conftest import Command, posix

pytestmark = posix

WIDE = (1700, 300)
IMAGE = image_bytes(WIDE, "JPEG")
TRACE = "a-model-that-nobody-may-see"


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder that no argument names: an image, a request and an archive."""
    folder = tmp_path / "private"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(IMAGE)
    (folder / "request.json").write_text(json.dumps(body(text_block(TRACE), model=TRACE)))
    (folder / "photos.zip").write_bytes(b"PK" + TRACE.encode())
    return folder


@pytest.fixture
def named(tmp_path: Path, private: Path) -> Path:
    """The folder that an argument names, with links to all files of the other one."""
    folder = tmp_path / "named"
    folder.mkdir()
    for file in private.iterdir():
        (folder / file.name).symlink_to(file)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "--verbose", "--format", "json"),
        ("check", "--verbose"),
        ("check", "--diff"),
        ("check", "--fix", "--output-dir", "out"),
        ("plan", "--all"),
        ("plan", "--apply", "--output-dir", "out"),
        ("split", "--all"),
        ("init", "--dry-run"),
        ("baseline", "--write", "--baseline", "known.json"),
    ],
)
def test_a_link_out_of_the_folder_is_not_read(
    imgbudget: Command,
    named: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    """Neither its content nor its size reaches the output, an output folder or a file."""
    monkeypatch.chdir(tmp_path)
    run = imgbudget(*arguments, str(named))
    known = tmp_path / "known.json"
    text = run.out + run.err + (known.read_text() if known.exists() else "")
    for trace in (TRACE, "1700", f"{len(IMAGE):,}", hashlib.sha256(IMAGE).hexdigest()):
        assert trace not in text
    assert not [path for path in tmp_path.glob("out/**/*") if path.is_file()]


def test_it_is_named_as_not_checked(imgbudget: Command, named: Path) -> None:
    """Exit 2 if that was asked for; a link to what is no image or request is not worth a warning."""
    run = imgbudget("check", "--fail-on-unread", str(named))
    assert run.code == 2
    for name in ("photo.jpg", "request.json"):
        assert f"not checked: {named}/{name}: a link out of the named folders" in run.err
    assert f"not checked: {named}/photos.zip" not in run.err
    assert imgbudget("check", str(named / "photo.jpg")).code == 1


def test_links_within_the_named_folders_are_read(named: Path, private: Path) -> None:
    """Also if another argument names the folder, but not if a name only begins alike."""
    assert images_in(named, private) == ["named/photo.jpg"]  # under its first name
    private.rename(private.with_name("named-too"))
    (named / "photo.jpg").unlink()
    (named / "photo.jpg").symlink_to("../named-too/photo.jpg")
    assert not images_in(named)


def images_in(*paths: Path) -> list[str]:
    """The paths of the images that a check from Python finds."""
    report = imgbudget.check([str(path) for path in paths])
    return ["/".join(Path(image.use.location.path).parts[-2:]) for image in report.images]


def test_links_within_the_repository_are_read(named: Path, tmp_path: Path) -> None:
    """Whoever wrote the link wrote its target too; but not what git keeps, such as its configuration."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "kept.jpg").write_bytes(IMAGE)
    (named / "git.jpg").symlink_to("../.git/kept.jpg")
    assert images_in(named) == ["named/photo.jpg"]


def test_links_into_stores_of_contents_are_read(named: Path, private: Path) -> None:
    """The name of a file in a model hub's cache, DVC or git-annex is the hash of its content."""
    sha = hashlib.sha256(IMAGE).hexdigest()
    for number, name in enumerate((sha, f"{sha[:2]}/{sha[2:]}", f".git/annex/objects/SHA256E-s9--{sha}.jpg")):
        file = private / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(IMAGE)
        (named / f"{number}.jpg").symlink_to(file)
    assert images_in(named) == ["named/0.jpg", "named/1.jpg", "named/2.jpg"]


def test_an_audit_opens_them_with_its_option_only(imgbudget: Command, named: Path) -> None:
    """Images, requests and archives are rows with the reason, and exit 2."""
    run = imgbudget("audit", str(named), "--format", "csv")
    assert run.code == 2
    assert run.out.count("--allow-outside opens it") == 3
    assert "1700" not in run.out
    run = imgbudget("audit", str(named), "--format", "csv", "--allow-outside")
    assert "1700" in run.out
    assert "allow-outside" not in run.out
