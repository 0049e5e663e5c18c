"""`imgbudget rescue`: brings a session of an agent that an image broke back into service."""

import os
import sys
from collections.abc import Iterator
from itertools import takewhile
from typing import Annotated, NamedTuple

from imgbudget.api.rescuing import rescued_files
from imgbudget.cli.command import Command, argument, flag, option, written_files
from imgbudget.cli.completion import files
from imgbudget.cli.options import ModelOptions, OutputOptions
from imgbudget.cli.output import (
    Format,
    Sink,
    chosen_formats,
    refuse_replaced,
    say,
    say_warnings,
    show,
    write_formats,
)
from imgbudget.errors import UsageError
from imgbudget.linter.options import RunOptions
from imgbudget.output.base import count
from imgbudget.output.fixes import file_record
from imgbudget.output.records import TOOL, VERSION, indented
from imgbudget.printable import joined, one_line
from imgbudget.rescuing import backup
from imgbudget.rescuing.mend import MendOptions
from imgbudget.rescuing.report import (
    end_lines,
    rescue_document,
    rescue_lines,
    session_lines,
    sessions_document,
)
from imgbudget.rescuing.run import Rescue, RescueOptions, RescueState, files_of
from imgbudget.rescuing.stores import STORES, newest_sessions, store_of

FORMATS = ("full", "json")

_ALL = "all"
_LISTED = 10
_YES = ("y", "yes")


class RescueCommandOptions(NamedTuple):
    """The options of `rescue`."""

    session: Annotated[str | None, argument("[SESSION]", complete=files)] = None
    agent: Annotated[
        str | None,
        option("--agent", metavar="NAME", help="Rescue the newest session of this agent."),
    ] = None
    last: Annotated[bool, flag("--last", help="Rescue the newest session of all agents.")] = False
    dry_run: Annotated[
        bool,
        flag(
            "--dry-run",
            help="Show what would change and write nothing; the default if standard input is no terminal.",
        ),
    ] = False
    yes: Annotated[bool, flag("-y", "--yes", help="Write without asking.")] = False
    everywhere: Annotated[
        bool,
        flag(
            "--everywhere",
            help="Also take out copies of removed images that are kept in the session and not sent.",
        ),
    ] = False
    omit_images: Annotated[
        str | None,
        option(
            "--omit-images",
            metavar="N|all",
            help="Replace the N oldest images of the session by texts, so that what is sent fits.",
        ),
    ] = None
    undo: Annotated[
        bool,
        flag("--undo", help="Give SESSION, or the one rescued last, its old bytes again."),
    ] = False
    force: Annotated[
        bool,
        flag(
            "--force",
            help="With --undo, also if the session was changed since; what it has now is kept as a backup.",
        ),
    ] = False
    report: Annotated[
        str | None,
        option(
            "--report",
            metavar="FILE",
            complete=files,
            help="Write every removal and change to FILE, as JSON.",
        ),
    ] = None
    provider: ModelOptions = ModelOptions()
    output: OutputOptions = OutputOptions()


def rescue(options: RescueCommandOptions) -> int:
    """Mend a session of an agent that is refused because of an image, changing only what is refused.

    An image that decodes is brought within the limit; one that does not gives way to a text that names file
    and reason. The old bytes are kept, and --undo gives them back. Without SESSION the newest sessions are
    listed. Exit code 0: nothing is broken, or it was mended; 1: it is still broken, or changes were not
    written; 2: it could not be rescued.
    """
    _refuse_contradictions(options)
    formats = chosen_formats(options.output.formats, FORMATS)
    if options.report:
        _refuse_report(options.report)
    if options.undo:
        return _undo(options, formats)
    path = _chosen(options)
    if path is None:
        found = newest_sessions(STORES, _LISTED)
        write_formats(
            formats,
            options.output.color,
            text=lambda _: joined(list(session_lines(found))),
            document=lambda: sessions_document(found),
        )
        say(
            "name one of them, or use --last or --agent NAME" if found else "no sessions of agents found here"
        )
        return 0
    asks = not options.yes and not options.dry_run and sys.stdin is not None and sys.stdin.isatty()
    asked = RescueOptions(
        mend=MendOptions(
            run=RunOptions(
                model=options.provider.model,
                platform=options.provider.platform,
                limits=options.provider.limits,
                date=options.provider.date,
                pixels=False,
                text=False,
            ),
            omit=_omitted(options.omit_images),
            everywhere=options.everywhere,
        ),
        agree=lambda planned: options.yes or _agrees(planned, verbose=options.output.verbose),
        describe=file_record,
        writes=options.yes or asks,
    )
    refuse_replaced(written_files(options), files_of(path))
    done, unread, note = rescued_files(path, asked)
    if note is not None:
        say(note)
    write_formats(
        formats,
        options.output.color,
        text=lambda _: joined(list(_lines(done, options, shown=asks))),
        document=lambda: rescue_document(done),
    )
    if options.report:
        sink = Sink(options.report)
        sink.write(indented(rescue_document(done)))
        sink.close()
    if not options.output.quiet:
        say_warnings(dict.fromkeys(note for one in done for note in one.notes))
    say_warnings(unread)
    if unread:
        return 2
    return max(int(one.state not in (RescueState.CLEAN, RescueState.MENDED)) for one in done)


def _lines(done: list[Rescue], options: RescueCommandOptions, *, shown: bool) -> Iterator[str]:
    """The lines on each session; those that the user was asked about were `shown` already."""
    if len(done) > 1:
        sound = sum(one.state is RescueState.CLEAN for one in done)
        done = [one for one in done if one.state is not RescueState.CLEAN]
        yield f"{count(sound, 'event')} with nothing to mend"
    for one in done:
        if not (options.output.quiet or (shown and one.fix.changed)):
            yield from rescue_lines(one, verbose=options.output.verbose)
        yield from end_lines(one)


def _refuse_contradictions(options: RescueCommandOptions) -> None:
    if sum((options.session is not None, options.agent is not None, options.last)) > 1:
        raise UsageError("name a session, or use --agent or --last: only one of them")
    if options.yes and options.dry_run:
        raise UsageError("--yes writes and --dry-run does not: only one of them")
    if options.force and not options.undo:
        raise UsageError("--force goes with --undo")
    if options.undo and (options.agent or options.omit_images or options.everywhere):
        raise UsageError("--undo goes with a session, --last, --dry-run, --yes and --force only")


def _refuse_report(file: str) -> None:
    """Refuse a report that cannot be written, before anything is changed."""
    folder = os.path.dirname(os.path.realpath(file))
    if os.path.isdir(file) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise UsageError(f"--report {file}: cannot be written; name a file in a folder that can be written")


def _omitted(text: str | None) -> int:
    """How many images to omit, negative for all. Raises UsageError."""
    if text is None:
        return 0
    if text == _ALL:
        return -1
    if text.isascii() and text.isdecimal() and 0 < int(text) <= sys.maxsize:
        return int(text)
    raise UsageError(f"--omit-images {text}: is no number of images; give one from 1, or all")


def _chosen(options: RescueCommandOptions) -> str | None:
    """The session to rescue; None if none was chosen."""
    if options.session is not None:
        return options.session
    if not options.last and options.agent is None:
        return None
    stores = STORES if options.agent is None else (store_of(options.agent),)
    found = newest_sessions(stores, _LISTED)
    if options.last:  # what cannot be rescued is no reason to rescue nothing
        for one in takewhile(lambda one: one.is_database, found):
            say(f"passed over {one.path}: is the database of {one.store.agent}, which is never changed")
        found = [one for one in found if not one.is_database]
    if not found:
        which = "an agent" if options.agent is None else options.agent
        raise UsageError(f"no session of {which} is on this machine; name the file of the session")
    path = found[0].path
    folder = os.path.dirname(path)
    return folder if os.path.basename(folder) == "events" else path


def _agrees(planned: Rescue, *, verbose: bool) -> bool:
    """Whether the user agrees to the changes."""
    show(joined(list(rescue_lines(planned, verbose=verbose))), aside=True)
    show(f"{one_line(planned.path)}: make these changes? [y/N] ", aside=True)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in _YES


def _undo(options: RescueCommandOptions, formats: list[Format]) -> int:
    """Give a session its old bytes again."""
    asks = not options.yes and not options.dry_run and sys.stdin is not None and sys.stdin.isatty()
    lines: list[str] = []
    records: list[dict[str, object]] = []
    for made in backup.backups_of(options.session):
        size = f"{made.before.byte_size:,} bytes of {made.made}"
        agreed = not options.dry_run
        if asks:
            show(f"{one_line(made.session)}: give it its {size} again? [y/N] ", aside=True)
            sys.stderr.flush()
            agreed = sys.stdin.readline().strip().lower() in _YES
        changed = agreed and backup.undo(made, force=options.force)
        state = "has its old bytes again" if changed else "has its old bytes already"
        lines.append(f"{made.session}: {state if agreed else 'would get its old bytes again'}, {size}")
        records.append({"path": made.session, "backup": made.path, "undone": agreed, "changed": changed})
    write_formats(
        formats,
        options.output.color,
        text=lambda _: joined(lines),
        document=lambda: {"version": VERSION, "tool": TOOL, "sessions": records},
    )
    return 0 if all(record["undone"] for record in records) else 1


command: Command[RescueCommandOptions] = Command("rescue", RescueCommandOptions, rescue, formats=FORMATS)
