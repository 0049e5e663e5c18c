"""What users have: notes that no agent writes, blanks before base64, variables in scripts."""

import base64
import json
from pathlib import Path

import pytest

from imgbudget.testing import request, run_rule
from imgbudget_rules.ib507_false_scale_note import false_scale_note
from tests.builders import body, image_block, image_bytes
from tests.conftest import Command

CUT = base64.b64encode(image_bytes((60, 8400))[:-40]).decode()
NOTE = "[Image: original {}, displayed at {}. Multiply coordinates by {} to map to original image.]"


@pytest.mark.parametrize(
    "text",
    [
        NOTE.format("0x0", "0x0", "0"),
        NOTE.format("3000x2000", "0x1333", "1.50"),
        NOTE.format("3000x2000", "02000x1333", "1.50"),
        NOTE.format("3000x2000", "20001333x1333", "1.50"),
        NOTE.format("3000x2000", "\u0662\u0660x1333", "1.50"),
        "Image overview: 0x0; oriented source: 3000x2000",
    ],
)
def test_a_note_of_an_impossible_size_is_none(text: str) -> None:
    """A size of 0 divided by 0, and one that is written otherwise could not be corrected."""
    content = ["<png 800x600>", text]
    assert run_rule(false_scale_note, request({"messages": [{"role": "user", "content": content}]})) == []


def test_a_note_keeps_the_original_size(imgbudget: Command) -> None:
    """Also where it is the size that is displayed, which alone is corrected."""
    wrong, right = NOTE.format("200x133", "200x133", "1.00"), NOTE.format("200x133", "400x266", "0.50")
    Path("r.json").write_text(json.dumps(body(image_block(image_bytes((400, 266))), wrong)))
    imgbudget("check", "r.json", "--fix", "--unsafe-fixes", "--select", "IB507")
    assert json.loads(Path("r.json").read_text())["messages"][0]["content"][1]["text"] == right


@pytest.mark.parametrize("blanks", ["\n", "  ", "\t\r\n "])
@pytest.mark.parametrize("is_nested", [False, True])
@pytest.mark.parametrize("size", [2000, 100_000])
def test_an_image_after_blanks_is_found(
    imgbudget: Command, blanks: str, size: int, *, is_nested: bool
) -> None:
    """In JSON of unknown shape, where the API refuses the image as it does the blanks."""
    value = {"shot": blanks + CUT[:size].ljust(size, "A")}
    Path("a.json").write_text(json.dumps({"raw": json.dumps(value)} if is_nested else value))
    run = imgbudget("check", "a.json", "--format", "json", "--no-cache", "--select", "IB001,IB106")
    assert run.json["summary"]["images"] == 1
    assert "IB106" in {finding["code"] for finding in run.json["findings"]}


@pytest.mark.parametrize("data", ["$IMG", "'$(base64 -w0 a.png)'", "{{image}}", "iVBORw0KGgo..."])
@pytest.mark.parametrize("is_beside", [False, True])
def test_a_variable_in_a_script_is_an_image_elsewhere(
    imgbudget: Command, data: str, *, is_beside: bool
) -> None:
    """It is no wrong base64, alone or beside a whole image, and the script is not passed over."""
    whole = image_block(image_bytes((300, 200)))
    variable = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    sent = json.dumps(body(*([whole] if is_beside else []), variable, "look"))
    Path("a.sh").write_text(f"curl https://api.anthropic.com/v1/messages -d '{sent}'\n")
    run = imgbudget("check", "a.sh", "--format", "json", "--no-cache", "--fail-on-unread")
    assert [finding["code"] for finding in run.json["findings"] if finding["severity"] == "error"] == []
    assert (run.json["summary"]["images"], run.json["summary"]["requests"]) == (1 + is_beside, 1)


@pytest.mark.parametrize("key", ["litellm_call_id", "response", "startTime"])
@pytest.mark.parametrize("is_line", [False, True])
def test_messages_as_a_string_in_the_row_of_a_log_are_read(
    imgbudget: Command, key: str, *, is_line: bool
) -> None:
    """A log's table has a column of messages: the file is no request whose messages are a string."""
    messages = json.dumps(body(image_block(image_bytes((60, 8400))[:-40]), "x")["messages"])
    row = json.dumps({key: "x", "model": "claude-sonnet-4-6", "messages": messages})
    name = "log.jsonl" if is_line else "log.json"
    Path(name).write_text(f"{row}\n{row}\n" if is_line else row)
    done = imgbudget("check", name, "--select", "IB001,IB002", "--format", "json")
    assert done.codes == ["IB001"] * (1 + is_line)


@pytest.mark.parametrize("messages", ["hello", "[]", json.dumps([{"role": "user", "content": "x"}])])
def test_a_body_whose_messages_are_a_string_is_refused(imgbudget: Command, messages: str) -> None:
    """As the API refuses it, also where the string holds JSON."""
    Path("r.json").write_text(json.dumps({"model": "claude-sonnet-4-6", "messages": messages}))
    assert imgbudget("check", "r.json", "--format", "json").codes == ["IB002"]
