"""`imgbudget send`: refuses errors, asks before spending, sends bytes unchanged, and shows the bill."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import MessageCountTokensParams
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from pydantic import TypeAdapter
from werkzeug import Response

from tests.builders import body, image_block, image_bytes, text_block, write_json
from tests.conftest import Command
from tests.liveapi import Api, answer, events, image_tokens, message, sizes

MODEL = "claude-sonnet-4-6"
TAKEN = TypeAdapter(MessageCreateParamsNonStreaming)
COUNTED = TypeAdapter(MessageCountTokensParams)


def request_file(folder: Path, *content: Any, **more: Any) -> Path:
    """A request in a file, spelled as no serialiser would."""
    value = body(*(content or (image_block(), "what is it?")), **more)
    return write_json(folder / "r.json", value, indent=3)


def test_the_body_is_sent_byte_for_byte(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Whitespace, order and escapes of the file are unchanged; the SDK's types accept the body."""
    api.enforcing()
    file = request_file(tmp_path, image_block(), 'caf\\u00e9 "quoted" é')
    run = imgbudget("send", "r.json", "--yes")
    assert run.code == 0, run.err
    assert api.seen == [file.read_bytes()]
    assert api.headers[0]["Content-Type"] == "application/json"
    TAKEN.validate_python(api.bodies[0])
    assert run.out.startswith("A grey square.\n")


def test_prediction_is_compared_with_the_bill(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Visual tokens, envelope and text separately, the difference and its cause."""
    api.enforcing()
    request_file(tmp_path, image_block(image_bytes((1092, 1092))), "what is it?")
    run = imgbudget("send", "r.json", "--yes")
    assert "predicted:  1521 visual + 10 envelope + about" in run.out
    assert "billed:     1531 input and 5 output tokens" in run.out
    assert "difference: " in run.out


def test_errors_keep_a_request_back(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """An error finding: exit 1, nothing sent, and what to do; a warning goes out."""
    api.enforcing()
    request_file(tmp_path, image_block(image_bytes((8001, 300))))
    run = imgbudget("send", "r.json", "--yes")
    assert run.code == 1
    assert api.seen == []
    assert "error[IB101]" in run.err
    assert "not sent: 1 error found; --fix applies the safe fixes, --force sends anyway" in run.err
    request_file(tmp_path, image_block(image_bytes((4000, 1000))))
    run = imgbudget("send", "r.json", "--yes")
    assert run.code == 0
    assert "warning[IB201]" in run.err


def test_force_sends_all_the_same(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """With --force the API decides."""
    api.enforcing()
    file = request_file(tmp_path, image_block(image_bytes((8001, 300))))
    assert imgbudget("send", "r.json", "--yes", "--force").code == 0
    assert api.seen == [file.read_bytes()]


def test_fix_sends_the_fixed_body_and_leaves_the_file(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Safe fixes are made in a copy; the SDK's types accept the body before and after."""
    api.enforcing()
    file = request_file(tmp_path, image_block(image_bytes((8001, 1500))), "what is it?")
    before = file.read_bytes()
    TAKEN.validate_python(json.loads(before))
    run = imgbudget("send", "r.json", "--yes", "--fix")
    assert run.code == 0, run.err
    assert file.read_bytes() == before
    assert sizes(api.bodies[0]) == [(1568, 294)]
    TAKEN.validate_python(api.bodies[0])
    assert api.seen[0].rpartition(b'"data"')[0] == before.rpartition(b'"data"')[0]
    assert "fixed in what is sent: " in run.err


def test_dry_run_sends_nothing_and_needs_no_key(
    imgbudget: Command, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would go out, where, and what it would cost."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://user:password1@127.0.0.1:9/x/")
    request_file(tmp_path, image_block(image_bytes((1092, 1092))))
    run = imgbudget("send", "r.json", "--dry-run")
    assert run.code == 0
    assert "would send: POST /v1/messages at http://127.0.0.1:9/x\n" in run.out
    assert "1521 visual + 10 envelope" in run.out
    assert "at most $0.006" in run.out
    assert api.seen == []


def test_it_asks_before_spending(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Without --yes and without a terminal nothing is sent."""
    request_file(tmp_path)
    run = imgbudget("send", "r.json")
    assert run.code == 2
    assert "cannot ask for confirmation (no terminal); pass --yes to send without asking" in run.err
    assert api.seen == []


@pytest.mark.parametrize(("said", "code", "sent"), [("n\n", 1, 0), ("y\n", 0, 1)])
def test_the_question_on_a_terminal(api: Api, tmp_path: Path, said: str, code: int, sent: int) -> None:
    """No sends nothing, exit 1; yes sends."""
    api.enforcing()
    request_file(tmp_path)
    ours, theirs = pty.openpty()
    try:
        os.write(ours, said.encode())
        done = subprocess.run(
            [sys.executable, "-m", "imgbudget", "send", "r.json"],
            cwd=tmp_path,
            stdin=theirs,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == code, done.stderr
    assert "send it? [y/N]" in done.stderr
    assert f"1 request to {MODEL} on anthropic: about $0.000" in done.stderr
    assert len(api.seen) == sent


def test_max_cost_is_the_most_that_it_may_cost(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """The bound counts the whole max_tokens; over it nothing is sent, and without one it cannot be kept."""
    api.enforcing()
    request_file(tmp_path, max_tokens=100)  # 100 output tokens: $0.0015
    assert imgbudget("send", "r.json", "--yes", "--max-cost", "$0.05").code == 0
    run = imgbudget("send", "r.json", "--yes", "--max-cost", "$0.0015")
    assert run.code == 1
    assert "not sent: it may cost $0.00" in run.err
    assert len(api.seen) == 1
    write_json(tmp_path / "r.json", {"model": MODEL, "messages": body(image_block())["messages"]})
    run = imgbudget("send", "r.json", "--yes", "--max-cost", "$1", "--ignore", "IB002")
    assert run.code == 2
    assert "--max-cost cannot be kept" in run.err
    assert imgbudget("send", "r.json", "--max-cost", "a lot").code == 2


def test_count_is_free_and_leaves_out_what_the_endpoint_refuses(
    imgbudget: Command, api: Api, tmp_path: Path
) -> None:
    """max_tokens, stream and metadata are not sent, and no question is asked; the SDK's types accept it."""
    api.enforcing()
    more = {"stream": True, "metadata": {"user_id": "u"}, "system": "be brief", "temperature": 0}
    request_file(tmp_path, image_block(image_bytes((1092, 1092))), **more)
    run = imgbudget("send", "r.json", "--count")
    assert run.code == 0, run.err
    assert set(api.bodies[0]) == {"model", "messages", "system"}
    COUNTED.validate_python(api.bodies[0])
    assert "counted:    1531 input tokens" in run.out


@pytest.mark.parametrize(
    "order",
    [
        ("max_tokens", "model", "messages"),
        ("model", "max_tokens", "stream", "messages"),
        ("model", "messages", "max_tokens", "stream"),
        ("max_tokens", "stream", "model", "metadata", "messages", "top_k"),
        ("messages", "model"),
    ],
)
def test_members_are_removed_at_any_position(
    imgbudget: Command, api: Api, tmp_path: Path, order: tuple[str, ...]
) -> None:
    """At the beginning, in between or at the end: the rest is JSON, the other members are unchanged."""
    api.enforcing()
    whole = {**body(image_block()), "stream": False, "metadata": {}, "top_k": 5}
    write_json(tmp_path / "r.json", {key: whole[key] for key in order})
    assert imgbudget("send", "r.json", "--count").code == 0
    assert api.bodies == [{key: whole[key] for key in order if key in ("model", "messages")}]


def test_stream_shows_the_answer_as_it_comes(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """The flag is written into the body, and the usage of both ends is shown."""
    stream = Response(events(MODEL, 30, "A grey ", "square."), content_type="text/event-stream")
    api.always(stream)
    request_file(tmp_path)
    run = imgbudget("send", "r.json", "--yes", "--stream", "--output", "reply.json")
    assert run.code == 0, run.err
    assert api.bodies[0].pop("stream") is True
    assert run.out.startswith("A grey square.\n")
    assert "30 input and 7 output tokens" in run.out
    reply = json.loads((tmp_path / "reply.json").read_text())
    assert reply["content"] == [{"type": "text", "text": "A grey square."}]
    assert reply["stop_reason"] == "end_turn"


def test_a_body_that_streams_is_streamed(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """`stream: true` in the file needs no flag."""
    api.always(Response(events(MODEL, 30, "yes"), content_type="text/event-stream"))
    file = request_file(tmp_path, image_block(), stream=True)
    assert imgbudget("send", "r.json", "--yes").out.startswith("yes\n")
    assert api.seen == [file.read_bytes()]


def test_a_gateway_that_does_not_stream_is_understood(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """A whole message in answer to a stream is that message (litellm's proxy does so in mock mode)."""
    api.enforcing()
    request_file(tmp_path)
    run = imgbudget("send", "r.json", "--yes", "--stream")
    assert run.code == 0, run.err
    assert run.out.startswith("A grey square.\n")


def test_the_model_of_the_command_is_written_where_the_body_has_none(
    imgbudget: Command, api: Api, tmp_path: Path
) -> None:
    """A body without a model is sent with that of --model; a body's own wins."""
    api.enforcing()
    request_file(tmp_path, image_block(), model=None)
    assert imgbudget("send", "r.json", "--yes", "--model", "claude-haiku-4-5").code == 0
    request_file(tmp_path, image_block())
    assert imgbudget("send", "r.json", "--yes", "--model", "claude-haiku-4-5").code == 0
    assert [it["model"] for it in api.bodies] == ["claude-haiku-4-5", MODEL]


def test_a_request_on_standard_input(imgbudget: Command, api: Api) -> None:
    """`-` reads it, and cannot be asked."""
    api.enforcing()
    text = json.dumps(body(image_block())).encode()
    assert imgbudget("send", "-", stdin=text).code == 2
    run = imgbudget("send", "-", "--yes", "--format", "json", stdin=text)
    assert run.code == 0
    assert api.seen == [text]
    assert run.json["path"] == "<stdin>"


def test_json_has_everything(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Findings, prediction, bill and answer are in one document; if refused, the reason."""
    api.enforcing()
    request_file(tmp_path, image_block(image_bytes((1092, 1092))), "what?")
    told = imgbudget("send", "r.json", "--yes", "--format", "json").json
    assert told["sent"] is True
    assert told["requests"][0]["observed"]["input_tokens"] == 1531
    assert told["predicted"][0]["visual_tokens"] == 1521
    assert told["reply"]["content"][0]["text"] == "A grey square."
    request_file(tmp_path, image_block(image_bytes((8001, 300))))
    run = imgbudget("send", "r.json", "--yes", "--format", "json")
    assert (run.code, run.json["sent"]) == (1, False)
    assert run.json["reason"].startswith("1 error found")
    assert run.codes == ["IB101", "IB302"]


def test_record_appends_observations_without_content(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Model, sizes, predicted, observed, date and shape; no image, no text, no name of a file."""
    api.enforcing()
    block = image_block(image_bytes((640, 480)))
    request_file(tmp_path, block, "the secret plan", system="a system prompt", metadata={"user_id": "me"})
    for _ in range(2):
        assert imgbudget("send", "r.json", "--yes", "--record", "seen.jsonl").code == 0
    assert imgbudget("send", "r.json", "--count", "--record", "seen.jsonl").code == 0
    lines = (tmp_path / "seen.jsonl").read_text().splitlines()
    first, _, counted = map(json.loads, lines)
    assert first["images"] == [
        {"width": 640, "height": 480, "origin": "base64", "format": "png", "tokens": 414, "nested": False}
    ]
    assert first["predicted"]["visual_tokens"] == 414
    assert first["observed"]["input_tokens"] == 424
    assert first["shape"]["members"] == ["max_tokens", "metadata", "system"]
    assert counted["endpoint"] == "/v1/messages/count_tokens"
    text = "".join(lines)
    assert block["source"]["data"][:40] not in text
    assert not any(word in text for word in ("secret", "prompt", "r.json", '"me"'))


@pytest.mark.parametrize(
    ("billed", "cause"),
    [
        (1531, "negligible"),
        (1531 + 30, "text: 30 tokens for 100 bytes, 25 were estimated"),
        (1521 + 10 + 1600, "more than text of this length explains"),
        (900, "fewer than the images alone should cost"),
    ],
)
def test_the_cause_of_a_difference(
    imgbudget: Command, api: Api, tmp_path: Path, billed: int, cause: str
) -> None:
    """Differences within the cost of text are normal; more or fewer tokens are reported as odd."""
    api.always(answer(message(MODEL, billed)))
    text = "w" * 100 if billed == 1561 else "w"
    request_file(tmp_path, image_block(image_bytes((1092, 1092))), text)
    assert cause in imgbudget("send", "r.json", "--yes").out


def test_another_tier_is_recognised(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """1920x1080 billed as on the high-resolution tier, on a model that is thought to be standard."""
    api.always(answer(message(MODEL, 2691 + 10)))
    request_file(tmp_path, image_block(image_bytes((1920, 1080))), "w")
    run = imgbudget("send", "r.json", "--yes")
    assert "the images cost as in the high-resolution tier, not the standard tier" in run.out


def test_cached_tokens_are_input_tokens(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """What was written to or read from a cache counts as billed input."""
    reply = message(MODEL, 31)
    reply["usage"] |= {"cache_creation_input_tokens": 1000, "cache_read_input_tokens": 500}
    api.always(answer(reply))
    request_file(tmp_path, image_block(image_bytes((1092, 1092))))
    out = imgbudget("send", "r.json", "--yes").out
    assert "1531 input and 5 output, 1500 of the input written to or read from a cache tokens" in out


def test_upload_sends_file_ids_and_can_delete_them(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Each image is uploaded once, nested ones too; no base64 is left in the body; then they are deleted."""
    ids = iter(["file_a", "file_b"])
    api.on("/v1/files", lambda _: answer({"id": next(ids), "type": "file"}))
    api.always(answer(message(MODEL, 30)))
    api.on("/v1/files/file_a", lambda _: answer({"id": "file_a", "type": "file_deleted"}), "DELETE")
    api.on("/v1/files/file_b", lambda _: answer({}, 500), "DELETE")
    one, two = image_block(image_bytes(colour=1)), image_block(image_bytes(colour=2))
    nested = {"type": "tool_result", "tool_use_id": "t", "content": [one]}
    request_file(tmp_path, one, two, nested, "which?")
    run = imgbudget("send", "r.json", "--yes", "--upload", "--delete-after", "--retries", "0")
    assert run.code == 0, run.err
    first, second, sent, *deleted = api.seen
    assert b'filename="image-1.png"' in first
    assert image_bytes(colour=1) in first
    assert image_bytes(colour=2) in second
    content = json.loads(sent)["messages"][0]["content"]
    assert content[0]["source"] == {"type": "file", "file_id": "file_a"}
    assert content[1]["source"] == {"type": "file", "file_id": "file_b"}
    assert content[2]["content"][0]["source"] == {"type": "file", "file_id": "file_a"}
    TAKEN.validate_python(json.loads(sent))
    assert len(deleted) == 2
    assert "file_b could not be deleted; it stays in the Files API" in run.err


def test_kept_uploads_are_listed(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Without --delete-after, and if the request fails, the ids are printed: nothing is lost."""
    api.on("/v1/files", lambda _: answer({"id": "file_a"}))
    api.always(answer({"type": "error", "error": {"type": "api_error", "message": "no"}}, 500))
    request_file(tmp_path)
    run = imgbudget("send", "r.json", "--yes", "--upload", "--retries", "0")
    assert run.code == 2
    assert "the uploaded file stays in the Files API until deleted: file_a" in run.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--count", "--upload"), "cannot be combined: the count endpoint does not accept file ids"),
        (("--count", "--stream"), "cannot be combined"),
        (("--delete-after",), "--delete-after needs --upload"),
        (("--upload", "--platform", "google-cloud"), "google-cloud does not accept file ids"),
        (("--platform", "claude-ai"), "`send` does not support claude-ai; choose another --platform: anth"),
        (("--platform", "claude-aws"), "does not support claude-aws; choose another --platform: anthropic, "),
        (("--batch-id", "a/../b"), "is not a batch id"),
        (("--format", "sarif"), "unknown format 'sarif'; known are full, json"),
    ],
)
def test_what_does_not_go_together(
    imgbudget: Command, api: Api, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    """A usage error names it, and nothing is sent."""
    request_file(tmp_path)
    run = imgbudget("send", "r.json", "--yes", *arguments)
    assert run.code == 2
    assert words in run.err
    assert api.seen == []


def test_what_is_no_request_is_not_sent(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """An image, other JSON, another vendor's body, a recording: each is named."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    write_json(tmp_path / "x.json", {"a": 1})
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    openai = {"model": MODEL, "messages": [{"role": "user", "content": [image]}]}
    write_json(tmp_path / "o.json", openai)
    for name, words in (
        ("a.png", "holds no request"),
        ("x.json", "holds no request"),
        ("o.json", "is in the format openai-chat; send accepts Messages API bodies"),
        (".", ".: is a folder; give the file of a request"),
        ("gone.json", "gone.json: no such file or folder"),
    ):
        run = imgbudget("send", name, "--yes")
        assert run.code == 2, name
        assert words in run.err
    assert api.seen == []


def test_bedrock_and_google_cloud_go_through_their_clients(
    imgbudget: Command, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK moves the model into the address; the rest of the body arrives as it was."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "marked-bearer-token")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", api.url)
    api.always(answer(message(MODEL, 30)), "/model/anthropic.claude-sonnet-4-6/invoke")
    sent = body(image_block(), model="anthropic.claude-sonnet-4-6")
    write_json(tmp_path / "r.json", sent)
    run = imgbudget("send", "r.json", "--yes")
    assert run.code == 0, run.err
    assert api.bodies[0]["messages"] == sent["messages"]
    assert "on bedrock" in run.out


def test_foundry_goes_through_its_client(
    imgbudget: Command, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The body goes out byte for byte, with the platform's own key."""
    monkeypatch.setenv("ANTHROPIC_FOUNDRY_API_KEY", "marked-foundry-key")
    monkeypatch.setenv("ANTHROPIC_FOUNDRY_BASE_URL", api.url)
    api.enforcing()
    file = request_file(tmp_path)
    run = imgbudget("send", "r.json", "--yes", "--platform", "foundry")
    assert run.code == 0, run.err
    assert api.seen == [file.read_bytes()]
    assert "marked-foundry-key" in str(api.headers[0].values())


@pytest.mark.parametrize("platform", ["bedrock", "google-cloud", "foundry"])
def test_a_platform_without_its_environment_is_named(
    imgbudget: Command, api: Api, tmp_path: Path, platform: str
) -> None:
    """The SDK's message about what is missing is shown on one line."""
    request_file(tmp_path)
    run = imgbudget("send", "r.json", "--yes", "--platform", platform)
    assert run.code == 2
    (line,) = [line for line in run.err.splitlines() if "imgbudget: " in line]
    assert line.startswith(f"imgbudget: {platform}: ")


def test_without_a_key_nothing_is_sent(
    imgbudget: Command, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key: exit 2, nothing is sent."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    request_file(tmp_path)
    run = imgbudget("send", "r.json", "--yes")
    assert run.code == 2
    assert "authentication" in run.err
    assert api.seen == []


def test_text_of_an_answer_in_a_tool_call_is_empty(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """An answer without text is no failure."""
    reply = message(MODEL, 30) | {"content": [{"type": "tool_use", "id": "t", "name": "n", "input": {}}]}
    api.always(answer(reply))
    request_file(tmp_path, image_block(), text_block("go"))
    run = imgbudget("send", "r.json", "--yes")
    assert run.code == 0
    assert run.out.startswith(MODEL)
    assert image_tokens(api.bodies[0]) > 7
