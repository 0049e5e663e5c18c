"""What the language server does without a client: positions, edits, checks, fixes, cards."""

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from imgbudget.editors.checks import CheckedText, EditorSessions, EditorStart, check_text, start_of
from imgbudget.editors.edits import MOST_PARTS, edited, range_edits
from imgbudget.editors.repairs import FixProcess, FixTask, fix_all, fix_of, fix_text, has_fixes
from imgbudget.editors.text import EditorText, TextPlace
from imgbudget.fixing.thumbnail import EDGE
from imgbudget.imageinfo.decoding import DecodingWorker
from imgbudget.linter.options import RunOptions
from imgbudget.model.subjects import Severity
from imgbudget.output.editors import request_line
from tests.builders import body, image_block, image_bytes

ENCODINGS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
WIDTHS = {"utf-8": 1, "utf-16": 2, "utf-32": 4}

texts = st.text(st.sampled_from('a"é\u2028\u0085😋\n\r\ud83d'), max_size=12)


def lines_of(text: str) -> list[str]:
    """The lines of a text as the protocol counts them, each with its end."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$", text)
    return [*lines, ""] if not text or text[-1] in "\r\n" else lines


def units(text: str, encoding: str) -> int:
    """The code units of a text."""
    return len(text.encode(ENCODINGS[encoding], "surrogatepass")) // WIDTHS[encoding]


@given(texts, st.sampled_from(sorted(ENCODINGS)))
@example("x\u2028😋y", "utf-16")
@example("\ud83d\ud83d", "utf-16")
def test_every_character_has_a_position_and_every_position_a_character(text: str, encoding: str) -> None:
    """Against a count with Python's own encoders, line by line."""
    given_text = EditorText.of(text, encoding)
    at = 0
    for number, line in enumerate(lines_of(text)):
        for column in range(len(line.rstrip("\r\n")) + 1):
            offset = len(text[: at + column].encode("utf-8", "surrogatepass"))
            place = TextPlace(number, units(line[:column], encoding))
            assert given_text.place(offset) == place
            assert given_text.offset(place) == offset
        at += len(line)


def test_positions_beyond_lines_and_inside_characters_are_the_nearest_before() -> None:
    """As the protocol has it for lines; half a character is none."""
    text = EditorText.of("é😋\r\nab", "utf-16")
    assert text.offset(TextPlace(0, 99)) == 6
    assert text.offset(TextPlace(9, 0)) == 10
    assert text.offset(TextPlace(0, 2)) == 2
    assert text.offset(TextPlace(0, -1)) == 0
    assert EditorText.of("é😋", "utf-8").offset(TextPlace(0, 4)) == 2
    assert text.place(4) == TextPlace(0, 1)
    assert text.place(99) == TextPlace(1, 2)


@given(texts, st.data())
def test_changes_are_those_of_the_text(text: str, data: st.DataObject) -> None:
    """A change between any two characters of any lines."""
    ends = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    # no place is between CR and LF
    ends = [at - (text[at - 1 : at + 1] == "\r\n") for at in ends]
    before = EditorText.of(text)
    places = [before.place(len(text[:at].encode("utf-8", "surrogatepass"))) for at in ends]
    changed = before.changed(places[0], places[1], "n😋")
    assert changed.data == EditorText.of(text[: ends[0]] + "n😋" + text[ends[1] :]).data


@given(*[st.text('"a,', max_size=12).map(str.encode)] * 2)
def test_edits_make_the_fixed_text_without_overlaps(before: bytes, after: bytes) -> None:
    """Whatever the difference, in order."""
    edits = range_edits(before, after)
    assert edited(before, edits) == after
    assert all(one.end <= other.start for one, other in pairwise(edits))


def test_edits_replace_what_differs_only() -> None:
    """Two strings of a long text, and all in between only if there is too much of it."""
    before = b'{"a": "old", "long": "' + b"x" * 5000 + b'", "b": "old"}'
    edits = range_edits(before, before.replace(b"old", b"new"))
    assert [(before[one.start : one.end], one.data) for one in edits] == [(b"old", b"new")] * 2
    many = b'"old"' + b'"x"' * MOST_PARTS + b'"old"'
    (edit,) = range_edits(many, many.replace(b"old", b"new"))
    assert many[edit.start : edit.end].startswith(b'old""x"')


def checked_text(path: Path, text: str, options: RunOptions = RunOptions()) -> CheckedText:  # noqa: B008 - immutable
    """The check of a text as a file that need not exist."""
    return check_text(EditorSessions(options), str(path), EditorText.of(text))


def test_text_is_read_as_a_search_reads_its_file(tmp_path: Path) -> None:
    """What is no JSON is a finding in what looks like a request only; YAML and JSON Lines by their names."""
    for name in ("package.json", "a.yaml", "a.txt"):
        assert checked_text(tmp_path / name, '{"name": tru').findings == ()
        assert checked_text(tmp_path / name, '{"name": tru').notes == ()
    (finding,) = checked_text(tmp_path / "a.json", '{"messages": [{"role": "user", ').findings
    assert finding.code == "IB002"
    row = json.dumps(body(image_block(image_bytes((300, 300)), "image/jpeg")))
    found = checked_text(tmp_path / "a.jsonl", f"{row}\n{row}")
    assert [place.line for place, _ in found.requests] == [0, 1]
    assert [line for _, request in found.requests for line in [request_line(request)]] == [
        "1 image, 121 tokens, $0.000363"
    ] * 2
    block = image_block(image_bytes((8, 8)))["source"]["data"]
    found = checked_text(tmp_path / "a.yaml", f"image: data:image/png;base64,{block}")
    assert found.result
    assert len(found.result.images) == 1


def test_line_above_a_request_says_what_is_not_known(tmp_path: Path) -> None:
    """Unknown models and images elsewhere; ranges where sources contradict each other."""

    def line(value: object) -> str:
        ((_, request),) = checked_text(tmp_path / "a.json", json.dumps(value)).requests
        return request_line(request)

    url = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    assert line(body(image_block(), model="some-model")) == "1 image, tokens unknown, cost unknown"
    assert "1 image not counted" in line(body(image_block(), url))
    many = [image_block(image_bytes((1000, 1000)))] * 30
    assert line(body(*many)) == "30 images, 39k tokens, $0.12"


def test_card_of_an_image_that_is_elsewhere_or_damaged(tmp_path: Path) -> None:
    """Its address as words, not as a link; the damage in place of a picture."""
    url = {"type": "image", "source": {"type": "url", "url": "https://example.com/<b>" + "x" * 1000}}
    found = checked_text(tmp_path / "a.json", json.dumps(body(url, image_block(image_bytes()[:60]))))
    assert found.result
    first, second = found.result.images
    card = found.card([first])
    assert "whose bytes are elsewhere" in card
    assert "<b>" not in card
    assert len(card) < 500
    assert "The image " in found.card([second])
    assert "](data:" not in found.card([second])
    assert "<b>" in found.card([first], plain=True)


def test_images_of_one_string_of_a_recording_share_a_card(tmp_path: Path) -> None:
    """Where each is in the string is not known; above them stands what the request comes to."""
    sent = json.dumps(body(*[image_block(image_bytes((300, 300 + number))) for number in range(7)]))
    request = {"method": "POST", "uri": "https://api.anthropic.com/v1/messages", "body": sent}
    recorded = {"interactions": [{"request": request, "response": {"body": {"string": "{}"}}}]}
    checked = checked_text(tmp_path / "a.yaml", yaml.safe_dump(recorded))
    assert [request_line(request).split(",")[0] for _, request in checked.requests] == ["7 images"]
    assert checked.images_at(TextPlace(0, 0)) is None
    images, _ = checked.images_at(TextPlace(3, 50)) or ([], None)
    assert len(images) == 7
    card = checked.card(images)
    assert card.count("300x30") == 5
    assert card.endswith("and 2 more images")


def test_process_that_decodes_makes_thumbnails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small and upright; none of what cannot be decoded, or takes too long; the next image has one again."""
    worker = DecodingWorker()
    try:
        assert worker.thumbnail(image_bytes((640, 480))).startswith("data:image/webp;base64,")
        assert worker.thumbnail(b"no image") == ""
        assert worker.flaw(image_bytes()) == ""
        monkeypatch.setattr("imgbudget.imageinfo.decoding._SECONDS_TO_SHOW", 0.0)
        assert worker.thumbnail(image_bytes((640, 480))) == ""
        monkeypatch.undo()
        assert worker.thumbnail(image_bytes((640, 480)))
    finally:
        worker.close()
    assert EDGE < 640


def test_one_fix_leaves_the_other_findings(tmp_path: Path) -> None:
    """Each by itself, whatever its severity; all together only from a severity on."""
    path = tmp_path / "a.json"
    text = json.dumps(
        body(image_block(image_bytes((3000, 2000))), image_block(image_bytes((300, 300)), "image/jpeg"))
    )
    checked = checked_text(path, text)
    assert [finding.code for finding in checked.findings] == ["IB201", "IB105"]
    for finding, other in zip(checked.findings, reversed(checked.findings), strict=True):
        fixed = fix_text(
            RunOptions(), FixTask(str(path), text.encode(), fix_of(finding), start_of(str(path), ()))
        )
        assert fixed.failed == ()
        after = checked_text(path, edited(text.encode(), fixed.edits).decode())
        assert [one.code for one in after.findings] == [other.code]
    fixed = fix_text(
        RunOptions(), FixTask(str(path), text.encode(), fix_all(Severity.ERROR), start_of(str(path), ()))
    )
    after = checked_text(path, edited(text.encode(), fixed.edits).decode())
    assert [one.code for one in after.findings] == ["IB201"]
    assert has_fixes(after, fix_all(Severity.WARNING))
    assert not has_fixes(after, fix_all(Severity.ERROR))


def test_fix_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    """The reason of the fixer; or that its process was ended."""
    path = tmp_path / "a.json"
    broken = image_bytes((3000, 2000), "JPEG")
    text = json.dumps(body(image_block(broken[: len(broken) // 2] + b"\xff\xd9", "image/jpeg")))
    checked = checked_text(path, text)
    finding = next(one for one in checked.findings if one.fix is not None)
    task = FixTask(str(path), text.encode(), fix_of(finding), start_of(str(path), ()))
    fixed = fix_text(RunOptions(), task)
    assert fixed.edits == ()
    assert fixed.failed[0].startswith(f"{finding.code}: ")
    process = FixProcess(RunOptions())
    with ThreadPoolExecutor(1) as threads:
        fixing = threads.submit(process.fix, task)
        while not process._pool._processes and not fixing.done():
            pass
        process.stop()
        assert fixing.result().failed[0].startswith("the fix took more than 120 s")


def test_configurations_are_read_once_until_they_change(tmp_path: Path) -> None:
    """One session for the files of a folder, and a new one after a change."""
    sessions = EditorSessions(RunOptions())
    path = tmp_path / "a.json"
    first = sessions.at(str(path))
    assert sessions.at(str(tmp_path / "b.json")) is first
    (tmp_path / "imgbudget.yaml").write_text("model: gpt-4o\n")
    second = sessions.at(str(path))
    assert second is not first
    assert second.context.model == "gpt-4o"
    assert sessions.at(str(path)) is second
    sessions.forget()
    assert sessions.at(str(path)) is not second


PACKS = RunOptions(allow_local_packs=True)


def write_pack(folder: Path, name: str) -> Path:
    """A rule pack beside a configuration that names it; running its code makes the file that is returned."""
    mark = folder / f"{name}-has-run"
    (folder / f"{name}.py").write_text(f"RULES = ()\nopen({str(mark)!r}, 'w').close()\n")
    (folder / "imgbudget.yaml").write_text(f"ignore: [IB105]\npacks: [imgbudget_rules, {name}]\n")
    return mark


def test_run_starts_in_the_innermost_open_folder_around_a_file(tmp_path: Path) -> None:
    """Without one in the repository, and without that in its own folder; as the path spells them."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    path, outer = str(inner / "r.json"), tmp_path / "a"
    assert start_of(path, [str(tmp_path), str(outer), str(tmp_path / "other")]) == EditorStart(str(outer))
    assert start_of(path, [str(inner)]) == EditorStart(str(inner))
    assert start_of(path, [str(tmp_path / "a" / "bb")]) == EditorStart(str(inner), packs=False)
    assert start_of(str(inner / "not" / "there.json"), []) == EditorStart(str(inner), packs=False)
    assert not start_of(f"{inner}/\0/c/r.json", [str(tmp_path / "other")]).packs
    (outer / ".git").mkdir()
    assert start_of(path, [str(tmp_path / "other")]) == EditorStart(str(outer))
    assert start_of(path, [str(tmp_path)]) == EditorStart(str(tmp_path))
    link = tmp_path / "link"
    link.symlink_to(outer)
    assert start_of(path, [str(link)]) == EditorStart(str(outer))
    assert start_of(str(link / "b" / "r.json"), [str(outer)]) == EditorStart(str(link))
    assert start_of(str(link / "b" / "r.json"), []) == EditorStart(str(link))


def test_code_is_named_by_the_open_folder_or_the_repository_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by a nested configuration, nor by one that came with a file; fixes load no other packs."""
    inner = tmp_path / "inner"
    inner.mkdir()
    names = ("outer_pack_of_editors", "inner_pack_of_editors")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    outer_ran, inner_ran = write_pack(tmp_path, names[0]), write_pack(inner, names[1])
    path = inner / "r.json"
    text = json.dumps(body(image_block(image_bytes((300, 300)), "image/jpeg")))
    why = "only the configuration of the working folder or --config can name code to run"

    def notes(*roots: Path) -> list[str]:
        said: list[str] = []
        sessions = EditorSessions(PACKS, said.append, [str(root) for root in roots])
        checked = check_text(sessions, str(path), EditorText.of(text))
        assert (checked.notes, checked.findings) == ((), ())
        assert check_text(sessions, str(path), EditorText.of(text)).findings == ()
        assert checked.settings
        assert checked.settings.source == str(inner / "imgbudget.yaml")
        fix_text(
            PACKS, FixTask(str(path), text.encode(), fix_all(Severity.ERROR), sessions.start_of(str(path)))
        )
        return said

    (note,) = notes()
    assert note.endswith(f"inner/imgbudget.yaml:2: packs: {names[1]} not loaded: {why}")
    assert not outer_ran.exists()
    (tmp_path / ".git").mkdir()
    assert notes() == [note]
    assert outer_ran.exists()
    assert notes(tmp_path) == [note]
    assert not inner_ran.exists()
    assert notes(inner, tmp_path) == []
    assert inner_ran.exists()
    for name in names:
        sys.modules.pop(name, None)


def test_nested_configuration_that_changes_is_noticed(tmp_path: Path) -> None:
    """Also its file of limits; the one of the open folder still holds for what lies beside it."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "imgbudget.yaml").write_text("model: gpt-4o\n")
    said: list[str] = []
    sessions = EditorSessions(RunOptions(), said.append, [str(tmp_path)])

    def model_at(path: Path) -> str:
        return sessions.at(str(path)).context.at(str(path)).model

    assert model_at(inner / "r.json") == "gpt-4o"
    (inner / "imgbudget.yaml").write_text("model: claude-opus-4-8\nbaseline: known.json\n")
    assert model_at(inner / "r.json") == "claude-opus-4-8"
    assert model_at(tmp_path / "r.json") == "gpt-4o"
    assert [note.partition("inner/")[2].partition(": only")[0] for note in said] == [
        "imgbudget.yaml:2: baseline: not used"
    ]
    (inner / "imgbudget.yaml").write_text("modle: x\n")
    checked = check_text(sessions, str(inner / "r.json"), EditorText.of("{}"))
    assert [problem.line for problem in checked.problems] == [1]
    (inner / "imgbudget.yaml").unlink()
    assert model_at(inner / "r.json") == "gpt-4o"
