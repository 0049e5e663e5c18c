"""The steps of fixing one file: made again without what failed, until nothing is left to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from imgbudget.fixed import FailedFix, FileFix
from imgbudget.model import Finding
from imgbudget.session.choices import Choice
from imgbudget.session.drafts import Draft, Step
from imgbudget.session.proof import WHOLE, Key, unproven
from imgbudget.session.requestdraft import body_changes

STEPS = 16
"""Most steps for one file: two are what sound rules need, each round of refused fixes costs one more."""


@contextmanager
def settled(draft: Draft, choice: Choice) -> Iterator[tuple[Draft, FileFix]]:
    """A file after all steps, which may be itself, and what they have made of it.

    A step counts when each finding that it was to settle is gone and no other has come; else the fixes that
    failed are left out and it is made again.
    """
    refused: dict[Key, str] = {}
    fixed: list[Finding] = []
    after = draft
    try:
        for _ in range(STEPS):
            step = after.step(choice, refused)
            if step is None:
                break
            unsettled = _unsettled(after, step)
            failed = {**step.refused, **unsettled}
            if not unsettled and (step.active or step.draft.images != after.images):
                gone, after = after, step.draft
                fixed += step.active
            else:
                gone = step.draft
                if not failed.keys() - refused.keys():
                    break
            refused |= failed
            if gone is not draft and gone is not after:
                gone.close()
        refused |= choice.left(after.result, refused)
        yield after, _fix_of(draft, after, fixed, refused)
    finally:
        if after is not draft:
            after.close()


def _unsettled(before: Draft, step: Step) -> dict[Key, str]:
    """The fixes of a step that did not do what they were to do."""
    if step.draft is before:
        return {}
    return unproven(before.result.findings, step.draft.result.findings, step.active, moved=step.moved)


def _fix_of(draft: Draft, after: Draft, fixed: list[Finding], refused: dict[Key, str]) -> FileFix:
    coded = {place for code, place in refused if code != WHOLE}
    return FileFix(
        path=draft.path,
        changed=after is not draft,
        fixed=tuple(fixed),
        failed=tuple(
            FailedFix(place._replace(path=draft.path), code or None, reason)
            for (code, place), reason in refused.items()
            if code != WHOLE or place not in coded
        ),
        images=after.images,
        bodies=body_changes(draft.result, after.result),
    )
