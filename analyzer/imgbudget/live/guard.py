"""`imgbudget.guard`: SDK clients that do not send what the API would reject."""

from typing import Literal, TypeVar, cast

from imgbudget.errors import UsageError
from imgbudget.linter.arguments import accepts_wishes, names_arguments
from imgbudget.linter.options import RunOptions, known_level
from imgbudget.live.clients import guarded, install
from imgbudget.live.inspection import Inspector
from imgbudget.live.watch import MODES, Mode, RequestWarning, RequestWatch

__all__ = ["Mode", "RequestWarning", "guard", "guard_transport"]

Level = Literal["error", "warning", "info"]
Client = TypeVar("Client")
Transport = TypeVar("Transport")


@accepts_wishes
@names_arguments
def guard(
    client: Client, mode: Mode = "raise", *, level: Level = "error", options: RunOptions | None = None
) -> Client:
    """Guard a client of an SDK, sync or async, and return it.

    It may be one of anthropic, openai, google-genai or boto3 (bedrock-runtime), or of httpx, httpx2 or
    aiohttp. For a function of litellm (`litellm.completion`) a guarded one is returned.

    Every request is checked before it is sent: messages, streams, batches, token counts, retries.
    Findings of `level` and above count; `error` is what the API rejects. Mode `raise` raises GuardError,
    which names block, rule and remedy, and sends nothing; `warn` sends and warns (RequestWarning); `fix`
    applies the safe fixes in transit and warns about what remains. `options` set limits and configuration,
    as for `check`; the request's own model and the platform of its URL take precedence. Copies of the client
    (`with_options`) are guarded too; guarding again changes the mode.

    Raises:
        UsageError: an unknown type of client, mode or level.
        ConfigError: an invalid configuration.
    """
    guarded_client: Client = install(client, _watch(mode, level, options))
    return guarded_client


@accepts_wishes
@names_arguments
def guard_transport(
    inner: Transport | None = None,
    mode: Mode = "raise",
    *,
    level: Level = "error",
    options: RunOptions | None = None,
) -> Transport:
    """A guarding transport for any client of httpx or httpx2, sync or async; see `guard`.

    `httpx.Client(transport=imgbudget.guard_transport())`. It passes requests to `inner`, by default to the
    library's own transport.
    """
    return cast("Transport", guarded(inner, _watch(mode, level, options)))


def _watch(mode: str, level: str, options: RunOptions | None) -> RequestWatch:
    if mode not in MODES:
        raise UsageError(f"unknown mode {mode!r}; known modes: {', '.join(MODES)}")
    run = (options or RunOptions())._replace(pixels=False)
    return RequestWatch(Inspector(run, known_level(level)), mode)  # type: ignore[arg-type]
