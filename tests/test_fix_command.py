"""`check --fix` from the shell: what it changes, what it says, where results go."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import imgbudget
from imgbudget.fixing.writer import stamp
from tests.builders import CORPUS, body, image_block, image_bytes, text_block, write_json
from tests.conftest import Command

LARGE = image_bytes((2000, 1500), "JPEG")
SMALL = image_bytes((400, 300))


def size(data: bytes) -> tuple[int, int]:
    """The size of an image."""
    with Image.open(BytesIO(data)) as image:
        return image.size


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def payload(path: Path, i: int = 0) -> bytes:
    """The bytes of an image of a body's first turn."""
    return base64.b64decode(json.loads(path.read_text())["messages"][0]["content"][i]["source"]["data"])


def test_clean_files_are_not_touched(tmp_path: Path, imgbudget: Command) -> None:
    """Not even their times."""
    (tmp_path / "a.png").write_bytes(SMALL)
    write_json(tmp_path / "r.json", body(image_block()))
    before = [stamp(str(tmp_path / name)) for name in ("a.png", "r.json")]
    run = imgbudget("check", "--fix", ".")
    assert (run.code, run.err) == (0, "")
    assert "fixed" not in run.out
    assert [stamp(str(tmp_path / name)) for name in ("a.png", "r.json")] == before


def test_what_is_safe_is_fixed_and_the_rest_reported(tmp_path: Path, imgbudget: Command) -> None:
    """Two of four are fixed; a tiny one, and a photo that turning would encode once more, remain."""
    (tmp_path / "a.jpg").write_bytes(LARGE)
    (tmp_path / "b.jpg").write_bytes(image_bytes((800, 600), "JPEG", orientation=6))
    (tmp_path / "c.png").write_bytes(image_bytes((100, 100)))
    (tmp_path / "d.png").write_bytes(image_bytes((800, 600), orientation=6))
    run = imgbudget("check", "--fix", ".")
    assert run.code == 1
    assert "fixed a.jpg: jpeg 2000x1500, " in run.out
    assert "-> jpeg 1268x951, " in run.out
    assert "warning[IB301]" in run.out
    assert "IB201]" not in run.out
    assert "2 warnings in 4 checked files" in run.out
    assert "2 fixes made in 2 files: " in run.err
    assert size((tmp_path / "a.jpg").read_bytes()) == (1268, 951)
    assert size((tmp_path / "b.jpg").read_bytes()) == (800, 600)
    assert size((tmp_path / "d.png").read_bytes()) == (600, 800)
    files = tree(tmp_path)
    again = imgbudget("check", "--fix", ".", "--format", "json")
    assert again.codes == ["IB303", "IB301"]
    assert again.json["fixed"] == []
    assert tree(tmp_path) == files
    assert imgbudget("check", "--fix", "--unsafe-fixes", ".").code == 1
    assert size((tmp_path / "b.jpg").read_bytes()) == (600, 800)


def test_cache_does_not_remember_what_was_fixed(tmp_path: Path, imgbudget: Command) -> None:
    """The facts of a rewritten file are read again, whatever its time is."""
    os.utime(make(tmp_path / "a.jpg", LARGE), (1, 1))
    assert imgbudget("check", "--cache", ".").code == 1
    assert imgbudget("check", "--cache", "--fix", ".").code == 0
    os.utime(tmp_path / "a.jpg", (1, 1))
    assert imgbudget("check", "--cache", ".").code == 0


def make(path: Path, data: bytes) -> Path:
    """A file in a folder that is made when it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_only_selected_rules_are_fixed(tmp_path: Path, imgbudget: Command) -> None:
    """A rule that does not run asks for nothing."""
    (tmp_path / "a.jpg").write_bytes(LARGE)
    assert imgbudget("check", "--fix", ".", "--ignore", "IB201").code == 0
    assert (tmp_path / "a.jpg").read_bytes() == LARGE


def test_unsafe_fixes_are_made_when_asked_for(tmp_path: Path, imgbudget: Command) -> None:
    """The order of blocks if its level is too, and the name of a file; --fix alone leaves both."""
    write_json(tmp_path / "r.json", body("What is in this image?", image_block()))
    (tmp_path / "a.jpg").write_bytes(SMALL)
    assert imgbudget("check", "--fix", ".", "--format", "json").codes == ["IB105", "IB501"]
    unsafe = ("check", "--fix", "--unsafe-fixes", ".", "--format", "json")
    assert imgbudget(*unsafe).codes == ["IB501"]
    run = imgbudget(*unsafe, "--fix-level", "warning")
    assert (run.code, [item["code"] for item in run.json["fixed"]]) == (0, ["IB501"])
    blocks = json.loads((tmp_path / "r.json").read_text())["messages"][0]["content"]
    assert [block["type"] for block in blocks] == ["image", "text"]
    assert sorted(tree(tmp_path)) == ["a.png", "r.json"]


def test_request_is_fixed_in_its_bytes(tmp_path: Path, imgbudget: Command) -> None:
    """The large image and its declared type are new, everything else is as it was written."""
    value = body(image_block(LARGE, "image/png"), image_block(), "", "é", temperature=1.0)
    text = json.dumps(value, indent=3).replace("\n", "\r\n").encode()
    (tmp_path / "r.json").write_bytes(text)
    run = imgbudget("check", "--fix", "--fix-level", "warning", "r.json", "--format", "json")
    assert (run.code, run.codes) == (0, [])
    assert sorted(item["code"] for item in run.json["fixed"]) == ["IB105", "IB201", "IB407"]
    new = payload(tmp_path / "r.json")
    assert size(new) == (1268, 951)
    value["messages"][0]["content"][0] = image_block(new, "image/jpeg")
    del value["messages"][0]["content"][2]
    assert (tmp_path / "r.json").read_bytes() == json.dumps(value, indent=3).replace("\n", "\r\n").encode()


@pytest.mark.parametrize("model", ["claude-opus-4-8", "anthropic.claude-opus-4-8"])
def test_request_of_many_screenshots(tmp_path: Path, imgbudget: Command, model: str) -> None:
    """25 images, two of a phone: clean afterwards, the small ones byte for byte, on Bedrock too."""
    shot = image_bytes((1290, 2796))
    blocks = [image_block(shot if i < 2 else SMALL) for i in range(25)]
    write_json(tmp_path / "r.json", body(*blocks, model=model))
    assert set(imgbudget("check", "r.json", "--format", "json").codes) >= {"IB102"}
    run = imgbudget("check", "--fix", "r.json", "--ignore", "IB504", "--report", "m.json", "--format", "json")
    assert (run.code, run.codes) == (0, [])
    new = json.loads((tmp_path / "r.json").read_text())["messages"][0]["content"]
    assert max(max(size(payload(tmp_path / "r.json", i))) for i in range(2)) <= 2000
    assert new[2:] == blocks[2:]
    (file,) = json.loads((tmp_path / "m.json").read_text())["files"]
    assert len(file["images"]) == 2
    sent = file["images"][0]["coordinates"]
    assert (sent["original"], sent["scale"][0]) == ([1290, 2796], 1290 / sent["sent"][0])


def test_difference_is_shown_and_nothing_written(tmp_path: Path, imgbudget: Command) -> None:
    """Images in a line, values of a request at their pointer with payloads cut; exit 1, nothing is new."""
    (tmp_path / "a.jpg").write_bytes(LARGE)
    write_json(tmp_path / "r.json", body(image_block(LARGE, "image/png"), image_block(), ""), indent=1)
    before = tree(tmp_path)
    run = imgbudget("check", "--diff", "--fix-level", "warning", ".")
    assert run.code == 1
    assert tree(tmp_path) == before
    assert "--- a.jpg\n+++ a.jpg\n-jpeg 2000x1500, " in run.out
    assert '@@ line 12, /messages/0/content/0/source/media_type @@\n-"image/png"\n+"image/jpeg"\n' in run.out
    assert "@@ line 13, /messages/0/content/0/source/data @@\n" in run.out
    assert '@@ line 24, /messages/0/content/2 @@\n-{"type": "text", "text": ""}\n' in run.out
    assert max(map(len, run.out.splitlines())) < 200
    assert "4 fixes to make in 2 files: " in run.err
    assert imgbudget("check", "--diff", "--fix", "--fix-level", "warning", ".").out == run.out


def test_difference_of_clean_files_is_empty(tmp_path: Path, imgbudget: Command) -> None:
    """Exit 0 then."""
    (tmp_path / "a.png").write_bytes(SMALL)
    run = imgbudget("check", "--diff", ".")
    assert (run.code, run.out) == (0, "")


def test_output_folder_holds_every_checked_file(tmp_path: Path, imgbudget: Command) -> None:
    """The tree is mirrored, fixed or copied; originals stay, and the mirror is no input of the next run."""
    make(tmp_path / "in/a/large.jpg", LARGE)
    make(tmp_path / "in/b/small.png", SMALL)
    make(tmp_path / "in/notes.txt", b"no image")
    before = tree(tmp_path / "in")
    run = imgbudget("check", "--fix", "in", "--output-dir", "in/out")
    assert run.code == 0
    assert "a/large.jpg: written to in/out/a/large.jpg" in run.out
    mirror = tree(tmp_path / "in/out")
    assert sorted(mirror) == ["a/large.jpg", "b/small.png"]
    assert mirror["b/small.png"] == SMALL
    assert size(mirror["a/large.jpg"]) == (1268, 951)
    again = imgbudget("check", "--fix", "in", "--output-dir", "in/out", "--format", "json")
    skipped = [item["path"] for item in again.json["summary"]["skipped"]]
    assert skipped == ["in/notes.txt", "in/out/a/large.jpg", "in/out/b/small.png"]
    assert tree(tmp_path / "in") == {**before, **{f"out/{name}": data for name, data in mirror.items()}}


def test_several_folders_are_kept_apart_in_the_output_tree(tmp_path: Path, imgbudget: Command) -> None:
    """Files of the same name in two folders do not collide."""
    make(tmp_path / "one/a.png", SMALL)
    make(tmp_path / "two/a.png", image_bytes((300, 400)))
    imgbudget("check", "--fix", "one", "two", "--output-dir", "out")
    assert sorted(tree(tmp_path / "out")) == ["one/a.png", "two/a.png"]


def test_backup_keeps_what_was(tmp_path: Path, imgbudget: Command) -> None:
    """Under a name that no run reads."""
    (tmp_path / "a.jpg").write_bytes(LARGE)
    imgbudget("check", "--fix", "--backup", ".")
    assert (tmp_path / "a.jpg.bak").read_bytes() == LARGE
    assert imgbudget("check", ".", "--format", "json").json["summary"]["images"] == 1


def test_standard_input_goes_to_standard_output(tmp_path: Path) -> None:
    """The fixed body alone; findings go to standard error."""
    text = json.dumps(body(image_block(LARGE, "image/jpeg"), image_block(image_bytes((100, 100))))).encode()
    code = "from imgbudget.cli import main; main(['check', '--fix', '--fix-level', 'warning', '-'])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=text, capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    (tmp_path / "r.json").write_bytes(done.stdout)
    assert size(payload(tmp_path / "r.json")) == (1268, 951)
    assert b"warning[IB301]" in done.stderr
    image = subprocess.run(command, input=LARGE, capture_output=True, check=True, cwd=tmp_path)
    assert size(image.stdout) == (1268, 951)
    same = subprocess.run(command, input=SMALL, capture_output=True, check=True, cwd=tmp_path)
    assert same.stdout == SMALL


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--unsafe-fixes",), "--unsafe-fixes goes with --fix"),
        (("--output-dir", "out"), "--output-dir goes with --fix"),
        (("--backup",), "--backup goes with --fix"),
        (("--report", "m.json"), "--report goes with --fix"),
        (("--fix", "--backup", "--output-dir", "out"), "--backup keeps what is replaced"),
        (("--fix", "-", "a.png"), "- must be the only path"),
        (("--fix", "-", "--output-dir", "out"), "not to a folder"),
        (("--diff", "--format", "json"), "cannot both go to standard output"),
    ],
)
def test_options_that_do_not_go_together(
    tmp_path: Path, imgbudget: Command, arguments: tuple[str, ...], said: str
) -> None:
    """Are refused before anything is read."""
    (tmp_path / "a.png").write_bytes(SMALL)
    run = imgbudget("check", *arguments)
    assert (run.code, run.out) == (2, "")
    assert said in run.err


def test_changed_format_changes_the_name(tmp_path: Path, imgbudget: Command) -> None:
    """The new file has the right extension, the old one is removed; no other file is overwritten."""
    bmp = image_bytes((800, 600), "BMP")
    make(tmp_path / "a/scan.BMP", bmp)
    make(tmp_path / "b/scan.bmp", image_bytes((600, 800), "BMP"))
    make(tmp_path / "b/scan.jpg", image_bytes((800, 600), "JPEG"))
    run = imgbudget("check", "--fix", ".", "--format", "json")
    assert (run.code, run.codes) == (0, [])
    assert sorted(tree(tmp_path)) == ["a/scan.PNG", "b/scan.bmp.png", "b/scan.jpg"]


def test_file_that_a_killed_run_has_written_is_not_written_again(tmp_path: Path, imgbudget: Command) -> None:
    """After a kill left both files, the old one is removed and the new one is unchanged."""
    bmp = image_bytes((800, 600), "BMP")
    (tmp_path / "a.bmp").write_bytes(bmp)
    imgbudget("check", "--fix", ".")
    (tmp_path / "a.bmp").write_bytes(bmp)
    assert imgbudget("check", "--fix", ".").code == 0
    assert sorted(tree(tmp_path)) == ["a.png"]


def test_unwritable_file_is_unchanged_and_reported(tmp_path: Path, imgbudget: Command) -> None:
    """A read-only file and a hard link: a message each, exit 2, the third one is fixed."""
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(LARGE)
    (tmp_path / "a.jpg").chmod(0o444)
    os.link(tmp_path / "b.jpg", tmp_path / "other")
    run = imgbudget("check", "--fix", "a.jpg", "b.jpg", "c.jpg")
    assert run.code == 2
    assert "a.jpg: is read-only" in run.err
    assert "b.jpg: has 2 hard links" in run.err
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes() == LARGE
    assert size((tmp_path / "c.jpg").read_bytes()) == (1268, 951)


def test_failed_fix_is_reported_with_its_reason(tmp_path: Path, imgbudget: Command) -> None:
    """Resizing an animation would lose frames, which is unsafe, so it is still reported."""
    frames = [Image.new("P", (1600, 1600), colour) for colour in (1, 2)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    before = tree(tmp_path)
    run = imgbudget("check", "--fix", ".", "--format", "json", "--ignore", "IB204")
    assert run.codes == ["IB201"]
    assert run.json["findings"][0]["fix"]["safety"] == "unsafe"
    assert tree(tmp_path) == before
    assert imgbudget("check", "--fix", "--unsafe-fixes", ".").code == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "it was empty"),
        ("!!!!", "its base64 text"),
        (base64.b64encode(b"<!DOCTYPE html><html><body>not found</body></html>").decode(), "the bytes were"),
        (base64.b64encode(SMALL[:60]).decode(), "png 400x300 that is cut off"),
    ],
    ids=["empty", "no base64", "no image", "cut off"],
)
def test_text_in_place_of_an_image_of_a_session_says_what_was_wrong_with_it(
    tmp_path: Path, imgbudget: Command, data: str, reason: str
) -> None:
    """No bytes, no base64, no image, or an image that is cut off."""
    block = image_block() | {"source": {"type": "base64", "media_type": "image/png", "data": data}}
    write_lines(
        tmp_path / "s.jsonl",
        [session_line("user", [block, text_block("see")]), session_line("assistant", "ok")],
    )
    assert imgbudget("check", "--fix", ".").code == 0
    first = json.loads((tmp_path / "s.jsonl").read_text().splitlines()[0])
    text = first["message"]["content"][0]["text"]
    assert text.startswith(f"[image removed, because it cannot be decoded: {reason}")


def test_damaged_image_of_a_session_is_replaced_by_a_text(tmp_path: Path, imgbudget: Command) -> None:
    """The session stays valid line by line; all other lines and values are unchanged."""
    lines = [
        session_line("user", [image_block(SMALL[:60]), text_block("see")]),
        session_line("assistant", "ok"),
    ]
    lines += [
        session_line("user", [{"type": "tool_result", "tool_use_id": "t", "content": [image_block(LARGE)]}])
    ]
    write_lines(tmp_path / "s.jsonl", lines)
    run = imgbudget("check", "--fix", "--fix-level", "warning", ".", "--format", "json", "--ignore", "IB105")
    assert (run.code, run.codes) == (0, [])
    new = [json.loads(text) for text in (tmp_path / "s.jsonl").read_text().splitlines()]
    text = new[0]["message"]["content"][0]
    assert text["type"] == "text"
    assert "image removed" in text["text"]
    data = new[2]["message"]["content"][0]["content"][0]["source"].pop("data")
    assert size(base64.b64decode(data)) == (1268, 951)
    new[0]["message"]["content"][0] = lines[0]["message"]["content"][0]
    del lines[2]["message"]["content"][0]["content"][0]["source"]["data"]
    new[2]["message"]["content"][0]["content"][0]["source"]["media_type"] = "image/png"
    assert new == lines


def session_line(role: str, content: Any) -> dict[str, Any]:
    """A line of a session."""
    return {"type": role, "uuid": role, "sessionId": "s", "message": {"role": role, "content": content}}


def write_lines(path: Path, lines: list[Any]) -> None:
    """A JSONL file."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_lines_of_a_batch_are_fixed_separately(tmp_path: Path, imgbudget: Command) -> None:
    """Invalid lines are unchanged and reported."""
    good = {"custom_id": "a", "params": body(image_block(LARGE, "image/jpeg"))}
    clean = json.dumps({"custom_id": "b", "params": body(image_block())})
    (tmp_path / "b.jsonl").write_text(f"{clean}\n{{broken\n\n{json.dumps(good)}\n{clean}")
    run = imgbudget("check", "--fix", "--select", "IB201,IB002", "b.jsonl", "--format", "json")
    assert run.codes == ["IB002"]
    texts = (tmp_path / "b.jsonl").read_text().split("\n")
    assert [texts[i] for i in (0, 1, 2, 4)] == [clean, "{broken", "", clean]
    data = json.loads(texts[3])["params"]["messages"][0]["content"][0]["source"]["data"]
    assert size(base64.b64decode(data)) == (1268, 951)


def test_many_files_are_fixed_by_several_processes(tmp_path: Path, imgbudget: Command) -> None:
    """The same files and the same report as by one."""
    for i in range(8):
        data = image_bytes((1600 + i, 300), "JPEG", colour=i * 1000)
        make(tmp_path / f"one/{i}.jpg", data)
        make(tmp_path / f"two/{i}.jpg", data)
    runs = [
        imgbudget("check", "--fix", folder, "-j", jobs, "--report", f"{folder}.json")
        for folder, jobs in (("one", "1"), ("two", "2"))
    ]
    assert [run.code for run in runs] == [0, 0]
    assert runs[0].out == runs[1].out.replace("two/", "one/")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert (tmp_path / "one.json").read_text() == (tmp_path / "two.json").read_text().replace("two/", "one/")


def test_manifest_shows_before_and_after(tmp_path: Path, imgbudget: Command) -> None:
    """Hashes, sizes, bytes, tokens, and the coordinate map in upright orientation."""
    before = image_bytes((2000, 1500), "JPEG", orientation=6)
    (tmp_path / "a.jpg").write_bytes(before)
    imgbudget("check", "--fix", "a.jpg", "--report", "m.json")
    after = (tmp_path / "a.jpg").read_bytes()
    manifest = json.loads((tmp_path / "m.json").read_text())
    (file,) = manifest["files"]
    (image,) = file["images"]
    assert (file["path"], file["written"], file["changed"]) == ("a.jpg", "a.jpg", True)
    assert file["sent"] == {"bytes": len(after), "sha256": hashlib.sha256(after).hexdigest()}
    assert image["original"] == {
        "sha256": hashlib.sha256(before).hexdigest(),
        "format": "jpeg",
        "width": 2000,
        "height": 1500,
        "orientation": 6,
        "frames": 1,
        "bytes": len(before),
        "tokens": 1564,
    }
    assert (image["sent"]["width"], image["sent"]["height"], image["sent"]["orientation"]) == (951, 1268, 1)
    assert image["coordinates"]["original"] == [1500, 2000]
    assert image["coordinates"]["sent"] == [951, 1268]
    assert manifest["summary"] == {
        "files": 1,
        "changed": 1,
        "fixed": 1,
        "not_fixed": 0,
        "removed_images": 0,
        "remaining": 0,
        "bytes": [len(before), len(after)],
        "visual_tokens": [1564, 1564],
        "cost_usd": [0.004692] * 2,
    }


def test_exit_code_can_report_changes(tmp_path: Path, imgbudget: Command) -> None:
    """For hooks: 1 if a file was changed, 0 in the next run."""
    (tmp_path / "a.jpg").write_bytes(LARGE)
    assert imgbudget("check", "--fix", "--exit-non-zero-on-fix", ".").code == 1
    assert imgbudget("check", "--fix", "--exit-non-zero-on-fix", ".").code == 0


def test_plan_is_applied(tmp_path: Path, imgbudget: Command) -> None:
    """To the target that is asked for, and once: a second run has nothing to do."""
    (tmp_path / "a.png").write_bytes(image_bytes((1000, 500)))
    run = imgbudget("plan", "--apply", ".", "--target", "dimension:500", "--report", "m.json")
    assert run.code == 0
    assert "made a.png: png 1000x500, " in run.out
    assert "1 resize made in 1 file: " in run.err
    assert size((tmp_path / "a.png").read_bytes()) == (500, 250)
    assert json.loads((tmp_path / "m.json").read_text())["summary"]["changed"] == 1
    assert imgbudget("plan", "--apply", ".", "--target", "dimension:500").err == ""
    assert imgbudget("plan", "--backup", ".").code == 2


def test_function_fixes_as_the_command_does(tmp_path: Path) -> None:
    """`imgbudget.fix` reports the result for each file; a dry run writes nothing."""
    path = make(tmp_path / "a.jpg", LARGE)
    dry = imgbudget.fix([str(path)], dry_run=True)
    assert path.read_bytes() == LARGE
    assert dry.files[0].fix is not None
    assert "-> " not in dry.files[0].fix.difference
    assert "+jpeg 1268x951" in dry.files[0].fix.difference
    report = imgbudget.fix([str(path)], backup=True)
    (file,) = report.files
    assert file.fix is not None
    assert [finding.code for finding in file.fix.fixed] == ["IB201"]
    assert report.findings == ()
    assert size(path.read_bytes()) == (1268, 951)
    assert (tmp_path / "a.jpg.bak").read_bytes() == LARGE


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not there")
def test_undecodable_image_does_not_stop_other_fixes(tmp_path: Path, imgbudget: Command) -> None:
    """A bitmap with an invalid depth in a request is reported with the reason, everything else is fixed."""
    broken = (CORPUS / "images/unsupported/Pillow__badbitcount.bmp").read_bytes()
    block = image_block(broken, "image/bmp")
    write_json(tmp_path / "r.json", body(block, image_block(LARGE, "image/jpeg")))
    run = imgbudget("check", "--fix", "r.json", "--select", "IB104,IB201", "--format", "json")
    assert run.codes == ["IB104"]
    (failed,) = run.json["not_fixed"]
    assert failed["location"] == "messages.0.content.0"
    assert failed["reason"].startswith("cannot be decoded as BMP")
    assert [item["code"] for item in run.json["fixed"]] == ["IB201"]
    assert json.loads((tmp_path / "r.json").read_text())["messages"][0]["content"][0] == block
