"""`imgbudget init`: surveys the tree, writes a first configuration, and shows how to run at each commit."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

from imgbudget import version
from imgbudget.cli.command import Command, argument, flag
from imgbudget.cli.completion import folders
from imgbudget.cli.options import OutputOptions
from imgbudget.cli.output import chosen_formats, say, write_formats
from imgbudget.config.load import discover, shown
from imgbudget.config.write import amount, is_writable, line, remark, scalar
from imgbudget.discovery.gitignore import literal
from imgbudget.errors import NO_FILE, UsageError, os_error_text
from imgbudget.fixing.strategy import FindingFixes
from imgbudget.fixing.trial import TrialFixer
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session, run
from imgbudget.model.budgets import NO_BUDGETS, Budget, Budgets
from imgbudget.model.results import FileResult
from imgbudget.model.subjects import Severity
from imgbudget.output.base import count, figure
from imgbudget.output.records import TOOL, VERSION
from imgbudget.printable import blocks, joined

FORMATS = ("full", "json")

ROOM = 1.25
"""Ratio of a proposed budget to the largest amount measured."""

MOST = 10**12
"""Largest amount for which a budget is proposed; what is above comes from sizes that a file only claims."""

_OTHERS = 3
_FOLDERS = 50
"""Most folders that are excluded one by one."""

_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))


class Proposal(NamedTuple):
    """The contents of a first configuration.

    `models` and `platforms` count the requests that name each, `excluded` the files below each excluded
    folder. `measured` has the amounts of the largest image, the largest request and the whole run; an amount
    is None if there was nothing to measure. `repaired` has those of what `--fix` makes of the files that the
    API refuses: a repair may take more bytes, and no budget is to refuse it.
    """

    model: str
    platform: str
    models: Mapping[str, int] = {}
    platforms: Mapping[str, int] = {}
    excluded: Mapping[str, int] = {}
    images: int = 0
    requests: int = 0
    measured: Budgets = Budgets()
    repaired: Budgets = Budgets()


def starter(proposal: Proposal) -> str:
    """The text of `.imgbudget.yaml`."""
    return joined(_lines(proposal))


def _lines(proposal: Proposal) -> Iterator[str]:
    yield "# Settings of imgbudget for the images and vision-model requests of this project."
    if version.HOME is not None:
        yield f"# All keys: {version.HOME}/blob/main/docs/configuration.md"
    yield ""
    yield line(f"model: {scalar(proposal.model)}", _named(proposal.models))
    yield line(f"platform: {scalar(proposal.platform)}", _named(proposal.platforms))
    if proposal.excluded:
        yield ""
        yield "exclude:"
        for pattern, files in _patterns(proposal.excluded).items():
            yield line(f"  - {scalar(pattern)}", f"third-party: {_count(files, 'file')}")
    yield ""
    yield from _budgets(proposal)


def _named(counts: Mapping[str, int]) -> str:
    """How many requests use the first, and how many use the others."""
    if not counts:
        return "default (no request names one)"
    first, *others = counts.items()
    text = f"used by {_count(first[1], 'request')}"
    if others:
        text += "; others: " + ", ".join(
            f"{remark(name)} ({figure(count)})" for name, count in others[:_OTHERS]
        )
    return f"{text} and {len(others) - _OTHERS} more" if len(others) > _OTHERS else text


def _count(number: int, noun: str) -> str:
    return f"{figure(number)} {noun if number == 1 else noun + 's'}"


def _budgets(proposal: Proposal) -> Iterator[str]:
    found = {
        scope: amounts
        for scope, budget in proposal.measured._asdict().items()
        if (amounts := {unit: most for unit, most in budget._asdict().items() if most and most <= MOST})
    }
    if not found:
        yield "# Nothing to measure yet. Example of budgets:"
        yield "# budgets:"
        yield "#   image: {tokens: 1600, bytes: 5 MB}"
        yield "#   request: {tokens: 20k, cost: $0.05}"
        return
    subjects = f"{_count(proposal.images, 'image')} and {_count(proposal.requests, 'request')}"
    yield f"# 25 % above the largest amounts measured in {subjects}."
    yield "# Raise what is too tight, delete what does not matter."
    yield "budgets:"
    for scope, amounts in found.items():
        yield f"  {scope}:"
        repaired = getattr(proposal.repaired, scope)._asdict()
        for unit, measured in amounts.items():
            most = max(measured, repaired[unit] or 0)
            later = f"; {_exact(unit, most)} once errors are fixed" if most > measured else ""
            proposed = amount(_AMOUNTS[unit](most * ROOM))
            yield line(f"    {unit}: {proposed}", f"measured: {_exact(unit, measured)}{later}")


def _exact(unit: str, amount: float) -> str:
    return f"${amount:.6f}" if unit == "cost" else f"{figure(amount)}"


def rounded_up(amount: float) -> float:
    """The amount rounded up to two significant digits: 1955 gives 2000, 0.00587 gives 0.0059."""
    digits = f"{amount:.12e}"
    mantissa, exponent = float(digits[: digits.index("e")]), int(digits[digits.index("e") + 1 :])
    tenths = int(mantissa * 10)
    if tenths < mantissa * 10 - 1e-9:
        tenths += 1
    return float(f"{tenths}e{exponent - 1}")


def _tokens(amount: float) -> str:
    return f"{rounded_up(amount):.0f}" if amount > 1 else "2"


def _bytes(amount: float) -> str:
    for factor, unit in _UNITS:
        if amount >= factor:
            return f"{rounded_up(amount / factor):g} {unit}"
    return f"{rounded_up(amount):.0f}"


def _cost(amount: float) -> str:
    text = f"{rounded_up(max(amount, 1e-8)):.9f}".rstrip("0").rstrip(".")
    return f"${text}"


_AMOUNTS = {"tokens": _tokens, "bytes": _bytes, "cost": _cost}


def _patterns(excluded: Mapping[str, int]) -> Mapping[str, int]:
    """The patterns that exclude folders, with their files; if there are many, one for each name."""
    if len(excluded) <= _FOLDERS:
        return {f"/{literal(folder)}/**": files for folder, files in excluded.items()}
    counts: Counter[str] = Counter()
    for folder, files in excluded.items():
        counts[f"**/{literal(folder.rpartition('/')[2])}/**"] += files
    return counts


FOREIGN = frozenset(
    {"third_party", "third-party", "vendor", "vendored", "node_modules", "site-packages", "external"}
)
"""Names of folders that hold what others have written."""


@dataclass(slots=True)
class _SurveyCounts:
    """What was found: counts, the largest of each amount, and the files that `--fix` repairs."""

    folder: str
    broken: list[str] = field(default_factory=list)
    models: Counter[str] = field(default_factory=Counter)
    platforms: Counter[str] = field(default_factory=Counter)
    foreign: Counter[str] = field(default_factory=Counter)
    images: int = 0
    requests: int = 0
    image: Budget = NO_BUDGETS.image
    request: Budget = NO_BUDGETS.request
    run: Budget = NO_BUDGETS.run

    def add(self, result: FileResult) -> None:
        """Count one file."""
        if result.skipped is not None:
            return
        if foreign := _foreign_folder(os.path.relpath(result.path, self.folder)):
            self.foreign[foreign] += 1
            return
        if any(it.severity is Severity.ERROR and it.fix is not None for it in result.findings):
            self.broken.append(result.path)
        self.images += len(result.images)
        self.requests += len(result.requests)
        for image in result.images:
            facts = image.use.facts
            self.image = _largest(self.image, image.tokens, facts.byte_size if facts else None)
            if not image.use.in_request:
                self.run = _sum(self.run, image.cost_usd)
        for request in result.requests:
            body = request.request
            self.request = _largest(self.request, request.visual_tokens, body.byte_size, request.cost_usd)
            self.run = _sum(self.run, request.cost_usd)
            if body.model and is_writable(request.limits.model):
                self.models[request.limits.model] += 1
            self.platforms[request.limits.platform] += 1

    def proposal(self, session: Session) -> Proposal:
        """The proposal; what no file states is taken from the session."""
        return Proposal(
            model=_first(self.models) or session.context.model,
            platform=_first(self.platforms) or session.context.platform,
            models=dict(self.models.most_common()),
            platforms=dict(self.platforms.most_common()),
            excluded=dict(sorted(self.foreign.items())),
            images=self.images,
            requests=self.requests,
            measured=Budgets(self.image, self.request, self.run),
        )


def survey(folder: str) -> Proposal:
    """The proposal for a folder; it is read again where its requests name another model than the default.

    Raises:
        UsageError: the folder does not exist.
    """
    session = Session(RunOptions(isolated=True), start=folder)
    counts = _counted(session, folder)
    found = counts.proposal(session)
    if (found.model, found.platform) != (session.context.model, session.context.platform):
        session = Session(RunOptions(isolated=True, model=found.model, platform=found.platform), start=folder)
        counts = _counted(session, folder)
        found = found._replace(measured=counts.proposal(session).measured)
    if not counts.broken:
        return found
    fixed = _SurveyCounts(folder)
    for unsafe in (False, True):
        fixer = TrialFixer(session, FindingFixes(unsafe=unsafe), folder, counts.broken)
        run(fixer, (folder,), on_result=fixed.add, whole_run=False)
    return found._replace(repaired=fixed.proposal(session).measured._replace(run=NO_BUDGETS.run))


def _counted(session: Session, folder: str) -> _SurveyCounts:
    counts = _SurveyCounts(folder)
    run(session, (folder,), on_result=counts.add, whole_run=False)
    return counts


def _foreign_folder(path: str) -> str | None:
    """The outermost folder of a path that holds what others have written, with slashes; None without one."""
    parts = path.split(os.sep)[:-1]
    for i, part in enumerate(parts):
        if part.lower() in FOREIGN:
            return "/".join(parts[: i + 1])
    return None


def _largest(budget: Budget, tokens: int | None, size: int | None, cost: float | None = None) -> Budget:
    return Budget(_most((budget.tokens, tokens)), _most((budget.bytes, size)), _highest(budget.cost, cost))


def _most(amounts: Iterable[int | None]) -> int | None:
    return max((amount for amount in amounts if amount is not None), default=None)


def _highest(first: float | None, second: float | None) -> float | None:
    return max((amount for amount in (first, second) if amount is not None), default=None)


def _sum(budget: Budget, cost: float | None) -> Budget:
    return budget if cost is None else budget._replace(cost=(budget.cost or 0.0) + cost)


def _first(counts: Counter[str]) -> str | None:
    return counts.most_common(1)[0][0] if counts else None


NAME = ".imgbudget.yaml"

_NEXT = joined(["Next: imgbudget check"])


class InitOptions(NamedTuple):
    """The options of `init`."""

    folder: Annotated[str, argument("[FOLDER]", complete=folders)] = "."
    dry_run: Annotated[bool, flag("--dry-run", help="Print the configuration and write nothing.")] = False
    output: OutputOptions = OutputOptions()


def init(options: InitOptions) -> int:
    """Write a first configuration that suits the files in FOLDER, and print the pre-commit snippet.

    Model and platform are the ones that most requests name; folders of third-party files are excluded;
    budgets are the measured values plus a quarter, with room for what --fix makes of images that the API
    refuses. An existing configuration is never changed.
    """
    folder, formats = options.folder, chosen_formats(options.output.formats, FORMATS)
    if not os.path.isdir(folder):
        raise UsageError(f"{folder}: {NO_FILE}")
    nearest = discover(folder).path
    if nearest and os.path.dirname(nearest) == os.path.abspath(folder) and not options.dry_run:
        raise UsageError(f"{shown(nearest)} already exists; --dry-run shows what init would write")
    proposal = survey(folder)
    text = starter(proposal)
    path = os.path.join(folder, NAME)

    def document() -> dict[str, Any]:
        return {
            "version": VERSION,
            "tool": TOOL,
            "path": shown(path),
            "written": not options.dry_run,
            "model": proposal.model,
            "platform": proposal.platform,
            "images": proposal.images,
            "requests": proposal.requests,
            "configuration": text,
            "hook": _hook(),
        }

    if options.dry_run:
        write_formats(formats, options.output.color, text=lambda _: text, document=document)
        return 0
    try:
        with open(path, "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{shown(path)}: cannot be written: {os_error_text(error)}") from error
    parts = [joined([f"wrote {shown(path)}: {_summary(proposal)}"])]
    if not options.output.quiet:
        parts += [joined(["To check each commit, add to .pre-commit-config.yaml:"]), _hook(), _NEXT]
    write_formats(formats, options.output.color, text=lambda _: blocks(parts), document=document)
    if nearest:
        folder = shown(os.path.dirname(os.path.abspath(path)))
        say(f"warning: {nearest} no longer applies in {folder}; to keep its settings, add `inherit: true`")
    return 0


def _summary(proposal: Proposal) -> str:
    measured = f"{count(proposal.images, 'image')}, {count(proposal.requests, 'request')}"
    return f"{remark(proposal.model)} on {proposal.platform}, budgets from {measured}"


command: Command[InitOptions] = Command("init", InitOptions, init, formats=FORMATS)


def _hook() -> str:
    """The lines of `.pre-commit-config.yaml`, with places to fill in while the project has no address."""
    repo, rev = version.HOME, f"v{version.__version__}"
    if repo is None:
        repo, rev = "<address of the repository of imgbudget>", "<tag or commit>"
    lines = ("repos:", f"  - repo: {repo}", f"    rev: {rev}", "    hooks:", "      - id: imgbudget")
    return joined(lines)
