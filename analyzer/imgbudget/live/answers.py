"""Responses of the API or of a proxy in front of it: an answer, or a failure in plain words."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from imgbudget.errors import LiveError, UsageError
from imgbudget.live.client import Connection
from imgbudget.output.base import one_line

_LONGEST = 2000


class Failure(NamedTuple):
    """Why a request failed.

    `origin` is `api` (an error of the API), `edge` (another server answered), `timeout`, `connection` or
    `stream` (broken off). `kind` is the API's error type, `paths` are the blocks that it names. `text`
    is what `explain` recognises.
    """

    origin: str
    message: str
    remedy: str
    status: int | None = None
    kind: str | None = None
    request_id: str | None = None
    paths: tuple[str, ...] = ()
    text: str = ""


class ApiError(LiveError):
    """The API, or the connection to it, failed; the message contains no key."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
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
    import httpx2  # noqa: PLC0415 - extra

    try:
        yield
    except anthropic.APIStatusError as error:
        raise ApiError(_of_status(error, connection)) from None
    except anthropic.APITimeoutError:
        raise ApiError(_timeout()) from None
    except anthropic.APIConnectionError as error:
        raise ApiError(_connection(error.__cause__ or error, connection)) from None
    except httpx2.TimeoutException:
        raise ApiError(_timeout()) from None
    except (httpx2.HTTPError, httpx2.StreamError) as error:
        raise ApiError(_broken(error, connection)) from None
    except (anthropic.AnthropicError, TypeError, ValueError, RuntimeError, ImportError) as error:
        text = connection.scrubber.clean(one_line(str(error)))[:_LONGEST]
        raise UsageError(f"{connection.platform}: {text}") from None


def json_answer(response: Any, connection: Connection, wanted: str) -> dict[str, Any]:
    """The JSON object of a response with the key `wanted`.

    Raises:
        ApiError: it is something else, usually the error page of a proxy.
    """
    try:
        answer = json.loads(response.content)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and wanted in answer:
        return answer
    raise ApiError(foreign(response, connection, response.text)) from None


def foreign(response: Any, connection: Connection, text: str) -> Failure:
    """The failure for a response that does not come from the API."""
    kind = response.headers.get("content-type", "no content type").partition(";")[0]
    shown = connection.scrubber.clean(one_line(_plain(text)))[:200]
    said = f": {shown}" if shown else ""
    status = response.status_code
    return Failure(
        origin="edge",
        message=f"the response did not come from the API, but is {kind}{said}",
        remedy="check the base URL of the platform, and proxies (HTTPS_PROXY)",
        status=status,
        text=f"Error code: {status} - {shown}",
    )


def _of_status(error: Any, connection: Connection) -> Failure:
    clean = connection.scrubber.clean
    body, status = error.body, error.status_code
    inner = body.get("error") if isinstance(body, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else None
    if not isinstance(message, str):
        failure = foreign(error.response, connection, body if isinstance(body, str) else json.dumps(body))
        return failure._replace(remedy=_remedy(status) or failure.remedy)
    kind = inner.get("type") if isinstance(inner, dict) else None
    details = inner.get("details") if isinstance(inner, dict) else None
    paths = details.get("paths", ()) if isinstance(details, dict) else ()
    text = clean(one_line(message))[:_LONGEST]
    return Failure(
        origin="api",
        message=text,
        remedy=_remedy(status) or "",
        status=status,
        kind=clean(kind)[:_LONGEST] if isinstance(kind, str) else None,
        request_id=error.request_id and clean(error.request_id),
        paths=tuple(path for path in paths if isinstance(path, str)),
        text=f"Error code: {status} - {kind}: {text}" if status == 413 else f"Error code: {status} - {text}",
    )


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
            return "the SDK has retried; wait, or send fewer requests at a time"
        case 529:
            return "the API is overloaded and the SDK has retried; send it again later"
        case _ if status >= 500:
            return "the SDK has retried; send it again later"
        case _:
            return None


def _timeout() -> Failure:
    return Failure(
        origin="timeout",
        message="timed out",
        remedy="the SDK has retried; --timeout SECONDS waits longer, --stream keeps the connection busy",
    )


def _connection(cause: BaseException, connection: Connection) -> Failure:
    said = connection.scrubber.clean(one_line(str(cause)))[:_LONGEST]
    return Failure(
        origin="connection",
        message=f"no connection: {said or type(cause).__name__}",
        remedy="check the base URL, the network, and proxies (HTTPS_PROXY)",
    )


def _broken(error: BaseException, connection: Connection) -> Failure:
    said = connection.scrubber.clean(one_line(str(error)))[:_LONGEST]
    return broken(said or type(error).__name__)


def broken(why: str) -> Failure:
    """The failure for an answer that broke off."""
    return Failure(
        origin="stream",
        message=f"the answer broke off: {why}",
        remedy="the part that arrived was billed; send the request again",
    )


def _plain(text: str) -> str:
    """The text of an HTML page, without tags."""
    return " ".join(re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", text[:20_000]).split())
