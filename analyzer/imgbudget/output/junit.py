"""The format `junit` for CI servers: one suite per file with findings, one failed case per finding."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from imgbudget.linter.reporting import Fragment, Reporter
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.subjects import Finding
from imgbudget.output.base import TextStyle, relative
from imgbudget.printable import one_line


class JUnit(Reporter):
    """One suite per file; files that could not be checked are skipped cases, a clean run is a passed one."""

    separators: tuple[str, ...] = ("\n",)

    def __init__(self, style: TextStyle) -> None:
        self._root = style.root
        self._any = False

    def begin(self) -> str:
        """The head."""
        return '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="imgbudget">\n'

    def render(self, result: FileResult) -> Fragment:
        """The suite of one file."""
        if not result.findings:
            return ("",)
        path = one_line(relative(result.path, self._root))
        failed = sum(finding.internal for finding in result.findings)
        suite = _suite(path, len(result.findings), failures=len(result.findings) - failed, errors=failed)
        for finding in result.findings:
            self._case(suite, path, finding)
        return (_written(suite),)

    def _case(self, suite: Element, path: str, finding: Finding) -> None:
        where = f" at {one_line(finding.location.dotted)}" if finding.location.dotted else ""
        case = SubElement(suite, "testcase", classname=path, name=f"{finding.code} {finding.name}{where}")
        location = path
        if finding.span:
            case.set("line", str(finding.span.line))
            location += f":{finding.span.line}:{finding.span.column}"
        case.set("file", path)
        kind = "error" if finding.internal else "failure"
        message = one_line(finding.message)
        fault = SubElement(case, kind, message=message, type=str(finding.severity))
        lines = [f"{location}: {finding.code} {finding.severity}: {message}"]
        if finding.help:
            lines.append(f"help: {one_line(finding.help)}")
        if finding.fix and finding.fix_safety:
            lines.append(f"fix: {one_line(finding.fix.title)} ({finding.fix_safety})")
        fault.text = "\n".join([*lines, finding.url] if finding.url else lines)

    def add(self, piece: Fragment) -> str:
        """The suites, at once."""
        if not piece[0]:
            return ""
        self._any = True
        return piece[0] + "\n"

    def end(self, summary: Summary) -> str:
        """The files that could not be checked, the case of a clean run, and the end."""
        text = ""
        if summary.missed:
            text += _written(self._missed(summary.missed)) + "\n"
        if not self._any:
            clean = _suite("imgbudget", 1)
            SubElement(clean, "testcase", classname="imgbudget", name="no findings")
            text += _written(clean) + "\n"
        return text + "</testsuites>\n"

    def _missed(self, missed: Sequence[tuple[str, str]]) -> Element:
        suite = _suite("not checked", len(missed), skipped=len(missed))
        for path, reason in missed:
            name = one_line(relative(path, self._root))
            case = SubElement(suite, "testcase", classname=name, name="can be read")
            SubElement(case, "skipped", message=one_line(reason))
        return suite


def _suite(name: str, tests: int, *, failures: int = 0, errors: int = 0, skipped: int = 0) -> Element:
    counts = {"tests": tests, "failures": failures, "errors": errors, "skipped": skipped}
    return Element("testsuite", {"name": name, **{key: str(value) for key, value in counts.items()}})


def _written(element: Element) -> str:
    """The XML of an element without commands of CI servers; `one_line` has escaped what XML forbids."""
    return tostring(element, "unicode").replace("##", "#&#35;")
