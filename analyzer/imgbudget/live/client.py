"""The SDK client for a platform, with keys and URLs from the environment; keys are kept out of all output."""

import json
import logging
import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from imgbudget.errors import UsageError
from imgbudget.live.bounds import CallBounds

_NAMED = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|CUSTOM_HEADERS|_URL$|_PROXY$", re.IGNORECASE)
_ADDRESSES = ("_URL", "_PROXY")
_ATTRIBUTES = (
    "api_key",
    "auth_token",
    "aws_secret_key",
    "aws_access_key",
    "aws_session_token",
    "access_token",
)
_SHORTEST = 8
"""Shortest value taken for a secret, in characters: shorter ones would mask words of plain text."""

MASK = "[key removed]"


class Scrubber:
    """Masks known secrets in texts, and anything that looks like an Anthropic key."""

    _LIKE_A_KEY = re.compile(r"sk-ant-[\w-]{8,}")

    def __init__(self, secrets: Iterable[str]) -> None:
        """Mask these secrets, also escaped as in JSON, HTML and URLs; whitespace around them is ignored."""
        stripped = (secret.strip() for secret in secrets)
        spelled = {form for secret in stripped if len(secret) >= _SHORTEST for form in _spellings(secret)}
        self._secrets = sorted(spelled, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """The text with each secret masked."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return self._LIKE_A_KEY.sub(MASK, text)

    def unfinished(self, text: str) -> int:
        """The number of characters at the end that may be the beginning of a secret."""
        longest = max(map(len, self._secrets), default=0)
        for size in range(min(longest - 1, len(text)), 0, -1):
            if any(secret.startswith(text[-size:]) for secret in self._secrets):
                return size
        return 0


def _spellings(secret: str) -> tuple[str, ...]:
    """A secret as servers quote it."""
    return (
        secret,
        quote(secret, safe=""),
        escape(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    )


class _Cleaned(logging.Formatter):
    """Formats as another formatter does, with secrets masked, also in tracebacks."""

    def __init__(self, inner: logging.Formatter, scrubber: Scrubber) -> None:
        super().__init__()
        self._inner = inner
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record."""
        return self._scrubber.clean(self._inner.format(record))


def clean_logs(scrubber: Scrubber) -> None:
    """Keep secrets out of the log that ANTHROPIC_LOG enables: its tracebacks quote headers."""
    for handler in logging.getLogger().handlers:
        inner = handler.formatter or logging.Formatter()
        handler.setFormatter(_Cleaned(inner, scrubber))


class StreamScrubber:
    """Masks secrets in text that arrives in pieces, also where one is split over several."""

    def __init__(self, scrubber: Scrubber) -> None:
        """Mask with this scrubber."""
        self._scrubber = scrubber
        self._rest = ""

    def add(self, piece: str) -> str:
        """The text that can be shown after this piece."""
        text = self._scrubber.clean(self._rest + piece)
        shown = len(text) - self._scrubber.unfinished(text)
        self._rest = text[shown:]
        return text[:shown]

    def end(self) -> str:
        """The rest of the text."""
        rest, self._rest = self._rest, ""
        return self._scrubber.clean(rest)


def secrets_of(client: object, environment: Mapping[str, str] = os.environ) -> Scrubber:
    """A scrubber of the keys of an SDK client, and of environment variables with names of secrets."""
    found = [value for name in _ATTRIBUTES if isinstance(value := getattr(client, name, None), str)]
    for name, value in environment.items():
        if not _NAMED.search(name):
            continue
        if name.upper().endswith(_ADDRESSES):
            found += _of_address(value)
        elif name == "ANTHROPIC_CUSTOM_HEADERS":
            found += [line.partition(":")[2] for line in value.split("\n")]
        else:
            found.append(value)
    return Scrubber(found)


def _of_address(address: str) -> Iterator[str]:
    """User name and password of a URL, the header that they become, and the values of its query."""
    for user in re.findall(r"//([^/@\s]+)@", address):
        plain = unquote(user)
        yield f"//{user}@"  # also where user name and password are too short to be masked by themselves
        yield from user.split(":", 1)
        yield from plain.split(":", 1)
        yield b64encode((plain if ":" in plain else f"{plain}:").encode("utf-8", "replace")).decode("ascii")
    query = address.partition("?")[2].partition("#")[0]
    yield from (value for _, value in parse_qsl(query))


EXTRA = "pip install 'imgbudget[live]'"
PLATFORMS = ("anthropic", "bedrock", "google-cloud", "foundry")
REWRITTEN = frozenset({"bedrock", "google-cloud"})
"""Platforms for which the SDK moves the model from the body into the URL, and so rewrites the body."""

_BASE_URLS = {
    "anthropic": ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
    "bedrock": ("ANTHROPIC_BEDROCK_BASE_URL", "Amazon Bedrock in the region of AWS_REGION"),
    "google-cloud": ("ANTHROPIC_VERTEX_BASE_URL", "Google Cloud in the region of CLOUD_ML_REGION"),
    "foundry": ("ANTHROPIC_FOUNDRY_BASE_URL", "Microsoft Foundry, resource of ANTHROPIC_FOUNDRY_RESOURCE"),
}
"""The variable that overrides the URL on each platform, and the default (SDK 2.14)."""

_EXTRAS = {"bedrock": "bedrock", "google-cloud": "vertex"}
_OLDEST = 2


class Connection(NamedTuple):
    """An SDK client, its platform, and the scrubber of its keys."""

    client: Any
    platform: str
    scrubber: Scrubber
    response: Any
    """The class of responses in the SDK's HTTP layer: a request made with it gives the response unparsed."""
    bounds: CallBounds
    seconds: float | None
    """The time of a call, all its attempts included; None: the default for its kind."""
    retries: int
    say: Callable[[str], None]
    """Prints a line when a call has to wait."""

    @property
    def is_verbatim(self) -> bool:
        """Whether bodies are sent byte for byte."""
        return self.platform not in REWRITTEN


def require_sdk(command: str) -> None:
    """Check that the SDK is installed.

    Raises:
        UsageError: it is missing or too old; the message names the extra.
    """
    try:
        import anthropic  # noqa: PLC0415 - extra
    except ImportError:
        raise UsageError(f"{command} needs the official SDK, which is in the extra `live`: {EXTRA}") from None
    if int(anthropic.__version__.partition(".")[0]) < _OLDEST:
        raise UsageError(
            f"{command} needs anthropic 2 or newer, {anthropic.__version__} is installed: {EXTRA} --upgrade"
        )


_MOST_SECONDS = 7 * 86_400


def checked_seconds(option: str, seconds: float) -> float:
    """A time that can be waited for. Raises UsageError."""
    if isfinite(seconds) and 0 < seconds <= _MOST_SECONDS:
        return seconds
    raise UsageError(f"{option} {seconds}: must be a number of seconds up to {_MOST_SECONDS:,} (7 days)")


def connect(
    platform: str,
    *,
    timeout: float | None = None,
    max_retries: int | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Connection:
    """The client for a platform; `timeout` in seconds for a whole call; the other defaults are the SDK's.

    The client does not retry by itself: `calls.exchange` does, within the time of the call.

    Raises:
        UsageError: a platform without an API, or a variable that the client needs is missing.
    """
    import anthropic  # noqa: PLC0415 - extra

    from imgbudget.live import transport  # noqa: PLC0415 - extra

    makers = {
        "anthropic": anthropic.Anthropic,
        "bedrock": anthropic.AnthropicBedrock,
        "google-cloud": anthropic.AnthropicVertex,
        "foundry": anthropic.AnthropicFoundry,
    }
    if platform not in makers:
        raise UsageError(
            f"requests to {platform} are not supported; choose another --platform: {', '.join(makers)}"
        )
    given: dict[str, Any] = {} if timeout is None else {"timeout": checked_seconds("--timeout", timeout)}
    scrubber = secrets_of(None)
    try:
        client: Any = makers[platform](**given, max_retries=0)
    except (
        anthropic.AnthropicError,
        transport.INVALID_URL,
        ValueError,
        RuntimeError,
        ImportError,
        OSError,
    ) as error:
        raise UsageError(f"{platform}: {scrubber.clean(_one_line(error))}{_hint(platform, error)}") from None
    scrubber = secrets_of(client)
    clean_logs(scrubber)
    bounds = CallBounds()
    transport.bound(client, bounds)
    return Connection(
        client=client,
        platform=platform,
        scrubber=scrubber,
        response=transport.RESPONSE,
        bounds=bounds,
        seconds=timeout,
        retries=anthropic.DEFAULT_MAX_RETRIES if max_retries is None else max_retries,
        say=say,
    )


def address(platform: str, environment: Mapping[str, str] = os.environ) -> str:
    """The URL that requests for a platform go to, without a user name or password.

    Raises:
        UsageError: the variable for it holds no URL.
    """
    variable, usual = _BASE_URLS[platform]
    given = environment.get(variable)
    if not given:
        return usual
    try:
        parts = urlsplit(given)
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise UsageError(f"{variable}: is not a URL: {secrets_of(None).clean(_one_line(error))}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{variable}: is not a URL that begins with https://")
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"


def _hint(platform: str, error: Exception) -> str:
    extra = _EXTRAS.get(platform)
    if extra and isinstance(error, (ImportError, RuntimeError)):
        return f"; pip install 'anthropic[{extra}]' installs what it needs"
    return ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
