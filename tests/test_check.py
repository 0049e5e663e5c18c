"""`imgbudget check` end to end: files and requests in, findings, numbers and exit codes out."""

import json
import os
import stat
from pathlib import Path

import pytest

from tests.builders import body, image_block, image_bytes, text_block, write_json
from tests.conftest import Command


def test_clean_folder_exits_0(imgbudget: Command, tmp_path: Path) -> None:
    """A fitting image and a clean request: no finding, one line, exit 0."""
    (tmp_path / "a.png").write_bytes(image_bytes((400, 300)))
    write_json(tmp_path / "r.json", body(image_block(), "what is this?"))
    run = imgbudget("check")
    assert (run.code, run.err) == (0, "")
    assert run.out.startswith("no findings in 2 checked files (2 images, 1 request)")


def test_oversized_photo_is_reported_with_its_plan(imgbudget: Command, tmp_path: Path) -> None:
    """A 4000x3000 JPEG: IB201 with the row 3:4 turned over, 1564 tokens, and the numbers of the contract."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    run = imgbudget("check", "a.jpg", "--format", "json")
    assert run.code == 1
    assert run.codes == ["IB201"]
    finding, image = run.json["findings"][0], run.json["images"][0]
    assert finding["fix"] == {"safety": "safe", "title": "resize to 1268x951"}
    assert (finding["path"], finding["pointer"], finding["line"]) == ("a.jpg", None, None)
    assert (finding["model"], finding["platform"]) == ("claude-sonnet-4-6", "anthropic")
    assert image["resized"] == [1270, 952]
    assert (image["tokens"], image["tokens_area"], image["cost_usd"]) == (1564, 1613, 0.004692)
    summary = run.json["summary"]
    assert (summary["visual_tokens"], summary["tokens_after_fix"]) == (1564, 1564)


def test_tokens_after_the_safe_fixes(imgbudget: Command, tmp_path: Path) -> None:
    """A column of patches is saved, in a file and in a request, where a budget demands it; else not."""
    data = image_bytes((1121, 800))
    (tmp_path / "a.png").write_bytes(data)
    write_json(tmp_path / "r.json", body(image_block(data), image_block(image_bytes((300, 300)))))
    budget = ("check", "a.png", "r.json", "--format", "json", "--budget", "image.tokens=1160")
    run = imgbudget(*budget)
    assert sorted(run.codes) == ["IB202", "IB202", "IB601", "IB601"]
    before, after = run.json["summary"]["visual_tokens"], run.json["summary"]["tokens_after_fix"]
    assert (before, after) == (2 * 1189 + 121, 2 * 1160 + 121)
    ignored = imgbudget(*budget, "--ignore", "IB601").json["summary"]
    assert ignored["tokens_after_fix"] == before


def test_off_ratio_photo_goes_to_the_native_size(imgbudget: Command, tmp_path: Path) -> None:
    """4001x2999 keeps no row's ratio: its fix is the native size."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((4001, 2999), "JPEG"))
    run = imgbudget("check", "a.jpg", "--format", "json")
    assert run.json["findings"][0]["fix"]["title"] == "resize to 1270x952"


def many(count: int) -> list[object]:
    """Blocks of that many distinct images of 2100x30 px, and one small one."""
    wide = [image_block(image_bytes((2100, 210), colour=i * 77)) for i in range(count - 1)]
    return [*wide, image_block(image_bytes((300, 300)))]


def test_twenty_images_may_be_large(imgbudget: Command, tmp_path: Path) -> None:
    """20 images over 2000 px: no IB102."""
    write_json(tmp_path / "r.json", body(*many(20)))  # type: ignore[arg-type]
    assert "IB102" not in imgbudget("check", "r.json", "--format", "json").codes


def test_the_twenty_first_image_breaks_all_large_ones(imgbudget: Command, tmp_path: Path) -> None:
    """21 images: IB102 on each one over 2000 px at its own place, none on the small one."""
    write_json(tmp_path / "r.json", body(*many(21)))  # type: ignore[arg-type]
    run = imgbudget("check", "r.json", "--format", "json", "--select", "IB102")
    assert run.code == 1
    assert [finding["location"] for finding in run.json["findings"]] == [
        f"messages.0.content.{i}" for i in range(20)
    ]
    assert {finding["limit"] for finding in run.json["findings"]} == {2000}


def test_body_of_33_mb(imgbudget: Command, tmp_path: Path) -> None:
    """A body over 32 MB: IB401 names the limit and the platform; between the two readings it is a warning."""
    blocks = [image_block(image_bytes((600, 600)) + bytes([i]) * 3_000_000) for i in range(8)]
    path = write_json(tmp_path / "r.json", body(*blocks))
    assert 32_000_000 < path.stat().st_size < 33_554_432
    run = imgbudget("check", "r.json", "--format", "json", "--select", "IB401")
    finding = run.json["findings"][0]
    assert (run.code, finding["code"], finding["severity"]) == (1, "IB401", "warning")
    assert "32 MB" in finding["message"]
    assert "anthropic" in finding["message"]
    write_json(path, body(*blocks, *blocks[:1]))
    finding = imgbudget("check", "r.json", "--format", "json", "--select", "IB401").json["findings"][0]
    assert finding["severity"] == "error"


def test_five_megabytes_of_base64_by_platform(imgbudget: Command, tmp_path: Path) -> None:
    """5.3 MB of base64 in one image: clean on anthropic, IB103 on bedrock."""
    block = image_block(image_bytes((600, 600)) + b"\0" * 3_970_000)
    assert 5_242_880 < len(block["source"]["data"]) < 5_400_000
    write_json(tmp_path / "r.json", body(block))
    assert imgbudget("check", "r.json").code == 0
    run = imgbudget("check", "r.json", "--platform", "bedrock", "--format", "json")
    assert run.codes == ["IB103"]
    assert run.json["findings"][0]["limit"] == 5_242_880


def test_images_in_tool_results_and_documents_count(imgbudget: Command, tmp_path: Path) -> None:
    """Nested images have their own places and the API's dotted locations."""
    nested = {"type": "tool_result", "tool_use_id": "t", "content": [text_block("ok"), image_block()]}
    pages = {"type": "document", "source": {"type": "content", "content": [image_block()]}}
    write_json(tmp_path / "r.json", body(nested, pages, image_block()))
    run = imgbudget("check", "r.json", "--format", "json", "--isolated")
    assert [image["pointer"] for image in run.json["images"]] == [
        "/messages/0/content/0/content/1/source",
        "/messages/0/content/1/source/content/0/source",
        "/messages/0/content/2/source",
    ]
    assert run.json["requests"][0]["images"] == 3
    assert run.json["requests"][0]["documents"] == 1


def test_places_are_lines_columns_and_pointers(imgbudget: Command, tmp_path: Path) -> None:
    """A finding on a block names line, column, pointer and location, and the span is the value's own."""
    text = json.dumps(body("describe this picture at length, please", image_block()), indent=2)
    (tmp_path / "r.json").write_text(text)
    finding = imgbudget("check", "r.json", "--format", "json", "--select", "IB501").json["findings"][0]
    assert finding["location"] == "messages.0.content.1"
    line = text.splitlines()[finding["line"] - 1]
    assert line[finding["column"] - 1 :].startswith("{")
    assert finding["end_line"] > finding["line"]


def test_bare_array_of_requests(imgbudget: Command, tmp_path: Path) -> None:
    """Each entry is a request with its own locations; an entry that is not a request is IB002."""
    write_json(
        tmp_path / "r.json",
        [body(image_block()), {"no": "request"}, body(image_block(image_bytes((10, 300))))],
    )
    run = imgbudget("check", "r.json", "--format", "json")
    assert len(run.json["requests"]) == 2
    assert run.codes == ["IB002", "IB301"]
    assert run.json["findings"][1]["pointer"] == "/2/messages/0/content/0/source"
    assert run.json["findings"][1]["location"] == "messages.0.content.0"


def test_model_of_a_request_wins(imgbudget: Command, tmp_path: Path) -> None:
    """Files are checked against --model, a request against its own model."""
    data = image_bytes((1920, 1080))
    (tmp_path / "a.png").write_bytes(data)
    write_json(tmp_path / "r.json", body(image_block(data), model="claude-opus-4-8"))
    run = imgbudget("check", ".", "--format", "json", "--model", "claude-haiku-4-5")
    assert [image["tokens"] for image in run.json["images"]] == [1560, 2691]
    assert run.json["requests"][0]["model"] == "claude-opus-4-8"
    assert run.codes == ["IB201"]


def test_bedrock_spelling_implies_its_platform(imgbudget: Command, tmp_path: Path) -> None:
    """A Bedrock id brings Bedrock's limits."""
    write_json(tmp_path / "r.json", body(image_block(), model="us.anthropic.claude-opus-4-5-20251101-v1:0"))
    request = imgbudget("check", "r.json", "--format", "json").json["requests"][0]
    assert (request["model"], request["platform"]) == ("claude-opus-4-5", "bedrock")


def test_unknown_model_warns_and_gets_the_limits_of_its_family(imgbudget: Command, tmp_path: Path) -> None:
    """Standard tier, a warning that names the closest ids, no price, no crash."""
    (tmp_path / "a.png").write_bytes(image_bytes((1920, 1080)))
    run = imgbudget("check", "a.png", "--model", "claude-sonet-4-6")
    assert run.code == 1
    assert "unknown model 'claude-sonet-4-6'" in run.err
    assert "claude-sonnet-4-6" in run.err
    assert "IB201" in run.out
    (image,) = imgbudget("check", "a.png", "--model", "claude-sonet-4-6", "--format", "json").json["images"]
    assert (image["tokens"], image["cost_usd"]) == (1560, None)
    run = imgbudget("check", "a.png", "--model", "acme-1", "--format", "json")
    assert (run.code, run.codes, run.json["images"][0]["tokens"]) == (0, [], None)
    assert "unknown model 'acme-1': tokens and cost are not counted" in run.err


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("info", 1), ("never", 0)])
def test_fail_on_sets_the_exit_code(imgbudget: Command, tmp_path: Path, fail_on: str, code: int) -> None:
    """A warning fails from --fail-on warning downwards."""
    (tmp_path / "a.png").write_bytes(image_bytes((100, 300)))
    assert imgbudget("check", "a.png", "--fail-on", fail_on).code == code
    assert imgbudget("check", "a.png", "--exit-zero").code == 0


def test_selection_by_code_prefix_and_name(imgbudget: Command, tmp_path: Path) -> None:
    """--select narrows, --ignore takes away, --extend-select adds; the longer selector wins."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((4000, 190), "JPEG", orientation=6))

    def codes(*options: str) -> list[str]:
        return imgbudget("check", "a.jpg", "--format", "json", *options).codes

    assert codes() == ["IB201", "IB301", "IB303"]
    assert codes("--select", "IB3") == ["IB301", "IB303"]
    assert codes("--ignore", "IB3") == ["IB201"]
    assert codes("--select", "IB3", "--ignore", "tiny-edge") == ["IB303"]
    assert codes("--ignore", "IB3", "--extend-select", "IB303") == ["IB201", "IB303"]
    assert codes("--select", "IB2,exif-rotation") == ["IB201", "IB303"]


def test_stdin_as_image_and_as_request(imgbudget: Command) -> None:
    """`-` takes either, by its bytes, under the given name."""
    run = imgbudget("check", "-", "--format", "json", stdin=image_bytes((100, 300)))
    assert (run.codes, run.json["images"][0]["path"]) == (["IB301"], "<stdin>")
    request = json.dumps(body(image_block(image_bytes((100, 300))))).encode()
    run = imgbudget("check", "-", "--format", "json", "--stdin-filename", "x.json", stdin=request)
    assert (run.codes, run.json["requests"][0]["path"]) == (["IB301"], "x.json")


def test_stdin_may_be_json_lines(imgbudget: Command) -> None:
    """One object per line is read as one request per line, without an option."""
    line = json.dumps(body(image_block(image_bytes((100, 300))))).encode()
    run = imgbudget("check", "-", "--format", "json", stdin=line + b"\n" + line + b"\n")
    assert [request["line"] for request in run.json["requests"]] == [1, 2]
    assert run.codes == ["IB301", "IB301"]


def test_duplicate_keys_are_reported(imgbudget: Command, tmp_path: Path) -> None:
    """A duplicate key is a warning at its second location; the last value is read."""
    text = json.dumps(body(image_block()))
    (tmp_path / "r.json").write_text(text.replace('"max_tokens": 100', '"max_tokens": 1,\n"max_tokens": 100'))
    run = imgbudget("check", "r.json", "--format", "json")
    (finding,) = run.json["findings"]
    assert (finding["code"], finding["severity"], finding["pointer"]) == ("IB002", "warning", "/max_tokens")
    assert finding["line"] == 2


def test_files_are_checked_plus_skipped(imgbudget: Command, tmp_path: Path) -> None:
    """JSON that is not a request and a text file are skipped without a finding; the report says why."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    (tmp_path / "notes.txt").write_text("hello")
    write_json(tmp_path / "package.json", {"name": "x"})
    run = imgbudget("check", "--format", "json")
    summary = run.json["summary"]
    assert (run.code, run.err, summary["files"]) == (0, "", 3)
    assert {item["path"] for item in summary["skipped"]} == {"notes.txt", "package.json"}
    assert all(item["reason"] for item in summary["skipped"])


def test_gitignore_and_exclude_are_respected_and_named_files_always(
    imgbudget: Command, tmp_path: Path
) -> None:
    """Ignored and excluded files are skipped in folders but checked if named; --force-exclude skips them."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("build/\n")
    (tmp_path / ".imgbudget.yaml").write_text("exclude: ['third_party/**']\n")
    for folder in ("build", "third_party", "src"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(image_bytes((100, 300)))

    def paths(*arguments: str) -> list[str]:
        return [item["path"] for item in imgbudget("check", "--format", "json", *arguments).json["images"]]

    assert paths() == ["src/a.png"]
    assert paths("build/a.png", "third_party/a.png") == ["build/a.png", "third_party/a.png"]
    assert paths("build/a.png", "third_party/a.png", "--force-exclude") == ["build/a.png"]


def test_formats_may_go_to_files(imgbudget: Command, tmp_path: Path) -> None:
    """Several formats in one run, one to standard output, the others whole into files."""
    (tmp_path / "a.png").write_bytes(image_bytes((100, 300)))
    run = imgbudget("check", "a.png", "--format", "concise", "--format", "json:out/report.json")
    assert run.code == 2
    assert "out/report.json: cannot be written" in run.err
    (tmp_path / "out").mkdir()
    run = imgbudget("check", "a.png", "--format", "concise", "--format", "json:out/report.json")
    assert run.code == 1
    assert run.out.startswith("a.png: IB301 warning:")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["version"] == 1
    assert list((tmp_path / "out").iterdir()) == [tmp_path / "out" / "report.json"]


def test_report_never_replaces_a_device_or_a_link(imgbudget: Command, tmp_path: Path) -> None:
    """A pipe is written to, and a link keeps leading where it led."""
    (tmp_path / "a.png").write_bytes(image_bytes((100, 300)))
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert imgbudget("check", "a.png", "--format", "jsonl:pipe").code == 1
    assert os.read(reader, 10) == b'{"type": "'
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    (tmp_path / "real").mkdir()
    (tmp_path / "link.json").symlink_to("real/report.json")
    imgbudget("check", "a.png", "--format", "json:link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real" / "report.json").read_text())["version"] == 1


def test_colour_is_for_terminals_and_on_demand(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No escape codes unless asked; NO_COLOR does not overrule an explicit wish."""
    (tmp_path / "a.png").write_bytes(image_bytes((100, 300)))
    assert "\x1b[" not in imgbudget("check", "a.png").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" in imgbudget("check", "a.png", "--color", "always").out


def test_quiet_prints_findings_only(imgbudget: Command, tmp_path: Path) -> None:
    """Without findings --quiet prints nothing at all."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    assert imgbudget("check", "a.png", "--quiet") == (0, "", "")


def test_full_shows_facts_and_source(imgbudget: Command, tmp_path: Path) -> None:
    """An image's finding marks the number it measured, a request's shows its line shortened."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    write_json(tmp_path / "r.json", body("describe this picture at length, please", image_block()))
    out = imgbudget("check", ".").out
    assert "warning[IB201] oversized-image:" in out
    assert "jpeg 4000x3000" in out
    assert "fix: resize to 1268x951" in out
    frame = next(line for line in out.splitlines() if line.strip().startswith("1 |"))
    assert len(frame) < 110
    assert '"type": "image"' in frame


def test_show_files_lists_and_checks_nothing(imgbudget: Command, tmp_path: Path) -> None:
    """What would be looked at, and what passed over with its reason."""
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.txt").write_text("x")
    run = imgbudget("check", "--show-files")
    assert run.code == 0
    assert run.out.splitlines()[0] == "a.png"
    assert run.out.splitlines()[1].startswith("b.txt  (skipped: ")


def test_overrides_and_ignores_by_path(imgbudget: Command, tmp_path: Path) -> None:
    """An override switches rules off under a path; an ignore silences one pointer and is counted."""
    (tmp_path / "fixtures").mkdir()
    for folder, colour in (("fixtures", 1), (".", 2)):
        (tmp_path / folder / "a.png").write_bytes(image_bytes((100, 300), colour=colour))
    write_json(
        tmp_path / "r.json", body(image_block(image_bytes((100, 300))), image_block(image_bytes((101, 300))))
    )
    (tmp_path / ".imgbudget.yaml").write_text(
        "overrides:\n"
        "  - files: ['fixtures/**']\n    ignore: [IB3]\n"
        "ignores:\n"
        "  - rules: [IB301]\n    files: [r.json]\n    pointer: /messages/0/content/0\n    reason: recorded\n"
    )
    run = imgbudget("check", "--format", "json")
    assert [(finding["path"], finding["pointer"]) for finding in run.json["findings"]] == [
        ("a.png", None),
        ("r.json", "/messages/0/content/1/source"),
    ]
    assert "1 suppressed" in imgbudget("check").out
    assert len(imgbudget("check", "--format", "json", "--no-ignores").codes) == 3
