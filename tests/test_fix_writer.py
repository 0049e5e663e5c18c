"""Files are written whole or not at all, and what cannot be replaced stays as it was, with a reason."""

import os
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from imgbudget.errors import WriteError
from imgbudget.fixing.writer import (
    output_tree_path,
    read_file,
    replace_file,
    replacing,
    stamp,
    writing,
)
from imgbudget.newfiles import open_folder, open_temporary, remove_leftovers

resource = pytest.importorskip("resource", reason="only POSIX has limits on resources, owners and modes")

NOBODY = 65534


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of three bytes in a separate folder, with a mode that no umask produces."""
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "a.jpg"
    path.write_bytes(b"old")
    path.chmod(0o641)
    return path


def in_child(work: Callable[[], object], *, user: int | None = None) -> None:
    """Run in a forked process, without the rights of root where `user` is given; its errors fail the test."""
    child = os.fork()
    if not child:
        code = 1
        try:
            if user is not None and os.geteuid() == 0:
                os.setgid(user)
                os.setuid(user)
            work()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def meanwhile(event: Callable[[], object]) -> Iterator[bytes]:
    """Pieces of a new file, and what happens while it is written."""
    yield b"ne"
    event()
    yield b"w"


def refused(path: Path, reason: str) -> None:
    """Check that replacing the file fails, leaves it unchanged, and adds nothing to its folder."""
    names = sorted(os.listdir(path.parent))
    with pytest.raises(WriteError, match=reason) as raised:
        replace_file(str(path), b"new")
    assert str(raised.value).startswith(f"{path}: ")
    assert path.read_bytes() == b"old"
    assert sorted(os.listdir(path.parent)) == names


def test_a_file_is_replaced_and_keeps_its_mode(file: Path) -> None:
    """The file has the new bytes and the old permissions, and nothing else is left."""
    replace_file(str(file), b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o641
    assert os.listdir(file.parent) == ["a.jpg"]


def test_the_owner_is_kept_where_that_is_allowed(file: Path) -> None:
    """Root fixes the files of others without taking them over; others cannot, and write all the same."""
    if os.geteuid() == 0:
        os.chown(file, NOBODY, NOBODY)
    owner = file.stat().st_uid
    replace_file(str(file), b"new")
    assert (file.stat().st_uid, stat.S_IMODE(file.stat().st_mode)) == (owner, 0o641)


def test_pieces_and_a_stream_are_written_in_order(file: Path) -> None:
    """Neither needs the whole in memory."""
    replace_file(str(file), (bytes((number,)) for number in range(3)))
    assert file.read_bytes() == b"\0\1\2"
    with replacing(str(file)) as out:
        out.write(b"on")
        assert file.read_bytes() == b"\0\1\2"
        out.write(b"ward")
    assert file.read_bytes() == b"onward"


def test_an_error_on_the_way_leaves_the_old_file_alone(file: Path) -> None:
    """Whatever the caller raises comes through; the half written file goes."""

    def interrupted() -> None:
        with replacing(str(file)) as out:
            out.write(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_bytes() == b"old"
    assert os.listdir(file.parent) == ["a.jpg"]


def test_a_link_is_followed_and_stays(file: Path, tmp_path: Path) -> None:
    """The target is replaced in its folder; the backup is written there too."""
    link = tmp_path / "link.jpg"
    link.symlink_to(file)
    replace_file(str(link), b"new", backup=True)
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert sorted(os.listdir(file.parent)) == ["a.jpg", "a.jpg.bak"]
    assert sorted(os.listdir(tmp_path)) == ["folder", "link.jpg"]


def test_every_backup_is_kept(file: Path) -> None:
    """A second one takes a number; the first one, the original, is never written over."""
    for content in (b"1", b"2", b"3"):
        replace_file(str(file), content, backup=True)
    kept = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    assert kept == {"a.jpg": b"3", "a.jpg.bak": b"old", "a.jpg.1.bak": b"1", "a.jpg.2.bak": b"2"}
    assert stat.S_IMODE((file.parent / "a.jpg.bak").stat().st_mode) == 0o641


def test_a_backup_that_a_killed_run_has_made_is_no_hard_link_to_fear(file: Path) -> None:
    """The backup and the file are one until the rename: the next run goes on from there."""
    os.link(file, f"{file}.bak")
    replace_file(str(file), b"new", backup=True)
    kept = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    assert kept == {"a.jpg": b"new", "a.jpg.bak": b"old"}


def test_hard_links_are_not_parted(file: Path, tmp_path: Path) -> None:
    """A rename would change one name of the file only."""
    os.link(file, tmp_path / "other.jpg")
    refused(file, "has 2 hard links")


def test_what_is_no_file_or_is_not_there_is_named(tmp_path: Path) -> None:
    """A folder, a pipe, nothing at all, a link in a circle."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "sub").mkdir()
    (tmp_path / "circle").symlink_to("circle")
    for name, reason in (
        ("pipe", "not a regular file"),
        ("none", "no such file"),
        ("circle", "symbolic links"),
        ("sub", "not a regular file"),
    ):
        with pytest.raises(WriteError, match=reason):
            replace_file(str(tmp_path / name), b"new")
    with pytest.raises(WriteError, match="is a folder"):
        write(tmp_path / "sub", tmp_path)


def test_a_read_only_file_is_left_alone_even_by_root(file: Path) -> None:
    """The folder would let it be replaced; whoever closed it did not."""
    file.chmod(0o444)
    refused(file, "is read-only")


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that everybody gets to, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "a.jpg").write_bytes(b"old")
        yield folder
        folder.chmod(0o777)


def test_a_file_of_somebody_else_is_left_alone(shared_folder: Path) -> None:
    """Without the right to write into it, though the folder is open to all."""
    if os.geteuid() != 0:
        pytest.skip("only root can make files of others")
    file = shared_folder / "a.jpg"
    file.chmod(0o644)
    in_child(lambda: refused(file, "is read-only"), user=NOBODY)


def test_a_folder_that_takes_no_files_is_named(shared_folder: Path) -> None:
    """The file may be written, the folder not: there is no place for the new one beside it."""
    file = shared_folder / "a.jpg"
    file.chmod(0o666)
    shared_folder.chmod(0o555)
    in_child(lambda: refused(file, "permission denied"), user=NOBODY)


def test_a_disk_without_room_costs_nothing(file: Path) -> None:
    """If the system refuses bytes, the message says why, the old file stays, and the new one is removed."""

    def write_too_much() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(WriteError, match="file too large; nothing was changed"):
            replace_file(str(file), bytes(100_000))
        with pytest.raises(WriteError, match="file too large"):
            replace_file(str(file), [b"a" * 999, b"b" * 999])

    in_child(write_too_much)
    assert file.read_bytes() == b"old"
    assert os.listdir(file.parent) == ["a.jpg"]


def test_a_full_disk_costs_nothing(tmp_path: Path) -> None:
    """The same on a file system of 64 KiB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        path = tmp_path / "a.jpg"
        path.write_bytes(b"old")
        with pytest.raises(WriteError, match="no space left on device; nothing was changed"):
            replace_file(str(path), bytes(100_000), backup=True)
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["a.jpg"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_file_that_has_changed_meanwhile_is_left_alone(file: Path) -> None:
    """Since it was read, or while the new one was written: somebody's work is not written over."""
    data, expected = read_file(str(file))
    assert data == b"old"
    assert expected == stamp(str(file))
    file.write_bytes(b"newer")
    with pytest.raises(WriteError, match="was changed during the run"):
        replace_file(str(file), b"new", expected=expected)
    with pytest.raises(WriteError, match="was changed"):
        replace_file(str(file), meanwhile(lambda: os.utime(file, ns=(1, 1))))
    assert file.read_bytes() == b"newer"
    assert os.listdir(file.parent) == ["a.jpg"]
    replace_file(str(file), b"new", expected=stamp(str(file)))
    assert file.read_bytes() == b"new"


def test_a_new_name_must_be_free_and_takes_the_old_one_away(file: Path) -> None:
    """For a file that becomes another format; its backup keeps the old name."""
    other = file.with_name("a.png")
    other.write_bytes(b"other")
    with pytest.raises(WriteError, match="exists already"):
        replace_file(str(file), b"new", new_path=str(other))
    assert (file.read_bytes(), other.read_bytes()) == (b"old", b"other")
    other.unlink()
    replace_file(str(file), b"new", new_path=str(other), backup=True)
    kept = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    assert kept == {"a.png": b"new", "a.jpg.bak": b"old"}


def test_a_new_name_that_comes_up_meanwhile_is_not_written_over(file: Path) -> None:
    """The last look at it is the rename itself."""
    other = file.with_name("a.png")
    with pytest.raises(WriteError, match="exists already"):
        replace_file(str(file), meanwhile(lambda: other.write_bytes(b"other")), new_path=str(other))
    assert (file.read_bytes(), other.read_bytes()) == (b"old", b"other")
    assert sorted(os.listdir(file.parent)) == ["a.jpg", "a.png"]


def test_a_link_does_not_become_another_format(file: Path, tmp_path: Path) -> None:
    """It would lead nowhere."""
    link = tmp_path / "link.jpg"
    link.symlink_to(file)
    with pytest.raises(WriteError, match="is a link"):
        replace_file(str(link), b"new", new_path=str(tmp_path / "link.png"))
    assert link.read_bytes() == b"old"


def write(path: Path, output_dir: Path, pieces: Iterable[bytes] = (b"new",)) -> None:
    """Write a file of an output folder."""
    with writing(str(path), str(output_dir)) as out:
        out.writelines(pieces)


def test_the_output_tree_has_the_same_shape(file: Path, tmp_path: Path) -> None:
    """A file keeps its path below its root; a file that is named directly is at the top."""
    out = tmp_path / "out"
    assert output_tree_path(str(tmp_path), str(file), str(out)) == str(out / "folder" / "a.jpg")
    assert output_tree_path(str(file), str(file), str(out)) == str(out / "a.jpg")
    write(out / "folder" / "a.jpg", out)
    write(out / "a.jpg", out, [b"n", b"ew"])
    assert (tmp_path / "out" / "folder" / "a.jpg").read_bytes() == b"new"
    assert (tmp_path / "out" / "a.jpg").read_bytes() == b"new"
    assert file.read_bytes() == b"old"


def test_a_mirror_never_leads_outside_or_back(file: Path, tmp_path: Path) -> None:
    """Nothing is written over an original, by whichever way."""
    with pytest.raises(WriteError, match="is outside"):
        output_tree_path(str(tmp_path / "else"), str(file), str(tmp_path / "out"))
    with pytest.raises(WriteError, match="is the file itself"):
        output_tree_path(str(tmp_path), str(file), str(tmp_path))
    (tmp_path / "out").symlink_to(tmp_path)
    with pytest.raises(WriteError, match="is the file itself"):
        output_tree_path(str(tmp_path), str(file), str(tmp_path / "out"))
    assert file.read_bytes() == b"old"


def test_a_new_file_is_whole_or_not_there(tmp_path: Path) -> None:
    """An error on the way leaves nothing but the folder."""
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "out" / "deep" / "a.jpg", tmp_path / "out", meanwhile(lambda: 1 // 0))
    assert os.listdir(tmp_path / "out" / "deep") == []


def swept(path: Path) -> list[str]:
    """The leftovers that are removed from a folder."""
    with open_folder(str(path)) as opened:
        return remove_leftovers(opened)


def neighbours(folder: Path) -> Iterator[str]:
    """What is left of files that were being written."""
    return (name for name in os.listdir(folder) if name.startswith(".imgbudget-"))


def test_what_is_being_written_is_no_leftover(tmp_path: Path) -> None:
    """Another run over the same folder leaves it alone, and so it does with similar names."""
    for name in (".imgbudget-1.tmp", ".imgbudget-1-0123456789abcdef.tmp.jpg", "x.tmp"):
        (tmp_path / name).write_bytes(b"")
    with writing(str(tmp_path / "a.jpg"), str(tmp_path)) as out:
        in_child(lambda: swept(tmp_path))
        assert len(list(neighbours(tmp_path))) == 3
        out.write(b"new")
    assert (tmp_path / "a.jpg").read_bytes() == b"new"
    assert len(os.listdir(tmp_path)) == 4


def test_what_another_process_has_just_made_is_no_leftover(tmp_path: Path) -> None:
    """Empty and not yet locked it may be of a process that runs; with content, or without one, it is not."""
    for name, data in ((f"{os.getppid()}-{1:016x}", b""), (f"{os.getppid()}-{2:016x}", b"x"), ("9" * 9, b"")):
        (tmp_path / f".imgbudget-{name if '-' in name else name + '-' + '3' * 16}.tmp").write_bytes(data)
    assert len(swept(tmp_path)) == 2
    assert list(neighbours(tmp_path)) == [f".imgbudget-{os.getppid()}-{1:016x}.tmp"]


def test_what_a_killed_process_leaves_is_removed(tmp_path: Path) -> None:
    """Killed thirty times, at any moment: each file is the old or the new one, and the next run cleans up."""
    files = [tmp_path / f"{number}.bin" for number in range(4)]
    contents = {bytes((letter,)) * 70_000 for letter in b"ab"}
    for path in files:
        path.write_bytes(b"a" * 70_000)
    left = 0
    for number in range(30):
        child = os.fork()
        if not child:
            content = b"b" if number % 2 else b"a"
            while True:
                for path in files:
                    replace_file(str(path), (content * 7_000 for _ in range(10)))
        time.sleep(0.0005 * (number * 7 % 20))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        left += len(list(neighbours(tmp_path)))
        assert {path.read_bytes() for path in files} <= contents
        swept(tmp_path)
        assert list(neighbours(tmp_path)) == []
    assert left > 0
    assert sorted(os.listdir(tmp_path)) == sorted(path.name for path in files)


def test_a_leftover_is_reported_by_its_name(tmp_path: Path) -> None:
    """A run can report what it removed."""
    with open_folder(str(tmp_path)) as folder:
        out, name = open_temporary(folder)
        assert remove_leftovers(folder) == []
        out.close()
        assert remove_leftovers(folder) == [name]
        assert remove_leftovers(folder) == []
