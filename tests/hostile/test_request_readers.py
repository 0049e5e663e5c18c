"""Request files whose size, shape or mistakes are out of proportion are read in bounded memory and time."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest

from imgbudget.errors import UnreadableError
from imgbudget.jsontext import document, parser
from imgbudget.jsontext import source as sources
from imgbudget.requests import base
from imgbudget.requests.base import MOST_FLAWS
from imgbudget.requests.cassettes import read_cassette
from tests.builders import body, image_block, write_json
from tests.conftest import Command

EMPTY = '{"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": "é"}]}'
URL = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def cassette(interactions: int, request_body: str = EMPTY, more: str = "") -> bytes:
    """A cassette of so many recorded requests."""
    part = (
        f"- request:\n    method: POST\n    body: '{request_body}'\n  response: {{status: {{code: 200}}}}\n"
    )
    return f"{more}interactions:\n{part * interactions}".encode()


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of the faster of two runs."""
    found = []
    for _ in range(2):
        begun = process_time()
        work()
        found.append(process_time() - begun)
    return min(found)


def peak(work: Callable[[], object]) -> int:
    """The most bytes that a piece of work has allocated at a time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def read_and_locate(text: bytes) -> int:
    """Read a cassette and locate each of its bodies, as findings on them do; how many there are."""
    with sources.JsonSource.from_bytes(text) as source:
        found = read_cassette(source)
        return sum(len(found.spans([item.keys])) for item in found.bodies)


def test_a_cassette_takes_time_in_proportion_to_its_requests() -> None:
    """Eight times the requests take about eight times as long, positions included."""
    small, large = cassette(500), cassette(4000)
    assert read_and_locate(large) == 4000
    assert seconds(lambda: read_and_locate(large)) < 30 * seconds(lambda: read_and_locate(small))


def test_positions_in_a_cassette_count_bytes_and_characters() -> None:
    """Behind letters of several bytes and a byte order mark, each span is that of the body."""
    text = b"\xef\xbb\xbf" + cassette(3, more="# ünïcode\n")
    with sources.JsonSource.from_bytes(text) as source:
        found = read_cassette(source)
    spans = found.spans([item.keys for item in found.bodies])
    assert [text[span.start : span.end].decode() for span in spans.values()] == [f"'{EMPTY}'"] * 3
    assert [(span.line, span.column) for span in spans.values()] == [(5, 11), (9, 11), (13, 11)]


def test_nesting_and_aliases_of_yaml_cost_nothing() -> None:
    """Nodes that lead to no body are neither built nor followed: aliases of aliases, and deep lists."""
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40)
    )
    deep = f"deep: {'[' * 500}{']' * 500}\n"
    text = cassette(2, more=laughs + deep)
    assert peak(lambda: read_and_locate(text)) < 3_000_000
    assert read_and_locate(text) == 2


def test_yaml_that_is_nested_very_deeply_is_refused_or_read() -> None:
    """A hundred thousand levels end with a message, or are skipped; nothing else is raised."""
    text = cassette(1, more=f"deep: {'[' * 100_000}\n")
    with pytest.raises(UnreadableError):
        read_and_locate(text)


def test_bodies_under_complex_keys_and_in_later_documents_are_as_before() -> None:
    """A mapping as a key, a binary body, bodies in a mapping, and more documents than one."""
    text = (
        b"? {a: b}\n: c\ninteractions:\n- request: {body: {string: one}}\n"
        b"- request: {body: {base64_string: dHdv}}\n- &x request: {body: !!binary dGhyZWU=}\n- *x\n"
        b"- request: {body: [four]}\n- [request, {body: five}]\n"
        b"---\nhttp_interactions:\n  one: {request: {body: six}}\n"
    )
    with sources.JsonSource.from_bytes(text) as source:
        found = read_cassette(source)
    assert [item.text for item in found.bodies] == ["one", b"two", b"three", "six"]
    assert [item.keys[1] for item in found.bodies] == [0, 1, 2, "one"]


@pytest.mark.parametrize("name", ["a.jsonl", "b.jsonl"])
def test_broken_lines_beyond_some_are_counted(name: str, imgbudget: Command, tmp_path: Path) -> None:
    """A thousand are listed; one more finding stands for the rest, totals count all."""
    first = json.dumps(body(image_block(), "what?")) + "\n" if name == "a.jsonl" else ""
    (tmp_path / name).write_text(first + "{x\n" * 5000)
    run = imgbudget("check", name, "--format", "json", "--statistics")
    found = [finding for finding in run.json["findings"] if finding["code"] == "IB002"]
    assert run.code == 1
    assert len(found) == MOST_FLAWS + 1
    assert found[-1]["message"] == "4,000 more mistakes are not listed"
    assert found[-1]["line"] == MOST_FLAWS + 1 + bool(first)
    assert run.json["summary"]["findings"]["error"] == 5000
    assert len({finding["fingerprint"] for finding in found}) == len(found)


def test_memory_does_not_grow_with_broken_lines(imgbudget: Command, tmp_path: Path) -> None:
    """Three times the lines take no more memory."""
    sizes = []
    for count in (1100, 3300):
        (tmp_path / "a.jsonl").write_text("{x\n" * count)
        sizes.append(peak(lambda: imgbudget("check", "a.jsonl", "--format", "concise")))
    assert sizes[1] < 1.3 * sizes[0]


def test_ignored_broken_lines_stay_ignored(imgbudget: Command, tmp_path: Path) -> None:
    """The finding that stands for the rest has the code of the rule."""
    (tmp_path / "a.jsonl").write_text("{x\n" * 1500)
    run = imgbudget("check", "a.jsonl", "--format", "json", "--ignore", "IB002")
    assert (run.code, run.codes) == (0, [])


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(body() | {"messages": [{"role": "user", "content": [{}] * 4000}]}),
        json.dumps(body() | {"messages": [7] * 4000}),
        json.dumps([body("x"), *[[]] * 4000]),
        json.dumps(body("x"))[:-1] + "".join(f', "k{i}": 1, "k{i}": 2' for i in range(4000)) + "}",
    ],
    ids=["blocks", "messages", "entries", "keys"],
)
def test_mistakes_in_one_request_beyond_some_are_counted(
    text: str, imgbudget: Command, tmp_path: Path
) -> None:
    """Blocks, messages, entries of a list and duplicate keys: all are counted, a thousand are listed."""
    (tmp_path / "r.json").write_text(text)
    run = imgbudget("check", "r.json", "--format", "json")
    found = [finding for finding in run.json["findings"] if finding["code"] == "IB002"]
    assert len(found) <= MOST_FLAWS + 2
    assert any("more mistakes are not listed" in finding["message"] for finding in found)
    assert sum(run.json["summary"]["findings"].values()) >= 4000


def test_mistakes_of_many_requests_share_the_list(imgbudget: Command, tmp_path: Path) -> None:
    """Rows of a file with hundreds of mistakes each list no more together."""
    row = json.dumps(body() | {"messages": [{"role": "user", "content": [{}] * 300}]}) + "\n"
    (tmp_path / "a.jsonl").write_text(row * 20)
    run = imgbudget("check", "a.jsonl", "--format", "json")
    assert run.codes.count("IB002") == MOST_FLAWS + 1
    assert run.json["summary"]["findings"]["error"] == 6000


@pytest.mark.parametrize(
    "text",
    [
        '{"messages": [], ' + ", ".join(f'"k{i}": 1' for i in range(700)) + "}",
        "[" + ", ".join(["[]"] * 700) + "]",
        json.dumps(body("x"))[:-1] + ', "a": 1' * 700 + "}",
    ],
    ids=["keys", "arrays", "equal keys"],
)
def test_documents_of_too_many_values_are_refused(
    text: str, imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before they are parsed: a value of a few bytes takes a hundred in memory."""
    monkeypatch.setattr(parser, "MAX_VALUES", 1000)
    monkeypatch.setattr(document, "MAX_VALUES", 1000)
    (tmp_path / "r.json").write_text(text)
    run = imgbudget("check", "r.json", "--format", "json")
    assert (run.code, run.codes) == (1, ["IB002"])
    assert run.json["findings"][0]["message"] == "over 1,000 values and keys"


def test_commas_and_brackets_in_strings_are_no_values(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prose, tables and code in texts are not counted."""
    monkeypatch.setattr(parser, "MAX_VALUES", 1000)
    write_json(tmp_path / "r.json", body('a, b: [c] {d} \\ " ,' * 200, "e, f" * 500))
    run = imgbudget("check", "r.json", "--format", "json")
    assert (run.code, run.json["summary"]["requests"]) == (0, 1)


@pytest.mark.parametrize(
    "request_",
    [
        body() | {"messages": [{"role": "user", "content": [{"type": "other"}] * 80}]},
        body() | {"messages": [{"role": "user", "content": "x"}] * 80},
        {"model": "gpt-4o", "messages": [{"role": "user", "content": [URL] * 80}]},
        {"contents": [{"parts": [{"text": "x"}] * 80}]},
    ],
    ids=["blocks", "messages", "parts of OpenAI", "parts of Gemini"],
)
def test_blocks_beyond_some_are_not_read_and_reported(
    request_: dict[str, object], imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request of more messages and blocks than any API accepts is an error that states how many."""
    monkeypatch.setattr(base, "MOST_BLOCKS", 50)
    write_json(tmp_path / "r.json", request_)
    run = imgbudget("check", "r.json", "--format", "json")
    assert run.code == 1
    assert any(
        "entries beyond the 50 of a request that are read" in it["message"] for it in run.json["findings"]
    )
