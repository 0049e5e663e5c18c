"""Recorded requests from elsewhere: dialect, images and model as in the manifest."""

import csv
from pathlib import Path
from typing import Any

import pytest

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.subjects import ProbeField, Request
from imgbudget.requests.reader import NoRequest, RequestReader
from tests.builders import CORPUS
from tests.conftest import Command
from tests.rule_runner import limits_of

REQUESTS = CORPUS / "requests"

pytestmark = pytest.mark.skipif(not REQUESTS.is_dir(), reason="the corpus is not beside this checkout")

DIALECTS = {
    "messages": "messages",
    "batch-create": "batches",
    "bedrock-converse": "bedrock-converse",
    "bedrock-invoke": "bedrock-invoke",
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "claude-code-transcript (no image)": "transcript",
    "batch-source-jsonl (messages without custom_id; OpenAI image_url data URIs)": "openai-chat",
    "batch-jsonl": "openai-responses",
    "wiremock-mapping": "messages",
    "har": "messages",
    "rejected-bedrock": "bedrock-invoke",
    "rejected-anthropic": "messages",
    "rejected-openai-chat": "openai-chat",
    # the manifest names the recorded call; the body's shape is Converse's
    "bedrock-invoke (PNG bytes declared image/jpeg)": "bedrock-converse",
}
"""The dialect of each kind of the manifest that is a request."""

NO_REQUESTS = {
    "batch-results-jsonl": "a result of a batch",
    "chat-dataset-jsonl (image_url value is a local path)": "a JSON object",
    "dataset-jsonl (not chat)": "a JSON object",
    "inspect-dataset-jsonl (image given as a file name)": "a JSON object",
}
"""Kinds that hold no request, and the reason that is given: data sets and logs without a body."""

WRAPPED = {
    "golden-requests (27 drivers; the anthropic image block has empty media_type and data)": 28,
    "message-fixtures": 8,
    "inspect-eval-log": 1,
}
"""Kinds that hold bodies or lists of messages inside other JSON, and how many of them have an image."""

RECORDINGS = ("wiremock-mapping", "har")
"""Kinds whose strings the manifest does not look into; `test_recordings` compares what stands in them."""

MODEL_IN_THE_URL = ("bedrock-converse", "bedrock-invoke", "rejected-bedrock")
"""Kinds whose bodies name no model: the manifest has it from the recorded URL."""

MODEL_NOT_IN_THE_MANIFEST = ("batch-create", "batch-jsonl", "claude-code-transcript (no image)")

NOT_JSON = ("vcr-yaml", "hostile-json")


def rows() -> list[dict[str, str]]:
    """The manifest's rows."""
    if not REQUESTS.is_dir():
        return []
    with (REQUESTS / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["kind"] not in NOT_JSON]


def read(path: Path) -> tuple[list[Request], list[NoRequest]]:
    """The requests of a file and what is none."""
    reader = RequestReader(str(path), ProbeField.NONE)
    found: list[Any] = []
    with JsonSource.open(str(path)) as source:
        for document in open_documents(source, lines=path.suffix == ".jsonl"):
            assert isinstance(document, Document)
            found += reader.read(document)
        found += reader.end()
    return [item for item in found if isinstance(item, Request)], [
        item for item in found if isinstance(item, NoRequest)
    ]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["path"].rpartition("/")[2][-60:])
def test_every_request_file(row: dict[str, str]) -> None:
    """Each is read with the dialect, images, documents and model of the manifest, or gives its reason."""
    requests, others = read(REQUESTS / row["path"])
    kind = row["kind"]
    if kind in NO_REQUESTS:
        assert requests == []
        assert all(item.reason.startswith(NO_REQUESTS[kind]) for item in others)
        return
    if kind in WRAPPED:
        assert len(requests) == WRAPPED[kind]
        assert all(request.images or request.documents for request in requests)
        assert not any(request.flaws for request in requests)
        return
    assert {request.dialect for request in requests} == {DIALECTS[kind]}
    assert others == []
    if kind in RECORDINGS:
        assert requests[0].images
        return
    assert sum(len(request.images) for request in requests) == int(row["n_images"])
    assert sum(len(request.documents) for request in requests) == int(row["n_documents"])
    models = {request.model for request in requests}
    if kind.startswith(MODEL_IN_THE_URL):
        assert models == {None}
        assert {request.platform for request in requests} == {"bedrock"}
    elif kind not in MODEL_NOT_IN_THE_MANIFEST:
        assert models == {row["model"] or None}


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("claude-code-log__representative_messages.jsonl", "claude-3-sonnet-20240229"),
        ("claude-code-transcripts__sample_session.jsonl", None),
    ],
)
def test_models_of_transcripts(name: str, model: str | None) -> None:
    """The model of a session is that of its last answer; one that names none has none."""
    ((request,), _) = read(REQUESTS / "other" / "transcripts" / name)
    assert request.model == model


def test_sizes_and_declared_types_are_those_of_the_manifest() -> None:
    """The first image of each file has the size and declared type of the manifest."""
    wrong = []
    for row in rows():
        size, _, rest = row["images"].partition(" ")
        if "x" not in size or "None" in size or row["kind"] in {*NO_REQUESTS, *WRAPPED} or ":" in size:
            continue
        declared = rest.partition("declared=")[2].partition(" ")[0]
        declared = declared if "/" in declared else f"image/{declared}"
        use = next(use for request in read(REQUESTS / row["path"])[0] for use in request.images)
        if (str(use.size), use.declared) != (size, declared):
            wrong.append((row["path"], str(use.size), use.declared))
    assert wrong == []


def test_requests_to_other_vendors_use_their_limits_or_none(imgbudget: Command) -> None:
    """A known GPT or Qwen model is checked against its own limits; an unknown one has no tokens."""
    run = imgbudget("check", str(REQUESTS), "--format", "json", "--isolated")
    unknown = {finding["path"] for finding in run.json["findings"] if finding["code"] == "IB411"}
    judged = {item["path"]: item for item in run.json["requests"]}
    foreign = [row for row in rows() if row["model"].startswith(("gpt", "openai/", "grok", "Qwen"))]
    assert len(foreign) > 20
    known = {row["model"]: limits_of(row["model"]).known for row in foreign}
    assert set(known.values()) == {True, False}
    for row in foreign:
        path = str(REQUESTS / row["path"])
        if known[row["model"]]:
            assert (
                judged[path]["platform"]
                == limits_of(row["model"]).platform
                in ("openai", "self-hosted", "xai")
            )
            assert judged[path]["model"] == limits_of(row["model"]).model
        else:
            assert (judged[path]["visual_tokens"], judged[path]["platform"]) == (None, None)
            assert path in unknown or not judged[path]["images"]
