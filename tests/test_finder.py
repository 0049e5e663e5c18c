"""Images in files of unknown shape: found at any depth, checked as images, never passed over silently."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.requests import payloads
from tests.builders import image_bytes
from tests.conftest import Command, Run

LONG = base64.b64encode(image_bytes((60, 8400))).decode()
"""An image that the API refuses for its long edge."""

URI = f"data:image/png;base64,{LONG}"
WRAPPED = "\n".join(LONG[at : at + 76] for at in range(0, len(LONG), 76))


def errors(run: Run) -> list[str]:
    """The codes of the errors of a run."""
    return [finding["code"] for finding in run.json["findings"] if finding["severity"] == "error"]


def nested(value: Any, depth: int) -> Any:
    """A value deep in objects, arrays, and JSON in strings."""
    for level in range(depth):
        value = ({"a": [1, value]}, [{"x": value}], {"text": json.dumps({"inner": value})})[level % 3]
    return value


SHAPES: dict[str, tuple[str, str, str | None]] = {
    "session envelope": (
        "a.json",
        json.dumps({"history": [{"parts": [{"x": LONG}]}]}),
        "/history/0/parts/0/x",
    ),
    "data URI": ("a.json", json.dumps({"a": {"url": URI}}), "/a/url"),
    "url-safe": ("a.json", json.dumps({"bytes": LONG.replace("+", "-").replace("/", "_")}), "/bytes"),
    "array": ("a.json", json.dumps([1, "b", [LONG]]), "/2/0"),
    "string": ("a.json", json.dumps(URI), ""),
    "odd keys": ("a.json", json.dumps({"a/b~c": LONG}), "/a~1b~0c"),
    "JSON in a string": ("a.json", json.dumps({"raw": json.dumps({"d": [LONG]})}), "/raw"),
    "twice in strings": ("a.json", json.dumps({"raw": json.dumps({"d": json.dumps([URI])})}), "/raw"),
    "prose": ("a.json", json.dumps({"md": f"see ![it]({URI}) here"}), "/md"),
    "markup without blanks": ("a.json", json.dumps({"html": f"<b>{'x' * 2000}<img src={URI}>"}), "/html"),
    "escaped slashes": ("a.json", json.dumps({"d": LONG}).replace("/", "\\/"), "/d"),
    "deep": ("a.json", json.dumps(nested(LONG, 40)), None),
    "bare rows": ("a.jsonl", json.dumps({"x": 1}) + "\n" + json.dumps({"image": URI}) + "\n", "/image"),
    "broken JSON": ("a.json", '{"a": "' + LONG + '",}', ""),
    "comments": ("a.jsonc", '{ // here\n "a": "' + LONG + '"}', ""),
    "broken row": ("a.jsonl", '{"a": 1}\n{"b": "' + LONG + '"\n', ""),
    "notebook": (
        "a.ipynb",
        json.dumps({"nbformat": 4, "cells": [{"outputs": [{"data": {"image/png": WRAPPED + "\n"}}]}]}),
        "/cells/0/outputs/0/data/image~1png",
    ),
    "notebook in a store": (
        "a.json",
        json.dumps({"content": {"cells": [{"outputs": [{"data": {"image/png": WRAPPED + "\n"}}]}]}}),
        "/content/cells/0/outputs/0/data/image~1png",
    ),
    "notebook of lines": (
        "a.ipynb",
        json.dumps(
            {
                "nbformat": 4,
                "cells": [{"outputs": [{"data": {"image/png": WRAPPED.splitlines(keepends=True)}}]}],
            }
        ),
        "/cells/0/outputs/0/data/image~1png",
    ),
    "lines without breaks": ("a.json", json.dumps({"x": [{"d": WRAPPED.split("\n")}]}), "/x/0/d"),
    "lines of a data URI": (
        "a.json",
        json.dumps({"d": ["data:image/png;base64,\n", *WRAPPED.splitlines(keepends=True)]}),
        "/d",
    ),
    "long lines": ("a.json", json.dumps({"d": [LONG[:1500] + "\n", LONG[1500:]]}), "/d"),
    "non-breaking space": ("a.json", json.dumps({"d": "\u00a0" + LONG}), "/d"),
    "non-breaking space in UTF-8": ("a.json", json.dumps({"d": "\u00a0" + LONG}, ensure_ascii=False), "/d"),
    "mark of the byte order": ("a.json", json.dumps({"d": "\ufeff" + URI}, ensure_ascii=False), "/d"),
    "characters of no width": ("a.json", json.dumps({"d": "\u200b\u2060 " + LONG}), "/d"),
    "blanks in JSON in a string": (
        "a.json",
        json.dumps({"raw": json.dumps({"d": "\u2003\n" + LONG})}),
        "/raw",
    ),
    "many blanks": ("a.json", json.dumps({"d": "\n" * 900 + LONG}), "/d"),
    "blanks in a log": ("a.log", "send " + json.dumps({"d": "\u3000\n" + LONG}) + "\n", ""),
    "recording": (
        "a.har",
        json.dumps({"log": {"entries": [{"request": {"other": URI}, "response": {"content": LONG}}]}}),
        "/log/entries/0/request/other",
    ),
    "YAML": ("a.yaml", f"prompt:\n  - image: {URI}\n", ""),
    "YAML block": ("a.yml", "image: |\n  " + WRAPPED.replace("\n", "\n  ") + "\nnext: 1\n", ""),
    "log": ("a.log", f"12:00 INFO send body={{'data': '{LONG}'}}\n", ""),
    "request file": ("a.http", f'POST https://x.test\n\n{{"data": "{LONG}"}}\n', ""),
    "rest file": ("a.rest", f'POST https://x.test\n\n{{"data": "{LONG}"}}\n', ""),
    "script": ("a.sh", f'curl -d \'{{"url": "{URI}"}}\' https://x.test\n', ""),
    "here-document": ("a.sh", f"base64 -d > a.png <<EOF\n{WRAPPED}\nEOF\n", ""),
    "escapes in a log": (
        "a.log",
        'send "{\\"d\\": \\"' + LONG.replace("+", "\\\\u002B").replace("/", "\\\\/") + '\\"}"\n',
        "",
    ),
    "a log of JSON text": ("a.log", json.dumps(json.dumps({"d": LONG})) + "\n", ""),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_in_a_file_of_unknown_shape_is_checked(imgbudget: Command, shape: str) -> None:
    """Found by a search: the refused image is reported at its place, and the file is said to be unknown."""
    name, text, pointer = SHAPES[shape]
    Path(name).write_text(text, "utf-8")
    run = imgbudget("check", "--format", "json", "--no-cache")
    found = [finding for finding in run.json["findings"] if finding["code"] == "IB101"]
    assert (run.code, len(found), run.json["summary"]["images"]) == (1, 1, 1)
    assert {finding["code"] for finding in run.json["findings"]} <= {"IB101", "IB002", "IB106"}
    assert found[0]["fix"] is None
    assert pointer is None or found[0]["pointer"] == pointer
    here = text.encode().splitlines()[found[0]["line"] - 1].decode()[found[0]["column"] - 1 :]
    here = here.lstrip('"\u00a0\ufeff')
    assert here.startswith(("data:", "iVBOR", "{", "see", "<b>", "[", "\\")) or shape == "deep"
    reason = "shape unknown: limits of a whole request not checked"
    assert run.json["summary"]["partly_checked"] == [{"path": name, "reason": reason}]
    assert run.err.count(f"note: {name}: {reason}") == 1


def test_formats_other_than_png_are_found(imgbudget: Command) -> None:
    """JPEG, GIF, WebP, BMP, TIFF, AVIF as bare base64: what the API takes is clean, the others are IB104."""
    for form in ("JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"):
        text = base64.b64encode(image_bytes((300, 300), form)).decode()
        Path(f"{form.lower()}.json").write_text(json.dumps({"payload": text}))
    run = imgbudget("check", "--format", "json", "--no-cache")
    assert {image["format"] for image in run.json["images"]} == {"jpeg", "gif", "webp", "bmp", "tiff", "avif"}
    assert [(finding["path"], finding["code"]) for finding in run.json["findings"]] == [
        ("avif.json", "IB104"),
        ("bmp.json", "IB104"),
        ("tiff.json", "IB104"),
    ]


def test_what_is_no_image_payload_is_no_finding(imgbudget: Command) -> None:
    """Samples, hashes, tokens, fonts, vector icons, received images, runs that only contain the letters."""
    png = base64.b64encode(image_bytes((60, 8400))).decode()
    data: dict[str, Any] = {
        "sample": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4...",
        "short": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==",
        "cut": png[:3000] + "...",
        "cut uri": f"see data:image/png;base64,{png[:3000]}... (cut)",
        "elided": png[:3000] + "… [truncated]",
        "template": "data:image/png;base64,{{ image }}" + "x" * 1200,
        "integrity": "sha512-" + "/9j/" + "a" * 82 + "==",
        "token": "eyJhbGciOiJIUzI1NiJ9." + "Qk0x" * 60 + "." + "R0lG" * 20,
        "font": "data:font/woff2;base64," + "d09GMgABAAAAA" * 200,
        "icon": "data:image/svg+xml;base64," + base64.b64encode(b"<svg/>" * 300).decode(),
        "ico": "data:image/x-icon;base64," + "AAABAAEAEBAAAAEAIABoBAAAFgAAACgAAAA" * 50,
        "inside": "AAAA" + png,
        "random": "/9j/" + "A1b2" * 600,
        "bmp letters": "Qk0" + "zZ9" * 900,
        "request": {"url": "x"},
        "response": {"content": {"text": png}},
    }
    Path("a.json").write_text(json.dumps(data))
    Path("b.yaml").write_text(
        "".join(f"- {json.dumps(value)}\n" for value in data.values() if value != data["response"])
    )
    Path("c.log").write_text("\n".join(str(value) for value in list(data.values())[:-1]))
    run = imgbudget("check", "--format", "json", "--no-cache")
    assert (run.code, run.json["findings"], run.json["images"]) == (0, [], [])
    assert run.json["summary"]["partly_checked"] == []


def test_advice_needs_the_file_to_be_named(imgbudget: Command) -> None:
    """A large and a tiny picture in a folder bury nothing; named, they are advised on, without fixes."""
    pictures = [base64.b64encode(image_bytes(size)).decode() for size in ((3000, 2000), (60, 60))]
    Path("a.json").write_text(json.dumps({"icons": pictures}))
    found = imgbudget("check", ".", "--format", "json", "--no-cache")
    named = imgbudget("check", "a.json", "--format", "json", "--no-cache")
    assert (found.code, found.json["findings"], found.json["summary"]["images"]) == (0, [], 2)
    assert {(finding["code"], finding["fix"]) for finding in named.json["findings"]} == {
        ("IB201", None),
        ("IB301", None),
    }


def test_a_named_text_file_of_any_kind_is_looked_into(imgbudget: Command) -> None:
    """A search leaves prose and source alone; a named file is read."""
    for name in ("a.md", "a.py", "a.txt", "a.csv", "a.html"):
        Path(name).write_text(f"x = '{URI}'\n")
        run = imgbudget("check", name, "--format", "json", "--no-cache")
        assert [finding["code"] for finding in run.json["findings"] if finding["severity"] == "error"] == [
            "IB101"
        ]
    run = imgbudget("check", "--format", "json", "--no-cache")
    assert (run.code, run.json["findings"]) == (0, [])
    assert (
        imgbudget("check", "-", "--format", "json", stdin=f"x = '{URI}'\n".encode()).json["summary"]["images"]
        == 1
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            json.dumps([{"role": "user", "content": [{"kind": "img", "at": "{{image}}"}]}]),
            "resembles a request",
        ),
        (
            json.dumps({"a": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4..."}),
            "begins like an image",
        ),
    ],
)
def test_a_named_file_that_yielded_nothing_is_reported_last(
    imgbudget: Command, text: str, reason: str
) -> None:
    """What resembles a request or holds half an image: the last line names it; exit 2 if asked."""
    Path("a.json").write_text(text)
    run = imgbudget("check", "a.json", "--no-cache")
    assert run.code == 0
    assert run.err.splitlines()[-1].startswith("imgbudget: warning: not checked: a.json: ")
    assert reason in run.err.splitlines()[-1]
    assert imgbudget("check", "a.json", "--no-cache", "--fail-on-unread").code == 2
    assert imgbudget("check", ".", "--no-cache", "--fail-on-unread").code == 0


def test_fixes_leave_files_of_unknown_shape_alone(imgbudget: Command) -> None:
    """The bytes stay, and so do the findings."""
    Path("a.json").write_text(json.dumps({"md": URI}))
    before = Path("a.json").read_bytes()
    run = imgbudget("check", "a.json", "--fix", "--unsafe-fixes", "--no-cache", "--format", "json")
    assert Path("a.json").read_bytes() == before
    assert [finding["code"] for finding in run.json["findings"] if finding["severity"] == "error"] == [
        "IB101"
    ]


def test_an_image_that_the_shape_of_a_request_has_no_place_for_is_seen(imgbudget: Command) -> None:
    """A body that another program extends: the image is checked, and the output says what it is."""
    body = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "look", "x": [LONG]}],
    }
    Path("a.json").write_text(json.dumps(body))
    run = imgbudget("check", "a.json", "--format", "json", "--no-cache")
    found = [(finding["code"], finding["pointer"]) for finding in run.json["findings"]]
    assert (run.json["summary"]["requests"], run.json["summary"]["images"]) == (1, 1)
    assert ("IB101", "/messages/0/x/0") in found
    assert run.json["summary"]["partly_checked"][0]["reason"].startswith("images where this shape")


def test_a_long_log_is_read_in_windows(imgbudget: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Payloads across the edges of windows are found once each, at their lines."""
    monkeypatch.setattr("imgbudget.requests.textfinder.WINDOW", 2048)
    small = base64.b64encode(image_bytes((60, 8001))).decode()
    lines = [f"{i} " + ("x" * (i * 37 % 900)) + (f" data={small}" if i % 5 == 0 else "") for i in range(60)]
    Path("a.log").write_text("\n".join(lines))
    run = imgbudget("check", "--format", "json", "--no-cache")
    found = [finding["line"] for finding in run.json["findings"] if finding["code"] == "IB101"]
    assert found == [i + 1 for i in range(60) if i % 5 == 0]


def test_rows_with_images_of_unknown_shape_are_counted_as_checked(imgbudget: Command) -> None:
    """Rows with an image are checked, the others skipped, with the reason."""
    rows = [{"a": 1}, {"image": URI}, {"b": 2}]
    Path("a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    counted = imgbudget("check", "--format", "json", "--no-cache").json["summary"]["rows"]
    assert (counted["total"], counted["checked"], counted["bad"]) == (3, 1, 0)


def test_sums_count_images_without_a_request_once(imgbudget: Command) -> None:
    """Their tokens and cost are in the totals and in the statistics; the file is no copy of another."""
    picture = image_bytes((300, 300))
    Path("a.png").write_bytes(picture)
    for name in ("b.json", "c.json"):
        Path(name).write_text(json.dumps({"x": base64.b64encode(picture).decode()}))
    run = imgbudget("check", "--format", "json", "--statistics", "--no-cache", "--select", "ALL")
    alone = imgbudget("check", "a.png", "--format", "json", "--no-cache").json["summary"]
    summary, folder = run.json["summary"], run.json["statistics"]["folders"][0]
    assert summary["visual_tokens"] == folder["visual_tokens"] == 3 * alone["visual_tokens"]
    assert summary["cost_usd"] == folder["cost_usd"] == pytest.approx(3 * alone["cost_usd"])
    assert "IB801" not in {finding["code"] for finding in run.json["findings"]}


def test_whole_images_in_a_list_are_no_lines_of_one(imgbudget: Command) -> None:
    """Two equal pictures, and lists of short texts that begin like base64."""
    small = base64.b64encode(image_bytes((300, 300))).decode()
    Path("a.json").write_text(json.dumps({"images": [small, small], "words": ["/9j/", "Qk0/", "R0lGODx"]}))
    run = imgbudget("check", "--format", "json", "--no-cache")
    assert [image["pointer"] for image in run.json["images"]] == ["/images/0", "/images/1"]


def test_the_first_look_finds_what_a_slow_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """By rare characters or by every quote; the former reads no text without a sign of a payload."""
    tried: list[str] = []
    places = payloads._places

    def counted(text: str, pivot: Any) -> Any:
        for at in places(text, pivot):
            tried.append(pivot.character)
            yield at

    monkeypatch.setattr(payloads, "_places", counted)
    filler = json.dumps(
        [{"text": "the quick brown fox saw the lazy dog and then went on his way home. " * 40}] * 5
    )
    assert not any(payloads.signs_in(filler))
    assert not tried
    heads = (
        "iVBORw0KGgo",
        "/9j/",
        "\\/9j\\/",
        "_9j_4",
        "R0lGOD",
        "UklGR",
        "Qk0",
        "SUkqA",
        "TU0AK",
        "AAAAHGZ0eX",
    )
    for head in heads:
        for before, wanted in (
            ('"', (False, True, False)),
            ('\\"', (False, False, True)),
            ("x", (False,) * 3),
        ):
            for blank in ("", " ", "\\n\\t", "\u00a0", "\\u00a0", "\\\\ufeff") if before != "x" else ("",):
                text = f"{filler[:7000]}{before}{blank}{head}{filler[7000:]}"
                assert payloads.signs_in(text) == wanted, (head, before, blank)
    assert set(tried) <= set("9jGQkUAZX")
    for text in (filler + "data:image/png;base64,x" + filler, "data:image/png;base64,x" * 2000):
        assert payloads.signs_in(text).uri
        assert payloads.may_hold_payload(text)
