"""Findings, images and requests as JSON, put together: letter by letter what `json` writes."""

import json
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from imgbudget import check
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.fixes import Resize
from imgbudget.model.location import Location, Span
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.results import ImageResult, RequestResult
from imgbudget.model.subjects import Finding, FixSafety, ImageFacts, ImageUse, Origin, Request, Severity
from imgbudget.output.records import (
    finding_record,
    finding_text,
    image_record,
    image_text,
    request_record,
    request_text,
)
from tests.builders import body, image_block, image_bytes, write_json

LIMITS = Session(RunOptions(isolated=True)).context.limits()

texts = st.text(st.characters(), max_size=20)  # lone surrogates too: names need not be valid UTF-8
numbers = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
sizes = st.builds(Size, st.integers(1, 1 << 31), st.integers(1, 1 << 31))
keys = st.lists(st.integers(0, 99) | st.sampled_from(["messages", "", "a/b~", "~1"]) | texts, max_size=5).map(
    tuple
)
locations = st.builds(
    Location,
    texts,
    st.none() | keys,
    root=st.integers(0, 3),
    prefix=st.just(()) | keys,
    outer_depth=st.just(0) | st.integers(1, 3),
)


PREFIX_ALONE = Finding(
    code="IB001",
    name="unreadable-image",
    severity=Severity.ERROR,
    location=Location("a.json", prefix=(0,)),
    message="is broken",
    help=None,
    url=None,
    measured=None,
    limit=None,
    unit=None,
    model="",
    platform="",
    fix=None,
    fix_safety=None,
    fingerprint="0" * 16,
)
"""On a place in a request that only its prefix names."""


@settings(max_examples=60)
@example(PREFIX_ALONE)
@given(
    st.builds(
        Finding,
        code=texts,
        name=texts,
        severity=st.sampled_from(Severity),
        location=locations,
        message=texts,
        help=st.none() | texts,
        url=texts,
        measured=numbers,
        limit=numbers,
        unit=st.none() | texts,
        model=texts,
        platform=texts,
        fix=st.none() | st.builds(Resize, sizes),
        fix_safety=st.none() | st.sampled_from(FixSafety),
        fingerprint=st.text("0123456789abcdef", min_size=16, max_size=16),
        span=st.none() | st.builds(Span, *[st.integers(0, 1 << 40)] * 6, byte_column=st.none() | st.just(7)),
    )
)
def test_a_finding_is_written_as_json_writes_its_record(finding: Finding) -> None:
    """For any contents: quotes, control characters, lone surrogates, numbers of any size."""
    assert finding_text(finding) == json.dumps(finding_record(finding))


@settings(max_examples=60)
@given(
    location=locations,
    facts=st.none()
    | st.builds(
        ImageFacts,
        byte_size=st.integers(0, 1 << 40),
        format=st.sampled_from([None, "jpeg", "heic"]),
        size=st.none() | sizes,
        orientation=st.integers(1, 8),
        frames=st.integers(1, 99),
        damage=st.none() | texts,
    ),
    encoded=st.none() | st.integers(0, 1 << 40),
    resized=st.none() | st.builds(Size, st.integers(1, 1568), st.integers(1, 784)),
)
def test_an_image_is_written_as_json_writes_its_record(
    location: Location, facts: ImageFacts | None, encoded: int | None, resized: Size | None
) -> None:
    """With facts and without, in a request and as a file."""
    use = ImageUse(location, Origin.PATH, facts, base64_size=encoded)
    image = ImageResult(use, LIMITS, resized, resized)
    assert image_text(image) == json.dumps(image_record(image))


@settings(max_examples=60)
@given(
    location=locations,
    line=st.integers(1, 1 << 40),
    custom_id=st.none() | texts,
    byte_size=st.integers(0, 1 << 40),
    tokens=st.integers(0, 1 << 40),
)
def test_a_request_is_written_as_json_writes_its_record(
    location: Location, line: int, custom_id: str | None, byte_size: int, tokens: int
) -> None:
    """With an id and without."""
    request = Request(
        location, "messages", byte_size, line, custom_id, images=(ImageUse(location, Origin.URL),)
    )
    result = RequestResult(RequestUnderTest(request, LIMITS), tokens)
    assert request_text(result) == json.dumps(request_record(result))


@given(locations)
def test_pointer_and_location_are_made_of_the_keys(location: Location) -> None:
    """RFC 6901 escapes two characters; the API's notation ends with the last number."""
    route = (location.keys or ())[: location.outer_depth or None]
    escaped = [str(key).replace("~", "~0").replace("/", "~1") for key in route]
    assert location.pointer == (None if location.keys is None else "".join(f"/{key}" for key in escaped))
    inside = (*location.prefix, *(location.keys or ())[location.root :])
    numbers = [i for i, key in enumerate(inside) if isinstance(key, int)]
    named = inside[: numbers[-1] + 1] if numbers else inside
    assert location.dotted == (".".join(str(key) for key in named) if inside else None)


def test_a_whole_run_is_written_as_json_writes_it(tmp_path: Path) -> None:
    """Files and requests of all kinds, valid and broken."""
    (tmp_path / "large.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    (tmp_path / "tiny é.png").write_bytes(image_bytes((20, 30)))
    (tmp_path / "cut.gif").write_bytes(image_bytes((20, 30), "GIF")[:20])
    (tmp_path / "not.webp").write_text("<html>")
    write_json(tmp_path / "request.json", body(image_block(image_bytes((3000, 2000)))))
    report = check([str(tmp_path)])
    assert report.findings
    assert len(report.images) == 5
    pairs: list[tuple[str, Any]] = [(finding_text(one), finding_record(one)) for one in report.findings]
    pairs += [(image_text(one), image_record(one)) for one in report.images]
    pairs += [(request_text(one), request_record(one)) for one in report.requests]
    for text, record in pairs:
        assert text == json.dumps(record)
