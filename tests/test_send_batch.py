"""`imgbudget send` of batches: created from the file, watched, resumed by id, compared with the bill."""

import json
from pathlib import Path
from typing import Any

import pytest
from anthropic.types.messages.batch_create_params import BatchCreateParams
from pydantic import TypeAdapter
from werkzeug import Response

from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.liveapi import Api, answer, envelope, message, sizes

Json = dict[str, Any]
MODEL = "claude-sonnet-4-6"
TAKEN = TypeAdapter(BatchCreateParams)
ID = "msgbatch_1"


def state(status: str, **counts: int) -> Json:
    """The state of a batch as the API reports it; the address of the results is on another server."""
    return {
        "id": ID,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": counts,
        "results_url": "http://192.0.2.1/steal",
    }


def batch_api(api: Api, *results: Json, states: tuple[Json, ...] = ()) -> None:
    """The endpoints of one batch."""
    left = iter([*states, *[state("ended", succeeded=len(results))] * 9])
    api.always(answer(state("in_progress", processing=len(results))), "/v1/messages/batches")
    api.on(f"/v1/messages/batches/{ID}", lambda _: answer(next(left)), "GET")
    text = "".join(json.dumps(result) + "\n" for result in results)
    api.on(f"/v1/messages/batches/{ID}/results", lambda _: Response(text), "GET")


def succeeded(custom_id: str, tokens: int) -> Json:
    """A result that was answered."""
    return {"custom_id": custom_id, "result": {"type": "succeeded", "message": message(MODEL, tokens)}}


def two(*, ids: bool = True) -> list[Json]:
    """Two requests with an image each, 100 + 10 tokens and 414 + 10."""
    bodies = [body(image_block(image_bytes(size))) for size in ((280, 280), (640, 480))]
    return [{"custom_id": f"c{i}", "params": it} if ids else it for i, it in enumerate(bodies)]


@pytest.mark.parametrize("form", ["batch", "list", "jsonl", "bodies", "body-list"])
def test_every_form_of_a_batch_gives_the_same_body(
    imgbudget: Command, api: Api, tmp_path: Path, form: str
) -> None:
    """A batch body, a list, JSON Lines, with or without ids: the endpoint gets what the SDK's types take."""
    requests = two(ids=form not in ("bodies", "body-list"))
    name = "b.jsonl" if form in ("jsonl", "bodies") else "b.json"
    if name.endswith("l"):
        (tmp_path / name).write_text("".join(json.dumps(it) + "\n" for it in requests))
    else:
        write_json(tmp_path / name, {"requests": requests} if form == "batch" else requests, indent=1)
    ids = {"bodies": ["line-1", "line-2"], "body-list": ["request-1", "request-2"]}.get(form, ["c0", "c1"])
    batch_api(api, succeeded(ids[1], 424), succeeded(ids[0], 110))
    run = imgbudget("send", name, "--yes", "--poll", "0.01")
    assert run.code == 0, run.err
    created = api.bodies[0]
    TAKEN.validate_python(created)
    assert [it["custom_id"] for it in created["requests"]] == ids
    assert [it["params"] for it in created["requests"]] == [it["params"] for it in two()]
    assert int(api.headers[0]["Content-Length"]) == len(api.seen[0])
    assert "billed:     534 input and 10 output tokens" in run.out
    assert "the rule explains 2 of 2 requests" in run.out


def test_progress_is_shown_and_the_results_are_written(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Each change of the counts is a line on standard error; the results are the API's own lines."""
    write_json(tmp_path / "b.json", {"requests": two()})
    results = (succeeded("c0", 110), succeeded("c1", 424))
    batch_api(api, *results, states=(state("in_progress", processing=2), state("in_progress", processing=1)))
    run = imgbudget("send", "b.json", "--yes", "--poll", "0.01", "--output", "out.jsonl")
    assert run.code == 0
    assert run.err.splitlines()[:4] == [
        "imgbudget: batch msgbatch_1: 2 requests; --batch-id goes on with it later",
        "batch msgbatch_1 in progress: 2 processing",
        "batch msgbatch_1 in progress: 1 processing",
        "batch msgbatch_1 ended: 2 succeeded",
    ]
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == list(results)


def test_a_batch_is_resumed_by_its_id(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Nothing is created twice; the requests of the file are compared with the results."""
    write_json(tmp_path / "b.json", {"requests": two()})
    batch_api(api, succeeded("c0", 110), succeeded("c1", 424))
    run = imgbudget("send", "b.json", "--batch-id", ID, "--poll", "0.01", "--record", "seen.jsonl")
    assert run.code == 0, run.err
    assert api.seen == [b"", b""]
    assert "the rule explains 2 of 2 requests" in run.out
    assert len((tmp_path / "seen.jsonl").read_text().splitlines()) == 2


def test_a_lost_connection_names_the_id(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """A batch continues if polling fails, and the message says how to resume."""
    write_json(tmp_path / "b.json", {"requests": two()})
    api.always(answer(state("in_progress", processing=2)), "/v1/messages/batches")
    api.on(f"/v1/messages/batches/{ID}", lambda _: answer(envelope("no", "api_error"), 500), "GET")
    run = imgbudget("send", "b.json", "--yes", "--poll", "0.01", "--retries", "0")
    assert run.code == 2
    assert f"batch {ID} is not lost: the same command with --batch-id {ID} goes on with it" in run.err


def test_the_key_goes_to_no_address_that_an_answer_names(
    imgbudget: Command, api: Api, tmp_path: Path
) -> None:
    """The results are read at the API's own address, whatever `results_url` says."""
    write_json(tmp_path / "b.json", {"requests": two()})
    batch_api(api, succeeded("c0", 110), succeeded("c1", 424))
    assert imgbudget("send", "b.json", "--yes", "--poll", "0.01").code == 0
    assert len(api.seen) == 3


def test_missing_and_unknown_results_are_reported(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Unknown results and requests without a result are named, exit 2."""
    write_json(tmp_path / "b.json", {"requests": two()})
    expired = {"custom_id": "c0", "result": {"type": "expired"}}
    batch_api(api, expired, succeeded("other", 5))
    run = imgbudget("send", "b.json", "--yes", "--poll", "0.01")
    assert run.code == 2
    assert "request c0: expired: the request was expired" in run.err
    assert "answers 'other', which is not in b.json" in run.err
    assert "no result for 1 request: c1" in run.err


def test_a_request_with_an_unexpected_cost_is_named(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Requests that the formula does not explain are listed with their cause."""
    write_json(tmp_path / "b.json", {"requests": two()})
    batch_api(api, succeeded("c0", 110), succeeded("c1", 4000))
    run = imgbudget("send", "b.json", "--yes", "--poll", "0.01")
    assert "the rule explains 1 of 2 requests" in run.out
    assert "c1: +3576 tokens; more than text of this length explains" in run.out


def test_the_price_of_a_batch_is_half(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """The dry run counts the batch factor."""
    write_json(tmp_path / "b.json", {"requests": two()})
    write_json(tmp_path / "r.json", two()[1]["params"])
    batch = imgbudget("send", "b.json", "--dry-run", "--format", "json").json["cost_usd"]
    one = imgbudget("send", "r.json", "--dry-run", "--format", "json").json["cost_usd"]
    assert one["most"] == round((424 * 3 + 100 * 15) / 1e6, 9)
    assert batch["most"] == round((534 * 3 + 200 * 15) / 1e6 / 2, 9)


def test_fix_and_upload_in_a_batch(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Fixed bodies go out, and equal images are uploaded once over all requests."""
    wide = image_block(image_bytes((8001, 1500)))
    requests = [{"custom_id": f"c{i}", "params": body(wide)} for i in range(2)]
    file = write_json(tmp_path / "b.json", {"requests": requests})
    before = file.read_bytes()
    batch_api(api, succeeded("c0", 402), succeeded("c1", 402))
    assert imgbudget("send", "b.json", "--yes", "--fix", "--poll", "0.01").code == 0
    assert sizes(api.bodies[0]["requests"][1]["params"]) == [(1568, 294)]
    assert file.read_bytes() == before
    api.on("/v1/files", lambda _: answer({"id": "file_a"}))
    api.seen.clear()
    assert imgbudget("send", "b.json", "--yes", "--fix", "--upload", "--poll", "0.01").code == 0
    upload, created, *_ = api.seen
    assert b"image-1.png" in upload
    sources = [it["params"]["messages"][0]["content"][0]["source"] for it in json.loads(created)["requests"]]
    assert sources == [{"type": "file", "file_id": "file_a"}] * 2


def test_counting_a_batch_counts_each_request(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """There is no count of a batch: its requests are counted one by one."""
    api.enforcing()
    write_json(tmp_path / "b.json", {"requests": two()})
    run = imgbudget("send", "b.json", "--count")
    assert run.code == 0, run.err
    assert run.out.count("counted:") == 2
    assert len(api.seen) == 2


def test_a_platform_without_batches(imgbudget: Command, api: Api, tmp_path: Path) -> None:
    """Bedrock has none: reported before anything is sent."""
    requests = [{"custom_id": "a", "params": body(image_block(), model="anthropic.claude-sonnet-4-6")}]
    write_json(tmp_path / "b.json", {"requests": requests})
    run = imgbudget("send", "b.json", "--yes")
    assert run.code == 2
    assert "bedrock has no Message Batches" in run.err
    assert api.seen == []
