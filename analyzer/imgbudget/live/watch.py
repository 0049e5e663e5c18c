"""What the guard does with a request of any HTTP library: it checks the body, and refuses, warns or fixes."""

import logging
import warnings
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from imgbudget.errors import GuardError, UnreadableError
from imgbudget.live.encodings import MOST_DECODED, EncodingError, decoded, encodings, is_decodable
from imgbudget.live.inspection import InspectionTarget, Inspector, NotJsonError
from imgbudget.live.refusal import refused
from imgbudget.model.subjects import Finding
from imgbudget.output.base import count, figure
from imgbudget.printable import one_line
from imgbudget.requests.addresses import address_of

Mode = Literal["raise", "warn", "fix"]
MODES = ("raise", "warn", "fix")

_SHOWN = 5
_LONGEST_FAULT = 300
_SHOWN_WORD = 40
_SENDING = ("POST", "PUT", "PATCH")
_FORM = "application/x-www-form-urlencoded"
_DIGESTS = ("content-digest", "content-md5", "digest", "repr-digest", "signature")
"""Headers that name the bytes of a body, or sign it."""
_log = logging.getLogger("imgbudget.guard")


class RequestWarning(UserWarning):
    """The API is likely to reject a request that was sent, or it or one of its documents was not checked."""


class RequestHead(NamedTuple):
    """A request without its body; the names of `headers` are in lower case."""

    method: str
    url: str
    headers: dict[str, str]

    @classmethod
    def of(cls, method: str, url: str, headers: Mapping[str, str]) -> "RequestHead":
        """A head with the headers as an HTTP library has them."""
        return cls(method.upper(), url, {name.lower(): value for name, value in headers.items()})

    @property
    def kind(self) -> str:
        """The media type of the body, empty if there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_long(self) -> bool:
        """Whether the body comes in pieces or is longer than what an API accepts: perhaps a file."""
        length = self.headers.get("content-length", "0")
        return "transfer-encoding" in self.headers or not length.isdecimal() or int(length) > MOST_DECODED

    @property
    def encodings(self) -> tuple[str, ...]:
        """The encodings of the body."""
        return encodings(self.headers.get("content-encoding", ""))

    @property
    def is_signed(self) -> bool:
        """Whether the body is signed (AWS Signature Version 4), or a header has its digest."""
        signed = self.headers.get("authorization", "").startswith("AWS4-HMAC")
        return signed or any(name in self.headers for name in _DIGESTS)


class RequestWatch:
    """Checks a request body before it is sent, and refuses it, warns or fixes it."""

    def __init__(self, inspector: Inspector, mode: Mode) -> None:
        """Act on the findings of the inspector as `mode` says."""
        self.inspector = inspector
        self.mode = mode

    def reads(self, head: RequestHead) -> bool:
        """Whether the body of a request is to be read; warns of one that cannot be checked."""
        if head.method not in _SENDING or head.kind == _FORM:
            return False
        if not head.kind and head.is_long:
            unchecked(f"the guard reads JSON only, and {_shown(head)} names no type of its body")
            return False
        if head.kind and not (head.kind == "application/json" or head.kind.endswith("+json")):
            if head.headers.get("content-length") != "0":
                unchecked(f"the guard reads JSON only, and the body of {_shown(head)} is {_word(head.kind)}")
            return False
        names = head.encodings
        if is_decodable(names):
            return True
        unchecked(f"the body of this request is compressed ({_word(', '.join(names))})")
        return False

    def due(self, head: RequestHead, body: bytes) -> bytes | None:
        """Check a body and act as the mode says; what is to be fixed, decoded, if anything.

        Raises:
            GuardError: the API would reject it, and the mode is `raise`; or it could not be checked.
        """
        try:
            body = decoded(body, head.encodings)
            if not head.kind and body and body.lstrip()[:1] not in (b"{", b"["):
                unchecked(f"the guard reads JSON only, and {_shown(head)} names no type of its body")
                return None
            every = self.inspector.findings(body, target_of(head.url), unchecked) if body else ()
        except (NotJsonError, EncodingError) as error:
            unchecked(f"the body of this request is {one_line(str(error))[:_LONGEST_FAULT]}")
            return None
        except GuardError:
            raise
        except Exception as error:  # noqa: BLE001 - the SDK would report any of them as a lost connection
            self._unchecked("checking", error)
            return None
        found = tuple(finding for finding in every if finding.severity >= self.inspector.level)
        if len(found) < len(every) and not (found and self.mode == "raise"):
            _warn_unread(tuple(finding for finding in every if finding.severity < self.inspector.level))
        if not found:
            return None
        if self.mode == "raise":
            raise refusal(found)
        if self.mode == "warn":
            _warn(found)
            return None
        if head.is_signed:
            raise refusal(found, "; its body is signed and cannot be fixed in transit")
        return body

    def fixed(self, head: RequestHead, body: bytes) -> bytes | None:
        """A decoded body fixed, None if nothing could be; warns about the remaining findings.

        Raises:
            GuardError: the fix failed.
        """
        try:
            made = self.inspector.fixed(body, target_of(head.url))
        except Exception as error:
            raise fault("fixing", error) from error
        for finding in made.converged:
            _log.info("fixed in transit: %s", _line(finding))
        if made.left:
            _warn(made.left)
        return made.body if made.converged else None

    def _unchecked(self, doing: str, error: Exception) -> None:
        """What happens to a request that could not be checked: only mode `warn` sends it, and warns."""
        if self.mode != "warn":
            raise fault(doing, error) from error
        unchecked(_fault_text(doing, error))


def target_of(url: str) -> InspectionTarget:
    """The model and the platform that a URL shows."""
    found = address_of(url)
    return InspectionTarget(found.model, found.platform, found.deployment)


def refusal(found: Iterable[Finding], more: str = "") -> GuardError:
    """The error for these findings."""
    found = tuple(found)
    return refused("\n".join([f"not sent: the API would reject this request{more}", *_lines(found)]), found)


def fault(doing: str, error: Exception) -> GuardError:
    """The error for a request that could not be checked or fixed: it has no findings, and names the fault."""
    return refused(f"not sent: {_fault_text(doing, error)}")


def unchecked(text: str, *, is_sent: bool = False) -> None:
    """Warn of something that is sent without a check. Raises GuardError where warnings are errors."""
    _emit(f"sent unchecked: {text}", is_sent=is_sent)


def _fault_text(doing: str, error: Exception) -> str:
    if isinstance(error, UnreadableError):
        return f"this request is too large or too deeply nested for {doing} ({one_line(str(error))})"
    reason = one_line(f"{type(error).__name__}: {error}")[:_LONGEST_FAULT]
    return (
        f"{doing} this request failed ({reason}); this is a fault in imgbudget or a rule pack, "
        "not in the connection: please report it"
    )


def _warn(found: tuple[Finding, ...]) -> None:
    head = f"the API is likely to reject this request: {count(len(found), 'finding')}"
    _emit("\n".join([head, *_lines(found)]), found)


def _emit(text: str, found: tuple[Finding, ...] = (), *, is_sent: bool = False) -> None:
    """Warn. Raises GuardError where a filter turns warnings into errors: the SDK would hide any other."""
    try:
        warnings.warn(text, RequestWarning, stacklevel=2)
    except RequestWarning:
        why = "" if is_sent else "not sent, as warnings are errors here: "
        raise refused(f"{why}{text}", found) from None


def _warn_unread(found: tuple[Finding, ...]) -> None:
    head = f"{count(len(found), 'document')} of this request could not be checked"
    _emit("\n".join([head, *_lines(found)]), found)


def _lines(found: tuple[Finding, ...]) -> list[str]:
    lines = [f"  {_line(finding)}" for finding in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"  and {figure(len(found) - _SHOWN)} more")
    return lines


def _line(finding: Finding) -> str:
    """A finding in one line: block, rule, message and remedy."""
    where = finding.location.dotted or "the request"
    text = f"{where}: {finding.code} {finding.name}: {finding.message}"
    remedy = finding.help or (finding.fix.title if finding.fix else None)
    return one_line(f"{text}; {remedy}" if remedy else text)


def unseen(method: str, url: str, client: str) -> None:
    """Warn of a request that a client sent without its transports, which the guard is in front of."""
    head = RequestHead(method.upper(), url, {})
    if head.method in _SENDING:
        unchecked(f"{_shown(head)} did not go through a transport of {_word(client)}", is_sent=True)


def _shown(head: RequestHead) -> str:
    """Method and path of a request, without host and query, which may have keys."""
    path = head.url.partition("://")[2].partition("/")[2].partition("?")[0]
    return one_line(f"{head.method} /{path[:_SHOWN_WORD]}")


def _word(text: str) -> str:
    return one_line(text[:_SHOWN_WORD])
