"""The text formats `concise` (one line per finding) and `full` (with facts or source line and the remedy)."""

import re

from imgbudget.linter.reporting import Fragment
from imgbudget.model.results import FileResult, ImageResult
from imgbudget.model.safety import needed_level
from imgbudget.model.subjects import Finding, FixSafety
from imgbudget.output.base import RunningText, between, count, figure, money
from imgbudget.printable import joined, one_line


class Concise(RunningText):
    """One line per finding, for editors and grep."""

    def render(self, result: FileResult) -> Fragment:
        """A line per finding."""
        return (joined([self._line(finding) for finding in result.findings]),)

    def _line(self, finding: Finding) -> str:
        location = finding.location.path
        if finding.span:
            location += f":{finding.span.line}:{finding.span.column}"
        code = self.style.severity(finding.severity, finding.code)
        where = f" {finding.location.dotted}:" if finding.location.dotted else ""
        return f"{location}: {code} {finding.severity}:{where} {finding.message}"


class Full(RunningText):
    """For people at a terminal."""

    def render(self, result: FileResult) -> Fragment:
        """A line per fix and per image that a client changes, then a block per finding."""
        fixed = self._fixed(result) if result.fix and not self.style.quiet else ""
        if result.images and result.images[0].client and not self.style.quiet:
            fixed += self._sent(result)
        if not result.findings:
            return (fixed,)
        images = {image.use.location: image for image in result.images}
        blocks = [self._block(finding, images.get(finding.location)) for finding in result.findings]
        return ("".join((fixed, *blocks)),)

    def _fixed(self, result: FileResult) -> str:
        from imgbudget.output.fixes import fix_lines  # noqa: PLC0415 - rare

        lines = fix_lines(result.fix) if result.fix else ()
        return joined([f"{self.style.paint('fixed', '1;32')} {line}" for line in lines])

    def _sent(self, result: FileResult) -> str:
        """What a client makes of an image file."""
        clauses = [image.client.summary for image in result.images if image.client]
        sent = self.style.paint("sent", "1;36")
        return joined([f"{sent} {result.path}: {clause}" for clause in clauses if clause])

    def _block(self, finding: Finding, image: ImageResult | None) -> str:
        style = self.style
        head = style.severity(finding.severity, f"{finding.severity}[{finding.code}]")
        lines = [f"{head} {style.paint(finding.name, '1')}: {finding.message}"]
        location = finding.location.path
        if finding.span:
            location += f":{finding.span.line}:{finding.span.column}"
        if finding.location.dotted:
            location += f"  {finding.location.dotted}"
        bar = style.paint("|", "34")
        lines.append(f"  {style.paint('-->', '34')} {location}")
        if finding.excerpt:
            number, text, start = str(finding.excerpt.line), finding.excerpt.text, finding.excerpt.start
            marked = text[start : start + finding.excerpt.width]
            pad = " " * len(number)
            lines.append(f"  {style.paint(number, '34')} {bar} {text}")
            marks = " " * len(one_line(text[:start])) + "^" * max(len(one_line(marked)), 1)
            lines.append(f"  {pad} {bar} {style.severity(finding.severity, marks)}")
        if image and (facts := facts_line(image)):
            lines.append(f"    {bar} {facts}")
            if marks := _marks(facts, finding):
                lines.append(f"    {bar} {style.severity(finding.severity, marks)}")
        if finding.help:
            lines.append(f"    {style.paint('=', '34')} help: {finding.help}")
        if finding.fix and finding.fix_safety is not None:
            needs = [] if finding.fix_safety is FixSafety.SAFE else ["--unsafe-fixes"]
            if (level := needed_level(finding)) is not None:
                needs.append(f"--fix-level {level}")
            after = f" (needs {' '.join(needs)})" if needs else ""
            lines.append(f"    {style.paint('=', '34')} fix: {finding.fix.title}{after}")
        return joined([*lines, ""])


def facts_line(image: ImageResult) -> str:
    """The facts of an image in one line: format, size, bytes, tokens, cost."""
    facts = image.use.facts
    if facts is None:
        return ""
    kind = facts.format or facts.content or "unknown"
    words = [f"{kind} {facts.size}" if facts.size else kind, count(facts.byte_size, "byte")]
    if image.use.base64_size:
        words.append(f"{figure(image.use.base64_size)} as base64")
    if facts.orientation != 1:
        words.append(f"orientation {facts.orientation}")
    if facts.animated:
        words.append(count(facts.frames, "frame"))
    span = image.tokens_range
    if span is not None:
        words.append(f"{between(*span)} tokens, as sources contradict each other")
    elif image.tokens is not None:
        words.append(count(image.tokens, "token"))
    if image.cost_usd is not None and span is None:
        words.append(money(image.cost_usd))
    return ", ".join(words)


def _marks(facts: str, finding: Finding) -> str:
    """Carets under the number in `facts` that the finding measured."""
    if finding.measured is None:
        return ""
    number = re.escape(figure(finding.measured))
    if found := re.search(rf"(?<![\d,.]){number}(?![\d,])", facts):
        return " " * found.start() + "^" * len(found.group())
    return ""
