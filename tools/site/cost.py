"""What every model makes of an image: the answers of the page "What does this image cost?".

The page runs this in the browser, with the wheel of imgbudget and nothing else: no Pillow, click or PyYAML.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from imgbudget.api.measuring import MEASURES, parse_size, sized
from imgbudget.errors import ImgbudgetError
from imgbudget.limits.geometry import Size
from imgbudget.linter.models import ALL, limits_of_all
from imgbudget.linter.options import RunOptions
from imgbudget.linter.rule_sets import RuleRunner
from imgbudget.linter.run import Session
from imgbudget.model.location import Location
from imgbudget.model.subjects import Finding, ImageFacts, ImageUse, Level, Origin, ProbeField
from imgbudget.output.base import UNKNOWN, count, figure, money_between, tokens_between
from imgbudget.output.size import Measured, cost_cell, notes_of, size_record, tokens_cell

if TYPE_CHECKING:
    from imgbudget.limits.bound import Limits
    from imgbudget.model.results import FileResult

Json = dict[str, Any]

PER = 1000
"""The second price of a row is that of so many images."""


class Answers:
    """Answers for sizes and files, by the limits of all models in service on the day."""

    def __init__(self) -> None:
        self.session = Session(RunOptions(isolated=True, fields=MEASURES))
        self.models: tuple[Limits, ...] = limits_of_all(self.session, (ALL,))
        rules = self.session.context.paths.base_runner.rules
        self.of_files = RuleRunner(rules)
        by_size = tuple(
            pair for pair in rules.image if pair[0].level is Level.IMAGE and pair[0].needs == ProbeField.NONE
        )
        self.of_sizes = RuleRunner(rules._replace(image=by_size))

    def size(self, text: str) -> str:
        """The answer for sizes as they are typed, as JSON."""
        images, errors = [], []
        for word in text.replace(",", " ").replace(" x ", "x").replace(" × ", "x").split():
            try:
                given = sized(self.session, parse_size(word)).size
            except ImgbudgetError as error:
                errors.append({"name": word, "text": str(error)})
                continue
            facts = ImageFacts(byte_size=0, format="png", size=given)
            use = ImageUse(Location(str(given)), Origin.PATH, facts, declared="image/png")
            images.append(self._image(str(given), "a size alone: bytes are not known", use, self.of_sizes))
        if not images and not errors:
            errors.append({"name": "", "text": "type a size in px, such as 1920x1080"})
        return self._document(images, errors)

    def files(self, paths: Sequence[str]) -> str:
        """The answer for files, each with an image or a request in it, as JSON."""
        images: list[Json] = []
        errors: list[Json] = []
        for path in paths:
            name = os.path.basename(path)
            try:
                results = list(self.session.check([path]))
            except ImgbudgetError as error:
                errors.append({"name": name, "text": str(error).removeprefix(f"{path}: ")})
                continue
            for result in results:
                images += self._of_result(result, name)
                errors += ({"name": name, "text": text.replace(path, name)} for text in _unmeasured(result))
        return self._document(images, errors)

    def _of_result(self, result: "FileResult", name: str) -> Iterator[Json]:
        """The images of a file that have a size."""
        for image in result.images:
            use = image.use
            if use.visible_size is not None and use.facts is not None:
                place = use.location.dotted
                yield self._image(f"{name}: {place}" if place else name, _facts(use), use, self.of_files)

    def _image(self, name: str, facts: str, use: ImageUse, runner: RuleRunner) -> Json:
        size = use.visible_size
        assert size is not None  # noqa: S101 - callers have looked
        upright = size.transposed if use.facts and use.facts.orientation >= 5 else size
        rows = [Measured(upright, limits.at(use.detail), None, use.detail) for limits in self.models]
        return {
            "name": name,
            "facts": facts,
            "size": str(upright),
            "rows": [self._row(row, runner.check_image(use, row.limits)) for row in rows],
        }

    @staticmethod
    def _row(row: Measured, findings: Iterable[Finding]) -> Json:
        record = size_record(row)
        ends = row.limits.tokens_ends(row.size)
        costs = [row.limits.cost_usd(end) for end in ends or ()]
        seen = "not published"
        if record["resized"]:
            seen = "unchanged" if record["fits"] else str(Size(*record["resized"]))
        return {
            "model": row.limits.model,
            "platform": row.limits.platform,
            "seen": seen,
            "tokens": tokens_cell(row),
            "cost": cost_cell(row),
            "per": _money(costs, PER),
            "ends": list(ends) if ends else None,
            "costs": costs if ends and None not in costs else None,
            "findings": [_finding(it) for it in findings],
            "notes": [note for note in notes_of(row) if not note.startswith("rejected: ")],
        }

    def _document(self, images: list[Json], errors: list[Json]) -> str:
        return json.dumps({"images": images, "errors": errors, "sum": _sums(images)})

    def about(self) -> str:
        """The day of the limits, the number of models, and the version, as JSON."""
        from imgbudget import __version__

        return json.dumps(
            {"day": self.session.options.date, "models": len(self.models), "version": __version__}
        )


def _sums(images: Sequence[Json]) -> list[Json]:
    """What several images cost together on each model; empty for a single one."""
    if len(images) < 2:
        return []
    sums = []
    for rows in zip(*(image["rows"] for image in images), strict=True):
        ends = [row["ends"] for row in rows]
        costs = [row["costs"] for row in rows]
        low, high = (None, None) if None in ends else (sum(end) for end in zip(*ends, strict=True))
        spent = [None] if None in costs else [sum(end) for end in zip(*costs, strict=True)]
        findings = sum(bool(row["findings"]) for row in rows)
        sums.append(
            {
                **{name: rows[0][name] for name in ("model", "platform")},
                "seen": "",
                "tokens": tokens_between(low, high),
                "cost": _money(spent, 1),
                "per": _money(spent, PER),
                "ends": None if low is None else [low, high],
                "costs": None if None in spent else spent,
                "findings": [],
                "notes": [f"{count(findings, 'image')} with findings"] if findings else [],
            }
        )
    return sums


def _money(costs: Sequence[float | None], times: int) -> str:
    if not costs or None in costs:
        return UNKNOWN
    found = [cost * times for cost in costs if cost is not None]
    return money_between(min(found), max(found))


def _finding(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": str(finding.severity),
        "message": finding.message,
        "help": finding.help,
    }


def _facts(use: ImageUse) -> str:
    """What is known of the bytes of an image, for people."""
    facts = use.facts
    if facts is None or facts.size is None:
        return ""
    parts = [str(facts.format), f"{figure(facts.byte_size)} bytes"]
    if facts.orientation != 1:
        parts.append(f"stored {facts.size}, shown by its EXIF orientation {facts.orientation}")
    if facts.animated:
        parts.append("animated")
    return ", ".join(parts)


def _unmeasured(result: "FileResult") -> Iterator[str]:
    """Why a file, or an image of it, has no size."""
    if result.skipped:
        yield f"no image: {result.skipped}"
    if not result.images and not result.skipped:
        yield from (finding.message for finding in result.findings)
    for image in result.images:
        if image.use.visible_size is None:
            at = image.use.location
            yield from (it.message for it in result.findings if it.location == at)
