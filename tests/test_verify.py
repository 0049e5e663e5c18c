"""`imgbudget verify`: the rule is confirmed where the count is as it says, and refuted where it is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size, Tier, fits, patches
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.live.verification import (
    CAP,
    EDGE,
    ENVELOPE,
    PATCH,
    TARGET,
    CaseResult,
    case_verdict,
    picture,
    probe_cases,
)
from tests.conftest import Command
from tests.liveapi import TIER, Api, Json, answer, counted, envelope, image_blocks, listed

HIGH = Tier("high-resolution", 2576, 4784)


def limits_of(model: str) -> Limits:
    """The limits of a model on the API."""
    return Session(RunOptions(isolated=True, model=model)).context.limits()


def counting(api: Api, tier: Tier = TIER) -> None:
    """A count endpoint with the rule of a tier."""
    api.on("/v1/messages/count_tokens", lambda request: counted(json.loads(request.get_data()), tier))
    api.models(listed("claude-sonnet-4-6"), listed("claude-opus-4-8", 900_000, images=False))


@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "claude-opus-4-8"])
def test_probe_cases_are_on_both_sides_of_each_boundary(model: str) -> None:
    """Each rule has a size that is left alone and one that is a pixel larger and is not."""
    limits = limits_of(model)
    made = list(probe_cases(limits))
    for rule in (EDGE, CAP):
        sides = {fits(it.size, limits.tier) for it in made if it.rule == rule}
        assert sides == {True, False}, rule
    assert {patches(it.size) for it in made if it.rule == PATCH} == {1, 2, 100, 110}
    exact = [it for it in made if it.rule == CAP and it.expected == limits.tier.max_tokens]
    assert exact, "the cap itself is tried"
    assert {it.rule for it in made} == {PATCH, EDGE, CAP, ENVELOPE, TARGET}
    assert probe_bytes(picture(Size(281, 280))).size == Size(281, 280)


def test_a_true_rule_is_confirmed(imgbudget: Command, api: Api) -> None:
    """Every trial is as predicted, the envelope is inferred, exit 0."""
    counting(api)
    run = imgbudget("verify")
    assert run.code == 0, run.err
    assert run.out.count("as predicted") == 16
    assert "NOT" not in run.out
    assert "envelope: 10 tokens beside the patches of one image, of which 3 are for the image" in run.out
    assert (
        "listed: claude-sonnet-4-6 accepts images; context 1,000,000 tokens, as documented; active" in run.out
    )
    sent = json.loads(api.seen[0])
    assert set(sent) == {"model", "messages"}


def test_another_tier_is_refuted(imgbudget: Command, api: Api) -> None:
    """A model of which we think wrongly: its edge and cap are not confirmed, exit 1."""
    counting(api, HIGH)
    run = imgbudget("verify", "--format", "json")
    assert run.code == 1
    assert run.json["confirmed"] == {PATCH: True, CAP: False, EDGE: False, ENVELOPE: True, TARGET: False}
    assert run.json["envelope_tokens"] == 10


def test_calls_are_at_most_what_is_asked_for(imgbudget: Command, api: Api) -> None:
    """N calls and no more; a rule with an untested side is not reported as confirmed."""
    counting(api)
    run = imgbudget("verify", "--calls", "3", "--format", "json")
    assert sum(body.startswith(b"{") for body in api.seen) == 3
    assert run.json["confirmed"] == {PATCH: True}


def test_limits_writes_what_was_confirmed(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """The file can be read by --limits of other commands; its other values are kept."""
    counting(api)
    (tmp_path / "o.yaml").write_text("images:\n  min_edge: {value: 150}\n  patch: {value: 28}\n")
    run = imgbudget("verify", "--limits", "o.yaml")
    assert run.code == 0, run.err
    assert "o.yaml: written; observed today: patch, tier_edge, tier_tokens" in run.err
    limits = {
        it["name"]: it for it in imgbudget("limits", "--limits", "o.yaml", "--format", "json").json["limits"]
    }
    assert limits["min_edge"]["value"] == 150
    for name in (PATCH, EDGE, CAP):
        assert limits[name]["source"] == "observed: token counts of claude-sonnet-4-6 by imgbudget verify"
        assert limits[name]["status"] == "confirmed"
    assert imgbudget("check", "--limits", "o.yaml").code == 0


def test_a_refuted_rule_is_not_written(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Only what was confirmed on both sides goes into the file; a context that differs is the API's."""
    counting(api, TIER)
    run = imgbudget("verify", "--model", "claude-opus-4-8", "--limits", "o.yaml")
    assert run.code == 1
    text = (tmp_path / "o.yaml").read_text()
    assert "tiers:" not in text
    assert "value: 900000" in text
    assert "documented as 1,000,000" in text
    assert "does NOT accept images" in run.out


def test_models_are_listed(imgbudget: Command, api: Api) -> None:
    """The Models API as a table, with what is known here; all pages are read."""
    first = {"data": [listed("claude-sonnet-4-6")], "has_more": True}
    last = {"data": [listed("claude-next-9", images=False)], "has_more": False}
    api.on("/v1/models", lambda r: answer(last if r.args.get("after_id") else first), "GET")
    run = imgbudget("verify", "--list-models")
    assert run.code == 0, run.err
    assert "claude-sonnet-4-6  yes     1,000,000  128,000  active     standard" in run.out
    assert "claude-next-9      no      1,000,000  128,000  active     unknown model" in run.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--platform", "bedrock"), "bedrock has no count endpoint"),
        (("--platform", "foundry", "--list-models"), "foundry has no list of models"),
        (("--calls", "1"), "1 is not in the range"),
        (("--format", "xml"), "unknown format 'xml'; known are full, json"),
    ],
)
def test_what_cannot_be_verified(
    imgbudget: Command, api: Api, arguments: tuple[str, ...], words: str
) -> None:
    """Named, exit 2, nothing sent."""
    run = imgbudget("verify", *arguments)
    assert run.code == 2
    assert words in run.err
    assert api.seen == []


def test_a_failure_is_no_verdict(imgbudget: Command, api: Api) -> None:
    """A key that is refused is exit 2 and says what to do, not a rule that is refuted."""
    api.always(
        answer(envelope("invalid x-api-key", "authentication_error"), 401), "/v1/messages/count_tokens"
    )
    run = imgbudget("verify", "--retries", "0")
    assert run.code == 2
    assert "imgbudget: 401 authentication_error: invalid x-api-key; check the key" in run.err


def test_a_refused_trial_refutes_its_rule(imgbudget: Command, api: Api) -> None:
    """A 400 on one size is shown in its row."""

    def reply(request: Any) -> Any:
        body: Json = json.loads(request.get_data())
        wide = len(request.get_data()) > 20_000 or len(image_blocks(body)) > 1
        return answer(envelope("Could not process image"), 400) if wide else counted(body)

    api.on("/v1/messages/count_tokens", reply)
    api.models()
    run = imgbudget("verify")
    assert run.code == 1
    assert "Could not process image" in run.out
    assert "not confirmed: envelope" in run.out


def test_the_envelope_is_what_most_trials_show() -> None:
    """One odd count does not move it."""
    limits = limits_of("claude-sonnet-4-6")
    shown = [
        CaseResult(it, counted=it.expected + 8)
        for it in probe_cases(limits)
        if it.images == 1 and not it.strict
    ]
    odd = [shown[0]._replace(counted=5000), *shown[1:]]
    assert case_verdict(shown).envelope == case_verdict(odd).envelope == 8
    assert case_verdict(odd).confirmed[PATCH] is False
    assert case_verdict(odd).confirmed[EDGE] is True
    assert case_verdict([]).envelope is None
