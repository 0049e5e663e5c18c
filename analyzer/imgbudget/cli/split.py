"""`imgbudget split`: how to divide a request that is too much into several that fit."""

import sys
from typing import Annotated, NamedTuple

from imgbudget.api.splits import split_files
from imgbudget.cli.checking import say_measured, say_skipped
from imgbudget.cli.command import FILES_FROM, Command, argument, flag
from imgbudget.cli.completion import files
from imgbudget.cli.options import BudgetOptions, ConfigOptions, ModelOptions, OutputOptions, run_options
from imgbudget.cli.output import chosen_formats, say, write_formats
from imgbudget.cli.targets import budgets_of
from imgbudget.linter.run import Session, StandardInput
from imgbudget.linter.unused import NamedFiles
from imgbudget.output.base import TextTable, count, figure, money_between, not_counted, tokens_between
from imgbudget.output.plan import request_name
from imgbudget.output.split import split_document
from imgbudget.planner.division import Split, SplitPart
from imgbudget.printable import blocks, joined

FORMATS = ("full", "json")


class SplitOptions(NamedTuple):
    """The options of `split`."""

    requests: Annotated[tuple[str, ...], argument("REQUEST...", many=True, complete=files, needed=True)] = ()
    files_from: Annotated[tuple[str, ...], FILES_FROM] = ()
    provider: ModelOptions = ModelOptions()
    budget: BudgetOptions = BudgetOptions()
    show_all: Annotated[bool, flag("--all", help="Also list requests that need not be split.")] = False
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def split(options: SplitOptions) -> int:
    """Show how to split a request that is too large into as few requests as possible.

    No image is changed. Texts and tools are repeated in each request, blocks keep their order, and a turn is
    split only if it does not fit by itself. `imgbudget plan` shows whether shrinking the images would be
    enough. The exit code is 1 if a single image or document is too large even alone in a request, 2
    if something could not be read, or a file that is named holds no request.
    """
    formats = chosen_formats(options.output.formats, FORMATS)
    budgets = budgets_of(options.budget, ("request",))
    asked = run_options(provider=options.provider, settings=options.settings, verbose=options.output.verbose)
    session = Session(asked._replace(budgets=budgets, nested=True))
    named = NamedFiles.of(() if options.files_from else options.requests, "request")
    splits, summary, unread = split_files(
        session, options.requests, StandardInput(sys.stdin.buffer.read), named
    )
    write_formats(
        formats,
        options.output.color,
        text=lambda colour: _text(splits, show_all=options.show_all, colour=colour),
        document=lambda: split_document(splits, summary, unread),
    )
    say_measured(session, options.output)
    if not splits:
        say("warning: no requests found")
    say_skipped(summary, options.output, unless={part.path for part in unread})
    for part in unread:
        say(f"error: {part.place}: not split: {part.reason}")
    if unread:
        return 2
    return 0 if all(one.fits for one in splits) else 1


def _text(splits: list[Split], *, show_all: bool, colour: bool) -> str:
    divided = [split for split in splits if len(split.parts) > 1 or not split.fits]
    texts = [_split_text(split, colour=colour) for split in (splits if show_all else divided) if split.parts]
    whole = len(splits) - len(divided)
    texts.append(joined([f"requests that fit without splitting: {figure(whole)} of {figure(len(splits))}"]))
    return blocks(texts)


def _split_text(split: Split, *, colour: bool) -> str:
    table = TextTable(
        ("part", "from", "to", "images", "documents", "pages", "bytes", "tokens", "cost", ""), colour=colour
    )
    for number, part in enumerate(split.parts, 1):
        span = part.span
        table.add(
            str(number),
            span.first.dotted or "",
            span.last.dotted or "",
            figure(span.images),
            figure(span.documents) if split.request.documents else "",
            figure(span.pages) if split.request.documents else "",
            figure(part.byte_size),
            tokens_between(*split.tokens_of(part)),
            money_between(*split.cost_of(part)),
            _note(part),
        )
    parts = len(split.parts)
    head = (
        f"{request_name(split.request)}: "
        f"{count(len(split.request.images), 'image')}, {count(split.request.byte_size, 'byte')} "
        f"for {split.limits.model} on {split.limits.platform or 'an unknown platform'}: "
        f"{f'split into {parts} requests' if parts > 1 else 'one request'}"
    )
    return joined([head]) + table.text(right={0, 3, 4, 5, 6, 7, 8})


def _note(part: SplitPart) -> str:
    """What is wrong with a part, or missing in its numbers."""
    notes = [f"too large by itself: {'; '.join(part.reasons)}"] if part.reasons else []
    notes += [not_counted(part.span.uncounted).removeprefix("; ")] if part.span.uncounted else []
    return "; ".join(notes)


command: Command[SplitOptions] = Command("split", SplitOptions, split, formats=FORMATS)
