"""The end of a run: what the rules say of it as a whole, once every file is checked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from imgbudget.config.files import shown
from imgbudget.model import Finding, Place, Run, RunData, Span, UnusedIgnore
from imgbudget.report import FileResult, Summary
from imgbudget.sources.content import same_files

if TYPE_CHECKING:
    from imgbudget.session.run import Session
    from imgbudget.session.tally import Tally

_AT_ONCE = 1000
"""Files whose findings are gathered before they are told: each may be a copy of another one."""


class _Copies:
    """The groups of copies among the files of a run, found when they are gone through."""

    def __init__(self, tally: "Tally") -> None:
        self._tally = tally

    def __iter__(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        return same_files(self._tally.lookalikes())


def finish(session: "Session", summary: Summary) -> Iterator[FileResult]:
    """The results that are no file's own, by the file that they are about."""
    paths, tally = session.bench.paths, session.tally
    source = session.settings.source
    lines: dict[Place, int | None] = {}
    unused: list[UnusedIgnore] = []
    if tally.watch & RunData.IGNORES:
        from imgbudget.engine.unused import unused_ignores  # noqa: PLC0415 - runs with ignores only

        for entry, line in unused_ignores(paths, session.named):
            unused.append(entry)
            lines[entry.place] = line
    run = Run(
        place=Place(shown(source) if source else "."),
        visual_tokens=summary.visual_tokens,
        byte_size=tally.byte_size,
        # prices are whole nano-dollars; the last bits of a sum tell in which parts it was added up
        cost_usd=round(summary.cost_usd, 9),
        copies=_Copies(tally) if tally.watch & RunData.COPIES else (),
        unused=tuple(unused),
    )
    by_path: dict[str, list[Finding]] = {}
    for finding in paths.judge_run(run, session.bench.limits()):
        placed = _placed(finding, lines.get(finding.place), excerpts=session.bench.excerpts)
        by_path.setdefault(finding.place.path, []).append(placed)
        if len(by_path) >= _AT_ONCE:
            yield from _results(session, by_path)
            by_path = {}
    yield from _results(session, by_path)
    summary.statistics = tally.statistics


def _results(session: "Session", by_path: Mapping[str, Sequence[Finding]]) -> Iterator[FileResult]:
    for path, findings in by_path.items():
        kept, silenced = session.bench.paths.split(path, tuple(findings))
        session.tally.add_findings(kept)
        yield FileResult(path=path, findings=kept, silenced=silenced.ignored, baselined=silenced.known)


def _placed(finding: Finding, line: int | None, *, excerpts: bool) -> Finding:
    """The finding with the line of the configuration that it is about."""
    if line is None:
        return finding
    from imgbudget.sources.excerpt import excerpt  # noqa: PLC0415 - 6 ms, and most runs have no such finding
    from imgbudget.sources.jsonsource import JsonSource  # noqa: PLC0415

    try:
        with JsonSource.open(finding.place.path) as source:
            before = source.pread(source.size, 0).splitlines(keepends=True)[:line]
            start = sum(map(len, before[:-1]))
            text = before[-1].rstrip(b"\r\n")
            lead = len(text) - len(text.lstrip())
            end = start + len(text)
            span = Span(start + lead, end, line, lead + 1, line, len(text.decode("utf-8", "replace")) + 1)
            cut = excerpt(source, span) if excerpts else None
            return finding._replace(span=span, excerpt=cut)
    except (OSError, IndexError):  # changed since it was read
        return finding
