"""What the next turn of a session sends, what of it would be refused, and the session without that.

Only what is refused is changed. An image that decodes is brought within the limit, without losses where that
is enough; one for which that fails gives way to a text, as one does that cannot be decoded.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.errors import UnreadableError, UsageError
from imgbudget.fixing.convergence import converged
from imgbudget.fixing.edit_memory import EditMemory
from imgbudget.fixing.request import RequestFixer
from imgbudget.fixing.revisions import RequestRevision, body_changes, edit_image
from imgbudget.fixing.strategy import FindingFixes, key_of
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.edit import value_at
from imgbudget.jsontext.source import JsonSource
from imgbudget.linter.documents import DocumentCheck
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.edits import BlockChange, BlockEdit, FailedFix, FileFix, RequestEdit
from imgbudget.model.fixes import ReplaceByText
from imgbudget.model.location import Location
from imgbudget.model.results import Amounts, FileResult, RequestResult
from imgbudget.model.subjects import Finding, ImageUse, Severity
from imgbudget.planner.from_findings import TRANSCRIPT
from imgbudget.requests.session_formats import MESSAGE_ROWS, session_format
from imgbudget.rescuing.copies import ImageCopy, copies_of, fingerprints, without_copies

_RULES = ("IB0", "IB1", "IB4")
"""The families of rules on what an API refuses; all others advise."""

_MALFORMED = "IB002"

_MODELS_OWN = frozenset(("IB413",))
"""Rules that every image of a session breaks: another model is the remedy, not a session without images."""

_OMITTED = frozenset(("IB401", "IB402", "IB405"))
"""Rules on all images together, which hold again once the oldest are omitted."""


class NoSessionError(UsageError):
    """A file that is no session, or sends nothing."""


class UnknownSessionError(NoSessionError):
    """A file of unknown format, or one that is no JSON: whether it sends something is not known."""


class MendOptions(NamedTuple):
    """How a session is mended.

    `omit` is how many of the oldest images of each conversation give way to a text, negative for all.
    `everywhere` takes copies of removed images out of the file too. `refused` are images that give way to a
    text whatever the check finds.
    """

    run: RunOptions = RunOptions(pixels=False)
    omit: int = 0
    everywhere: bool = False
    refused: Mapping[Location, str] = MappingProxyType({})


class Diagnosis(NamedTuple):
    """What a session sends next: the result of the check, and the errors in it.

    `folder` is the folder in which the agent worked, if the session names it.
    """

    agent: str | None
    lines: bool
    result: FileResult
    folder: str | None = None

    @property
    def requests(self) -> tuple[RequestResult, ...]:
        """The requests that the next turns of its conversations send."""
        return tuple(one for one in self.result.requests if one.request.dialect == TRANSCRIPT)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What would be refused."""
        return errors_in(self.result)


class Mended(NamedTuple):
    """A session after all changes: its text, what was changed, and what is left.

    `copies_removed` are those of removed images elsewhere in the file that were taken out, `copies_kept`
    those that are still there.
    """

    revision: RequestRevision
    fix: FileFix
    copies_removed: tuple[ImageCopy, ...]
    copies_kept: tuple[ImageCopy, ...]

    @property
    def remaining(self) -> tuple[Finding, ...]:
        """What would still be refused."""
        return errors_in(self.revision.result)


def errors_in(result: FileResult) -> tuple[Finding, ...]:
    """The errors of a session, each of which the API refuses."""
    return tuple(finding for finding in result.findings if finding.severity is Severity.ERROR)


@contextmanager
def opened_session(path: str, source: JsonSource, options: RunOptions) -> Iterator[tuple[Diagnosis, Session]]:
    """The session in an open file, checked as its next turn would be.

    Raises:
        NoSessionError: it is no session, or there is nothing in it.
        UnreadableError: it changed while it was read.
    """
    agent, lines, folder = _format_of(path, source)
    session = Session(options._replace(isolated=True, select=_RULES, use_ignores=False, use_baseline=False))
    check = DocumentCheck(context=session.context, source=source, path=path, lines=lines, explicit=True)
    result = check.run()
    if not any(one.request.dialect == TRANSCRIPT for one in result.requests):
        if agent is None:
            damage = next((f" ({one.message})" for one in result.findings if one.code == _MALFORMED), "")
            why = f"is no session of an agent that is known here{damage}"
            raise UnknownSessionError(f"{path}: {why}; imgbudget check --fix fixes single requests")
        why = f"is a session of {agent} that sends nothing: {result.skipped or 'it has no message'}"
        raise NoSessionError(f"{path}: {why}; imgbudget check --fix fixes single requests")
    yield Diagnosis(agent, lines, result, folder), session


class _Format(NamedTuple):
    """The format of a session: its name, and whether it has an entry on each line."""

    agent: str | None
    lines: bool
    folder: str | None = None


def _format_of(path: str, source: JsonSource) -> _Format:
    """The format of a session, by its first lines."""
    is_json = kind_of(path) is FileKind.JSON
    for lines in (not is_json, is_json):
        agent = folder = None
        for number, document in enumerate(open_documents(source, lines=lines, check=False)):
            if isinstance(document, Document):
                form = session_format(document.value)
                if agent is None and form is not None and form.name != MESSAGE_ROWS:
                    agent = form.name
                folder = folder or _folder_in(document)
            elif not number:
                break  # not JSON line by line
            if number >= _LOOKED_AT or (agent and (folder or number >= _FIRST)):
                break
        if agent is not None:
            return _Format(agent, lines, folder)
    return _Format(None, not is_json)


_FOLDERS = (("cwd",), ("payload", "cwd"), ("workspaceDirectory",))
"""Where sessions name the folder in which their agent worked: most agents, Codex, Continue."""


def _folder_in(document: Document) -> str | None:
    for keys in _FOLDERS:
        if isinstance(found := value_at(document, keys), str) and found:
            return document.text(found)
    return None


_FIRST = 5
"""The last line in which a session that is known is searched for its folder."""

_LOOKED_AT = 100
"""Lines of no session after which a file is none."""


@contextmanager
def mended(
    path: str, source: JsonSource, diagnosis: Diagnosis, session: Session, options: MendOptions
) -> Iterator[Mended]:
    """The session with everything that is refused mended, as far as that is possible; nothing is written."""
    first = RequestRevision(
        context=session.context,
        path=path,
        result=diagnosis.result,
        source=source,
        lines=diagnosis.lines,
        explicit=True,
        edit=EditMemory(edit_image),
    )
    work = _Work(first)
    with ExitStack() as stack:
        stack.callback(work.close)
        work.replace({**_omissions(diagnosis.requests, options.omit), **options.refused})
        for unsafe in (False, True):
            if errors_in(work.now.result):
                fixed = stack.enter_context(converged(work.now, FindingFixes(unsafe=unsafe)))
                work.accept(*fixed)
        work.replace(_last_resort(work.now.result))
        yield work.end(everywhere=options.everywhere)


class _Work:
    """The steps of mending one session."""

    def __init__(self, first: RequestRevision) -> None:
        self.first = self.now = first
        self._fixed: list[Finding] = []
        self._blocks: list[BlockChange] = []
        self._failed: tuple[FailedFix, ...] = ()
        self._spools: list[RequestRevision] = []

    def close(self) -> None:
        """Close the temporary files."""
        for revision in self._spools:
            revision.close()

    def accept(self, after: object, fix: FileFix) -> None:
        """Go on with the session after a step."""
        if isinstance(after, RequestRevision):
            self.now = after
        self._fixed += fix.fixed
        self._blocks += fix.blocks
        self._failed = fix.failed

    def replace(self, texts: dict[Location, str]) -> None:
        """Replace images by texts."""
        if not texts:
            return
        edits = tuple(BlockEdit(location, ReplaceByText(text)) for location, text in texts.items())
        before, fixer = self.now, RequestFixer(self.now.edit)
        after = before.rewritten(fixer, [RequestEdit(blocks=edits)])
        self._spools.append(after)
        gone = {block.location for block in fixer.blocks}
        if not gone:  # each is in a line that is not JSON, or is no block that can be a text
            return
        self.now = after
        self._fixed += [
            one._replace(location=before.origin(one.location))
            for one in before.result.findings
            if one.location in gone
        ]
        made = [block._replace(location=before.origin(block.location)) for block in fixer.blocks]
        self._blocks += made
        removed = {block.location for block in made}
        self._failed = tuple(one for one in self._failed if one.location not in removed)

    def end(self, *, everywhere: bool) -> Mended:
        """The session after all steps."""
        texts = [block.location for block in self._blocks if block.text is not None]
        wanted = fingerprints(self.first.source, texts, lines=self.first.lines)
        now = self.now
        sent = (image.use.location for image in now.result.images)
        copies = tuple(copies_of(now.source, now.path, wanted, sent, lines=now.lines))
        if gone := tuple(copy for copy in copies if everywhere or copy.may_be_sent):
            self._without(gone)
            now = self.now
        changed = now is not self.first
        fix = FileFix(
            path=now.path,
            changed=changed,
            fixed=tuple(dict.fromkeys(self._fixed)),
            failed=self._failed,
            images=now.images,
            blocks=tuple(self._blocks),
            bodies=body_changes(self.first.result, now.result) if changed else (),
            before=Amounts.of(self.first.result, self.first.byte_size) if changed else None,
            after=Amounts.of(now.result, now.byte_size) if changed else None,
        )
        return Mended(now, fix, gone, tuple(copy for copy in copies if copy not in gone))

    def _without(self, copies: tuple[ImageCopy, ...]) -> None:
        from tempfile import TemporaryFile  # noqa: PLC0415 - rare

        now = self.now
        spool = TemporaryFile()  # noqa: SIM115 - closed with the revision
        made = replace(now, source=JsonSource(spool.fileno()), spool=spool)
        self._spools.append(made)
        spool.writelines(without_copies(now.source, copies, lines=now.lines))
        spool.flush()
        result = now.read_back(spool.fileno())
        if {key_of(one) for one in result.findings} - {key_of(one) for one in now.result.findings}:
            raise UnreadableError("taking out a copy of a removed image would break what is sent")
        self.now = replace(made, source=JsonSource(spool.fileno()), result=result)


def _last_resort(result: FileResult) -> dict[Location, str]:
    """The images that are still refused one by one, with the text that each gives way to."""
    images = {image.use.location for image in result.images}
    return {
        finding.location: f"[image removed, because it would be refused: {finding.message}]"
        for finding in errors_in(result)
        if finding.location in images and finding.code not in _MODELS_OWN and not finding.internal
    }


def _omissions(requests: Iterable[RequestResult], most: int) -> dict[Location, str]:
    """The oldest images of each conversation, with the text that each gives way to; negative for all."""
    chosen = (request.request.images[: None if most < 0 else most] for request in requests)
    return {
        use.location: f"[image omitted to make room: {_what(use)}]" for use in chain.from_iterable(chosen)
    }


def _what(use: ImageUse) -> str:
    facts = use.facts
    return f"{facts.format} {facts.size}" if facts and facts.format and facts.size else "of unknown size"


def images_to_omit(mended_: Mended) -> int | None:
    """The fewest of the oldest images without which the next turn fits; None if that is no remedy."""
    codes = {finding.code for finding in mended_.remaining}
    if codes & _MODELS_OWN:  # no image at all is taken
        return len(mended_.revision.result.images)
    if not codes & _OMITTED:
        return None
    return (
        max((_fewest(one, mended_.remaining) for one in mended_.revision.result.requests), default=0) or None
    )


def _fewest(result: RequestResult, errors: Collection[Finding]) -> int:
    """The fewest of the oldest images of a request to omit; 0 if it fits."""
    request = result.request
    excess = {
        finding.code: (finding.measured or 0) - (finding.limit or 0)
        for finding in errors
        if finding.code in _OMITTED and finding.location == request.location
    }
    if not excess:
        return 0
    sizes = [use.base64_size or 0 for use in request.images]
    tokens = [
        (limits.tokens(use.visible_size) if use.visible_size else None) or 0
        for use, limits in result.test.images
    ]
    for number in range(len(sizes) + 1):
        if (
            number >= excess.get("IB402", 0)
            and sum(sizes[:number]) >= excess.get("IB401", 0)
            and sum(tokens[:number]) >= excess.get("IB405", 0)
        ):
            return number
    return len(sizes)
