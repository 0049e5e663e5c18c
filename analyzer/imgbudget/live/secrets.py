"""Keeps keys out of everything that is said, written or raised."""

import logging
import os
import re
from collections.abc import Iterable, Mapping

_NAMED = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|CUSTOM_HEADERS|_URL$", re.IGNORECASE)
_ATTRIBUTES = (
    "api_key",
    "auth_token",
    "aws_secret_key",
    "aws_access_key",
    "aws_session_token",
    "access_token",
)
_SHORTEST = 8
"""Characters from which on a value is taken for a secret: shorter ones would blank words of plain text."""

MASK = "[key removed]"


class Scrubber:
    """Takes the secrets that it knows out of texts, and anything that is spelled like a key of Anthropic."""

    _LIKE_A_KEY = re.compile(r"sk-ant-[\w-]{8,}")

    def __init__(self, secrets: Iterable[str]) -> None:
        """Know these secrets, blanks around them left out."""
        spelled = {secret.strip() for secret in secrets if len(secret.strip()) >= _SHORTEST}
        self._secrets = sorted(spelled, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """The text with each secret masked."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return self._LIKE_A_KEY.sub(MASK, text)

    def held(self, text: str) -> int:
        """How many characters at the end may be the beginning of a secret, which more text would tell."""
        longest = max(map(len, self._secrets), default=0)
        for size in range(min(longest - 1, len(text)), 0, -1):
            if any(secret.startswith(text[-size:]) for secret in self._secrets):
                return size
        return 0


class _Cleaned(logging.Formatter):
    """Formats as another formatter does, without secrets; tracebacks are part of what it formats."""

    def __init__(self, inner: logging.Formatter, scrubber: Scrubber) -> None:
        super().__init__()
        self._inner = inner
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, or its lines."""
        return self._scrubber.clean(self._inner.format(record))


def clean_logs(scrubber: Scrubber) -> None:
    """Keep secrets out of what the SDK logs where ANTHROPIC_LOG asks for it: its tracebacks quote headers."""
    for handler in logging.getLogger().handlers:
        inner = handler.formatter or logging.Formatter()
        handler.setFormatter(_Cleaned(inner, scrubber))


class Flowing:
    """Text that comes in pieces, of which none may show a part of a secret."""

    def __init__(self, scrubber: Scrubber) -> None:
        """Begin with nothing held back."""
        self._scrubber = scrubber
        self._rest = ""

    def add(self, piece: str) -> str:
        """What can be shown now that a piece has come."""
        text = self._scrubber.clean(self._rest + piece)
        shown = len(text) - self._scrubber.held(text)
        self._rest = text[shown:]
        return text[:shown]

    def end(self) -> str:
        """What was held back."""
        rest, self._rest = self._rest, ""
        return self._scrubber.clean(rest)


def secrets_of(client: object, environment: Mapping[str, str] = os.environ) -> Scrubber:
    """Knows the keys of a client of the SDK, and all that the environment has under the name of one."""
    found = [value for name in _ATTRIBUTES if isinstance(value := getattr(client, name, None), str)]
    for name, value in environment.items():
        if not _NAMED.search(name):
            continue
        if name.endswith("_URL"):
            found += [word for user in re.findall(r"//([^/@\s]+)@", value) for word in user.split(":", 1)]
        elif name == "ANTHROPIC_CUSTOM_HEADERS":
            found += [line.partition(":")[2] for line in value.split("\n")]
        else:
            found.append(value)
    return Scrubber(found)
