"""Bodies in files that are no JSON: read as whole requests, located in the file, never edited."""

import codecs
import json
import re
import time
from pathlib import Path

import pytest
import yaml

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.relaxed import NotRelaxedError, relaxed_json
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Span
from imgbudget.requests import foreign
from imgbudget.requests.foreign import bodies_in_yaml
from tests.builders import body, image_block, image_bytes
from tests.conftest import Command

BODY = body(image_block(image_bytes((60, 8400))), "look")
LINE, INDENTED = json.dumps(BODY), json.dumps(BODY, indent=2)
QUOTED = LINE.replace('"', '\\"')
ODD = (
    "{\n  // the request\n  model: 'claude-sonnet-4-6', max_tokens: +0x64, $x: .5, s: false,\n  messages: "
    + json.dumps(BODY["messages"])
    .replace('"', "'")
    .replace("'role':", "role: /* who */")
    .replace("}]", "},]")
    + ",\n}\n"
)
"""The body as JSON5."""


def asking(text: str, whole: str = LINE) -> str:
    """The body with another text, as it is to be written."""
    return whole.replace("look", text)


QUOTE = r"it'\''s"
TEMPLATE = re.sub(r'("max_tokens": )\d+', r"\1{{most}}", INDENTED)
BRUNO = "meta {\n  name: x\n}\n\npost {\n  url: %s\n  body: json\n}\n\nbody:json {\n  %s\n}\n"

FILES: dict[str, tuple[str, str]] = {
    "request file": (
        "a.http",
        f"POST https://api.anthropic.com/v1/messages\ncontent-type: x\n\n{INDENTED}\n",
    ),
    "two requests": ("a.rest", f'POST https://x\n\n{{"a": 1}}\n\n###\n\nPOST https://x\n\n{INDENTED}\n'),
    "single quotes": ("a.sh", f"curl https://x -H 'a: b' -d '{LINE}' \\\n  --silent\n"),
    "double quotes": ("a.sh", f'curl https://x -d "{QUOTED}"\n'),
    "here-document": ("a.sh", f"cat <<EOF | curl -d @- https://x\n{INDENTED}\nEOF\n"),
    "log": ("a.log", f"12:00 é INFO sending {LINE} to x\n12:01 done\n"),
    "comments": ("a.jsonc", "// the request\n" + INDENTED.replace('"max_tokens"', '/* few */ "max_tokens"')),
    "trailing comma": ("a.json5", INDENTED.rstrip("\n}") + ",\n}\n"),
    "JSON5": ("a.json5", ODD),
    "JSON5 with text that is not ASCII": ("a.json5", "/* é */ " + asking("sé", ODD)),
    "JSON5 in a script": ("a.sh", f'node -e "send({ODD})"\n'),
    "what Python prints": ("a.log", f"12:00 sending {BODY!r} to x\n"),
    "variables of a template": ("a.http", f"POST https://x\n\n{TEMPLATE}\n"),
    "a quote in single quotes": ("a.sh", f"curl -d '{asking(QUOTE)}' https://x\n"),
    "a quote in double quotes": ("a.sh", "curl -d '" + asking("it'\"'\"'s") + "' https://x\n"),
    "escapes of a shell": ("a.sh", "curl -d $'" + asking(r"it\'s \u00e9") + "' https://x\n"),
    "double quotes with a dollar": ("a.sh", 'curl -d "' + asking(r"\$5", QUOTED) + '" https://x\n'),
    "a variable beside quotes": ("a.sh", "curl -d '" + asking("'$TEXT'") + "' https://x\n"),
    "a command beside quotes": ("a.sh", "curl -d '" + asking('\'"$(cat "a")"\'') + "' https://x\n"),
    "Bruno": ("a.bru", BRUNO % ("https://x", INDENTED.replace("\n", "\n  "))),
    "YAML": ("a.yaml", "# é\n" + yaml.safe_dump(BODY, allow_unicode=True)),
    "YAML under a key": ("a.yml", yaml.safe_dump({"tests": [{"prompt": BODY["messages"]}]})),
    "YAML with JSON on a line": ("a.yml", "http:\n  body:\n    data: '" + LINE + "'\n"),
    "YAML with JSON": (
        "a.yml",
        "http:\n  body:\n    data: |-\n      " + INDENTED.replace("\n", "\n      ") + "\n",
    ),
    "YAML documents": ("a.yml", "a: 1\n---\n" + yaml.safe_dump(BODY)),
}


@pytest.mark.parametrize("name", FILES)
def test_a_body_in_other_text_is_a_request(imgbudget: Command, name: str) -> None:
    """One request with its image, at its place or that of the text that holds it; no fix is offered."""
    path, text = FILES[name]
    Path(path).write_text(text, "utf-8")
    run = imgbudget("check", "--format", "json", "--no-cache", "--select", "IB101,IB002,IB106")
    summary = run.json["summary"]
    assert (summary["requests"], summary["images"], summary["partly_checked"]) == (1, 1, [])
    (finding,) = run.json["findings"]
    assert (finding["code"], finding["location"], finding["fix"]) == ("IB101", "messages.0.content.0", None)
    assert finding["pointer"].endswith("/0/content/0/source")
    here = text.splitlines()[finding["line"] - 1][finding["column"] - 1 :]
    assert here.startswith(("{", '"{', "$'{", "'{", "http:", "data:", "media_type:")), here[:40]
    again = imgbudget("check", path, "--fix", "--unsafe-fixes", "--no-cache", "--format", "json")
    assert again.json["summary"]["requests"] == 1
    assert Path(path).read_text("utf-8") == text


ADDRESS = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-opus-4-8/invoke"
PLAIN = {key: value for key, value in BODY.items() if key != "model"}
SENT = json.dumps(PLAIN)
OTHER = "https://api.openai.com/v1/chat/completions"

ADDRESSED = {
    "Bruno": ("a.bru", BRUNO % (ADDRESS, SENT)),
    "request file": ("a.http", f"POST {OTHER}\n\n{{}}\n\n###\nPOST {ADDRESS}\nx-a: {OTHER}\n\n{SENT}\n"),
    "request in YAML": ("a.yml", f"http:\n  url: {ADDRESS}\n  body:\n    data: '{SENT}'\n"),
    "after the body": ("a.sh", f"curl {OTHER}\ncurl -d '{SENT}' \\\n  -H 'a: b' \\\n  {ADDRESS}\n"),
    "before the body": ("a.sh", f"curl -X POST \\\n  {ADDRESS} \\\n  -d '{SENT}'\ncurl {OTHER}\n"),
    "after another command": ("a.sh", f"curl -d '{LINE}' {OTHER}\ncurl -d '{SENT}' {ADDRESS}\n"),
    "here-document": ("a.sh", f"curl {OTHER}\ncurl -d @- {ADDRESS} <<EOF\n{SENT}\nEOF\n"),
    "log": ("a.log", f"GET {OTHER}\nPOST {ADDRESS} body={SENT} took 1 s\nGET {OTHER}\n"),
}


@pytest.mark.parametrize("name", ADDRESSED)
def test_a_body_in_other_text_is_sent_to_the_url_beside_it(imgbudget: Command, name: str) -> None:
    """Its platform and model are those of the URL in its command, or of the request line above it."""
    path, text = ADDRESSED[name]
    Path(path).write_text(text)
    sent = imgbudget("check", "--format", "json", "--no-cache", "--select", "IB101").json["requests"][-1]
    assert (sent["model"], sent["platform"]) == ("claude-opus-4-8", "bedrock")


def test_a_large_body_in_a_block_is_found(imgbudget: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What opens no JSON in front of it is seen soon, however long the text is."""
    monkeypatch.setattr(foreign, "_LEAST_WORK", 1000)
    monkeypatch.setattr(foreign, "_MOST_WORK", 1)
    path, text = FILES["Bruno"]
    Path(path).write_text(text)
    run = imgbudget("check", "--format", "json", "--no-cache", "--select", "IB101")
    assert run.json["summary"]["requests"] == 1
    with pytest.raises(NotRelaxedError) as refused:
        relaxed_json("{\n  {'a': 1}}", 0)
    assert (refused.value.position, refused.value.tokens) == (4, 2)


def test_a_url_elsewhere_in_the_text_is_not_the_one_of_a_body(imgbudget: Command) -> None:
    """Of another line of a log, or of another command."""
    for name, text in (
        ("a.log", f"POST {ADDRESS} ok\nsending {SENT}\n"),
        ("a.sh", f"curl {ADDRESS}\ncurl -d '{SENT}' x\n"),
    ):
        Path(name).write_text(text)
        sent = imgbudget("check", name, "--format", "json", "--no-cache").json["requests"][-1]
        assert sent["platform"] == "anthropic"


@pytest.mark.parametrize(
    "text",
    [
        "{a: 1, messages: [1, 2, /* c */ 'x',], // d\n b: {c: [.5, 5., +0x1F, -1e3, Infinity, NaN, $y]}}",
        "{'é': '\\x41\\u0042\\\\\\'\"\\\n', \"u\": u'\\U0001F600', b: b'1', n: None, t: True, m: {{x}}}",
    ],
)
def test_what_is_nearly_json_has_the_values_and_places_of_its_text(text: str) -> None:
    """Each value of the text that was made is where it is in the original."""
    made = relaxed_json("xx" + text, 2)
    assert made.end == len(text) + 2
    value = json.loads(made.text)
    (document,) = open_documents(JsonSource.from_bytes(made.text.encode()), lines=False)
    assert isinstance(document, Document)
    assert document.value == value
    for key, span in document.spans([(key,) for key in value]).items():
        first, last = made.origin(span.start) - 2, made.origin(span.end) - 2
        assert text[:first].rstrip().endswith(":"), (key, text[first:last])
        assert text[last] in ",}"


def test_what_is_not_nearly_json_is_refused() -> None:
    """With the position that shows it."""
    for text, at in (
        ("{a b}", 1),
        ("{a: foo()}", 4),
        ("[1, 2", 5),
        ("{a: 'x", 4),
        ("[" * 300, 200),
        ("[1..2]", 1),
    ):
        with pytest.raises(NotRelaxedError) as refused:
            relaxed_json(text, 0)
        assert refused.value.position == at, text


def test_images_beside_a_body_are_checked_too(imgbudget: Command) -> None:
    """Before and after it, by themselves."""
    uri = f"data:image/png;base64,{BODY['messages'][0]['content'][0]['source']['data']}"
    Path("a.log").write_text(f"first {uri}\nsend {LINE}\nlast {uri}\n")
    run = imgbudget("check", "--format", "json", "--no-cache", "--select", "IB101")
    assert [finding["line"] for finding in run.json["findings"]] == [1, 2, 3]
    assert (run.json["summary"]["requests"], run.json["summary"]["images"]) == (1, 3)
    assert len(run.json["summary"]["partly_checked"]) == 1


def test_an_image_that_the_shape_of_a_body_has_no_place_for_is_seen(imgbudget: Command) -> None:
    """In a log as in JSON, at its place, and the output says so."""
    more = {**BODY, "metadata": {"shot": BODY["messages"][0]["content"][0]["source"]["data"]}}
    Path("a.log").write_text(f"x\nsend {json.dumps(more)}\n")
    run = imgbudget("check", "--format", "json", "--no-cache", "--select", "IB101")
    assert [(finding["pointer"], finding["line"]) for finding in run.json["findings"]] == [
        ("/messages/0/content/0/source", 2),
        ("/metadata/shot", 2),
    ]
    assert [entry["path"] for entry in run.json["summary"]["partly_checked"]] == ["a.log"]


def test_a_recording_with_parsed_bodies(imgbudget: Command) -> None:
    """The body that was sent is a request, with the model of the address; what was received is not."""
    plain = {key: value for key, value in BODY.items() if key != "model"}
    url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-opus-4-8/invoke"
    request = {"method": "POST", "uri": url, "parsed_body": plain}
    interaction = {"request": request, "response": {"parsed_body": BODY}}
    Path("a.yaml").write_text(yaml.safe_dump({"interactions": [interaction], "version": 1}))
    run = imgbudget("check", "--format", "json", "--no-cache", "--select", "IB101")
    (sent,), (finding,) = run.json["requests"], run.json["findings"]
    assert (sent["model"], sent["platform"]) == ("claude-opus-4-8", "bedrock")
    assert finding["pointer"] == "/interactions/0/request/parsed_body/messages/0/content/0/source"
    assert (finding["location"], finding["fix"]) == ("messages.0.content.0", None)


def test_a_document_that_is_json_in_a_string_is_not_edited(imgbudget: Command) -> None:
    """The finding is located at the string, and offers no fix."""
    Path("a.json").write_text(" " + json.dumps(LINE))
    run = imgbudget("check", "a.json", "--fix", "--format", "json", "--no-cache", "--select", "IB101")
    (finding,) = run.json["findings"]
    assert (finding["line"], finding["column"], finding["fix"]) == (1, 2, None)
    assert Path("a.json").read_text() == " " + json.dumps(LINE)


def test_broken_and_hostile_text_never_raises(imgbudget: Command) -> None:
    """Unclosed brackets, aliases of aliases, odd keys, bytes that are no text, each with an image."""
    uri = f"data:image/png;base64,{BODY['messages'][0]['content'][0]['source']['data']}"
    bomb = "a: &a [1]\n" + "".join(f"k{i}: &b{i} [*a, *a]\n" for i in range(30))
    for path, text in (
        ("a.log", '{"messages": ' + "[" * 5000 + uri),
        ("b.log", '{"messages": [' * 3000 + uri),
        ("c.yaml", f"{bomb}messages: [{uri}]\n? [a, b]\n: 1\n"),
        ("d.yaml", f"messages: {'[' * 3000}\n{uri}\n"),
        ("e.yaml", f"messages: *gone\nx: {uri}\n"),
        ("f.yaml", f"messages: !!python/object:os.system {{}}\nx: {uri}\n"),
    ):
        Path(path).write_text(text)
    Path("g.log").write_bytes(b"\xff messages " + uri.encode())
    run = imgbudget("check", "--format", "json", "--no-cache", "--select", "IB001,IB003,IB101")
    assert {(finding["path"], finding["code"]) for finding in run.json["findings"]} == {
        (path.name, "IB101") for path in Path().iterdir()
    }


@pytest.mark.parametrize(
    ("path", "filler"),
    [
        ("a.log", "iVBORw0KGgo" + 400_000 * "\\" + "x"),
        ("a.log", 200_000 * '{"a" '),
        ("a.jsonc", "{" + 300_000 * "/*"),
        ("a.json5", 300_000 * "{a: '"),
        ("a.json5", 100_000 * "[1,\n" + "x"),
        ("a.sh", 100_000 * "'{\"a'\\''"),
        ("a.sh", 50_000 * "$'{\\'\"$(\"[$("),
        ("a.yaml", 150_000 * "\n" + "x: [\n"),
        ("a.log", 300_000 * ';base64,"'),
        ("a.json", json.dumps({"a": 300_000 * '"/' + "image role"})),
    ],
)
def test_text_that_is_made_to_take_long_does_not(imgbudget: Command, path: str, filler: str) -> None:
    """Each takes minutes if what follows is read again for each of its characters."""
    uri = f"data:image/png;base64,{BODY['messages'][0]['content'][0]['source']['data']}"
    end = f'"messages": {uri}\n' if not path.endswith(".json") else ""
    Path(path).write_text(f"{filler}\n{end}")
    began = time.process_time()
    imgbudget("check", path, "--format", "json", "--no-cache")
    assert time.process_time() - began < 20


def test_places_in_yaml_are_counted_as_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text before each of many values is not read again for each; a mark of the byte order counts."""
    text = "# é\nmessages: [" + "é, " * 5000 + "image]\n"
    data = codecs.BOM_UTF8 + text.encode()
    (found,) = bodies_in_yaml(JsonSource.from_bytes(data))
    paths = [("messages", number) for number in range(5001)]
    spans = found.spans(paths)
    assert [data[spans[path].start : spans[path].end] for path in paths] == ["é".encode()] * 5000 + [b"image"]
    made: list[Span] = []

    def counted(*place: int) -> Span:
        made.append(Span(*place))
        return made[-1]

    monkeypatch.setattr(foreign, "Span", counted)
    list(bodies_in_yaml(JsonSource.from_bytes(data)))
    assert len(made) == 1
