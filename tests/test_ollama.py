"""Ollama's bodies: bare base64 in `images`, in chat and in generate."""

import base64
import json
from pathlib import Path

from imgbudget.model.subjects import Text
from imgbudget.requests.reader import NoRequest
from tests.builders import image_bytes
from tests.conftest import Command
from tests.requestreading import items_of, request_of

PNG = base64.b64encode(image_bytes((120, 90))).decode()
OTHER = base64.b64encode(image_bytes((300, 200), "JPEG")).decode()


def test_chat() -> None:
    """The images of a turn come with its text; each is located at its string."""
    turns = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Compare.", "images": [PNG, OTHER]},
        {"role": "assistant", "content": "They differ."},
        {"role": "tool", "content": "a shot", "images": [PNG]},
    ]
    request = request_of({"model": "llava-onevision", "messages": turns, "stream": False})
    assert (request.dialect, request.model, request.flaws) == ("ollama-chat", "llava-onevision", ())
    assert [(str(use.size), use.location.dotted, use.role) for use in request.images] == [
        ("120x90", "messages.1.images.0", "user"),
        ("300x200", "messages.1.images.1", "user"),
        ("120x90", "messages.3.images.0", "user"),
    ]
    assert isinstance(request.turns[1].blocks[-1], Text)


def test_generate() -> None:
    """One prompt with its images."""
    request = request_of({"model": "gemma3", "prompt": "What is it?", "system": "Be short.", "images": [PNG]})
    assert (request.dialect, request.model) == ("ollama-generate", "gemma3")
    assert [turn.role for turn in request.turns] == ["system", "user"]
    assert request.images[0].location.pointer == "/images/0"


def test_malformed_parts_are_mistakes() -> None:
    """A content of blocks beside images of another turn, an image that is a number, images that are none."""
    turns = [
        {"role": "user", "content": "a", "images": [PNG]},
        {"role": "user", "content": 5},
        {"role": "user", "content": "a", "images": [PNG, 7]},
        {"role": "user", "content": "a", "images": "x"},
    ]
    assert [flaw.message for flaw in request_of({"messages": turns}).flaws] == [
        "content is a number, not a string",
        "an image is a number, not base64 text",
        "images is a string, not an array",
    ]


def test_other_bodies_with_images_are_not_taken_for_it() -> None:
    """Generated images of an answer are objects, and an image service has no model."""
    answer = {
        "role": "assistant",
        "content": "",
        "images": [{"type": "image_url", "image_url": {"url": "x"}}],
    }
    assert request_of({"model": "m", "messages": [answer]}).dialect != "ollama-chat"
    (item,) = items_of({"prompt": "a cat", "images": [PNG]})
    assert isinstance(item, NoRequest)


def test_fixes_write_bare_base64(imgbudget: Command) -> None:
    """The image is scaled in its place, without a prefix."""
    large = base64.b64encode(image_bytes((60, 8400))).decode()
    text = json.dumps(
        {"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": "look", "images": [large]}]}
    )
    Path("a.json").write_text(text)
    run = imgbudget("check", "a.json", "--fix", "--no-cache", "--format", "json", "--select", "IB1")
    after = json.loads(Path("a.json").read_text())["messages"][0]["images"][0]
    assert (run.json["findings"], base64.b64decode(after, validate=True)[:4]) == ([], b"\x89PNG")
