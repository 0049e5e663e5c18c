"""A fault inside the guard's own inspection: no lost connection, and no unchecked request in silence."""

import asyncio
import json
import warnings
from collections.abc import Callable
from typing import Any, Literal

import anthropic
import httpx2
import pytest

import imgbudget
from imgbudget.errors import GuardError
from imgbudget.live.guard import RequestWarning
from imgbudget.live.inspection import Inspector
from tests.builders import body, image_block, image_bytes
from tests.liveapi import Api

Json = dict[str, Any]

FAULTS: tuple[Exception, ...] = (
    RecursionError("maximum recursion depth exceeded"),
    MemoryError(),
    KeyError("messages"),
    ValueError("unexpected\nvalue"),
    OSError(5, "Input/output error"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    AssertionError(),
)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Exception], None]:
    """Makes a step of the inspection raise."""

    def install(step: str, error: Exception) -> None:
        def fail(*_args: object) -> None:
            raise error

        monkeypatch.setattr(Inspector, step, fail)

    return install


def _create(client: Any, size: tuple[int, int] = (8, 8)) -> Any:
    return client.messages.create(**body(image_block(image_bytes(size))))


@pytest.mark.parametrize("mode", ["raise", "fix"])
@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_a_fault_of_the_inspection_stops_the_request(
    api: Api, failing: Callable[[str, Exception], None], error: Exception, mode: Literal["raise", "fix"]
) -> None:
    """It is a GuardError that names the fault, raised at once though the client retries; nothing is sent."""
    api.enforcing()
    failing("findings", error)
    client = imgbudget.guard(anthropic.Anthropic(max_retries=2), mode)
    with pytest.raises(GuardError) as caught:
        _create(client)
    text = str(caught.value)
    assert text.startswith(f"not sent: checking this request failed ({type(error).__name__}: ")
    assert "not in the connection" in text
    assert "\n" not in text
    assert caught.value.findings == ()
    assert caught.value.__cause__ is error
    assert isinstance(caught.value, anthropic.AnthropicError)
    assert not isinstance(caught.value, anthropic.APIConnectionError)
    assert api.seen == []


def test_a_fault_of_a_fix_stops_the_request(api: Api, failing: Callable[[str, Exception], None]) -> None:
    """An image that needs a fix which fails is not sent as it was."""
    api.enforcing()
    failing("fixed", RuntimeError("no encoder"))
    with pytest.raises(
        GuardError, match=r"not sent: fixing this request failed \(RuntimeError: no encoder\)"
    ):
        _create(imgbudget.guard(anthropic.Anthropic(), "fix"), (8001, 30))
    assert api.seen == []


def test_mode_warn_sends_and_warns_that_it_did_not_check(
    api: Api, failing: Callable[[str, Exception], None]
) -> None:
    """This mode promises to send; that the request was not checked is a warning."""
    api.enforcing()
    failing("findings", KeyError("messages"))
    client = imgbudget.guard(anthropic.Anthropic(), "warn")
    with pytest.warns(RequestWarning, match="sent unchecked: checking this request failed"):
        _create(client)
    assert len(api.seen) == 1


def test_warnings_that_are_errors_are_no_lost_connection(api: Api) -> None:
    """Under `-W error` the request is refused with the findings; the SDK does not retry it."""
    api.enforcing()
    client = imgbudget.guard(anthropic.Anthropic(max_retries=2), "warn")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(GuardError, match="IB101") as caught:
            _create(client, (8001, 30))
    assert caught.value.findings
    assert api.seen == []


def test_async_and_plain_clients_get_the_same_error(
    api: Api, failing: Callable[[str, Exception], None]
) -> None:
    """The SDK's async client, and httpx without the SDK's own wrapping."""
    api.enforcing()
    failing("findings", IndexError("list index out of range"))

    async def talk() -> None:
        async with anthropic.AsyncAnthropic() as client:
            await imgbudget.guard(client).messages.create(**body(image_block()))

    with pytest.raises(GuardError, match="IndexError"):
        asyncio.run(talk())
    with (
        httpx2.Client(transport=imgbudget.guard_transport(), base_url=api.url) as plain,
        pytest.raises(GuardError, match="IndexError"),
    ):
        plain.post(
            "/v1/messages",
            content=json.dumps(body(image_block())),
            headers={"content-type": "application/json"},
        )
    assert api.seen == []
