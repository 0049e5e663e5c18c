"""`imgbudget.guard`: a client that does not send what the API would refuse."""

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from imgbudget.errors import UsageError
from imgbudget.live.inspection import Inspector
from imgbudget.live.transport import MODES, GuardTransport, Mode, Watch
from imgbudget.model import Severity

if TYPE_CHECKING:
    from imgbudget.session.wishes import RunOptions

Level = Literal["error", "warning", "info"]
Client = TypeVar("Client")


def guard(
    client: Client, mode: Mode = "raise", *, level: Level = "error", wishes: "RunOptions | None" = None
) -> Client:
    """Guard a client of the official SDK, sync or async, or one of httpx, and give it back.

    Every request of the client is looked at on its way out: messages, streams, batches, token counts.
    Findings of `level` and above count; `error` is what the API refuses. Mode `raise` raises GuardError,
    which names block, rule and remedy, and nothing is sent; `warn` sends and warns (RequestWarning); `fix`
    makes the safe fixes in flight and warns of what is left. `wishes` say whose limits hold and which
    configuration is read, as for `check`; a request's own model and the address it goes to win. Copies that
    share the client's connections (`with_options`) are guarded with it; guarding again changes the mode.

    Raises:
        UsageError: no such client, mode or level.
        ConfigError: a configuration that cannot be taken.
    """
    http: Any = getattr(client, "_client", client)
    if not hasattr(http, "_transport") or not hasattr(http, "_mounts"):
        raise UsageError(
            f"guard takes a client of the anthropic SDK or of httpx, not {type(client).__name__}"
        )
    watch = _watch(mode, level, wishes)
    http._transport = _guarded(http._transport, watch)  # noqa: SLF001 - httpx takes a transport at birth only
    http._mounts = {  # noqa: SLF001 - as above
        pattern: transport and _guarded(transport, watch)
        for pattern, transport in http._mounts.items()  # noqa: SLF001 - as above
    }
    return client


def guard_transport(
    inner: Any = None, mode: Mode = "raise", *, level: Level = "error", wishes: "RunOptions | None" = None
) -> Any:
    """A transport with the guard for any client of httpx or httpx2, sync or async; see `guard`.

    `httpx.Client(transport=imgbudget.guard_transport())`. It hands on to `inner`, or without one to the
    library's own transport.
    """
    return _guarded(inner, _watch(mode, level, wishes))


def _watch(mode: str, level: str, wishes: "RunOptions | None") -> Watch:
    if mode not in MODES:
        raise UsageError(f"unknown mode {mode!r}; the guard knows {', '.join(MODES)}")
    if level.upper() not in Severity.__members__:
        raise UsageError(f"unknown level {level!r}; levels are {', '.join(map(str, Severity))}")
    from imgbudget.session.wishes import RunOptions  # noqa: PLC0415 - the default only

    return Watch(Inspector(wishes or RunOptions(), Severity[level.upper()]), mode)  # type: ignore[arg-type]


def _guarded(transport: Any, watch: Watch) -> GuardTransport:
    return GuardTransport(watch, transport.inner if isinstance(transport, GuardTransport) else transport)
