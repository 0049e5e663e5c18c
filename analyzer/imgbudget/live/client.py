"""The SDK's client for a platform, with keys and addresses from the environment as the SDK has them."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from imgbudget.errors import UsageError
from imgbudget.live.secrets import Scrubber, clean_logs, secrets_of

EXTRA = "pip install 'imgbudget[live]'"
PLATFORMS = ("anthropic", "bedrock", "google-cloud", "foundry")
REWRITTEN = frozenset({"bedrock", "google-cloud"})
"""Platforms for which the SDK moves the model from the body into the address, so that it writes the body."""

_BASE_URLS = {
    "anthropic": ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
    "bedrock": ("ANTHROPIC_BEDROCK_BASE_URL", "Amazon Bedrock in the region of AWS_REGION"),
    "google-cloud": ("ANTHROPIC_VERTEX_BASE_URL", "Google Cloud in the region of CLOUD_ML_REGION"),
    "foundry": ("ANTHROPIC_FOUNDRY_BASE_URL", "Microsoft Foundry, resource of ANTHROPIC_FOUNDRY_RESOURCE"),
}
"""The variable that names another address on each platform, and what holds without it (SDK 2.14)."""

_EXTRAS = {"bedrock": "bedrock", "google-cloud": "vertex"}
_OLDEST = 2


class Connection(NamedTuple):
    """A client of the SDK, the platform behind it, and what keeps its keys out of texts."""

    client: Any
    platform: str
    scrubber: Scrubber

    @property
    def is_verbatim(self) -> bool:
        """Whether bodies go out byte for byte."""
        return self.platform not in REWRITTEN


def require_sdk(command: str) -> None:
    """Make sure that the SDK is there.

    Raises:
        UsageError: it is not, or is too old; one line that names the extra.
    """
    try:
        import anthropic  # noqa: PLC0415 - a second and a half
    except ImportError:
        raise UsageError(f"{command} needs the official SDK, which the extra live brings: {EXTRA}") from None
    if int(anthropic.__version__.partition(".")[0]) < _OLDEST:
        raise UsageError(
            f"{command} needs anthropic 2 or newer, {anthropic.__version__} is installed: {EXTRA} --upgrade"
        )


def connect(platform: str, *, timeout: float | None = None, max_retries: int | None = None) -> Connection:
    """The client for a platform; `timeout` in seconds, and both as the SDK has them where not given.

    Raises:
        UsageError: a platform without an API, or what the client needs is not in the environment.
    """
    import anthropic  # noqa: PLC0415 - see require_sdk

    makers = {
        "anthropic": anthropic.Anthropic,
        "bedrock": anthropic.AnthropicBedrock,
        "google-cloud": anthropic.AnthropicVertex,
        "foundry": anthropic.AnthropicFoundry,
    }
    if platform not in makers:
        raise UsageError(f"{platform} takes no requests from programs; send goes to {', '.join(makers)}")
    given: dict[str, Any] = {"timeout": timeout, "max_retries": max_retries}
    scrubber = secrets_of(None)
    try:
        client: Any = makers[platform](**{name: value for name, value in given.items() if value is not None})
    except (anthropic.AnthropicError, ValueError, RuntimeError, ImportError, OSError) as error:
        raise UsageError(f"{platform}: {scrubber.clean(_one_line(error))}{_hint(platform, error)}") from None
    scrubber = secrets_of(client)
    clean_logs(scrubber)
    return Connection(client, platform, scrubber)


def address(platform: str, environment: Mapping[str, str] = os.environ) -> str:
    """Where requests for a platform go, as the environment has it; no name or password of a URL."""
    variable, usual = _BASE_URLS[platform]
    given = environment.get(variable)
    if not given:
        return usual
    parts = urlsplit(given)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"


def _hint(platform: str, error: Exception) -> str:
    extra = _EXTRAS.get(platform)
    if extra and isinstance(error, (ImportError, RuntimeError)):
        return f"; pip install 'anthropic[{extra}]' brings what it needs"
    return ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
