"""The size that the safe fixes of findings come to, which every check counts tokens of."""

from collections.abc import Iterable

from imgbudget.geometry import Size
from imgbudget.intent import Resize
from imgbudget.model import Finding, FixSafety


def size_after_fixes(size: Size, findings: Iterable[Finding]) -> Size:
    """The size of an image once the safe resizes of its findings are done: the smallest that one asks for."""
    wished = [
        finding.fix.size
        for finding in findings
        if isinstance(finding.fix, Resize) and finding.fix_safety is FixSafety.SAFE
    ]
    return min(wished, key=lambda wish: wish.width * wish.height, default=size)
