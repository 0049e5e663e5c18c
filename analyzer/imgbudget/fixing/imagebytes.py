"""The bytes of the images in a file that was checked: of an image file, or of each block of its requests."""

from collections.abc import Iterator, Sequence

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.errors import FixError, UnreadableError, os_error_text
from imgbudget.fixing.request import slot_of
from imgbudget.fixing.writer import read_file
from imgbudget.jsontext.base64text import inspect
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.edit import value_at
from imgbudget.jsontext.source import JsonSource
from imgbudget.limits.values import figure
from imgbudget.linter.run import Session
from imgbudget.model.location import Location
from imgbudget.model.subjects import ImageUse, ProbeField
from imgbudget.model.text import HeldBytes
from imgbudget.model.unread import why_no_bytes


def image_bytes(
    path: str,
    uses: Sequence[ImageUse],
    *,
    most: int,
    text: bytes | None = None,
    session: Session | None = None,
) -> Iterator[tuple[ImageUse, bytes | FixError]]:
    """The bytes of images of one file, each once, in the order of the file; an error says why there are none.

    `text` is read in place of the file, if it is given. `most` bounds the bytes of an image. Images that are
    elsewhere (a URL, a file id) have none; those inside other text or in a database, as of recordings and
    sessions, only with the `session` of a run that found them: the file is then checked again for its bytes.
    """
    left = {use.location: use for use in uses}
    try:
        for use in tuple(left.values()):
            if use.facts is None:
                yield left.pop(use.location), FixError(why_no_bytes(use))
            elif not use.in_request:
                del left[use.location]
                size = use.facts.byte_size
                yield use, _of_file(path, most) if size <= most else _too_large(size, most)
        if left:
            yield from _of_blocks(path, left, most, text)
        if left and session is not None:
            yield from _of_other_text(path, left, most, session)
    except (OSError, UnreadableError) as error:
        why = os_error_text(error) if isinstance(error, OSError) else str(error)
        for use in left.values():
            yield use, FixError(f"cannot be read: {why}")
        return
    for use in left.values():
        yield use, FixError("is inside other text, from which only its size is read")


def _of_other_text(
    path: str, left: dict[Location, ImageUse], most: int, session: Session
) -> Iterator[tuple[ImageUse, bytes | FixError]]:
    """The images inside other text, as a check finds them; those that are taken are removed from `left`."""
    options = session.options._replace(
        fields=session.options.fields | ProbeField.BYTES, cache=False, text=False
    )
    for result in Session(options).check(path):
        for image in result.images:
            held = image.use.facts and image.use.facts.text
            if isinstance(held, HeldBytes) and image.use.location in left:
                use = left.pop(image.use.location)
                yield use, held.data if len(held.data) <= most else _too_large(len(held.data), most)


def _of_file(path: str, most: int) -> bytes | FixError:
    try:
        data = read_file(path)[0]
    except OSError as error:
        return FixError(f"cannot be read: {os_error_text(error)}")
    return data if len(data) <= most else _too_large(len(data), most)


def _too_large(size: int, most: int) -> FixError:
    return FixError(f"has {figure(size)} bytes, more than the {figure(most)} that are read")


def _of_blocks(
    path: str, left: dict[Location, ImageUse], most: int, text: bytes | None
) -> Iterator[tuple[ImageUse, bytes | FixError]]:
    """The images in blocks of JSON; those that are taken are removed from `left`."""
    by_document: dict[int, list[ImageUse]] = {}
    for use in left.values():
        if use.location.keys and not use.location.outer_depth:
            by_document.setdefault(use.location.document, []).append(use)
    kind = kind_of(path)
    if not by_document or kind in {FileKind.DATABASE, FileKind.YAML, FileKind.TEXT}:
        return
    with JsonSource.open(path) if text is None else JsonSource.from_bytes(text) as source:
        for document in open_documents(source, lines=kind is FileKind.JSONL, check=False):
            here = by_document.pop(document.number, ())
            if isinstance(document, Document):
                for use in here:
                    del left[use.location]
                    yield use, _of_block(document, use, most)
            if not by_document:
                return


def _of_block(document: Document, use: ImageUse, most: int) -> bytes | FixError:
    try:
        slot = slot_of(document, use.location.keys or ())
    except FixError as error:
        return error
    text = inspect(document.payload(value_at(document, slot.data)), prefixed=slot.is_uri)
    if not text.repairable:
        return FixError("its base64 text cannot be read")
    return text.read(text.byte_size, 0) if text.byte_size <= most else _too_large(text.byte_size, most)
