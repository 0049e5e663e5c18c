"""The guard: a client that does not send what the API would reject, and sends all else unchanged."""

import asyncio
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from werkzeug import Response

import imgbudget
from imgbudget.errors import GuardError, UsageError
from imgbudget.fixing.edit_memory import EditMemory
from imgbudget.fixing.image import edit_image
from imgbudget.jsontext.scanner import LongString, stats_of
from imgbudget.jsontext.source import JsonSource
from imgbudget.jsontext.strings import StringStats
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.live import inspection
from imgbudget.live.guard import RequestWarning
from imgbudget.live.inspection import InspectionTarget, Inspector
from imgbudget.live.watch import target_of
from imgbudget.model.edits import ImageEdit
from imgbudget.model.subjects import Severity
from tests.builders import body, image_block, image_bytes, text_block
from tests.liveapi import Api, answer, events, image_blocks, image_tokens, many_image_refusal, message, sizes

Json = dict[str, Any]
MODEL = "claude-sonnet-4-6"


def screenshot(turn: int) -> Json:
    """A user turn with a distinct screenshot of 2100 px."""
    return {"role": "user", "content": [image_block(image_bytes((2100, 300), colour=0x101010 * (turn % 15)))]}


def converse(client: Any, turns: int = 25) -> int:
    """A conversation of screenshots, each turn sending all before it again; the turns that were answered."""
    messages: list[Json] = []
    for turn in range(turns):
        messages.append(screenshot(turn))
        client.messages.create(model=MODEL, max_tokens=10, messages=messages)
        messages.append({"role": "assistant", "content": [text_block("next")]})
    return turns


@pytest.fixture(autouse=True)
def _away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def client_of(**more: Any) -> anthropic.Anthropic:
    """A client that does not retry."""
    return anthropic.Anthropic(max_retries=0, **more)


def test_a_valid_request_is_sent_byte_for_byte(api: Api) -> None:
    """A request that the API accepts arrives with exactly the bytes that the SDK made."""
    api.enforcing()
    sent = body(image_block(), "what is it?")
    client_of().messages.create(**sent)
    imgbudget.guard(client_of()).messages.create(**sent)
    assert api.seen[0] == api.seen[1]


def test_without_the_guard_the_21st_screenshot_is_refused(api: Api) -> None:
    """The limit that the guard is for: the mock refuses as the real API does."""
    api.enforcing()
    with pytest.raises(anthropic.BadRequestError, match="many-image requests: 2000 pixels"):
        converse(client_of())
    assert len(api.seen) == 21


def test_raise_names_block_rule_and_remedy_and_sends_nothing(api: Api) -> None:
    """The 21st turn raises before it is sent, and not as a lost connection that the SDK would retry."""
    api.enforcing()
    with pytest.raises(GuardError) as caught:
        converse(imgbudget.guard(anthropic.Anthropic(max_retries=2)))
    assert len(api.seen) == 20
    text = str(caught.value)
    assert "messages.0.content.0: IB102 many-image-dimension: long edge is 2100 px" in text
    assert "resize to 1568x224, or send at most 20 images" in text
    assert "and 16 more" in text
    assert len(caught.value.findings) == 21
    assert isinstance(caught.value, anthropic.AnthropicError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == text  # noqa: S301 - our own


def test_fix_lets_all_25_turns_through(api: Api) -> None:
    """The images are downscaled in flight; the caller's messages are unchanged."""
    api.enforcing()
    client = imgbudget.guard(client_of(), "fix")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert converse(client) == 25
    first, last = api.bodies[19], api.bodies[24]
    assert many_image_refusal(first) is None
    assert image_blocks(first)[0][1] == image_block(image_bytes((2100, 300), colour=0))
    assert len(image_blocks(last)) == 25
    assert (
        last["messages"][0]["content"][0]["source"]["data"]
        != first["messages"][0]["content"][0]["source"]["data"]
    )
    assert last["messages"][1] == first["messages"][1]
    assert [turn["content"] for turn in api.bodies[21]["messages"][:40]] == [
        turn["content"] for turn in last["messages"][:40]
    ], "a resent image is fixed alike each time, so that a prompt cache holds"


def test_warn_sends_and_warns(api: Api) -> None:
    """The request is sent unchanged, and a warning says what is wrong with it."""
    api.always(lambda: answer(message(MODEL, 10)))
    client = imgbudget.guard(client_of(), "warn")
    wrong = body(image_block(image_bytes(), "image/jpeg"))
    with pytest.warns(RequestWarning, match="IB105 media-type-mismatch"):
        client.messages.create(**wrong)
    assert api.bodies == [wrong]


def test_what_cannot_be_fixed_is_warned_of(api: Api) -> None:
    """A truncated file has no safe fix: fix mode sends it, and says that it will be refused."""
    api.always(lambda: answer(message(MODEL, 10)))
    client = imgbudget.guard(client_of(), "fix")
    wrong = body(image_block(image_bytes(form="BMP")[:40], "image/png"))
    with pytest.warns(RequestWarning, match="IB"):
        client.messages.create(**wrong)


def test_streams_counts_and_batches_are_covered(api: Api) -> None:
    """Every way of the SDK to send images goes through the transport."""
    client = imgbudget.guard(client_of())
    wrong = body(image_block(image_bytes((8001, 10))))
    entry: Any = {"custom_id": "a", "params": wrong}
    counted = {key: value for key, value in wrong.items() if key != "max_tokens"}
    calls = (
        lambda: client.messages.create(**wrong, stream=True),
        lambda: client.messages.stream(**wrong).__enter__(),
        lambda: client.messages.count_tokens(**counted),
        lambda: client.messages.batches.create(requests=[entry]),
        lambda: client.beta.messages.create(**wrong),
        lambda: client.messages.with_raw_response.create(**wrong),
        lambda: client.with_options(timeout=5).messages.create(**wrong),
    )
    for call in calls:
        with pytest.raises(GuardError, match="IB101"):
            call()
    assert api.seen == []


def test_a_duplicate_id_in_a_batch_is_refused(api: Api) -> None:
    """The batch is checked as a whole too."""
    entry: Any = {"custom_id": "a", "params": body(image_block())}
    with pytest.raises(GuardError, match="IB406"):
        imgbudget.guard(client_of()).messages.batches.create(requests=[entry, entry])
    assert api.seen == []


def test_a_guarded_stream_is_fixed_and_answers(api: Api) -> None:
    """Fix mode on a stream: the answer streams as without the guard."""
    api.on("/v1/messages", lambda _: Response(events(MODEL, 10, "a ", "b"), content_type="text/event-stream"))
    client = imgbudget.guard(client_of(), "fix")
    wrong = body(image_block(image_bytes((8001, 30)), "image/png"))
    with client.messages.stream(**wrong) as stream:
        assert "".join(stream.text_stream) == "a b"
    assert many_image_refusal(api.bodies[0]) is None
    assert image_blocks(api.bodies[0])[0][1] != wrong["messages"][0]["content"][0]


def test_the_async_client_is_guarded_too(api: Api) -> None:
    """Raise and fix, under asyncio."""
    api.enforcing()
    wrong = body(image_block(image_bytes((8001, 30))))

    async def run() -> None:
        async with anthropic.AsyncAnthropic(max_retries=0) as client:
            imgbudget.guard(client)
            with pytest.raises(GuardError, match="IB101"):
                await client.messages.create(**wrong)
            assert api.seen == []
            imgbudget.guard(client, "fix")
            await client.messages.create(**wrong)

    asyncio.run(run())
    assert len(api.seen) == 1


def test_any_httpx_client_takes_the_transport(api: Api) -> None:
    """`guard_transport` needs no SDK client: a plain client raises, and fixes with another mode."""
    api.enforcing()
    wrong = body(image_block(image_bytes((8001, 30))))
    with httpx2.Client(transport=imgbudget.guard_transport(), base_url=api.url) as plain:
        with pytest.raises(GuardError, match=r"messages\.0\.content\.0: IB101"):
            plain.post("/v1/messages", json=wrong)
        assert plain.post("/v1/messages", json=body(image_block())).status_code == 200
    inner = httpx2.HTTPTransport()
    with httpx2.Client(transport=imgbudget.guard_transport(inner, "fix"), base_url=api.url) as fixing:
        assert fixing.post("/v1/messages", json=wrong).status_code == 200
    assert len(api.seen) == 2


def test_the_async_transport_of_a_plain_client(api: Api) -> None:
    """An async client of the HTTP layer works with the same transport."""
    api.enforcing()

    async def run() -> int:
        async with httpx2.AsyncClient(transport=imgbudget.guard_transport(), base_url=api.url) as client:
            with pytest.raises(GuardError):
                await client.post("/v1/messages", json=body(image_block(image_bytes((8001, 30)))))
            return (await client.post("/v1/messages", json=body(image_block()))).status_code

    assert asyncio.run(run()) == 200


def test_a_streamed_upload_of_json_is_looked_at(api: Api) -> None:
    """A body that the caller hands over in pieces is read before it goes out."""
    text = json.dumps(body(image_block(image_bytes((8001, 30))))).encode()
    plain = httpx2.Client(transport=imgbudget.guard_transport(), base_url=api.url)
    with plain, pytest.raises(GuardError, match="IB101"):
        plain.post("/v1/messages", content=iter([text]), headers={"content-type": "application/json"})
    assert api.seen == []


@pytest.mark.filterwarnings("ignore:sent unchecked")
@pytest.mark.parametrize(
    "content",
    [b"{", b"", b"[1, 2]", b'{"messages": "none"}', b'"text"', b"\xff\xfe", b'{"a": "' + b"x" * 5000],
)
def test_what_is_no_request_passes(api: Api, content: bytes) -> None:
    """A body that is not a request is sent unchanged, however broken."""
    api.always(lambda: answer({}), "/other")
    with httpx2.Client(transport=imgbudget.guard_transport(), base_url=api.url) as plain:
        plain.post("/other", content=content, headers={"content-type": "application/json"})
        plain.post("/other", content=content)
        plain.post("/other", data={"a": "b"})
    assert api.seen == [content, content, b"a=b"]


def test_guarding_again_changes_the_mode(api: Api) -> None:
    """The transport is not wrapped twice."""
    api.enforcing()
    client = imgbudget.guard(imgbudget.guard(client_of()), "fix")
    client.messages.create(**body(image_block(image_bytes((8001, 30)))))
    assert len(api.seen) == 1


def test_a_signed_body_is_not_changed() -> None:
    """Bedrock's signature covers the body: fix mode raises instead of breaking it."""
    transport = imgbudget.guard_transport(httpx2.MockTransport(lambda _: httpx2.Response(200)), "fix")
    headers = {"content-type": "application/json", "authorization": "AWS4-HMAC-SHA256 Credential=x"}
    text = json.dumps(
        body(image_block(image_bytes((8001, 30))), model=None, anthropic_version="bedrock-2023-05-31")
    )
    url = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.claude-sonnet-4-6/invoke"
    with httpx2.Client(transport=transport) as plain, pytest.raises(GuardError, match="its body is signed"):
        plain.post(url, content=text, headers=headers)


def test_bedrock_is_known_by_its_address() -> None:
    """The limits of the platform hold: 5 MB an image on Bedrock, 10 MB on the API."""
    data = image_bytes((1500, 1500), "BMP")
    transport = imgbudget.guard_transport(httpx2.MockTransport(lambda _: httpx2.Response(200)))
    text = json.dumps(body(image_block(data), model=None, anthropic_version="bedrock-2023-05-31"))
    url = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/eu.anthropic.claude-sonnet-4-6/invoke"
    with httpx2.Client(transport=transport) as plain, pytest.raises(GuardError, match="bedrock takes"):
        plain.post(url, content=text, headers={"content-type": "application/json"})


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://api.anthropic.com/v1/messages", InspectionTarget(None, "anthropic")),
        ("http://localhost:4000/v1/messages", InspectionTarget()),
        ("https://x.services.ai.azure.com/anthropic/v1/messages", InspectionTarget(None, "foundry")),
        (
            "https://eu-aiplatform.googleapis.com/v1/projects/p/publishers/anthropic/models/claude-x@1:rawPredict",
            InspectionTarget("claude-x@1", "google-cloud"),
        ),
        (
            "https://claude.googleapis.com/v1/projects/p/invoke/v1/messages",
            InspectionTarget(None, "claude-google-cloud"),
        ),
        (
            "https://b.amazonaws.com/model/anthropic.claude-x%3A0/invoke",
            InspectionTarget("anthropic.claude-x:0", "bedrock"),
        ),
    ],
)
def test_addresses_imply_model_and_platform(url: str, target: InspectionTarget) -> None:
    """The forms of the SDK's four clients."""
    assert target_of(url) == target


def test_wrong_calls_are_named() -> None:
    """A mode, a level or a client that does not exist is a usage error."""
    with pytest.raises(UsageError, match="unknown mode 'mend'; known modes: raise, warn, fix"):
        imgbudget.guard(client_of(), "mend")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="unknown level 'fatal'"):
        imgbudget.guard(client_of(), level="fatal")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not dict"):
        imgbudget.guard({})


def test_the_level_warning_shrinks_what_would_be_scaled_down(api: Api) -> None:
    """With level `warning`, safe fixes of warnings are made too: an oversized image arrives scaled."""
    api.enforcing()
    wide = body(image_block(image_bytes((3000, 900))))
    imgbudget.guard(client_of(), "fix").messages.create(**wide)
    imgbudget.guard(client_of(), "fix", level="warning").messages.create(**wide)
    assert api.bodies[0] == wide
    assert image_tokens(api.bodies[1]) == image_tokens(wide)
    assert sizes(api.bodies[1]) == [(1568, 470)]


def test_rules_under_the_level_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look costs as little as it may: of three rules of a pack on one image, only the error is asked."""
    (tmp_path / "counting_pack.py").write_text(
        "from imgbudget.rule import Level, Severity, rule\n"
        "ASKED = []\n"
        "def counting(code, severity):\n"
        "    @rule(code, code.lower(), level=Level.IMAGE, severity=severity, since='1')\n"
        "    def judge(use, ctx):\n"
        "        ASKED.append(code)\n"
        "        yield from ()\n"
        "    return judge\n"
        "RULES = (counting('CP101', Severity.INFO), counting('CP102', Severity.WARNING),\n"
        "    counting('CP103', Severity.ERROR))\n"
    )
    (tmp_path / ".imgbudget.yaml").write_text("packs: [imgbudget_rules, counting_pack]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    text = json.dumps(body(image_block())).encode()
    assert (
        Inspector(RunOptions(allow_local_packs=True), Severity.ERROR).findings(text, InspectionTarget()) == ()
    )
    import counting_pack  # type: ignore[import-not-found]  # noqa: PLC0415 - written above

    assert counting_pack.ASKED == ["CP103"]


def test_the_configuration_of_the_project_holds(api: Api, tmp_path: Path) -> None:
    """An ignored rule is ignored by the guard, and options win over the configuration."""
    api.enforcing()
    (tmp_path / ".imgbudget.yaml").write_text("ignore: [IB101]\n")
    wrong = body(image_block(image_bytes((8001, 30))))
    imgbudget.guard(client_of()).messages.create(**wrong)
    with pytest.raises(GuardError, match="IB101"):
        imgbudget.guard(client_of(), options=RunOptions(isolated=True)).messages.create(**wrong)


def test_ignores_and_a_baseline_hold_for_requests(api: Api, tmp_path: Path) -> None:
    """An ignore entry and a baseline silence what they name, though a request in memory is no file."""
    api.enforcing()
    ignores = "ignores: [{rules: [IB101], files: ['*'], reason: recorded}]\n"
    (tmp_path / ".imgbudget.yaml").write_text(ignores)
    wrong = body(image_block(image_bytes((8001, 30))))
    imgbudget.guard(client_of()).messages.create(**wrong)
    assert len(api.seen) == 1


def test_flaws_of_base64_are_found_by_the_quick_scan() -> None:
    """Prefix, line breaks, url-safe letters, missing padding and an empty text are refused."""
    inspector = Inspector(RunOptions(isolated=True), Severity.ERROR)
    sound = image_block(image_bytes((900, 900), "JPEG", quality=95), "image/jpeg")
    data = sound["source"]["data"]
    assert inspector.findings(json.dumps(body(sound)).encode(), InspectionTarget()) == ()
    flawed = (
        "data:image/jpeg;base64," + data,
        data[:600] + "\n" + data[600:],
        data[:-600] + "\n" + data[-600:],
        data[:500].replace("/", "_") + data[500:],
        data.rstrip("=")[:-1] + "===",
        "",
    )
    for text in flawed:
        wrong = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": text}}
        found = inspector.findings(json.dumps(body(wrong)).encode(), InspectionTarget())
        assert "IB106" in {finding.code for finding in found}, text[:40]


def test_the_memory_of_edits_keeps_to_its_bytes() -> None:
    """What was edited last stays; an image over all is kept alone."""
    data = [image_bytes((300, 300), colour=colour) for colour in (1, 2, 3)]
    edit = ImageEdit(size=Size(100, 100))
    memory = EditMemory(edit_image, most=1)
    made = [memory(item, edit) for item in data]
    assert memory(data[2], edit) is made[2]
    assert memory(data[0], edit) is not made[0]
    assert memory(data[0], edit) == made[0]
    assert memory(data[0], edit._replace(max_bytes=1_000_000)).data == made[0].data


def test_the_quick_scan_of_base64_is_that_of_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends give the same statistics as the whole, which takes a third of the time of a call."""
    data = image_block(image_bytes((900, 900), "JPEG", quality=95))["source"]["data"]
    read: list[LongString] = []

    def slow(cut: LongString, source: JsonSource) -> StringStats:
        read.append(cut)
        return stats_of(cut, source)

    monkeypatch.setattr(inspection, "stats_of", slow)
    for text, is_quick in (
        (f"data:image/jpeg;base64,{data}", True),
        (f"data:image/svg+xml;base64,{data}", True),
        (data.replace("/", "_").replace("+", "-"), True),
        (f"data:image/svg+xml;base64,{data.replace('/', '_')}", True),
        (f"data:image/jpeg;name=a;base64,{data}", False),
        (f"data:image/jpeg;base64,data:image/jpeg;base64,{data}", False),
        (f"data:image/jpeg;base64,{data[:-600]}\\n{data[-600:]}", False),
        (f"data:image/jpeg,{data}", False),
    ):
        body = f'{{"url": "{text}"}}'.encode()
        source = JsonSource.from_bytes(body)
        cut = LongString(start=9, end=len(body) - 2, stats=None)
        read.clear()
        quick = inspection._look(body, cut, source)
        whole = stats_of(LongString(start=9, end=len(body) - 2, stats=None), source)
        assert bool(read) is not is_quick
        for name in ("length", "width", "head", "segments"):
            assert getattr(quick, name) == getattr(whole, name)
        assert quick.foreign.keys() == whole.foreign.keys()
        assert {key: quick.foreign[key] for key in ":;,=+/" if key in quick.foreign} == {
            key: whole.foreign[key] for key in ":;,=+/" if key in whole.foreign
        }
