"""A file of several pages in a format that the API does not take: each page becomes a file."""

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

from imgbudget.errors import FixError, WriteError
from imgbudget.fixing.convergence import converged
from imgbudget.fixing.decode import frames
from imgbudget.fixing.diff import difference
from imgbudget.fixing.output_files import OutputTarget, is_free
from imgbudget.fixing.revisions import ImageRevision, digest_of, snapshot
from imgbudget.fixing.strategy import FixStrategy
from imgbudget.fixing.writer import Stamp
from imgbudget.model.edits import FailedFix, FileFix, ImageChange
from imgbudget.model.results import Amounts, FileResult
from imgbudget.model.safety import pictures_in, pictures_text
from imgbudget.model.subjects import ImageFacts
from imgbudget.output.base import figure
from imgbudget.pixels.opening import as_fix_error

MOST_PAGES = 1000
"""Files that are written for one file, at most."""


def split(
    revision: ImageRevision, strategy: FixStrategy, target: OutputTarget, expected: Stamp, *, show: bool
) -> FileResult:
    """The result after all pages were fixed and, without `show`, written, the first in place of the file.

    If a page cannot be fixed or written, the file stays, and none of the new files does.

    Raises:
        WriteError: a file cannot be written.
    """
    try:
        return _split(revision, strategy, target, expected, show=show)
    except FixError as error:
        failed = tuple(
            FailedFix(finding.location, finding.code, str(error))
            for finding in revision.result.findings
            if strategy.selects(finding)
        )
        (image,) = revision.result.images
        # a plan has no findings
        failed = failed or (FailedFix(image.use.location, None, str(error)),)
        return revision.result._replace(fix=FileFix(revision.path, failed=failed))


def _split(
    revision: ImageRevision, strategy: FixStrategy, target: OutputTarget, expected: Stamp, *, show: bool
) -> FileResult:
    if target.output_dir is None and os.path.islink(revision.path):
        raise WriteError(f"{revision.path}: is a link and cannot be renamed; name its target instead")
    (image,) = revision.result.images
    facts = image.use.facts or ImageFacts(byte_size=0)
    original = snapshot(image.use, image.limits, digest_of(revision.data))
    pages: list[ImageRevision] = []
    changes: list[ImageChange] = []
    text, before, after = "", Amounts.of(revision.result, revision.byte_size), Amounts()
    with ExitStack() as added:
        for number, data in enumerate(_pages(revision.data, facts), 1):
            page = _fixed_page(revision, number, data, strategy)
            if page.change is None:
                raise FixError(f"page {number} is not changed by any fix")
            after = after.plus(Amounts.of(page.result, page.byte_size))
            was = page.change.before
            old = original._replace(size=was.size, tokens=was.tokens, tokens_range=was.tokens_range)
            location = page.change.location._replace(path=page.path)
            changes.append(page.change._replace(location=location, before=old))
            if show:
                text += difference(revision._replace(data=data), page._replace(change=changes[-1]))
            elif pages:
                _add(revision, page, target, added)
            # of the pages that are written, only the findings are still needed
            pages.append(page._replace(data=b"") if pages else page)
        if not show:
            _replace(revision, pages[0], target, expected)
            added.pop_all()
    names = tuple(target.target(revision.path, page.path) for page in pages)
    fix = FileFix(
        path=revision.path,
        written=None if show else names[0],
        changed=True,
        fixed=tuple(finding for finding in revision.result.findings if strategy.selects(finding)),
        images=tuple(changes),
        bytes_before=len(revision.data),
        bytes_after=len(pages[0].data),
        digest_before=original.digest,
        digest_after=digest_of(pages[0].data),
        difference=text,
        before=before,
        after=after,
        pages=names,
        removed=() if show or target.output_dir is not None else (revision.path,),
        backup=target.backup and not show,
    )
    return pages[0].result._replace(
        images=tuple(image for page in pages for image in page.result.images),
        findings=tuple(finding for page in pages for finding in page.result.findings),
        suppressed=sum(page.result.suppressed for page in pages),
        baselined=sum(page.result.baselined for page in pages),
        fix=fix,
    )


def _pages(data: bytes, facts: ImageFacts) -> Iterator[bytes]:
    """Each page as a separate TIFF file, without loss. Raises FixError."""
    count, form = pictures_in(facts), facts.format or ""
    if count > MOST_PAGES:
        raise FixError(f"has {pictures_text(facts)}; imgbudget writes at most {figure(MOST_PAGES)}")
    found = 0
    for found, frame in enumerate(frames(data, form), 1):
        out = io.BytesIO()
        with as_fix_error(f"page {found} cannot be separated"):
            frame.save(out, "TIFF", icc_profile=frame.info.get("icc_profile"))
        yield out.getvalue()
    if found != count:
        raise FixError(f"has {pictures_text(facts)}, of which {figure(found)} can be decoded")


def _fixed_page(revision: ImageRevision, number: int, data: bytes, strategy: FixStrategy) -> ImageRevision:
    """A page after its fixes, `scan-p1.png` for the first one of `scan.tif`. Raises FixError."""
    stem, suffix = os.path.splitext(revision.path)
    before = ImageRevision.of(revision.context, f"{stem}-p{number}{suffix}", data)
    with converged(before, strategy.of_pages) as (after, fix):
        if fix.failed:
            raise FixError(f"page {number}: {fix.failed[0].reason}")
        if not isinstance(after, ImageRevision):
            raise TypeError(after)
        return after


def _add(revision: ImageRevision, page: ImageRevision, target: OutputTarget, added: ExitStack) -> None:
    """Write a page beside the file, to be removed again if a later one fails."""
    new_path = target.target(revision.path, page.path)
    if os.path.lexists(new_path) and is_free(new_path, page.data):
        return  # of a killed run
    with target.add(revision.path, page.path) as out:
        out.write(page.data)
        out.flush()
        _verify(page, out.fileno())
    added.callback(partial(target.remove_added, revision.path, page.path))


def _replace(revision: ImageRevision, page: ImageRevision, target: OutputTarget, expected: Stamp) -> None:
    """Write the first page in place of the file."""
    if target.is_done(revision.path, page.path):
        target.finish(revision.path, expected)
        return
    with target.open(revision.path, page.path, expected) as out:
        out.write(page.data)
        out.flush()
        _verify(page, out.fileno())


def _verify(page: ImageRevision, fd: int) -> None:
    if page.read_back(fd).findings != page.result.findings:
        raise WriteError(
            f"{page.path}: verification failed: the written file differs from the planned result;"
            " original left unchanged"
        )
