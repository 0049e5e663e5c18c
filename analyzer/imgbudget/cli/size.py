"""`imgbudget size`: how a model resizes, pads and prices an image size, for a size alone or for images."""

import os
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from imgbudget.api.measuring import (
    MEASURES,
    is_size,
    known_detail,
    limits_at,
    measured_files,
    on_models,
    parse_size,
    sized,
)
from imgbudget.cli.checking import say_measured
from imgbudget.cli.command import FILES_FROM, Command, argument, flag
from imgbudget.cli.completion import files
from imgbudget.cli.options import (
    CLIENT_FIRST,
    ConfigOptions,
    OutputOptions,
    run_options,
)
from imgbudget.cli.output import chosen_formats, say, say_warnings, write_formats
from imgbudget.cli.targets import DETAIL, ModelsOptions
from imgbudget.discovery.walk import require_existing
from imgbudget.errors import UsageError
from imgbudget.linter.models import ALL, models_at
from imgbudget.linter.run import Session
from imgbudget.model.unread import UnreadPart
from imgbudget.output.size import (
    Measured,
    grouped,
    side_by_side,
    single,
    size_document,
    table_records,
)

FORMATS = ("full", "json")


class SizeOptions(NamedTuple):
    """The options of `size`."""

    sizes: Annotated[tuple[str, ...], argument("WxH|IMAGE...", many=True, complete=files)] = ()
    files_from: Annotated[tuple[str, ...], FILES_FROM] = ()
    provider: ModelsOptions = ModelsOptions()
    client: Annotated[str | None, CLIENT_FIRST] = None
    detail: Annotated[str | None, DETAIL] = None
    table: Annotated[
        bool, flag("--table", help="Print the table of sizes that are not resized, one row per aspect ratio.")
    ] = False
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


class MeasuredPaths(NamedTuple):
    """The sizes that texts are, or those of the images that they name.

    `errors` say what cannot be measured, `passed` which files of a list hold no image.
    """

    rows: list[Measured]
    errors: list[UnreadPart]
    passed: list[UnreadPart]

    @property
    def unread(self) -> list[UnreadPart]:
        """What has no size."""
        return [*self.errors, *self.passed]

    def say_unread(self) -> int:
        """Name what has no size, after the result; the exit code."""
        say_warnings(map(str, self.passed))
        for error in self.errors:
            say(f"error: {error}")
        return 2 if self.errors else 0


def show_size(options: SizeOptions) -> int:
    """Show how a model resizes and counts an image size: resized to, padded, tokens, cost, scale.

    Give sizes, image files, folders or requests; the EXIF orientation of a file is applied first. Several
    models at once: --model a,b. With --model all, the models in service that make the same of an image are
    on one line.
    """
    if not options.sizes and not options.table:
        nothing = (
            f"--files-from {', '.join(options.files_from)}: names no file; " if options.files_from else ""
        )
        raise UsageError(f"{nothing}give at least one size such as 1920x1080 or an image file, or --table")
    formats = chosen_formats(options.output.formats, FORMATS)
    detail = known_detail(options.detail)
    several = options.provider.several
    asked = run_options(
        provider=options.provider.single,
        settings=options.settings,
        verbose=options.output.verbose,
        client=options.client or "",
    )
    session = Session(asked._replace(fields=MEASURES, nested=True))
    bound = models_at(session, several) if several else None
    found = measured_all(session, options.sizes, listed=bool(options.files_from))
    notes: dict[str, None] = {}
    if options.table and options.client:
        notes[f"the table is of sizes as the API receives them, whatever {options.client} sends"] = None
    rows = on_models(found.rows, bound, detail, notes)
    alone = () if rows else bound(None, "") if bound else (session.context.limits(),)
    shown = tuple(
        dict.fromkeys([row.limits for row in rows] or [limits_at(one, detail, notes) for one in alone])
    )
    show = single
    if ALL in several:
        show = grouped
    elif several and len({limits.platform for limits in shown}) > 1:
        show = side_by_side
    write_formats(
        formats,
        options.output.color,
        text=lambda colour: show(rows, shown, table=options.table, colour=colour),
        document=lambda: {
            **size_document(rows, found.unread, session.narrowed(rules=False), several=bool(several)),
            **({"table": [row for one in shown for row in table_records(one)]} if options.table else {}),
        },
    )
    say_measured(session, options.output, notes)
    return found.say_unread()


command: Command[SizeOptions] = Command("size", SizeOptions, show_size, formats=FORMATS)


def measured_all(session: Session, texts: Sequence[str], *, listed: bool) -> MeasuredPaths:
    """The sizes that texts are, and those of the images that they name.

    What cannot be measured is an error, the rest is measured. Files without an image are errors too, but
    those that come from a list are passed over.

    Raises:
        UsageError: a path does not exist, a text is neither a size nor a path, or nothing can be measured.
    """
    if listed:
        require_existing([text for text in texts if not is_size(text)])
    found = MeasuredPaths([], [], [])
    for text in texts:
        if is_size(text):
            found.rows.append(_sized(session, text))
            continue
        rows, unread, nothing = measured_files(session, text)
        found.rows.extend(rows)
        found.errors.extend(unread)
        (found.passed if listed else found.errors).extend(nothing)
    if found.unread and not found.rows:
        raise UsageError(*map(str, found.unread))
    return found


def measured(session: Session, text: str) -> list[Measured]:
    """The size that a text is, or those of the images in the file, folder or request that it names.

    Raises:
        UsageError: neither a size nor a path, or something that it names cannot be measured.
    """
    if is_size(text):
        return [_sized(session, text)]
    rows, unread, nothing = measured_files(session, text)
    if unread or nothing:
        raise UsageError(*map(str, (*unread, *nothing)))
    return rows


def _sized(session: Session, text: str) -> Measured:
    """A size, even if a file has its name, of which a note says how to name that."""
    if os.path.exists(text):
        say(f"warning: {text} is read as a size; write ./{text} for the file or folder of that name")
    return sized(session, parse_size(text))
