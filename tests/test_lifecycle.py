"""Models that end and prices that are valid for a time: the data, IB412, and the day to check for."""

import datetime as dt
import json
from pathlib import Path

import pytest

from imgbudget.errors import LimitsError, UsageError
from imgbudget.limits import LimitsData, load_limits
from imgbudget.limits.lifecycle import SOON, current_day, day_of, is_soon
from imgbudget.linter.options import RunOptions
from imgbudget_rules.limits import DATA
from tests.builders import Json, body, image_block, write_json
from tests.conftest import Command

BEFORE, LAST, END = "2026-09-30", "2026-11-29", "2026-11-30"
"""61 days before claude-sonnet-4-5 ends, the day before, and the day."""


def data(day: str) -> LimitsData:
    """The shipped data on a day."""
    return load_limits([DATA], None, day)


def request(model: str = "claude-sonnet-4-5") -> Json:
    """A request with one image."""
    return {**body(image_block()), "model": model}


def found(imgbudget: Command, *arguments: str) -> list[tuple[str, str]]:
    """Severity and help of each IB412."""
    run = imgbudget("check", ".", "--select", "IB412", "--isolated", "--format", "json", *arguments)
    return [(finding["severity"], finding["help"]) for finding in run.json["findings"]]


def test_model_is_in_service_until_its_end() -> None:
    """`ends` before, `retired` from the day on; soon is 60 days or less."""
    states = []
    for day in (BEFORE, "2026-10-01", LAST, END, "2027-05-01"):
        limits = data(day).bind("claude-sonnet-4-5-20250929", "anthropic")
        states.append((limits.ends, limits.ends_soon, limits.retired))
    gone = (None, False, END)
    assert states == [(END, False, None), (END, True, None), (END, True, None), gone, gone]
    assert SOON == 60


def test_limits_are_equal_only_where_the_day_makes_no_difference() -> None:
    """Results of two days can be shared until a model ends soon, or a price changes."""
    sonnet = [data(day).bind("claude-sonnet-4-5", "anthropic") for day in ("2026-09-01", BEFORE, LAST, END)]
    assert sonnet[0] == sonnet[1]
    assert sonnet[1] != sonnet[2] != sonnet[3]


def test_price_changes_on_its_day() -> None:
    """The prices in force are those of the day, in `size`, `limits` and sums alike."""
    before, after = (data(day).bind("gemini-3.6-flash", "gemini") for day in ("2026-12-31", "2027-01-01"))
    assert before.price_changes == "2027-01-01"
    assert before.next_input_price is not None
    assert after.input_price is not None
    assert after.input_price.value == before.next_input_price.value == 1.5
    assert (after.price_changes, after.next_input_price, after.next_output_price) == (None, None, None)
    assert after.output_price is not None
    assert (after.output_price.name, after.output_price.value) == ("output_price", 7.5)


def test_every_model_that_ends_has_a_source_and_its_successor_stays() -> None:
    """A successor is a model in service without an announced end, on the same provider."""
    now = data("2026-11-28")
    bound = [now.bind(model, "") for model in now.models]
    ending = [limits for limits in bound if limits.retired or limits.ends]
    assert len(ending) > 30
    for limits in ending:
        if limits.successor:
            successor = now.bind(limits.successor, "")
            assert (successor.known, successor.retired, successor.ends) == (True, None, None), limits.model
            assert successor.platform == limits.platform


def test_user_may_state_an_end(tmp_path: Path) -> None:
    """A file for --limits states ends, successors and prices too; an unknown successor is refused."""
    stated = {"retired": {"value": "2026-12"}, "successor": {"value": "claude-opus-5-5"}}
    limits = data("2026-11-20").overlay({"models": {"claude-opus-5": stated}}, "mine.yaml")
    bound = limits.bind("claude-opus-5", "anthropic")
    assert (bound.ends, bound.ends_soon, bound.successor) == ("2026-12", True, "claude-opus-5-5")
    stated["successor"] = {"value": "claude-opus-7"}
    with pytest.raises(LimitsError, match=r"models.claude-opus-5.successor: no model 'claude-opus-7'"):
        data("2026-11-20").overlay({"models": {"claude-opus-5": stated}}, "mine.yaml")


def test_days_are_counted_as_in_the_calendar() -> None:
    """Across months, leap years and centuries; the product counts without datetime, which starts slowly."""
    for start in ("1999-12-31", "2000-02-28", "2023-12-31", "2024-02-29", "2026-11-28", "2099-12-31"):
        first = dt.date.fromisoformat(start)
        for days in range(400):
            later = (first + dt.timedelta(days)).isoformat()
            assert is_soon(later, start) == (days <= SOON)
            assert day_of(later, "it") == later


@pytest.mark.parametrize(
    ("day", "severity"), [(BEFORE, None), ("2026-10-01", "warning"), (LAST, "warning"), (END, "error")]
)
def test_request_to_a_model_that_ends(
    imgbudget: Command, tmp_path: Path, day: str, severity: str | None
) -> None:
    """IB412 warns for 60 days, then it is an error, and names the successor."""
    write_json(tmp_path / "r.json", request())
    expected = [(severity, "use claude-sonnet-5-5")] if severity else []
    assert found(imgbudget, "--date", day) == expected


def test_finding_does_not_change_from_day_to_day(imgbudget: Command, tmp_path: Path) -> None:
    """Baselines hold: the message has the day of the end, not the days that are left."""
    write_json(tmp_path / "r.json", request())
    marks = set()
    for day in ("2026-10-05", LAST):
        run = imgbudget("check", ".", "--isolated", "--format", "json", "--select", "IB412", "--date", day)
        marks.add(run.json["findings"][0]["fingerprint"])
    assert len(marks) == 1


def test_batches_are_sent_and_records_were(imgbudget: Command, tmp_path: Path) -> None:
    """In a batch it is an error; in rows, recordings and transcripts it is info."""
    write_json(tmp_path / "batch.jsonl", {"custom_id": "a", "params": request()})
    assert [severity for severity, _ in found(imgbudget, "--date", END)] == ["error"]
    image = {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{image_block()['source']['data']}"},
    }
    chat = {"model": "gpt-5", "messages": [{"role": "user", "content": [image]}]}
    entry = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": chat}
    write_json(tmp_path / "batch.jsonl", entry)
    assert [severity for severity, _ in found(imgbudget, "--date", "2026-12-11")] == ["error"]
    (tmp_path / "batch.jsonl").unlink()
    write_json(tmp_path / "rows.jsonl", request())
    entry = {"request": {"method": "POST", "postData": {"text": json.dumps(request())}}}
    write_json(tmp_path / "traffic.json", {"log": {"entries": [entry]}})
    line = {"type": "user", "sessionId": "s", "uuid": "u", "message": request()["messages"][0]}
    answer = {"role": "assistant", "model": "claude-sonnet-4-5", "content": [{"type": "text", "text": "ok"}]}
    reply = {"type": "assistant", "sessionId": "s", "uuid": "v", "parentUuid": "u", "message": answer}
    (tmp_path / "session.jsonl").write_text(f"{json.dumps(line)}\n{json.dumps(reply)}\n")
    assert [severity for severity, _ in found(imgbudget, "--date", END)] == ["info"] * 3


@pytest.mark.parametrize(
    "beside",
    [{"litellm_call_id": "x", "call_type": "acompletion"}, {"response": {"id": "m"}}, {"Created_At": 1}],
)
def test_an_entry_of_a_log_was_sent(imgbudget: Command, tmp_path: Path, beside: Json) -> None:
    """As litellm writes it: the keys of a body beside those of the call, in a file or in a list."""
    write_json(tmp_path / "r.json", request() | beside)
    write_json(tmp_path / "rows.json", [request() | beside, request() | beside])
    assert [severity for severity, _ in found(imgbudget, "--date", END)] == ["info"] * 3
    write_json(tmp_path / "r.json", request() | {"usage": {"include": True}})  # OpenRouter takes it
    assert [severity for severity, _ in found(imgbudget, "--date", END)] == ["error", "info", "info"]


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-11-30", "gemini-2.5-flash will be retired on 2026-12-01; {} from then on"),
        ("2026-12-01", "gemini-2.5-flash was retired on 2026-12-01; {}"),
    ],
)
def test_an_id_that_another_model_answers_does_not_fail(
    imgbudget: Command, tmp_path: Path, day: str, words: str
) -> None:
    """Google hands requests to some retired ids to the successor, which the message names."""
    parts = [{"inlineData": {"mimeType": "image/png", "data": image_block()["source"]["data"]}}]
    sent = {"model": "gemini-2.5-flash", "contents": [{"role": "user", "parts": parts}]}
    write_json(tmp_path / "r.json", sent)
    run = imgbudget("check", "r.json", "--select", "IB412", "--date", day, "--format", "json")
    assert [finding["message"] for finding in run.json["findings"]] == [
        words.format("gemini-3.5-flash-lite answers requests to it")
    ]


def test_other_platforms_have_dates_of_their_own(imgbudget: Command, tmp_path: Path) -> None:
    """The date is that of the maker's API: on Bedrock it is info, with the advice to check."""
    write_json(tmp_path / "r.json", request("us.anthropic.claude-sonnet-4-5-20250929-v1:0"))
    ((severity, advice),) = found(imgbudget, "--date", END)
    assert severity == "info"
    assert advice == "check the date of bedrock, which may differ, or use claude-sonnet-5-5"


def test_request_without_images_is_silent(imgbudget: Command, tmp_path: Path) -> None:
    """Nothing in it is ours to check."""
    write_json(tmp_path / "r.json", {**body("hi"), "model": "claude-sonnet-4-5"})
    assert found(imgbudget, "--date", END) == []


def test_commands_say_that_the_model_of_the_run_ends(imgbudget: Command) -> None:
    """`size` and `limits` warn on standard error, and `limits` lists end and successor with their source."""
    for arguments in (("size", "800x600"), ("limits",)):
        run = imgbudget(*arguments, "--model", "claude-sonnet-4-5", "--date", LAST)
        assert run.code == 0
        assert "claude-sonnet-4-5 will be retired on 2026-11-30" in run.err
        assert "use claude-sonnet-5-5" in run.err
    run = imgbudget("limits", "--model", "claude-sonnet-4-5", "--date", LAST, "--format", "json")
    terms = {term["name"]: term for term in run.json["terms"]}
    assert terms["ends"]["value"] == [END]
    assert "anthropic 2.14.0" in terms["ends"]["source"]
    assert imgbudget("size", "800x600", "--model", "claude-sonnet-4-5", "--date", BEFORE).err == ""


def test_all_models_are_those_in_service_on_the_day(imgbudget: Command) -> None:
    """`size --model all` leaves out what has ended."""
    names = []
    for day in (LAST, END):
        run = imgbudget("size", "800x600", "--model", "all", "--date", day, "--format", "json")
        names.append({size["model"] for size in run.json["sizes"]})
    assert names[0] - names[1] == {"claude-sonnet-4-5"}


def test_day_of_the_environment(imgbudget: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option wins over the variable, the variable over today; workers get the day of their parent."""
    monkeypatch.setenv("IMGBUDGET_DATE", END)
    assert "was retired" in imgbudget("size", "8x8", "--model", "claude-sonnet-4-5").err
    assert imgbudget("size", "8x8", "--model", "claude-sonnet-4-5", "--date", BEFORE).err == ""
    assert RunOptions().normalized().date == END
    monkeypatch.delenv("IMGBUDGET_DATE")
    assert day_of(current_day(), "today") == current_day()


@pytest.mark.parametrize(
    "day", ["soon", "2026-13-01", "2026-02-29", "2026-1-1", "20261128", "2026-W48-7", "2026"]
)
def test_what_is_no_day_is_refused(imgbudget: Command, monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    """Both name themselves, and what to write."""
    run = imgbudget("size", "8x8", "--date", day)
    assert (run.code, run.err) == (2, f"imgbudget: --date: {day!r} is no day; write it as 2026-11-28\n")
    monkeypatch.setenv("IMGBUDGET_DATE", day)
    with pytest.raises(UsageError, match="IMGBUDGET_DATE: "):
        current_day()
