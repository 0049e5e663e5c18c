"""Nothing is written through a link that leads out of the named paths, or out of the output folder."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import imgbudget
from imgbudget import newfiles
from imgbudget.fixing import output_files, places, writer
from imgbudget.fixing.output_files import fitting_name, is_free
from imgbudget.newfiles import Folder, open_folder, sync
from tests.builders import image_bytes
from tests.conftest import Command, posix

pytestmark = posix

WIDE = (1700, 300)
FIXABLE = image_bytes(WIDE, "JPEG")


def digest(name: str, before: bytes = b"") -> str:
    """A hash of the image."""
    return hashlib.new(name, before + FIXABLE, usedforsecurity=False).hexdigest()


def state(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that is in a folder: inode, mode, time, bytes or target."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (status.st_ino, status.st_mode, status.st_mtime_ns, content)
    return found


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder that no argument names, with an image that would be fixed; at the end it is as before."""
    folder = tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    for name in ("victim.jpg", "sub/a.jpg"):
        (folder / name).write_bytes(FIXABLE)
    before = state(folder)
    yield folder
    assert state(folder) == before


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """The folder that an argument names, with one image that is fixed.

    It is in a repository, so that links to what is beside it are read.
    """
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "named"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.jpg").write_bytes(FIXABLE)
    return folder


def was_fixed(path: Path) -> bool:
    """Whether an image has new bytes."""
    return path.read_bytes() != FIXABLE


def link_directly(link: Path, target: Path) -> None:
    """A link with an absolute path."""
    link.symlink_to(target)


def link_relatively(link: Path, target: Path) -> None:
    """A link with a relative path."""
    link.symlink_to(os.path.relpath(target, link.parent))


def link_in_a_chain(link: Path, target: Path) -> None:
    """A link to a link."""
    (link.parent / "middle").symlink_to(target)
    link.symlink_to("middle")


def link_through_a_folder(link: Path, target: Path) -> None:
    """A link through another link to a folder."""
    (link.parent / "folder").symlink_to(target.parent)
    link.symlink_to(f"folder/{target.name}")


def link_with_dots(link: Path, target: Path) -> None:
    """A link that goes up and down several times."""
    folder = os.path.relpath(target.parent, link.parent)
    link.symlink_to(os.path.join(folder, "..", target.parent.name, target.name))


LINKS = (link_directly, link_relatively, link_in_a_chain, link_through_a_folder, link_with_dots)


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("kind", LINKS)
def test_a_found_link_is_not_written_through(
    imgbudget: Command, named: Path, outside: Path, kind: Callable[[Path, Path], None], jobs: str
) -> None:
    """The link is named with its reason, exit 2; the other files are fixed."""
    kind(named / "link.jpg", outside / "victim.jpg")
    for number in range(6 if jobs == "2" else 0):
        (named / f"{number}.jpg").write_bytes(FIXABLE)
    run = imgbudget("check", "--fix", str(named), "-j", jobs)
    assert run.code == 2
    assert (
        f"{named}/link.jpg: is a link to {outside}/victim.jpg, outside the paths that were named" in run.err
    )
    assert (named / "link.jpg").is_symlink()
    assert was_fixed(named / "sub" / "a.jpg")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "--fix", "--backup"),
        ("check", "--fix", "--unsafe-fixes"),
        ("check", "--diff"),
        ("plan", "--apply"),
    ],
)
def test_every_command_that_fixes_refuses_it(
    imgbudget: Command, named: Path, outside: Path, arguments: tuple[str, ...]
) -> None:
    """Also with the difference, which shows only what would be written."""
    (named / "link.jpg").symlink_to(outside / "victim.jpg")
    run = imgbudget(*arguments, str(named))
    assert "outside the paths that were named" in run.err
    for line in run.out.splitlines():
        assert not (line.startswith(("fixed ", "made ", "---", "+++")) and "link.jpg" in line)


def test_requests_and_long_files_are_not_written_through(
    imgbudget: Command, named: Path, tmp_path: Path
) -> None:
    """JSON, and JSON Lines that are fixed part by part."""
    from tests.builders import body, image_block  # noqa: PLC0415

    line = json.dumps(body(image_block(image_bytes(WIDE, "JPEG")))).encode() + b"\n"
    many = line * (1 + (1 << 20) // len(line))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name, data in (("r.json", line), ("rows.jsonl", many)):
        (elsewhere / name).write_bytes(data)
        (named / name).symlink_to(elsewhere / name)
    run = imgbudget("check", "--fix", str(named), "-j", "1")
    assert run.err.count("outside the paths that were named") == 2
    assert (elsewhere / "r.json").read_bytes() == line
    assert (elsewhere / "rows.jsonl").read_bytes() == many
    assert sorted(os.listdir(elsewhere)) == ["r.json", "rows.jsonl"]


def test_a_link_to_a_folder_is_not_searched(imgbudget: Command, named: Path, outside: Path) -> None:
    """Nothing behind it is read, copied or fixed."""
    (named / "more").symlink_to(outside)
    assert imgbudget("check", "--fix", str(named)).code in (0, 1)
    assert imgbudget("check", "--fix", str(named), "--output-dir", "out").code in (0, 1)
    assert not Path("out/more").exists()


def test_a_named_link_is_written_through(imgbudget: Command, tmp_path: Path, named: Path) -> None:
    """Whoever names it means its target; the link stays."""
    target = tmp_path / "target.jpg"
    target.write_bytes(FIXABLE)
    link = named / "link.jpg"
    link.symlink_to(target)
    assert imgbudget("check", "--fix", str(link)).code in (0, 1)
    assert was_fixed(target)
    assert link.is_symlink()
    target.write_bytes(FIXABLE)
    assert imgbudget("check", "--fix", str(named), f"{named}/./link.jpg").code in (0, 1)
    assert was_fixed(target)


def test_a_named_folder_may_be_a_link(imgbudget: Command, tmp_path: Path, named: Path) -> None:
    """Its files are those of the folder behind it, and links between two named folders are followed."""
    (tmp_path / "alias").symlink_to(named)
    other = tmp_path / "other"
    other.mkdir()
    (other / "link.jpg").symlink_to(named / "sub" / "a.jpg")
    assert imgbudget("check", "--fix", "alias", "other").code in (0, 1)
    assert was_fixed(named / "sub" / "a.jpg")
    assert (other / "link.jpg").is_symlink()


def test_a_sibling_with_the_same_beginning_is_outside(
    imgbudget: Command, named: Path, tmp_path: Path
) -> None:
    """`named-too` is not in `named`."""
    sibling = tmp_path / "named-too"
    sibling.mkdir()
    (sibling / "b.jpg").write_bytes(FIXABLE)
    (named / "link.jpg").symlink_to(sibling / "b.jpg")
    assert imgbudget("check", "--fix", str(named)).code == 2
    assert not was_fixed(sibling / "b.jpg")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("node_modules/x.jpg", "which is excluded"),
        ("vendor/x.jpg", "which is excluded"),
        ("build/deep/x.jpg", "which is excluded"),
        ("images/tmp-1.jpg", "which is excluded"),
        (f"blobs/{digest('sha256')}", "is named by the hash of its content"),
        (f"blobs/{digest('sha1')}", "is named by the hash of its content"),
        (f"cache/{digest('md5')[:2]}/{digest('md5')[2:]}", "is named by the hash of its content"),
        (f"objects/SHA256E-s9--{digest('sha256')}.jpg", "is named by the hash of its content"),
    ],
)
def test_links_into_stores_and_excluded_folders_are_not_followed(
    imgbudget: Command, named: Path, target: str, reason: str
) -> None:
    """A search would not fix the file by its own name either, or its name would be wrong then."""
    (named / "imgbudget.yaml").write_text("exclude: [vendor]\n")
    (named / ".git").mkdir()
    (named / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (named / ".gitignore").write_text("/build/\ntmp-*\n")
    file = named / target
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(FIXABLE)
    (named / "link.jpg").symlink_to(file)
    os.chdir(named)
    run = imgbudget("check", "--fix", "--config", "imgbudget.yaml", str(named))
    assert run.code == 2
    asked = "link.jpg: is a link to " if "excluded" in reason else f"{target}: {reason}"
    assert f"{named}/{asked}" in run.err
    assert reason in run.err
    assert not was_fixed(file)


def test_files_in_a_store_keep_their_content(imgbudget: Command, named: Path) -> None:
    """A file that a search finds and that is named by its own hash; another name of digits is no hash."""
    digests = [digest(name) for name in ("md5", "sha1", "sha256", "sha512")]
    blob = digest("sha1", b"blob %d\0" % len(FIXABLE))
    store = [*digests, blob, f"{digests[0]}.jpg", f"img_{digests[2]}.jpg", f"{blob[:2]}/{blob[2:]}"]
    others = [f"{'0' * 64}.jpg", f"{digests[0][::-1]}.jpg"]
    for name in (*store, *others):
        (named / name).parent.mkdir(exist_ok=True)
        (named / name).write_bytes(FIXABLE)
    run = imgbudget("check", "--fix", str(named), "-j", "1")
    assert run.code == 2
    assert run.err.count("is named by the hash of its content") == len(store)
    assert [name for name in store if was_fixed(named / name)] == []
    assert [name for name in others if not was_fixed(named / name)] == []
    assert imgbudget("check", "--fix", f"{named}/{store[5]}").code in (0, 1)
    assert was_fixed(named / store[5])


def test_a_folder_that_is_swapped_during_the_run_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch, named: Path, outside: Path
) -> None:
    """After the check and before the folder is opened: what is opened is looked at again."""
    original = open_folder

    @contextmanager
    def swapped(path: str) -> Iterator[Folder]:
        if path.endswith("sub") and not (named / "sub").is_symlink():
            (named / "sub").rename(named / "was")
            (named / "sub").symlink_to(outside / "sub")
        with original(path) as folder:
            yield folder

    monkeypatch.setattr(places, "open_folder", swapped)
    report = imgbudget.fix(str(named), imgbudget.RunOptions(isolated=True))
    assert "folder was moved or replaced" in "".join(report.summary.unwritten)


@pytest.mark.parametrize("options", [{}, {"backup": True}, {"output_dir": "out"}])
def test_a_folder_that_is_swapped_while_it_is_written_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: Path, outside: Path, options: dict[str, object]
) -> None:
    """What was opened is written, by whatever name it is reached now."""
    monkeypatch.chdir(tmp_path)
    original = sync
    where = tmp_path / "out" if "output_dir" in options else named / "sub"
    moved = tmp_path / "moved"

    def swapped(out: object) -> None:
        if not where.is_symlink():
            where.rename(moved)
            where.symlink_to(outside / "sub")
        original(out)  # type: ignore[arg-type]

    monkeypatch.setattr(writer, "sync", swapped)
    imgbudget.fix(str(named / "sub"), imgbudget.RunOptions(isolated=True), **options)  # type: ignore[arg-type]
    assert "a.jpg" in os.listdir(moved)
    assert not [name for name in os.listdir(moved) if name.startswith(".")]


def test_a_file_that_becomes_a_link_is_not_written_through(
    monkeypatch: pytest.MonkeyPatch, named: Path, outside: Path
) -> None:
    """Between reading and writing: the state of the file itself is compared, not that of a target."""
    original = sync
    file = named / "sub" / "a.jpg"

    def swapped(out: object) -> None:
        file.unlink(missing_ok=True)
        file.symlink_to(outside / "victim.jpg")
        original(out)  # type: ignore[arg-type]

    monkeypatch.setattr(writer, "sync", swapped)
    report = imgbudget.fix(str(named), imgbudget.RunOptions(isolated=True))
    assert report.summary.unwritten
    assert file.is_symlink()


def fill_output(out: Path, outside: Path, kind: str) -> None:
    """Put something into an output folder where the result of `sub/a.jpg` would go."""
    sub = out / "sub"
    targets = {
        "folder": outside / "sub",
        "chain": Path("x"),
        "no folder": outside / "none",
        "parent": Path(".."),
    }
    if kind in targets:
        (out / "x").symlink_to(outside / "sub")
        sub.symlink_to(targets[kind])
        return
    sub.mkdir()
    if kind == "pipe":
        os.mkfifo(sub / "a.jpg")
    else:
        (sub / "a.jpg").symlink_to(outside / ("victim.jpg" if kind == "file" else "new.jpg"))


@pytest.mark.parametrize(
    "kind",
    ["folder", "chain", "no folder", "parent", "file", "dangling", "pipe"],
)
@pytest.mark.parametrize("data", [FIXABLE, image_bytes((800, 600), "JPEG")], ids=["fixed", "copied"])
def test_output_never_leaves_its_folder(
    imgbudget: Command, named: Path, outside: Path, kind: str, data: bytes
) -> None:
    """Whether the file is fixed or copied; the message names the link, and it stays."""
    (named / "sub" / "a.jpg").write_bytes(data)
    (named / "b.jpg").write_bytes(FIXABLE)
    out = named.parent / "out"
    out.mkdir()
    fill_output(out, outside, kind)
    before = state(out)
    run = imgbudget("check", "--fix", str(named), "--output-dir", str(out))
    assert run.code == 2
    assert "must stay in its folder" in run.err
    assert str(out / "sub") in run.err
    after = state(out)
    assert {name: after[name] for name in before} == before
    assert (out / "b.jpg").is_file()
    assert (named / "sub" / "a.jpg").is_file()


def test_the_output_folder_itself_may_be_a_link(imgbudget: Command, tmp_path: Path, named: Path) -> None:
    """The user names it."""
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    assert imgbudget("check", "--fix", str(named), "--output-dir", "out").code in (0, 1)
    assert (tmp_path / "real" / "sub" / "a.jpg").is_file()


def test_a_hard_link_in_the_output_folder_is_parted_not_written(
    imgbudget: Command, tmp_path: Path, named: Path, outside: Path
) -> None:
    """The new file takes the name; the other name keeps the old bytes."""
    out = tmp_path / "out" / "sub"
    out.mkdir(parents=True)
    victim = tmp_path / "victim"
    shutil.copy(outside / "victim.jpg", victim)
    os.link(victim, out / "a.jpg")
    assert imgbudget("check", "--fix", str(named), "--output-dir", "out").code in (0, 1)
    assert victim.read_bytes() == FIXABLE
    assert was_fixed(out / "a.jpg")


def test_paths_with_dots_do_not_collide_in_the_output_folder(
    imgbudget: Command, tmp_path: Path, named: Path
) -> None:
    """`x/../a.jpg` through a link is another file than `a.jpg`: each has its own place."""
    elsewhere = tmp_path / "elsewhere" / "deep"
    elsewhere.mkdir(parents=True)
    (tmp_path / "elsewhere" / "a.jpg").write_bytes(image_bytes((40, 30), "JPEG"))
    (named / "x").symlink_to(elsewhere)
    (named / "a.jpg").write_bytes(FIXABLE)
    imgbudget("check", "--fix", f"{named}/x/../a.jpg", f"{named}/a.jpg", "--output-dir", "out")
    found = sorted(str(path.relative_to("out")) for path in Path("out").rglob("*.jpg"))
    assert found == ["elsewhere/a.jpg", "named/a.jpg"]


def test_links_are_refused_without_lookup_by_descriptor(
    imgbudget: Command, named: Path, outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows: the same rules by path, and files are closed before they are renamed."""
    monkeypatch.setattr(newfiles, "_AT", False)
    monkeypatch.setattr(newfiles, "fcntl", None)
    (named / "link.jpg").symlink_to(outside / "victim.jpg")
    (named / "scan.bmp").write_bytes(image_bytes((300, 300), "BMP"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(outside / "sub")
    run = imgbudget("check", "--fix", str(named), "--output-dir", "out", "-j", "1")
    assert run.code == 2
    assert "out/sub is a link and the output must stay in its folder" in run.err
    run = imgbudget("check", "--fix", "--backup", str(named), "-j", "1")
    assert run.code == 2
    assert "outside the paths that were named" in run.err
    assert was_fixed(named / "sub" / "a.jpg")
    assert sorted(os.listdir(named)) == ["link.jpg", "scan.bmp.bak", "scan.png", "sub"]


def test_only_own_leftovers_are_removed_and_each_is_named(
    imgbudget: Command, named: Path, outside: Path
) -> None:
    """A temporary file of a killed run goes; links, pipes, folders and other names stay."""
    leftover = named / "sub" / f".imgbudget-1-{'0' * 16}.tmp"
    leftover.write_bytes(b"half")
    others = [named / "sub" / f".imgbudget-1-{digit * 16}.tmp" for digit in "123"]
    others[0].symlink_to(outside / "victim.jpg")
    os.mkfifo(others[1])
    others[2].mkdir()
    (named / "sub" / f".imgbudget-1-{'4' * 16}.tmp.jpg").write_bytes(FIXABLE)
    run = imgbudget("check", "--fix", str(named), "-j", "1")
    assert f"removed {leftover}, which an interrupted run has left behind" in run.err
    assert run.err.count("removed ") == 1
    assert not leftover.exists()
    assert [os.path.lexists(other) for other in others] == [True] * 3


def test_a_deep_output_tree_needs_few_open_files(imgbudget: Command, named: Path) -> None:
    """One folder is open at a time: a tree may be deeper than the number of files that may be open."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    deep = named.joinpath(*["d"] * 120)
    deep.mkdir(parents=True)
    (deep / "a.jpg").write_bytes(FIXABLE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 60, before[1]))
    try:
        run = imgbudget("check", "--fix", str(named), "--output-dir", "out", "-j", "1")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert (run.code, "error" in run.err, "warning" in run.err) == (0, False, False)
    assert was_fixed(Path("out").joinpath(*["d"] * 120, "a.jpg"))


@pytest.mark.parametrize("kind", ["dangling", "to the file", "outside"])
def test_backups_are_never_links(imgbudget: Command, named: Path, outside: Path, kind: str) -> None:
    """A link is a taken name: the backup gets a number, and holds the old bytes."""
    file = named / "sub" / "a.jpg"
    target = {"dangling": outside / "none", "to the file": Path("a.jpg"), "outside": outside / "victim.jpg"}
    (named / "sub" / "a.jpg.bak").symlink_to(target[kind])
    assert imgbudget("check", "--fix", "--backup", str(named)).code in (0, 1)
    assert was_fixed(file)
    backup = named / "sub" / "a.jpg.1.bak"
    assert backup.read_bytes() == FIXABLE
    assert not backup.is_symlink()
    assert (named / "sub" / "a.jpg.bak").is_symlink()


def test_backups_without_hard_links_are_copies_with_new_names(
    imgbudget: Command, named: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On file systems without them; a link that takes the name meanwhile is not followed."""
    file = named / "sub" / "a.jpg"
    file.chmod(0o640)

    def none(_folder: Folder, _old: str, new: str) -> None:
        if new == "a.jpg.bak":
            (named / "sub" / new).symlink_to(outside / "created")
        raise OSError(95, "operation not supported")

    monkeypatch.setattr(Folder, "link", none)
    before = file.stat()
    assert imgbudget("check", "--fix", "--backup", str(named), "-j", "1").code in (0, 1)
    backup = named / "sub" / "a.jpg.1.bak"
    assert backup.read_bytes() == FIXABLE
    assert (backup.stat().st_mode, backup.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


@pytest.mark.parametrize("kind", ["dangling", "same content", "pipe", "folder"])
def test_a_new_name_that_is_a_link_is_not_free(
    imgbudget: Command, tmp_path: Path, named: Path, kind: str
) -> None:
    """A file that becomes PNG takes another name; neither the link nor the only copy of the image goes."""
    scan = named / "scan.bmp"
    scan.write_bytes(image_bytes((300, 300), "BMP"))
    imgbudget("check", "--fix", str(named))
    made = (named / "scan.png").read_bytes()
    (named / "scan.png").unlink()
    scan.write_bytes(image_bytes((300, 300), "BMP"))
    other = named / "scan.png"
    (tmp_path / "copy.png").write_bytes(made)
    if kind == "pipe":
        os.mkfifo(other)
    elif kind == "folder":
        other.mkdir()
    else:
        other.symlink_to(tmp_path / ("none.png" if kind == "dangling" else "copy.png"))
    assert not is_free(str(other), made)
    assert fitting_name(str(scan), "png", made) == f"{scan}.png"
    assert imgbudget("check", "--fix", str(named)).code in (0, 1)
    assert (named / "scan.bmp.png").read_bytes() == made
    assert not scan.exists()
    assert not (tmp_path / "none.png").exists()


def test_reports_do_not_use_names_that_can_be_guessed(
    imgbudget: Command, named: Path, outside: Path, tmp_path: Path
) -> None:
    """A link with the name of the old temporary file leads nowhere, and stays."""
    guess = tmp_path / f"report.json.{os.getpid()}.tmp"
    guess.symlink_to(outside / "victim.jpg")
    imgbudget("check", str(named), "--format", "json:report.json")
    assert json.loads((tmp_path / "report.json").read_text())["version"]
    assert guess.is_symlink()


def test_a_named_report_may_be_a_link(imgbudget: Command, named: Path, tmp_path: Path) -> None:
    """The link stays, its target has the report and keeps its mode."""
    (tmp_path / "target").write_text("")
    (tmp_path / "target").chmod(0o640)
    (tmp_path / "report.json").symlink_to("target")
    imgbudget("check", str(named), "--format", "json:report.json")
    assert json.loads((tmp_path / "target").read_text())["version"]
    assert (tmp_path / "report.json").is_symlink()
    assert (tmp_path / "target").stat().st_mode & 0o777 == 0o640


def test_a_baseline_that_the_folder_brings_is_not_written_through(
    imgbudget: Command, named: Path, tmp_path: Path
) -> None:
    """The default name is not the user's word; `--baseline` is."""
    victim = tmp_path / "victim.json"
    victim.write_text('{"version": 1, "findings": []}\n')
    (tmp_path / ".imgbudget-baseline.json").symlink_to(victim)
    run = imgbudget("baseline", "--write", "--force", str(named))
    assert run.code == 2
    assert "it is a link" in run.err
    assert victim.read_text() == '{"version": 1, "findings": []}\n'
    (tmp_path / "mine.json").symlink_to(victim)
    assert imgbudget("baseline", "--write", "--force", "--baseline", "mine.json", str(named)).code == 0
    assert "IB2" in victim.read_text()


def test_a_configuration_that_is_a_link_out_of_its_folder_is_not_changed(
    imgbudget: Command, named: Path, tmp_path: Path
) -> None:
    """Unused ignores are removed from it only if `--config` names it, also inside one repository."""
    text = "model: claude-sonnet-4-6\nignores:\n- {rules: [IB302], reason: old, files: ['named/**']}\n"
    text = text.replace("named/", "sub/")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "imgbudget.yaml").write_text(text)
    (named / "imgbudget.yaml").symlink_to(elsewhere / "imgbudget.yaml")
    os.chdir(named)
    run = imgbudget("check", "--fix", ".")
    assert run.code == 2
    assert "imgbudget.yaml: is a link " in run.err
    assert (elsewhere / "imgbudget.yaml").read_text() == text
    imgbudget("check", "--fix", ".", "--config", "imgbudget.yaml")
    assert "ignores" not in (elsewhere / "imgbudget.yaml").read_text()


def test_names_that_differ_in_case_do_not_overwrite_each_other(
    imgbudget: Command, named: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that takes them for one name, the second is refused with the reason."""
    (named / "b.jpg").write_bytes(FIXABLE)
    (named / "B.JPG").write_bytes(image_bytes((1700, 310), "JPEG"))
    original = Folder.find

    def insensitive(folder: Folder, name: str) -> os.stat_result | None:
        names = {other.casefold(): other for other in folder.names()}
        return original(folder, names.get(name.casefold(), name))

    monkeypatch.setattr(Folder, "find", insensitive)
    run = imgbudget("check", "--fix", str(named), "--output-dir", "out", "-j", "1")
    assert run.code == 2
    assert "the file system takes it for B.JPG, which exists" in run.err
    assert os.listdir(tmp_path / "out").count("B.JPG") == 1
    assert not output_files.is_free(str(tmp_path / "out" / "B.JPG"), b"")
