"""The rescue of one session: read, mended, and written once it is agreed, with the old bytes kept."""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple

from imgbudget.errors import UnreadableError, UsageError, WriteError, why_unread
from imgbudget.explaining.recorded import RecordedError, RecordedErrors, recorded_errors
from imgbudget.fixing.places import IN_PLACE
from imgbudget.fixing.revisions import RequestRevision
from imgbudget.fixing.writer import Stamp, replacing, stamp
from imgbudget.jsontext.edit import Region, copied
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.edits import FileFix
from imgbudget.model.location import Location
from imgbudget.model.subjects import Finding
from imgbudget.newfiles import open_folder, remove_leftovers
from imgbudget.requests.database_files import open_database_file
from imgbudget.rescuing import backup
from imgbudget.rescuing.copies import ImageCopy
from imgbudget.rescuing.in_use import locked, refuse_if_in_use
from imgbudget.rescuing.mend import Mended, MendOptions, images_to_omit, mended, opened_session
from imgbudget.rescuing.refusals import blocks_of, undetected
from imgbudget.rescuing.stores import resume_command


class RescueState(StrEnum):
    """What became of a session."""

    CLEAN = "nothing broken"
    MENDED = "mended"
    PENDING = "to mend"
    """Nothing was written: it was only asked what would be, or the answer was no."""
    BROKEN = "still broken"


class Rescue(NamedTuple):
    """What was found in a session and done with it.

    `refusal` is the error that stopped the session, as its agent recorded it; None if there is none. `named`
    are the blocks that it is about, as far as they can be told from others, before the changes. `errors`
    is what the API would refuse of the next turn, `remaining` what it still would after the changes in `fix`.
    `omit` is how many of the oldest images would have to be omitted besides, None if that is no remedy.
    """

    path: str
    agent: str | None
    identity: str | None
    state: RescueState
    refusal: RecordedError | None
    named: tuple[Location, ...]
    errors: tuple[Finding, ...]
    fix: FileFix
    remaining: tuple[Finding, ...]
    copies_removed: tuple[ImageCopy, ...]
    copies_kept: tuple[ImageCopy, ...]
    omit: int | None = None
    backup: str | None = None
    resume: str | None = None
    notes: tuple[str, ...] = ()


class RescueOptions(NamedTuple):
    """How a session is rescued.

    `agree` is called with what would be changed, once that is known; nothing is written unless it returns
    True. `describe` makes the record of the changes that is kept beside the backup.
    """

    mend: MendOptions = MendOptions()
    agree: Callable[[Rescue], bool] = lambda _: False
    describe: Callable[[FileFix], Any] = lambda _: None
    writes: bool = False


def files_of(path: str) -> list[str]:
    """The files of a session: one, but for a conversation of OpenHands, a folder with a file for each event.

    Raises:
        UsageError: it is another folder.
    """
    if not os.path.isdir(path):
        return [path]
    for folder in (os.path.join(path, "events"), path):
        with suppress(OSError):
            found = sorted(name for name in os.listdir(folder) if _event(name))
            if found:
                return [os.path.join(folder, name) for name in found]
    raise UsageError(
        f"{path}: is a folder; name the file of the session, or use --agent NAME to find the newest one"
    )


_event = re.compile(r"(event-)?\d+(-[\w-]+)?\.json").fullmatch
"""The name of the file of an event: `event-00001-ID.json` in openhands-sdk, `1.json` before it."""


def refuse_used(paths: Iterable[str]) -> None:
    """Refuse files of which one is in use, before any of them is changed.

    Raises:
        UsageError: one cannot be read.
        WriteError: one is in use.
    """
    for path in paths:
        try:
            with _opened(path) as source:
                refuse_if_in_use(path, source.fileno())
        except OSError as error:
            raise UsageError(f"{path}: {why_unread(error)}") from error


def rescue(path: str, options: RescueOptions) -> Rescue:
    """Rescue the session at `path`.

    Raises:
        UsageError: it is no session that can be rescued.
        WriteError: it is in use, or cannot be written; nothing was changed.
    """
    try:
        with _opened(path) as source:
            _refuse_database(path)
            if not options.writes:
                return _rescued(path, source, options)
            with locked(path, source.fileno()):
                refuse_if_in_use(path, source.fileno())
                return _rescued(path, source, options)
    except UnreadableError as error:
        raise UsageError(f"{path}: {error}; if its agent is running, end it and run this again") from error
    except OSError as error:
        raise UsageError(f"{path}: {why_unread(error)}") from error


@contextmanager
def _opened(path: str) -> Iterator[JsonSource]:
    """An open session, which has to be a regular file. Raises OSError."""
    with JsonSource.open(path) as source:
        mode = os.fstat(source.fileno()).st_mode
        if stat.S_ISDIR(mode):
            raise UsageError(f"{path}: is a folder; name the file of the session")
        if not stat.S_ISREG(mode):
            raise UsageError(f"{path}: is a pipe or a device, not the file of a session; name that file")
        yield source


def _refuse_database(path: str) -> None:
    with open_database_file(path) as database:
        if database is not None:
            raise UsageError(
                f"{path}: is the database of {database.name}, which is checked and never changed; "
                f"imgbudget check {path} names the images that are refused: revert the session to before them"
            )


def _rescued(path: str, source: JsonSource, options: RescueOptions) -> Rescue:
    expected = stamp(source.fileno())
    with opened_session(path, source, options.mend.run) as (diagnosis, session):
        refusal = _refusal(recorded_errors(path))
        named = blocks_of(refusal, diagnosis) if refusal else ()
        identity = next((one.request.id for one in diagnosis.requests if one.request.id), None)
        asked = options.mend._replace(refused=undetected(refusal, named, diagnosis))
        with mended(path, source, diagnosis, session, asked) as done:
            found = Rescue(
                path=path,
                agent=diagnosis.agent,
                identity=identity,
                state=_state(done),
                refusal=refusal,
                named=named,
                errors=diagnosis.errors,
                fix=done.fix,
                remaining=done.remaining,
                copies_removed=done.copies_removed,
                copies_kept=done.copies_kept,
                omit=images_to_omit(done),
                resume=resume_command(diagnosis.agent, identity, path, diagnosis.folder),
                notes=session.notes,
            )
            if found.state is RescueState.PENDING and options.writes and options.agree(found):
                made = _write(path, source, expected, done.revision, options.describe(done.fix))
                state = RescueState.BROKEN if done.remaining else RescueState.MENDED
                written = done.fix._replace(
                    written=path,
                    backup=True,
                    bytes_before=made.before.byte_size,
                    digest_before=made.before.sha256,
                    bytes_after=made.after.byte_size,
                    digest_after=made.after.sha256,
                )
                return found._replace(state=state, backup=made.path, fix=written)
            return found


def _state(done: Mended) -> RescueState:
    if done.fix.changed:
        return RescueState.PENDING
    return RescueState.BROKEN if done.remaining else RescueState.CLEAN


def _refusal(recorded: RecordedErrors) -> RecordedError | None:
    """The error that stops the session; one that its agent answered by itself, if there is no other."""
    return recorded.newest or next((one for one in reversed(recorded.errors) if not one.answered), None)


def _is_still(path: str, expected: Stamp) -> bool:
    """Whether a file is in the state in which it was read."""
    try:
        return stamp(path) == expected
    except OSError:
        return False


def _verify(path: str, revision: RequestRevision, fd: int) -> None:
    """Check what was written, before it takes the name of the session. Raises WriteError."""
    if revision.read_back(fd).findings != revision.result.findings:
        raise WriteError(
            f"{path}: verification failed: the written file differs from the planned result; "
            "nothing was changed"
        )


def _write(
    path: str, source: JsonSource, expected: Stamp, revision: RequestRevision, changes: Any
) -> backup.Backup:
    """Replace the session by its mended text; the backup of its old bytes.

    The new text is verified, then the old one is kept, and only then does the new one take the name: whenever
    the process ends, the session has the old bytes or the new ones.

    Raises:
        WriteError: it is in use, or cannot be written; nothing was changed.
    """
    refuse_if_in_use(path, source.fileno())
    target = os.path.realpath(path)
    with open_folder(os.path.dirname(target)) as folder:
        remove_leftovers(folder)
    made: backup.Backup | None = None
    try:
        with replacing(path, bounds=IN_PLACE, expected=expected) as out:
            size, digest = 0, sha256()
            for piece in revision.pieces():
                out.write(piece)
                digest.update(piece)
                size += len(piece)
            out.flush()
            _verify(path, revision, out.fileno())
            after = backup.Digest(size, digest.hexdigest())
            made = backup.keep(target, copied(source, Region(0, source.size)), after, changes)
            refuse_if_in_use(path, source.fileno())
    except BaseException as error:
        # an interrupt may come just after the session was replaced: then its old bytes must stay
        if made is not None and (isinstance(error, WriteError) or _is_still(target, expected)):
            backup.discard(made.folder)
        raise
    return made
