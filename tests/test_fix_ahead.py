"""The images of a request are edited on several processes, and the result is that of one process."""

import base64
import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from imgbudget.errors import FixError, UnreadableError
from imgbudget.fixing import ahead
from imgbudget.fixing.request import RequestFixer
from imgbudget.limits.geometry import CoordinateMap
from imgbudget.linter import pool
from imgbudget.model.edits import EditedImage, ImageEdit
from tests.builders import body, image_block, image_bytes
from tests.conftest import Command, posix
from tests.drawings import encoded, noisy, soft
from tests.fixing import SIZE, edited, request_edit
from tests.processes import one_thread

pytestmark = posix

NUMBER = 7
PATHS = [("messages", 0, "content", i, "source") for i in range(NUMBER)]
REQUEST = json.dumps(body(*(image_block(b"%d" % i) for i in range(NUMBER)))).encode()


@pytest.fixture(autouse=True)
def _forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests may have started threads; and the images of these are small."""
    one_thread(monkeypatch)
    monkeypatch.setattr(ahead, "_WORTH", 0)


def _by_process(data: bytes, _edit: ImageEdit) -> EditedImage:
    """The number of the process in place of the image; image 2 is refused, 3 slow, 4 kills the process."""
    if data == b"2":
        raise FixError("is refused")
    if data == b"3":
        time.sleep(0.5)
    if data == b"4":
        os.kill(os.getpid(), signal.SIGKILL)
    return EditedImage(b"%s of %d" % (data, os.getpid()), "webp", SIZE, 90, (), CoordinateMap(SIZE, SIZE))


def test_images_are_edited_in_other_processes_and_written_in_order() -> None:
    """One that is refused, and one whose editing crashes a process, stay; each outcome is reported once."""
    fixer = RequestFixer(_by_process, jobs=2)
    made = json.loads(edited(REQUEST, request_edit(PATHS), by=fixer))
    sources = [block["source"] for block in made["messages"][0]["content"]]
    texts = [base64.b64decode(source["data"]) for source in sources]
    assert [text[:1] for text in texts] == [b"%d" % i for i in range(NUMBER)]
    assert (texts[2], texts[4]) == (b"2", b"4")
    processes = {int(text.split()[-1]) for i, text in enumerate(texts) if i not in {2, 4}}
    assert os.getpid() not in processes
    assert len(processes) > 1
    assert [source["media_type"][6:] for source in sources] == [
        "png" if i in {2, 4} else "webp" for i in range(NUMBER)
    ]
    assert [(it.location.keys, it.reason) for it in fixer.failed] == [
        (PATHS[2], "is refused"),
        (PATHS[4], "the process that edited this image crashed"),
    ]
    assert [it.location.keys for it in fixer.rewritten] == [PATHS[i] for i in (0, 1, 3, 5, 6)]


def test_one_process_suffices_where_more_do_not_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """One image, small ones, one process, threads, or a process of a pool: nothing is started."""
    assert ahead.pays([1, 2], 2)
    assert not ahead.pays([1], 2)
    assert not ahead.pays([1, 2], 1)
    with monkeypatch.context() as patch:
        patch.setattr(pool, "has_threads", lambda: True)
        assert not ahead.pays([1, 2], 2)
    with monkeypatch.context() as patch:
        patch.setattr(multiprocessing.current_process(), "_config", {"daemon": True})
        assert not ahead.pays([1, 2], 2)
    monkeypatch.setattr(ahead, "_WORTH", 4)
    assert not ahead.pays([1, 2], 2)
    assert ahead.pays([2, 2], 2)


def test_an_end_before_the_last_image_ends_the_processes() -> None:
    """As Ctrl-C does, or a full disk: nobody waits for images that are not written."""

    def slow() -> ahead.EditOutcome:
        time.sleep(600)
        return ahead.EditOutcome(None)

    edits = ahead.Ahead([lambda: ahead.EditOutcome(None, reason="done"), slow, slow], 2)
    assert edits.outcome(0).reason == "done"
    started = multiprocessing.active_children()
    assert len(started) == 2
    edits.close()
    assert not any(process.is_alive() for process in started)


def test_an_unreadable_file_is_reported_as_by_one_process() -> None:
    """It may be changed while it is read."""

    def changed() -> ahead.EditOutcome:
        raise UnreadableError("was changed while it was read")

    edits = ahead.Ahead([changed, changed], 2)
    with pytest.raises(UnreadableError, match="was changed while it was read"):
        edits.outcome(0)
    edits.close()


def test_the_command_makes_the_same_file_with_any_number_of_processes(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a broken image too; --jobs 1 starts none."""
    started: list[int] = []
    init = ahead.Ahead.__init__

    def counted(self: ahead.Ahead, edits: list[ahead.Edit], jobs: int) -> None:
        started.append(jobs)
        init(self, edits, jobs)

    monkeypatch.setattr(ahead.Ahead, "__init__", counted)
    pictures = [image_bytes((1700, 400 + i), "JPEG") for i in range(3)]
    pictures.append(encoded(soft((1700, 500)), "JPEG")[:-900])
    pictures.append(encoded(noisy((1700, 20)), "PNG"))
    made = []
    for jobs in ("1", "2", "3"):
        path = tmp_path / f"{jobs}.json"
        path.write_text(json.dumps(body(*map(image_block, pictures))))
        imgbudget("check", "--fix", "--fix-level", "warning", "--jobs", jobs, str(path))
        made.append(path.read_bytes())
    assert made[0] == made[1] == made[2]
    assert len(made[0]) < len(json.dumps(body(*map(image_block, pictures))))
    assert set(started) == {2, 3}
