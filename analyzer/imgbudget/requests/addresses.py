"""What the URL of a request shows: the platform that it goes to, and the model if it is in the path."""

import re
from functools import lru_cache

from imgbudget.namedtuples import NamedTuple


class Address(NamedTuple):
    """The platform and the model of a URL; None if it does not show them.

    `deployment` is a name that the user of Azure chose, which may be that of a model.
    """

    platform: str | None = None
    model: str | None = None
    deployment: str | None = None


_URL = r"(?i)(?:[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([^/:?#]*)(?::[0-9]*)?)?([^?#]*)"

_MODELS = (
    (
        r"/model/([^/]+)/(?:invoke|converse|count-tokens)(?:-with-response-stream|-stream)?$",
        "bedrock",
    ),
    (r"/publishers/anthropic/models/([^/:]+)", "google-cloud"),
    (r"/publishers/google/models/([^/:]+)", "vertex"),
    (r"/publishers/[^/]+/models/([^/:]+)", None),
    (r"/v1\w*/models/([^/:]+):(?:\w*[gG]enerateContent|countTokens)$", "gemini"),
)
"""Paths that end with a model and the platforms that have them; the host may be that of a proxy."""

_DEPLOYMENT = r"/openai/deployments/([^/]+)/"

_HOSTS = (
    (r"bedrock-runtime[.-][\w.-]*amazonaws\.com(?:\.cn)?", "bedrock"),
    (r"aws-external-anthropic\.[\w-]+\.api\.aws", "claude-aws"),
    (r"claude\.googleapis\.com", "claude-google-cloud"),
    (r"generativelanguage\.googleapis\.com", "gemini"),
    (r"[\w.-]+\.openai\.azure\.com", "azure-openai"),
    (r"api\.openai\.com", "openai"),
    (r"api\.anthropic\.com", "anthropic"),
    (r"openrouter\.ai", "openrouter"),
    (r"api\.mistral\.ai", "mistral"),
    (r"api\.x\.ai", "xai"),
    (r"dashscope[\w-]*\.aliyuncs\.com", "qwen"),
)
"""Hosts of one platform, as in the clients of the vendors' SDKs (2026-11)."""

_FOUNDRY = r"[\w.-]+\.services\.ai\.azure\.com"
_GOOGLE = r"(?:[\w-]+-)?aiplatform\.(?:\w+\.rep\.)?googleapis\.com"
_LONGEST = 4096


def address_of(url: str) -> Address:
    """What a URL, or the path of one, shows; an empty address if that is nothing."""
    return _address_of(url[:_LONGEST])


@lru_cache(maxsize=256)
def _address_of(url: str) -> Address:
    # patterns are compiled on first use, and without urllib, which takes 2 ms to import
    found = re.match(_URL, url)
    host, path = ((found[1] or "").lower(), found[2]) if found else ("", "")
    for pattern, platform in _MODELS:
        if found := re.search(pattern, path):
            return Address(platform, _unquoted(found[1]))
    if found := re.search(_DEPLOYMENT, path):
        return Address("azure-openai", deployment=_unquoted(found[1]))
    for name, platform in _HOSTS:
        if re.fullmatch(name, host):
            return Address(platform)
    if re.fullmatch(_FOUNDRY, host):
        return Address("azure-openai" if path.startswith("/openai/") else "foundry")
    if re.fullmatch(_GOOGLE, host):
        return Address("vertex" if "/endpoints/" in path else "google-cloud")
    return Address()


def _unquoted(text: str) -> str:
    """The text without percent-encoding; ids are ASCII."""
    return re.sub(r"%([2-7][0-9A-Fa-f])", lambda found: chr(int(found[1], 16)), text)
