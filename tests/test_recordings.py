"""Requests inside recordings: VCR, HAR and WireMock, each with its string as place."""

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.jsontext.source import JsonSource
from imgbudget.requests.cassettes import read_cassette
from tests.builders import CORPUS, body, image_block, image_bytes
from tests.conftest import Command

RECORDINGS = CORPUS / "requests" / "other" / "recordings"
TRUNCATED = image_bytes((300, 200))[:150]
BODY = json.dumps(body("Look:", image_block(TRUNCATED)))


def har(*texts: str) -> Any:
    """A HAR file of these bodies."""
    requests = [
        {"method": "POST", "postData": {"mimeType": "application/json", "text": text}} for text in texts
    ]
    return {
        "log": {"version": "1.2", "entries": [{"request": request, "response": {}} for request in requests]}
    }


def cassette(*bodies: Any, key: str = "interactions") -> Any:
    """A VCR cassette of these bodies."""
    return {
        key: [{"request": {"method": "POST", "body": item}, "response": {"body": BODY}} for item in bodies]
    }


def reached(value: Any, pointer: str) -> Any:
    """What a pointer leads to."""
    for step in pointer.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def test_yaml_that_is_no_cassette_is_not_looked_into(imgbudget: Command, tmp_path: Path) -> None:
    """Configuration, workflows, data: skipped as any other file, found or named."""
    for name, text in (
        ("ci.yml", "on: push\njobs: {build: {steps: [{run: interactions}]}}\n"),
        ("data.yaml", yaml.safe_dump({"messages": body(image_block(TRUNCATED))["messages"]})),
        ("inner.yaml", yaml.safe_dump({"a": cassette(BODY)})),
        ("broken.yaml", "{"),
    ):
        (tmp_path / name).write_text(text)
        for path in (".", name):
            run = imgbudget("check", path, "--format", "json")
            assert (run.code, run.json["findings"]) == (0, [])
            reasons = {item["reason"] for item in run.json["summary"]["skipped"]}
            samples = {"data.yaml": "; 1 text in it begins like an image but is none"}
            samples["inner.yaml"] = "; 2 texts in it begin like images but are none"
            assert reasons == {f"not an image or a request{samples.get(path, '')}"}
        assert f"{name}  (skipped: not an image or a request)" in imgbudget("check", "--show-files").out


def test_cassette_without_a_request_is_passed_over(imgbudget: Command, tmp_path: Path) -> None:
    """Other services, bodies that are no JSON: a reason and no finding."""
    for bodies, reason in (
        (
            [None, "a=1&b=2", '{"q": 1}', {"encoding": "UTF-8"}],
            "no request: a recording without a request in it",
        ),
    ):
        (tmp_path / "r.yaml").write_text(yaml.safe_dump(cassette(*bodies)))
        run = imgbudget("check", "r.yaml", "--format", "json")
        assert (run.code, run.json["findings"]) == (0, [])
        assert [item["reason"] for item in run.json["summary"]["skipped"]] == [reason]


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the corpus is not here")
@pytest.mark.parametrize(
    ("name", "pointers", "sizes"),
    [
        ("braintrust*.json", ["/request/bodyPatterns/0/equalToJson"], ["1x1"]),
        ("chatlas*.yaml", ["/interactions/0/request/body", "/interactions/1/request/body"], ["60x30", None]),
        ("magentic*.yaml", ["/interactions/0/request/body"], ["50x65"]),
        ("mirascope*.har", ["/log/entries/0/request/postData/text"], ["100x100"]),
    ],
)
def test_real_recordings(imgbudget: Command, name: str, pointers: list[str], sizes: list[str | None]) -> None:
    """Every recorded body is read, and its images are the string's that the pointer leads to."""
    (path,) = RECORDINGS.glob(name)
    run = imgbudget("check", str(path), "--format", "json", "--isolated").json
    assert [image["pointer"] for image in run["images"]] == pointers
    found = [f"{image['width']}x{image['height']}" if image["width"] else None for image in run["images"]]
    assert found == sizes
    text = path.read_text()
    value = yaml.safe_load(text)  # JSON is YAML
    for request, pointer in zip(run["requests"], pointers, strict=True):
        inner = reached(value, pointer)
        assert request["bytes"] == len(inner.encode())
        assert pointer.rpartition("/")[2] in text.splitlines()[request["line"] - 1]
        assert len(json.loads(inner)["messages"]) >= 1


@pytest.mark.parametrize(
    "form", ["har", "wiremock", "mappings", "vcr.json", "vcr.yaml", "ruby.yml", "binary.yaml"]
)
def test_finding_in_each_kind(imgbudget: Command, tmp_path: Path, form: str) -> None:
    """A truncated image is found, at the line of the string, with the API's location and without a fix."""
    data = base64.b64encode(BODY.encode()).decode()
    value, suffix = {
        "har": (har("no JSON", BODY), "har"),
        "wiremock": ({"request": {"bodyPatterns": [{"equalToJson": BODY}]}, "response": {}}, "json"),
        "mappings": ({"mappings": [{"request": {"bodyPatterns": [{"equalToJson": BODY}]}}]}, "json"),
        "vcr.json": (cassette(BODY), "json"),
        "vcr.yaml": (cassette(BODY), "yaml"),
        "ruby.yml": (cassette({"encoding": "UTF-8", "string": BODY}, key="http_interactions"), "yml"),
        "binary.yaml": (cassette(BODY.encode(), {"base64_string": data}), "yaml"),
    }[form]
    file = tmp_path / f"r.{suffix}"
    file.write_text(yaml.safe_dump(value) if suffix in ("yaml", "yml") else json.dumps(value, indent=1))
    run = imgbudget("check", file.name, "--format", "json")
    found = [finding for finding in run.json["findings"] if finding["code"] == "IB001"]
    assert len(found) == (2 if form == "binary.yaml" else 1)
    assert {finding["location"] for finding in found} == {"messages.0.content.1"}
    assert all(finding["fix"] is None for finding in run.json["findings"])
    for finding in found:
        key = finding["pointer"].rpartition("/")[2]
        assert f"{key}" in file.read_text().splitlines()[finding["line"] - 1]


def test_images_of_one_string_are_distinguished(imgbudget: Command, tmp_path: Path) -> None:
    """One pointer for both, but two locations and two fingerprints."""
    (tmp_path / "r.har").write_text(json.dumps(har(json.dumps(body(*[image_block(TRUNCATED)] * 2)))))
    found = [
        item
        for item in imgbudget("check", "r.har", "--format", "json").json["findings"]
        if item["code"] == "IB001"
    ]
    assert len({item["pointer"] for item in found}) == 1
    assert len({item["location"] for item in found}) == len({item["fingerprint"] for item in found}) == 2


def test_span_of_a_body_is_that_of_its_scalar(tmp_path: Path) -> None:
    """Byte offsets, lines and columns of quoted, folded, plain and flow scalars behind wide characters."""
    for style in ('"', "'", "|", ">", None):
        value = cassette('{"a": "é 🙂"}', "plain")
        value["interactions"][0]["request"] = {"é": "🙂", **value["interactions"][0]["request"]}
        file = tmp_path / "r.yaml"
        file.write_text(yaml.safe_dump(value, default_style=style, allow_unicode=True), encoding="utf-8")
        raw = file.read_bytes()
        with JsonSource.open(str(file)) as source:
            read = read_cassette(source)
        assert [recorded.text for recorded in read.bodies] == ['{"a": "é 🙂"}', "plain"]
        for recorded in read.bodies:
            span = read.spans([recorded.keys])[recorded.keys]
            assert yaml.safe_load(raw[span.start : span.end]) == recorded.text
            assert raw[: span.start].count(b"\n") == span.line - 1
            line = raw.splitlines()[span.line - 1].decode()
            assert (
                line.encode()[: span.start - raw.rfind(b"\n", 0, span.start) - 1].decode()
                == line[: span.column - 1]
            )


def test_broken_cassette(imgbudget: Command, tmp_path: Path) -> None:
    """What begins as a cassette and is no YAML: a finding where it is named, a skip on a walk."""
    for text, reason in (
        ("interactions:\n- request: {body: 'a\n", "not YAML"),
        ("interactions:\n- request:\n    body: \ud800".encode("utf-8", "surrogatepass"), "not UTF-8"),
        ("interactions: " + "[" * 200_000, "nested|not YAML|depth"),
        ("interactions:\n- *a\n", "alias"),
    ):
        (tmp_path / "r.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        run = imgbudget("check", "r.yaml", "--format", "json")
        assert (run.code, run.codes) == ((1, ["IB002"]) if "alias" not in reason else (0, [])), reason
        if "alias" not in reason:
            walked = imgbudget("check", ".", "--format", "json")
            assert walked.codes == []
            assert len(walked.json["summary"]["skipped"]) == 1


def test_standard_input(imgbudget: Command) -> None:
    """The name says that it is YAML."""
    text = yaml.safe_dump(cassette(BODY)).encode()
    run = imgbudget("check", "-", "--stdin-filename", "c.yaml", "--format", "json", stdin=text)
    assert "IB001" in run.codes


scalars = st.text(max_size=8) | st.integers() | st.none()
keys = st.sampled_from(["request", "body", "string", "interactions", "x"]) | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(values, st.booleans())
def test_bodies_are_those_that_yaml_has(value: Any, flow: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """The events give what a loaded cassette has at the same positions, whatever surrounds them."""
    twin = copy.deepcopy(value)  # the same object twice would be written as an alias, which no recorder does
    whole = {"interactions": value if isinstance(value, list) else [twin, {"request": {"body": value}}]}
    text = yaml.safe_dump(whole, default_flow_style=flow, allow_unicode=True)
    expected = {}
    for i, item in enumerate(whole["interactions"]):
        inner = item.get("request") if isinstance(item, dict) else None
        found = inner.get("body") if isinstance(inner, dict) else None
        for route, one in (
            ((), found),
            (("string",), found.get("string") if isinstance(found, dict) else None),
        ):
            if isinstance(one, str):
                expected["interactions", i, "request", "body", *route] = one
    read = read_cassette(JsonSource.from_bytes(text.encode()))
    got = {recorded.keys: recorded.text for recorded in read.bodies}
    assert {keys: got.get(keys) for keys in expected} == expected
