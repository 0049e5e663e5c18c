"""The last line of a session that its agent is still writing."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.jsontext.document import BadDocument, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.jsontext.unfinished import is_unfinished
from tests.builders import image_block, image_bytes
from tests.conftest import Command

REASON = "the last line is not complete: not read"
VALUE: dict[str, Any] = {
    "uuid": "u",
    "n": [1, True, None, False, -1.5e-30, {}],
    "t": 'caf\u00e9 \n \\ " \U0001f600',
    "i": "A" * 20,
}


def last(text: bytes) -> bool:
    """Whether the last line of a text is unfinished."""
    with JsonSource.from_bytes(text) as source:
        document = list(open_documents(source, lines=True))[-1]
        return isinstance(document, BadDocument) and is_unfinished(document, source)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_beginning_of_a_line(ascii_only: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Wherever the writer is: in a name, a number, an escape, a character of several bytes."""
    line = json.dumps(VALUE, ensure_ascii=ascii_only).encode()
    assert [cut for cut in range(1, len(line)) if not last(b"{}\n" + line[:cut])] == []
    assert not last(b"{}\n" + line)
    assert not last(b"{}\n" + line[:30] + b"\n")


def test_a_file_with_its_end_is_not_being_written() -> None:
    """One JSON value over several lines, cut behind a line break: who writes it has ended."""
    for text, expected in ((b'{"a": [1,\n', False), (b'{"a": [1,', True)):
        with JsonSource.from_bytes(text) as source:
            (document,) = open_documents(source, lines=False)
            assert isinstance(document, BadDocument)
            assert is_unfinished(document, source) is expected


@pytest.mark.parametrize(
    "line",
    [
        b"xyz",
        b'{"a": tru}',
        b'{"a":1}}',
        b"\0\0\0",
        b'{"a":"b\0',
        b'{"a":\xff',
        b'{"a":"\xe2\x82z',
        b"<html>",
        b'{"a":"\\q',
    ],
)
def test_mistakes_are_not_beginnings(line: bytes) -> None:
    """Nothing that follows could make them JSON."""
    assert not last(b"{}\n" + line)


def lines(number: int = 3) -> list[str]:
    """Lines of a session of Claude Code, each with an image."""
    made: list[Any] = [
        {"uuid": str(i), "parentUuid": str(i - 1) if i else None, "sessionId": "s", "type": "user"}
        | {"message": {"role": "user", "content": [image_block(image_bytes((300 + i, 300)))]}}
        for i in range(number)
    ]
    return [json.dumps(line) for line in made]


def test_half_written_line_of_a_session(imgbudget: Command, tmp_path: Path) -> None:
    """No error, but a note with the line, a row that was skipped, and exit code 2 on request."""
    first, second, third = lines()
    (tmp_path / "s.jsonl").write_text(f"{first}\n{second}\n{third[:400]}")
    run = imgbudget("check", "s.jsonl", "--format", "json")
    summary = run.json["summary"]
    assert (run.code, summary["images"], summary["findings"]["error"]) == (0, 2, 0)
    assert summary["partly_checked"] == [{"path": "s.jsonl", "reason": f"line 3: {REASON}"}]
    skipped = {"path": "s.jsonl", "line": 3, "end_line": 3, "reason": REASON}
    assert summary["rows"] == {"total": 3, "checked": 2, "bad": 0, "skipped": [skipped]}
    assert f"note: s.jsonl: line 3: {REASON}" in run.err
    assert imgbudget("check", "s.jsonl", "--fail-on-unread").code == 2
    assert imgbudget("audit", "s.jsonl").code == 2
    assert f"s.jsonl: line 3: {REASON}" in imgbudget("size", "s.jsonl").err


@pytest.mark.parametrize(
    "text",
    [
        "{0}\n{1}\n{2}\n",  # a whole line that is bad
        "{0}\n{2}\n{1}",  # not the last
    ],
)
def test_other_bad_lines_are_errors(imgbudget: Command, tmp_path: Path, text: str) -> None:
    """A line with its end, and one in the middle, will not be completed."""
    first, second, third = lines()
    (tmp_path / "s.jsonl").write_text(text.format(first, second, third[:400]))
    assert "IB002" in imgbudget("check", "s.jsonl", "--format", "json").codes


def test_other_files_are_errors(imgbudget: Command, tmp_path: Path) -> None:
    """A file of requests or of messages that was cut off is no session that is being written."""
    request = json.dumps(
        {"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": [image_block()]}]}
    )
    message = json.dumps({"role": "user", "content": [image_block()]})
    for line in (request, message):
        (tmp_path / "r.jsonl").write_text(f"{line}\n{line}\n{line[:90]}")
        assert "IB002" in imgbudget("check", "r.jsonl", "--format", "json").codes


def test_session_of_which_nothing_else_is_there(imgbudget: Command, tmp_path: Path) -> None:
    """The first message is being written: the file is skipped, with that reason."""
    (tmp_path / "s.jsonl").write_text('{"type": "summary", "uuid": "x", "summary": "s"}\n' + lines()[0][:99])
    run = imgbudget("check", "s.jsonl", "--fail-on-unread")
    assert run.code == 2
    assert (
        f"not checked: s.jsonl: no request: a line of a session without a message; line 2: {REASON}"
        in run.err
    )
