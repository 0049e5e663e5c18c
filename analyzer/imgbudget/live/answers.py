"""Responses of the API or of a proxy in front of it: an answer, or a failure in plain words."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import mktime_tz, parsedate_tz
from math import isfinite
from time import time
from typing import Any, NamedTuple

from imgbudget.errors import LiveError, UnreadableError, UsageError
from imgbudget.live.client import Connection
from imgbudget.live.untrusted import read_json
from imgbudget.output.base import figure
from imgbudget.printable import one_line

_LONGEST = 2000
_MOST_PATHS = 600
"""Blocks that an error can be about: no request holds more images."""


class Failure(NamedTuple):
    """Why a request failed.

    `origin` is `api` (an error of the API), `edge` (another server answered), `timeout`, `connection` or
    `stream` (broken off). `kind` is the API's error type, `paths` are the blocks that it names. `text`
    is what `explain` recognises. `transient`: the same request may succeed later; `retry_after` are the
    seconds that the server asks to wait.
    """

    origin: str
    message: str
    remedy: str
    status: int | None = None
    kind: str | None = None
    request_id: str | None = None
    paths: tuple[str, ...] = ()
    text: str = ""
    transient: bool = False
    retry_after: float | None = None


class ApiError(LiveError):
    """The API, or the connection to it, failed; the message contains no key.

    `message` is the part of a streamed answer that had arrived, with what is known of its usage.
    """

    def __init__(self, failure: Failure, message: Mapping[str, Any] | None = None) -> None:
        self.failure = failure
        self.message = message
        status = f"{failure.status} " if failure.status else ""
        kind = f"{failure.kind}: " if failure.kind else ""
        super().__init__(f"{status}{kind}{failure.message}")


@contextmanager
def answering(connection: Connection) -> Iterator[None]:
    """Turn every exception of the SDK and its HTTP layer into a failure without keys.

    The original exception is dropped: its text, its request or its local variables may hold a key.

    Raises:
        ApiError: the request failed.
        UsageError: the SDK found no key, or the platform does not support the call.
    """
    import anthropic  # noqa: PLC0415 - extra

    from imgbudget.live import transport  # noqa: PLC0415 - extra

    try:
        yield
    except transport.AbortedCallError as error:
        raise ApiError(_aborted(error, connection)) from None
    except anthropic.APIStatusError as error:
        raise ApiError(_of_status(error, connection)) from None
    except anthropic.APITimeoutError:
        raise ApiError(_timeout(connection)) from None
    except anthropic.APIConnectionError as error:
        raise ApiError(_connection(error.__cause__ or error, connection)) from None
    except transport.TIMEOUT:
        raise ApiError(_timeout(connection)) from None
    except transport.BROKEN as error:
        raise ApiError(_broken(error, connection)) from None
    except (
        anthropic.AnthropicError,
        transport.INVALID_URL,
        TypeError,
        ValueError,
        RuntimeError,
        ImportError,
    ) as error:
        text = connection.scrubber.clean(one_line(str(error)))[:_LONGEST]
        raise UsageError(f"{connection.platform}: {text}") from None


def json_answer(
    response: Any, connection: Connection, wanted: str, kind: type | None = None
) -> dict[str, Any]:
    """The JSON object of an unread response with the key `wanted`, whose value is of this type.

    Raises:
        ApiError: it is something else, usually the error page of a proxy; or it broke off.
    """
    with answering(connection):
        content = response.read()
    try:
        answer = read_json(content, connection.scrubber)
    except UnreadableError:
        answer = None
    if isinstance(answer, dict):
        if wanted in answer and (kind is None or isinstance(answer[wanted], kind)):
            return answer
        if failure := of_envelope(answer, connection):
            raise ApiError(failure._replace(status=response.status_code)) from None
    raise ApiError(foreign(response, connection, content))


def of_envelope(body: object, connection: Connection) -> Failure | None:
    """The failure in an error of the API, without status; None if it is no error as the API writes them."""
    clean = connection.scrubber.clean
    inner = body.get("error") if isinstance(body, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or not isinstance(message, str):
        return None
    kind, details = inner.get("type"), inner.get("details")
    paths = details.get("paths") if isinstance(details, dict) else None
    text = clean(one_line(message))[:_LONGEST]
    return Failure(
        origin="api",
        message=text,
        remedy="",
        kind=clean(one_line(kind))[:_LONGEST] if isinstance(kind, str) else None,
        paths=_paths(paths),
        text=text,
    )


def _paths(paths: object) -> tuple[str, ...]:
    """The blocks that an error names, each once."""
    named = [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []
    return tuple(dict.fromkeys(named))[:_MOST_PATHS]


def foreign(response: Any, connection: Connection, content: bytes | str) -> Failure:
    """The failure for a response that does not come from the API."""
    clean = connection.scrubber.clean
    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    kind = one_line(clean(response.headers.get("content-type", "no content type").partition(";")[0]))[:100]
    shown = clean(one_line(_plain(clean(text))))[:200]
    said = f": {shown}" if shown else ""
    status = response.status_code
    remedy = "check the base URL of the platform, and proxies (HTTPS_PROXY)"
    if connection.bounds.billable and 200 <= status < 300:
        remedy = f"if the request reached the API, it was billed, and its cost is unknown; {remedy}"
    return Failure(
        origin="edge",
        message=f"the response did not come from the API, but is {kind}{said}",
        remedy=remedy,
        status=status,
        text=f"Error code: {status} - {shown}",
    )


def _of_status(error: Any, connection: Connection) -> Failure:
    status, headers = error.status_code, error.response.headers
    body = error.body
    if (failure := of_envelope(body, connection)) is None:
        failure = foreign(error.response, connection, error.response.content)
        failure = failure._replace(remedy=_remedy(status) or failure.remedy)
    else:
        request_id = error.request_id
        kind = "" if status == 413 and failure.kind is None else failure.kind
        failure = failure._replace(
            remedy=_remedy(status) or "",
            request_id=connection.scrubber.clean(one_line(request_id))[:_LONGEST]
            if isinstance(request_id, str)
            else None,
            text=f"Error code: {status} - {kind}: {failure.text}"
            if status == 413
            else f"Error code: {status} - {failure.text}",
        )
    return failure._replace(
        status=status,
        transient={"true": True, "false": False}.get(
            headers.get("x-should-retry", ""), status in _TRANSIENT or status >= 500
        ),
        retry_after=_retry_after(headers),
    )


_TRANSIENT = frozenset({408, 409, 429})
"""Statuses that the SDK retries, with those from 500 on (2.14)."""


def _retry_after(headers: Any) -> float | None:
    """The seconds that a server asks to wait: retry-after-ms, or retry-after as seconds or as a date."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1)):
        try:
            seconds = float(headers.get(name)) * factor
        except (TypeError, ValueError):
            continue
        return seconds if isfinite(seconds) and seconds > 0 else None
    try:
        date = parsedate_tz(headers.get("retry-after") or "")
        return None if date is None else max(mktime_tz(date) - time(), 0) or None
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _remedy(status: int) -> str | None:
    """What to do about a status that does not concern a block (errors page, 2026-06)."""
    match status:
        case 401 | 403:
            return "check the key in the environment, and its permissions"
        case 404:
            return "check the model id and the base URL"
        case 413:
            return "the body is too large for the server; imgbudget plan shows what fits"
        case 429:
            return "wait, or send fewer requests at a time"
        case 529:
            return "the API is overloaded; send it again later"
        case _ if status >= 500:
            return "send it again later"
        case _:
            return None


def _billing(connection: Connection) -> str:
    return "the request may have been billed; " if connection.bounds.billable else ""


def _timeout(connection: Connection) -> Failure:
    bounds = connection.bounds
    if bounds.left > 0:
        return Failure(
            origin="timeout",
            message="timed out before the call had to end",
            remedy="check the base URL, the network, and proxies (HTTPS_PROXY)",
            transient=True,
        )
    return Failure(
        origin="timeout",
        message=f"timed out: no complete answer within {seconds_text(bounds.seconds)}",
        remedy=f"{_billing(connection)}--timeout SECONDS gives a call more time",
    )


def seconds_text(seconds: float) -> str:
    """A time in seconds: 0.2 s, 600 s, 31,536,000 s."""
    return f"{figure(round(seconds))} s" if seconds >= 10 or seconds == int(seconds) else f"{seconds:.1f} s"


_NAME_ERRORS = ("name or service", "name resolution", "nodename", "no address associated", "getaddrinfo")


def _connection(cause: BaseException, connection: Connection) -> Failure:
    said = connection.scrubber.clean(one_line(str(cause)))[:_LONGEST]
    lower = said.lower()
    remedy = "check the base URL, the network, and proxies (HTTPS_PROXY)"
    if "certificate" in lower:
        remedy = (
            "the server cannot prove who it is, so nothing was sent; SSL_CERT_FILE names further certificates"
        )
    elif any(words in lower for words in _NAME_ERRORS):
        remedy = "check the host name in the base URL, and the name server"
    elif type(cause).__name__ not in ("ConnectError", "ProxyError", "UnsupportedProtocol"):
        remedy = f"{_billing(connection)}{remedy}"
    return Failure(
        origin="connection",
        message=f"no connection: {said or type(cause).__name__}",
        remedy=remedy,
        transient=True,
    )


def _aborted(error: Any, connection: Connection) -> Failure:
    clean = connection.scrubber.clean
    billing = _billing(connection) if error.origin == "stream" else ""
    return Failure(
        origin=error.origin,
        message=clean(one_line(error.message))[:_LONGEST],
        remedy=f"{billing}{error.remedy}",
        status=error.status,
    )


def _broken(error: BaseException, connection: Connection) -> Failure:
    said = connection.scrubber.clean(one_line(str(error)))[:_LONGEST]
    return broken(said or type(error).__name__, connection)


def broken(why: str, connection: Connection) -> Failure:
    """The failure for an answer that broke off or cannot be read further."""
    return Failure(
        origin="stream",
        message=f"the answer broke off: {why}",
        remedy="the part that arrived was billed; send the request again"
        if connection.bounds.billable
        else "send the request again",
    )


def _plain(text: str) -> str:
    """The text of an HTML page, without tags."""
    return " ".join(re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", text[:20_000]).split())
