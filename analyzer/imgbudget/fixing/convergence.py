"""The steps of fixing one file, until nothing is left to fix: each is checked before it is accepted."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from imgbudget.fixing.revisions import FixStep, Revision, body_changes
from imgbudget.fixing.strategy import WHOLE, FindingKey, FixStrategy, failed_fixes, key_of
from imgbudget.model.edits import BlockChange, FailedFix, FileFix
from imgbudget.model.fixes import TextToImages
from imgbudget.model.results import Amounts
from imgbudget.model.subjects import Finding, Severity

STEPS = 16
"""Most steps for one file: correct rules need two, each round of failed fixes costs one more."""


class _Outcome(NamedTuple):
    """A file after its steps: what they fixed, and the fixes that were refused, with the reasons."""

    after: Revision
    fixed: list[Finding]
    blocks: list[BlockChange]
    refused: dict[FindingKey, str]


@contextmanager
def converged(revision: Revision, strategy: FixStrategy) -> Iterator[tuple[Revision, FileFix]]:
    """A file after all steps, possibly unchanged, and the record of its fixes.

    A step is accepted if each finding that it fixes has disappeared and no other has appeared; otherwise it
    is repeated without the fixes that failed. Images that were taken out of a text may cause errors that a
    later step fixes; if it does not, they stay in the text.
    """
    outcome = _outcome(revision, strategy, {})
    try:
        if harmful := _harmful(revision, outcome):
            first, outcome = outcome, _outcome(revision, strategy, harmful)
            if first.after is not revision:
                first.after.close()
        after, refused = outcome.after, outcome.refused
        refused |= strategy.unfixed(after.result, refused)
        yield after, _fix_of(revision, after, outcome.fixed, refused)._replace(blocks=tuple(outcome.blocks))
    finally:
        if outcome.after is not revision:
            outcome.after.close()


def _outcome(revision: Revision, strategy: FixStrategy, refused: Mapping[FindingKey, str]) -> _Outcome:
    """The file after all steps, without the fixes that are refused from the beginning."""
    failures = dict(refused)
    fixed: list[Finding] = []
    blocks: list[BlockChange] = []
    after, is_done = revision, False
    try:
        for _ in range(STEPS):
            step = after.step(strategy, failures)
            if step is None:
                break
            unresolved = _unresolved(after, step, strategy)
            failed = {**step.refused, **unresolved}
            if not unresolved and (step.active or step.revision.images != after.images):
                fixed += [one._replace(location=after.origin(one.location)) for one in step.active]
                blocks += [one._replace(location=after.origin(one.location)) for one in step.blocks]
                discarded, after = after, step.revision
                is_done = strategy.is_final
            else:
                discarded = step.revision
                if not failed.keys() - failures.keys():
                    break
            failures |= failed
            if discarded is not revision and discarded is not after:
                discarded.close()
            if is_done:
                break
    except BaseException:
        if after is not revision:
            after.close()
        raise
    return _Outcome(after, fixed, blocks, failures)


def _harmful(before: Revision, outcome: _Outcome) -> dict[FindingKey, str]:
    """The images of texts to leave there, because as image blocks they are errors that no fix removes."""
    shown = [finding for finding in outcome.fixed if isinstance(finding.fix, TextToImages)]
    if not shown:
        return {}
    had = Counter(_kind(finding) for finding in before.result.findings)
    has = Counter(_kind(finding) for finding in outcome.after.result.findings)
    worse = {
        _kind(finding)[0]: finding
        for finding in outcome.after.result.findings
        if finding.severity is Severity.ERROR and has[_kind(finding)] > had[_kind(finding)]
    }
    return {
        key_of(finding): f"it would cause {found.code} {found.name}: {found.message}"
        for finding in shown
        if (found := worse.get(finding.location.document))
    }


def _kind(finding: Finding) -> tuple[int, str, Severity]:
    return finding.location.document, finding.code, finding.severity


def _unresolved(before: Revision, step: FixStep, strategy: FixStrategy) -> dict[FindingKey, str]:
    """The fixes of a step that did not have their effect."""
    if step.revision is before:
        return {}
    after = step.revision.result.findings
    return failed_fixes(
        before.result.findings, after, step.active, moved=step.moved, will_fix=strategy.selects
    )


def _fix_of(
    revision: Revision, after: Revision, fixed: list[Finding], refused: dict[FindingKey, str]
) -> FileFix:
    coded = {location for code, location in refused if code != WHOLE}
    changed = after is not revision
    return FileFix(
        path=revision.path,
        changed=changed,
        before=Amounts.of(revision.result, revision.byte_size) if changed else None,
        after=Amounts.of(after.result, after.byte_size) if changed else None,
        fixed=tuple(fixed),
        failed=tuple(
            FailedFix(after.origin(location._replace(path=revision.path)), code or None, reason)
            for (code, location), reason in refused.items()
            if code != WHOLE or location not in coded
        ),
        images=after.images,
        bodies=body_changes(revision.result, after.result),
    )
