"""The count of a batch's entries and what is wrong with their ids, up to what the command says of them."""

import json
from pathlib import Path

from imgbudget.model.location import Location
from imgbudget.requests import batches
from imgbudget.requests.batches import BatchCount
from tests.builders import Json, body, image_block, write_json
from tests.conftest import Command

PLACE = Location("batch.jsonl", ())


def entry(number: int) -> Location:
    """The location of an entry that is a line."""
    return Location("batch.jsonl", (), 0, number)


def test_distinct_ids_are_valid() -> None:
    """Entries with distinct ids are counted and nothing is reported."""
    count = BatchCount()
    assert [count.add(entry(i), f"id-{i}") for i in range(3)] == [None, None, None]
    assert count.batch(PLACE, 500) == (PLACE, 500, 3, (), (), False)


def test_missing_and_doubled_ids_are_kept_with_their_places() -> None:
    """A missing or empty id at the entry, a doubled one at the id, each repeat for itself."""
    count = BatchCount()
    ids = ["a", None, "a", "", "a"]
    faults = [count.add(entry(i), name) for i, name in enumerate(ids)]
    doubled = [entry(2).at("custom_id"), entry(4).at("custom_id")]
    assert faults == [None, entry(1), doubled[0], entry(3), doubled[1]]
    batch = count.batch(PLACE, 500)
    assert batch.request_count == 5
    assert batch.missing == (entry(1), entry(3))
    assert batch.doubled == ((doubled[0], "a"), (doubled[1], "a"))


def test_ids_of_a_batch_without_end_are_not_remembered() -> None:
    """Past twice the API's limit entries are only counted, so that memory stays bounded."""
    count = BatchCount(count=batches.MOST_IDS - 1)
    assert count.add(entry(0), None) == entry(0)
    assert count.add(entry(1), None) is None
    assert count.add(entry(2), "a") is None
    assert count.batch(PLACE, 500).request_count == 200_002
    assert count.batch(PLACE, 500).missing == (entry(0),)


def entries(*ids: str | None) -> list[Json]:
    """Entries of a batch under these ids."""
    params = body(image_block(), "what is this?")
    return [{"params": params} | ({"custom_id": name} if name is not None else {}) for name in ids]


def test_batch_with_an_id_for_each_request_is_clean(imgbudget: Command, tmp_path: Path) -> None:
    """As one body and as one request a line."""
    write_json(tmp_path / "a.json", {"requests": entries("a", "b")})
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries("a", "b")))
    run = imgbudget("check", "--format", "json")
    assert (run.code, run.codes, len(run.json["requests"])) == (0, [], 4)


def test_wrong_ids_are_reported_at_their_lines(imgbudget: Command, tmp_path: Path) -> None:
    """In a JSONL file: the line without an id, and the id that an earlier line has."""
    lines = [json.dumps(entry) for entry in entries("a", None, "b", "a")]
    (tmp_path / "b.jsonl").write_text("\n".join(lines))
    run = imgbudget("check", "b.jsonl", "--format", "json")
    assert run.code == 1
    assert [(item["code"], item["line"], item["pointer"]) for item in run.json["findings"]] == [
        ("IB406", 2, ""),
        ("IB406", 4, "/custom_id"),
    ]
    assert len({item["fingerprint"] for item in run.json["findings"]}) == 2


def test_wrong_ids_of_one_body_have_their_pointers(imgbudget: Command, tmp_path: Path) -> None:
    """In a body with `requests`: line and column of the entry and of the id."""
    text = json.dumps({"requests": entries("a", None, "a")}, indent=1)
    (tmp_path / "b.json").write_text(text)
    missing, doubled = imgbudget("check", "b.json", "--format", "json").json["findings"]
    assert (missing["pointer"], doubled["pointer"]) == ("/requests/1", "/requests/2/custom_id")
    line = text.splitlines()[doubled["line"] - 1]
    assert line[doubled["column"] - 1 :].startswith('"a"')
