"""The work on a PDF is bounded by its bytes, never by the numbers that it declares."""

import base64
import json
import sys
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import anthropic
import pytest

import imgbudget as package
from imgbudget.api.documents import plan_document_file
from imgbudget.errors import GuardError
from imgbudget.imageinfo.pdf import PageCount, count_pages
from imgbudget.imageinfo.reader import bytes_reader
from imgbudget.imageinfo.steps import TimeLimit
from imgbudget.jsontext import parser
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.live import inspection
from imgbudget.live.guard import Mode, RequestWarning
from imgbudget.live.inspection import InspectionTarget, Inspector, NotJsonError
from imgbudget.model.subjects import Severity
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.hostile.pdfs import hostile_pdfs, mutated_bodies, mutated_pdfs
from tests.liveapi import Api
from tests.pdffiles import CATALOGUE, OBJECTS, paged, stream, table

HOSTILE = hostile_pdfs()


class _TooMuchWorkError(BaseException):
    """Not an Exception, so that no reader catches it."""


def calls(work: Callable[[], Any], most: int) -> int:
    """How many functions a piece of work calls, in Python and in C; it is stopped after `most`."""
    count = 0

    def profile(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        if event in {"call", "c_call"}:
            count += 1
            if count > most:
                raise _TooMuchWorkError

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def allowed(size: int) -> int:
    """The calls that a file of this size may take: a constant, and some for each byte."""
    return 20_000 + 16 * size


def pages(data: bytes) -> PageCount:
    """The pages of a file in memory."""
    return count_pages(bytes_reader(data), len(data))


@pytest.mark.parametrize("name", HOSTILE)
def test_work_is_proportional_to_the_bytes(name: str) -> None:
    """Whatever the file declares, its reading ends after so many calls, and says why it has no pages."""
    data = HOSTILE[name]
    assert calls(lambda: pages(data), allowed(len(data))) > 0
    found = pages(data)
    assert (found.pages is None) == (found.reason is not None)


def test_mutations_take_work_in_proportion_to_their_bytes() -> None:
    """Some hundred files, each with changed bytes or numbers."""
    for data in islice(mutated_pdfs(15), 300):
        calls(partial(pages, data), allowed(len(data)))


def test_the_same_bytes_have_the_same_result() -> None:
    """No clock decides without a limit."""
    for data in islice(mutated_pdfs(16), 50):
        assert pages(data) == pages(data)


def client_of() -> anthropic.Anthropic:
    """A client that does not retry."""
    return anthropic.Anthropic(max_retries=0)


def document(data: bytes) -> dict[str, Any]:
    """A document block of a PDF."""
    text = base64.b64encode(data).decode()
    return {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": text}}


def test_check_warns_of_a_document_whose_pages_are_not_counted(imgbudget: Command, tmp_path: Path) -> None:
    """The finding names the document and the reason, and is no error."""
    wild, encrypted = HOSTILE["absurd length"], table(OBJECTS, b"/Root 1 0 R /Encrypt 5 0 R")
    write_json(
        tmp_path / "r.json", body(document(wild), document(encrypted), document(table(OBJECTS)), "what?")
    )
    run = imgbudget("check", "r.json", "--format", "json")
    found = run.json["findings"]
    assert run.code == 1
    assert [(it["code"], it["severity"], it["location"]) for it in found] == [
        ("IB402", "warning", "messages.0.content.0"),
        ("IB402", "warning", "messages.0.content.1"),
    ]
    assert "pages not counted: the file is damaged" in found[0]["message"]
    assert "pages not counted: the file is encrypted" in found[1]["message"]


@pytest.mark.parametrize("data", ["JVBERi0xLjQK!!", "aGVsbG8gd29ybGQ="])
def test_data_that_is_no_pdf_is_not_clean(data: str, imgbudget: Command, tmp_path: Path) -> None:
    """Base64 that is malformed, and bytes of something else."""
    block = document(b"")
    block["source"]["data"] = data
    write_json(tmp_path / "r.json", body(block, "what?"))
    assert "IB402" in imgbudget("check", "r.json", "--format", "json").codes


def test_the_guard_warns_of_documents_that_it_did_not_count(api: Api) -> None:
    """In each mode the request is sent, with a warning that names the document and the reason."""
    api.enforcing()
    sent = body(document(HOSTILE["absurd columns"]), "what is it?")
    modes: tuple[Mode, ...] = ("raise", "warn", "fix")
    for mode in modes:
        with pytest.warns(
            RequestWarning, match=r"1 document .* not be checked\n.*content.0: IB402 .*: pages not"
        ):
            package.guard(client_of(), mode).messages.create(**sent)
    assert len(api.bodies) == 3


def test_the_guard_counts_documents_below_the_limit_without_a_word(api: Api) -> None:
    """An ordinary PDF leads to no warning."""
    api.enforcing()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        package.guard(client_of()).messages.create(**body(document(table(OBJECTS)), "what is it?"))


def test_all_documents_of_a_body_share_the_time_of_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is used up, the others are not counted, and each of them is named."""
    monkeypatch.setattr(inspection, "PAGES_SECONDS", 0.0)
    inspector = Inspector(RunOptions(isolated=True), Severity.ERROR)
    data = json.dumps(body(*[document(table(OBJECTS))] * 3, "what?")).encode()
    found = inspector.findings(data, InspectionTarget())
    assert [finding.location.dotted for finding in found] == [f"messages.0.content.{i}" for i in range(3)]
    assert all("take longer than 50 ms" in finding.message for finding in found)


def test_time_is_charged_while_a_file_is_read() -> None:
    """A file that takes long stops in the middle, and the next one is not begun."""
    limit = TimeLimit(1e-6, "no time is left")
    data = HOSTILE["numbers"]
    first = calls(lambda: count_pages(bytes_reader(data), len(data), limit), allowed(len(data)))
    assert first < allowed(len(data)) / 10
    assert count_pages(bytes_reader(data), len(data), limit) == (None, "no time is left")
    assert limit.used_up


def test_the_fix_of_other_images_goes_on(api: Api) -> None:
    """In mode fix, a document that was not counted does not keep images from being fixed."""
    api.enforcing()
    sent = body(document(HOSTILE["absurd columns"]), image_block(image_bytes((9000, 40))), "what is it?")
    with pytest.warns(RequestWarning, match="pages not counted"):
        package.guard(client_of(), "fix").messages.create(**sent)
    with pytest.raises(GuardError, match="pages not counted"):
        package.guard(client_of(), "raise", level="warning").messages.create(**sent)


def inspected(inspector: Inspector, data: bytes) -> None:
    """Find out what is wrong with a body, which may be no JSON any more."""
    with suppress(NotJsonError):
        inspector.findings(data, InspectionTarget())


def test_mutated_bodies_are_inspected_in_bounded_work() -> None:
    """Some dozen request bodies, with and without a valid PDF."""
    inspector = Inspector(RunOptions(isolated=True), Severity.ERROR)
    for data in islice(mutated_bodies(17), 60):
        calls(partial(inspected, inspector, data), 60_000 + 16 * len(data))


def test_a_body_that_is_not_json_is_named_as_that() -> None:
    """Also a wrong escape in the middle of a long string, of which the guard reads the ends only."""
    text = json.dumps(body(document(bytes(3000)), "what?")).replace("AAAA" * 100, "\\q" * 200, 1)
    inspector = Inspector(RunOptions(isolated=True), Severity.ERROR)
    for data in (text.encode(), b'{"messages": ['):
        with pytest.raises(NotJsonError):
            inspector.findings(data, InspectionTarget())


def test_a_body_that_is_not_read_is_not_clean(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON of more values than are read is sent in mode warn only, and not without a warning."""
    api.enforcing()
    monkeypatch.setattr(parser, "MAX_VALUES", 10)
    with pytest.raises(GuardError, match=r"too large or too deeply nested for checking \(over .* values"):
        package.guard(client_of()).messages.create(**body("what?"))
    with pytest.warns(RequestWarning, match=r"sent unchecked: .*over .* values"):
        package.guard(client_of(), "warn").messages.create(**body("what?"))
    assert len(api.bodies) == 1


def test_base64_with_a_flaw_in_its_middle_hides_nothing() -> None:
    """Its ends look well; where the rest cannot be decoded, the body is scanned in full."""
    text = base64.b64encode(HOSTILE["numbers"]).decode()
    block = document(b"")
    block["source"]["data"] = text[:9000] + "!" + text[9000:]
    wide = image_block(image_bytes((9000, 40)))
    inspector = Inspector(RunOptions(isolated=True), Severity.ERROR)
    found = inspector.findings(json.dumps(body(block, wide, "what?")).encode(), InspectionTarget())
    assert {finding.code for finding in found} == {"IB101", "IB402"}


def _bomb() -> bytes:
    packed = zlib.compress(bytes(100 << 20), 1)
    entries = b"/Type /Page /Parent 2 0 R /MediaBox [0 0 612 792]"
    return table(
        {
            1: CATALOGUE,
            2: b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
            3: b"<< %s /Contents 5 0 R >>" % entries,
            4: b"<< %s >>" % entries,
            5: stream(b"/Filter /FlateDecode", packed),
        }
    )


PAGED = {
    **HOSTILE,
    "bomb": _bomb(),
    "cycle": table(
        {1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"}
    ),
    "long": paged([(b"/MediaBox [0 0 612 792]", b"(a) Tj " * 200_000)]),
}


@pytest.mark.parametrize("name", PAGED)
def test_pages_are_read_in_bounded_work(tmp_path: Path, name: str) -> None:
    """Whatever pypdf makes of a file, its plan has pages or a reason; long contents have a size only."""
    path = tmp_path / "x.pdf"
    path.write_bytes(PAGED[name])
    session = Session(RunOptions(isolated=True))
    limits, tiers = session.context.limits(), session.limits.tiers
    found = plan_document_file(str(path), limits, tiers)
    assert found.flaw or found.read
    if name in ("bomb", "long"):
        assert found.read[0][0].characters is None
        assert found.read[0][0].width == 612
    assert calls(lambda: plan_document_file(str(path), limits, tiers), 1_000_000) < 1_000_000
