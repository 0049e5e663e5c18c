"""Calls of the API: attempts and waits within the time of a call, each wait announced."""

from time import sleep
from typing import Any

from imgbudget.live.answers import ApiError, Failure, answering, seconds_text
from imgbudget.live.bounds import ANSWER_BYTES, ANSWER_SECONDS
from imgbudget.live.client import Connection

_UNREAD = {"X-Stainless-Raw-Response": "stream"}
"""Makes the SDK return the response unread, as its `with_streaming_response` does."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0
"""Seconds between attempts where the server asks for none, doubled each time: as the SDK does (2.14)."""
_SILENT = 3.0
"""Seconds that may be waited without a word."""


def exchange(  # noqa: PLR0913 - what a call is made of
    connection: Connection,
    method: str,
    path: str,
    *,
    seconds: float = ANSWER_SECONDS,
    most_bytes: int | None = ANSWER_BYTES,
    billable: bool = False,
    headers: dict[str, str] | None = None,
    params: dict[str, Any] | None = None,
    **content: Any,
) -> Any:
    """The response to a request, with a status of success and its content unread.

    An attempt that fails for a while is made again, as long as the time of the call lasts. Once a status of
    success has arrived, nothing is sent again: it would be billed again.

    Raises:
        ApiError: it was rejected, or the connection failed.
        UsageError: no key in the environment.
    """
    connection.bounds.start(connection.seconds or seconds, most_bytes, billable=billable)
    send = getattr(connection.client, method)
    for attempt in range(connection.retries + 1):
        connection.bounds.attempt()
        options: dict[str, Any] = {
            "headers": {**_UNREAD, **(headers or {}), "x-stainless-retry-count": str(attempt)},
            **({"params": params} if params else {}),
        }
        try:
            with answering(connection):
                return send(path, cast_to=connection.response, options=options, **content)
        except ApiError as error:
            _wait(connection, error.failure, attempt)
    raise AssertionError("the last attempt returns or raises")


def _wait(connection: Connection, failure: Failure, attempt: int) -> None:
    """Wait before the next attempt. Raises ApiError if there is none, or no time for it."""
    asked, left = failure.retry_after, connection.bounds.left
    if asked is not None and failure.transient and asked > left:
        wish = f"the server asks to wait {seconds_text(asked)}, longer than this call may last"
        raise ApiError(
            failure._replace(message=f"{failure.message}; {wish}", remedy=_later(failure, asked))
        ) from None
    if not failure.transient or attempt == connection.retries:
        tried = f"tried {attempt + 1} times; " if attempt else ""
        raise ApiError(failure._replace(remedy=f"{tried}{failure.remedy}")) from None
    wait = asked or min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT)
    if wait > left:
        raise ApiError(
            failure._replace(remedy=f"no time is left to try again (--timeout); {failure.remedy}")
        ) from None
    if wait >= _SILENT:
        why = f"{failure.status} {failure.kind or ''}".strip() if failure.status else failure.origin
        connection.say(
            f"{why}: waiting {seconds_text(wait)}{' as the server asks' if asked else ''}, then attempt "
            f"{attempt + 2} of {connection.retries + 1}"
        )
    sleep(wait)


def _later(failure: Failure, asked: float) -> str:
    again = f"send it again after {seconds_text(asked)}, or give the call that time with --timeout"
    return f"{failure.remedy}; {again}" if failure.remedy else again
