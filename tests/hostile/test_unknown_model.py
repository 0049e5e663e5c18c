"""Requests whose model nobody knows: checked by all rules that need no model, and never given a number."""

import base64
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest

import imgbudget
from imgbudget.errors import GuardError
from imgbudget.limits.model_ids import looks_like_template
from imgbudget.live.guard import RequestWarning
from imgbudget_rules.limits._generated import DATA
from tests.builders import body, image_block, image_bytes, text_block, write_json
from tests.conftest import Command

TEMPLATES = (
    "${CLAUDE_MODEL}",
    "${{ env.MODEL }}",
    "${MODEL:-fallback}",
    "$MODEL",
    "$(MODEL)",
    "{{ model }}",
    "{{model}}-latest",
    "{model}",
    "{}",
    "{0.__class__}",
    "{:>9999999999}",
    "{% if x %}a{% endif %}",
    "<model>",
    "<your model here>",
    "<%= model %>",
    "%MODEL%",
    "%s",
    "%(model)s",
    "%9999999999d",
    "#{model}",
    "@MODEL@",
    "__MODEL__",
    "[[model]]",
    "[model]",
    "MODEL",
    "MODEL_NAME",
    "CLAUDE_MODEL",
    "YOUR_MODEL",
    "your-model-here",
    "your-deployment-name",
    "INSERT_MODEL_HERE",
    "model-name",
    "my-model",
    "...",
    "tbd",
    "changeme",
)

MODELS = (
    "acme-vision-1",
    "test-model",
    "claude-next",
    "gpt-99",
    "us.amazon.nova-zeta-v1%3A0",
    "arn%3aaws%3abedrock%3aus",
    "claude-opus-99[1m]",
    "ft:gpt-99:acme::id",
    "accounts/acme/models/llama-v9",
    "@cf/meta/llama-9",
    "hf.co/acme/x:Q4_K_M",
    "100%sure",
    "my-fine-tune-7",
    "model",
    "",
)


@pytest.mark.parametrize("model", TEMPLATES)
def test_template_variable_is_recognised(model: str) -> None:
    """Each way of templates and placeholders to say that something is to be filled in."""
    assert looks_like_template(model)


@pytest.mark.parametrize("model", [*MODELS, *DATA["models"]])
def test_id_of_a_model_is_no_template_variable(model: str) -> None:
    """Ids, known or not, in the spellings of platforms and gateways."""
    assert not looks_like_template(model)


@pytest.mark.parametrize(
    "part", ["your-a_", "my-model-", "{", "%", "% ", "<", "__", "[a", "@a", "MODEL", "$["]
)
def test_template_variable_is_decided_quickly(part: str) -> None:
    """The work does not grow with the length of the id."""
    assert looks_like_template(part * 100_000) in (True, False)


def chat(model: str | None, data: bytes, media_type: str = "image/png") -> dict[str, Any]:
    """A chat completion with one image."""
    url = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    content = [{"type": "image_url", "image_url": {"url": url}}]
    return {"messages": [{"role": "user", "content": content}]} | ({"model": model} if model else {})


FAULTY = (
    ("IB001", [image_block(image_bytes()[:200])]),
    ("IB002", ["x", {"type": "image"}]),
    ("IB101", [image_block(image_bytes((9000, 300)))]),
    ("IB102", [image_block(image_bytes((2100, 40), colour=i)) for i in range(21)]),
    ("IB104", [image_block(image_bytes(form="BMP"), "image/bmp")]),
    ("IB105", [image_block(media_type="image/gif")]),
    ("IB106", [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "?"}}]),
    ("IB301", [image_block(image_bytes((100, 400)))]),
    ("IB303", [image_block(image_bytes(form="JPEG", orientation=6), "image/jpeg")]),
    ("IB403", [{"type": "image", "source": {"type": "path", "path": "a.png"}}]),
    ("IB407", [image_block(), text_block("")]),
    ("IB501", ["a text that is longer than any label would be, " * 3, image_block()]),
    ("IB504", [image_block(), "again", image_block()]),
)


@pytest.mark.parametrize("model", ["acme-vision-1", "${CLAUDE_MODEL}", "{:>9999999999}"])
@pytest.mark.parametrize(("code", "content"), FAULTY, ids=[code for code, _ in FAULTY])
def test_rules_that_need_no_model_still_run(
    imgbudget: Command, tmp_path: Path, code: str, content: list[Any], model: str
) -> None:
    """A request to an unknown model on Claude's API has all findings but those about tokens."""
    write_json(tmp_path / "r.json", body(*content, model=model))
    run = imgbudget("check", "r.json", "--format", "json")
    assert (run.code, code in run.codes, "IB411" in run.codes) == (1, True, True), run.codes
    assert run.json["summary"]["skipped"] == []
    (request,) = run.json["requests"]
    assert (request["model"], request["platform"]) == (model, "anthropic")
    assert request["visual_tokens"] is request["cost_usd"] is None
    assert {(image["tokens"], image["cost_usd"], image["resized"] and 1) for image in run.json["images"]} == {
        (None, None, None)
    }


def test_misplaced_image_and_batch(imgbudget: Command, tmp_path: Path) -> None:
    """Rules on whole requests and batches run too."""
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [image_block()]}]
    rows = [{"custom_id": "a", "params": {**body(model="acme-1"), "messages": turns}}] * 2
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = imgbudget("check", "r.jsonl", "--format", "json")
    assert {"IB404", "IB406", "IB411"} <= set(run.codes)
    assert "2 requests to unknown models, cost not counted" in imgbudget("check", "r.jsonl").out


@pytest.mark.parametrize("model", ["acme-vision-1", "grok-99", "${OPENAI_MODEL}"])
def test_request_to_an_unknown_platform(imgbudget: Command, tmp_path: Path, model: str) -> None:
    """In a gateway's format neither Anthropic's limits nor OpenAI's hold, but what no API takes is found."""
    write_json(tmp_path / "wide.json", chat(model, image_bytes((9000, 300))))
    write_json(tmp_path / "bmp.json", chat(model, image_bytes(form="BMP")))
    write_json(tmp_path / "type.json", chat(model, image_bytes(), "image/gif"))
    run = imgbudget("check", ".", "--format", "json")
    found = {(item["path"], item["code"]) for item in run.json["findings"]}
    assert found == {
        *((name, "IB411") for name in ("wide.json", "bmp.json", "type.json")),
        ("bmp.json", "IB104"),
        ("type.json", "IB105"),
    }
    assert {request["platform"] for request in run.json["requests"]} == {None}
    assert {finding["platform"] for finding in run.json["findings"]} == {None}
    run = imgbudget("check", "wide.json", "--format", "json", "--platform", "bedrock")
    assert (run.codes, run.json["requests"][0]["platform"]) == (["IB411", "IB101"], "bedrock")


def test_words_of_the_finding(imgbudget: Command, tmp_path: Path) -> None:
    """A template, a new model of a known family, and a model that nobody knows."""
    for model, words, helps in (
        ("${MODEL}", "looks like a template variable; tokens and cost are not counted", "filled in"),
        ("claude-opus-99", "is not known; its tokens are counted by the rule of its family", "did you mean"),
        ("acme-vision-1", "is not known; its tokens and cost are not counted", "--limits"),
    ):
        write_json(tmp_path / "r.json", body(image_block(), model=model))
        (finding,) = imgbudget("check", "r.json", "--format", "json").json["findings"]
        assert (finding["code"], finding["severity"], finding["fix"]) == ("IB411", "warning", None)
        assert words in finding["message"]
        assert helps in finding["help"]
        assert repr(model) in finding["message"]
    assert imgbudget("check", "r.json", "--ignore", "IB411").code == 0
    assert imgbudget("check", "r.json", "--fail-on", "error").code == 0


def test_new_model_of_a_family_has_its_tokens_and_no_cost(imgbudget: Command, tmp_path: Path) -> None:
    """The rule of the family, as for its known models."""
    (tmp_path / "rows.jsonl").write_text(
        "\n".join(
            json.dumps(body(image_block(image_bytes((1920, 1080))), model=model))
            for model in ("claude-opus-99", "claude-opus-5-5", "claude-haiku-4-6", "claude-haiku-4-5")
        )
    )
    run = imgbudget("check", "rows.jsonl", "--format", "json").json["requests"]
    new, known, small, known_small = ((row["visual_tokens"], row["cost_usd"]) for row in run)
    assert (new[0], small[0]) == (known[0], known_small[0])
    assert new[1] is small[1] is None
    assert known[1]


def test_text_only_request_depends_on_no_model(imgbudget: Command, tmp_path: Path) -> None:
    """Recordings of other APIs stay quiet: nothing in them depends on the model."""
    write_json(tmp_path / "r.json", body("hi", model="grok-99"))
    run = imgbudget("check", "r.json", "--format", "json")
    assert (run.code, run.codes, run.json["summary"]["skipped"]) == (0, [], [])


@cache
def requests() -> tuple[dict[str, Any], ...]:
    """Requests to unknown models, with several images and turns, small and too large."""
    return tuple(_requests())


def _requests() -> Iterator[dict[str, Any]]:
    yield body(image_block(), model="acme-1")
    yield body(*[image_block(image_bytes((2100, 40), colour=i)) for i in range(25)], model="acme-1")
    yield chat("acme-1", image_bytes((9000, 300)))
    yield body(image_block(image_bytes((9000, 900))), model="claude-opus-99")
    yield {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "?"}}]}], "model": "g-9"}
    turns = [
        {"role": role, "content": [image_block(), text_block("x")] if role == "user" else "a"}
        for role in ("user", "assistant", "user", "assistant", "user")
    ]
    yield {**body(model="acme-1"), "messages": turns}
    yield {"modelId": "acme.x-1", "messages": [{"role": "user", "content": [{"text": "x"}]}]}


BROKEN = 4
"""The number of the request whose image is no base64."""

OPTIONS = (
    (),
    ("--format", "json"),
    ("--resend",),
    ("--resend", "--format", "json"),
    ("--all",),
    ("--target", "tokens:100"),
    ("--target", "latency"),
    ("--model", "acme-2,claude-opus-99,gpt-4o", "--all"),
    ("--model", "acme-2,claude-opus-99,gpt-4o", "--format", "json"),
    ("--for", "acme-2", "--cheapest"),
    ("--budget", "request.tokens=100", "--budget", "request.cost=0.0001"),
)


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_plans_for_unknown_models(imgbudget: Command, tmp_path: Path, options: tuple[str, ...]) -> None:
    """No plan needs tokens or prices that are not there."""
    for number, request in enumerate(requests()):
        write_json(tmp_path / f"r{number}.json", request)
    run = imgbudget("plan", ".", *options)
    assert run.code == 2, run.err
    (error,) = (line for line in run.err.splitlines() if "error:" in line)
    assert error.startswith(f"imgbudget: error: r{BROKEN}.json: ")  # the one that no model could read
    assert "None" not in run.out
    assert "nan" not in run.out


@pytest.mark.parametrize("number", range(7))
def test_plans_for_unknown_models_are_applied(imgbudget: Command, tmp_path: Path, number: int) -> None:
    """The report of the changes has no tokens either."""
    write_json(tmp_path / "r.json", requests()[number])
    run = imgbudget("plan", "r.json", "--apply", "--output-dir", "out", "--report", "report.json")
    is_broken = "base64 text" in run.err  # of the image in one of them, which is named then
    assert is_broken == (number == BROKEN)
    assert run.code == 2 if is_broken else run.code in (0, 1), run.err
    assert "NaN" not in (tmp_path / "report.json").read_text()


def test_plan_leaves_tokens_null(imgbudget: Command, tmp_path: Path) -> None:
    """An image is made smaller only for the limits of the platform."""
    write_json(
        tmp_path / "r.json", body(image_block(image_bytes((9000, 300))), image_block(), model="acme-1")
    )
    run = imgbudget("plan", "r.json", "--format", "json")
    wide, small = run.json["plans"]
    assert (wide["to"], small["to"]) == ([8000, 267], [400, 300])
    amounts = [plan[when] for plan in (wide, small) for when in ("before", "after")]
    assert {amount[name] for amount in amounts for name in ("tokens", "cost_usd")} == {None}
    assert wide["reason"] == "anthropic takes at most 8000 px per edge"
    assert "2 images for unknown models, tokens not counted" in imgbudget("plan", "r.json").out


@pytest.mark.parametrize("form", ["full", "json"])
def test_other_commands_with_unknown_models(imgbudget: Command, tmp_path: Path, form: str) -> None:
    """Each has a result or a message, and no number that was made up."""
    (tmp_path / "a.png").write_bytes(image_bytes((9000, 300)))
    write_json(tmp_path / "r.json", body(image_block(image_bytes((9000, 300))), model="acme-1"))
    for command in (
        ("check", "a.png", "r.json", "--statistics"),
        ("check", ".", "--fix", "--diff"),
        ("plan", "a.png"),
        ("split", "r.json"),
        ("size", "9000x300", "--table"),
        ("size", "9000x300", "640x480", "--model", "gpt-4o"),
        ("limits",),
        ("tiles", "9000x300"),
        ("init", "--dry-run"),
    ):
        wanted = ("--model", "acme-1") if "--model" not in command else ("--model", "acme-2")
        named = () if command[0] in ("split", "init") else wanted
        shown = () if command[0] == "init" or "--diff" in command else ("--format", form)
        run = imgbudget(*command, *named, *shown)
        assert run.code in (0, 1) or (command[0], run.code) == ("tiles", 2), (command, run.err)
        assert "internal error" not in run.err, command
        assert " failed: " not in run.out, command


def test_audit_refuses_a_model_that_it_cannot_count(imgbudget: Command, tmp_path: Path) -> None:
    """All sums of an audit are tokens and costs of one model; rows for other models are checked."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    for options in (("--model", "{:>9999999999}"), ("--model", "claude-sonnet-4-6,claude-sonet-4-6")):
        run = imgbudget("audit", ".", *options)
        assert (run.code, run.out) == (2, "")
        assert f"unknown model {options[1].split(',')[-1]!r}: an audit needs its tokens and price" in run.err
    write_json(tmp_path / "r.json", body(image_block(), model="acme-1"))
    run = imgbudget("audit", ".", "--format", "json")
    assert run.code in (0, 1)
    assert "IB411" in run.out


def test_guard_checks_requests_to_unknown_models() -> None:
    """What the API refuses is refused for any model; an unknown model alone is a warning, and is sent."""
    sent: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.read())
        return httpx2.Response(200, json={})

    client = imgbudget.guard(httpx2.Client(transport=httpx2.MockTransport(answer)))
    url = "https://api.anthropic.com/v1/messages"
    client.post(url, json=body(image_block(), model="${CLAUDE_MODEL}"))
    assert len(sent) == 1
    with pytest.raises(GuardError, match="IB105"):
        client.post(url, json=body(image_block(media_type="image/gif"), model="${CLAUDE_MODEL}"))
    imgbudget.guard(client, "warn", level="warning")
    with pytest.warns(RequestWarning, match="IB411"):
        client.post(url, json=body(image_block(), model="{0.__class__}"))
    assert len(sent) == 2


def test_functions_with_unknown_models(tmp_path: Path) -> None:
    """The Python functions have None where nothing is known."""
    write_json(tmp_path / "r.json", body(image_block(), model="acme-1"))
    options = imgbudget.RunOptions(isolated=True)
    (file,) = imgbudget.check([str(tmp_path)], options).files
    assert [finding.code for finding in file.findings] == ["IB411"]
    assert (file.images[0].tokens, file.requests[0].visual_tokens, file.requests[0].cost_usd) == (
        None,
        None,
        None,
    )
    (plan,) = imgbudget.plan([str(tmp_path)], options)
    assert (plan.tokens_before, plan.tokens_after) == (None, None)
