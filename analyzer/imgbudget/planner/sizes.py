"""The size that the fixes of findings come to: what a check counts tokens of, and what an edit resizes to."""

from collections.abc import Iterable

from imgbudget.geometry import Size
from imgbudget.intent import Fix, Resize
from imgbudget.model import Finding, FixSafety


def smallest_size(size: Size, fixes: Iterable[Fix]) -> Size:
    """The smallest size that one of the fixes asks for; the image's own where that would enlarge an edge."""
    sizes = (fix.size for fix in fixes if isinstance(fix, Resize))
    found = min(sizes, key=lambda it: it.width * it.height, default=size)
    return size if found.width > size.width or found.height > size.height else found


def size_after_fixes(size: Size, findings: Iterable[Finding]) -> Size:
    """The size of an image after the safe resizes of its findings."""
    safe = (finding.fix for finding in findings if finding.fix_safety is FixSafety.SAFE)
    return smallest_size(size, (fix for fix in safe if fix is not None))
