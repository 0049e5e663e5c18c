"""Whether a file that a search found is a list of images, and why one is not read that seems to be.

It is decided by the beginning of the file, of a training set whose first rows are text alone by more of it.

A named file is a list if any row of it has an image. In a folder there are settings, logs and results too, so
that more is asked: fields named after images in most rows, or names of files that exist.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, cast

from imgbudget.auditing.failures import reason_of, until_failure
from imgbudget.auditing.inputs.fieldnames import FieldKind
from imgbudget.auditing.inputs.listfiles import TABLES, ListForm, ListRow, form_of, open_list, rows_of_list
from imgbudget.auditing.inputs.listshape import TURNS, rows_list_images, shape_of
from imgbudget.auditing.inputs.rowimages import ImageForm, RowValue, Survey
from imgbudget.auditing.inputs.rowtexts import is_web
from imgbudget.auditing.unopened import IMAGE_TEXTS, has_image_text
from imgbudget.errors import UnreadableError

_LOOK = 1 << 20
"""Bytes that must show something like the name or the data of an image."""

_MOST = 64 << 20
"""Bytes that are looked at for that, and for such a row, if the first rows may be text of a training set."""

_HEAD = 4 << 20
"""Bytes whose rows are looked at: the beginning of a list with an image in each row has one of them."""

_OVERLAP = 32
"""Bytes of a step that are looked at with the next one: no hint is longer."""

_ROWS = 200
_REQUESTED = frozenset(("model", "custom_id", "contents", "input", "message", "body", "max_tokens"))
"""Fields that requests, batches and sessions have, and training sets have not."""

_NAMES = 20
"""Names of files that are looked for."""

_KEYS_OF_ROWS = """
images annotations data samples rows examples items instances train validation val test _via_img_metadata
"""
_SECTIONS = frozenset(_KEYS_OF_ROWS.split())
"""Names of lists in a JSON object that are lists of rows."""

_HINT = re.compile(
    rb"""\.(?:jpe?g|png|apng|gif|webp|bmp|tiff?|avif|hei[cf]|jxl|jp2|ico)\b|image_id"|data:image/"""
    rb"""|iVBORw0KGgo|/9j/|UklGR|R0lGOD|\bb'\\x(?:89PNG|ff\\xd8)""",
    re.IGNORECASE,
)
_MAY_FOLLOW = re.compile(rb'"(?:conversations|messages|images?)"\s*:')
"""The fields of training sets, whose rows may have an image or not."""

_FILE_NAME = re.compile(r"(?:\A|_)file_names?\Z")
"""The columns of the metadata of an image folder, as `datasets` reads it."""


def is_found_list(where: str, fields: Sequence[str], root: str | None) -> bool:
    """Whether a file of a folder is a list of images.

    Raises:
        OSError: it cannot be read. Others: as its parser does.
    """
    form = form_of(where)
    if form is None:
        return False
    with open_list(where) as stream:
        head = stream.read(_LOOK)
        is_set = _MAY_FOLLOW.search(head) is not None
        if not fields and not _HINT.search(head) and not (is_set and _shows_later(stream, head)):
            return False
    folders = [os.path.dirname(where), *([] if root is None else [root])]
    look = _ListBeginning(form, Survey(fields), folders)
    with open_list(where) as stream, suppress(ValueError, UnreadableError):  # cut off, or no such file
        for row in rows_of_list(cast("IO[bytes]", _CutStream(stream, _MOST if is_set else _HEAD)), form):
            if not look.add(row):
                return False
            if look.rows >= _ROWS and (not is_set or look.strong or look.weak or row.start > _MOST):
                break
    return (look.lists_images or look.is_coco) and shape_of(where, fields) is not None


def unread_list(where: str) -> str | None:
    """Why a table or packed list in a folder is not read although it shows images or is damaged."""
    form = form_of(where)
    if form is None:
        return None
    instead = "name the list itself too" if form in TABLES else "unpack it"

    def reasons() -> Iterator[str]:
        with open_list(where) as stream:
            if has_image_text(stream.read(IMAGE_TEXTS)):
                yield f"a list with images in it, which is not opened in a folder; {instead}"

    return next(until_failure(reasons(), lambda error: (reason_of(error, "damaged list"),)), None)


def _shows_later(stream: IO[bytes], head: bytes) -> bool:
    """Whether what follows the head shows something like an image, up to a bound."""
    left, before = _MOST - len(head), head[-_OVERLAP:]
    while left > 0 and (data := stream.read(min(left, _LOOK))):
        if _HINT.search(before + data):
            return True
        before = data[-_OVERLAP:]
        left -= len(data)
    return False


class _CutStream:
    """The beginning of a stream."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int = -1) -> bytes:
        """So many bytes, none where the beginning ends."""
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def readline(self, size: int = -1) -> bytes:
        """A line, cut off where the beginning ends."""
        data = self._stream.readline(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


@dataclass(slots=True)
class _ListBeginning:
    """What the first rows show."""

    form: ListForm
    survey: Survey
    folders: list[str]
    rows: int = 0
    strong: int = 0
    """Rows with an image in a field that is named after images."""
    weak: int = 0
    """Rows with what looks like an image in another field."""
    names: list[str] = field(default_factory=list)
    sections: set[str] = field(default_factory=set)
    is_coco: bool = False
    """Whether rows refer to images that are listed further on."""
    is_llava: bool = False
    """Whether a row has an image and a conversation, as no other file has."""

    def add(self, row: ListRow) -> bool:
        """Look at a row; False if the file is no list, whatever follows."""
        if row.broken or row.spans or not isinstance(row.value, dict | str):
            return True  # an object that is no row may have an image too: an icon, a label
        if row.section == "annotations" and isinstance(row.value, dict) and "image_id" in row.value:
            self.is_coco = True
            return True
        found = self.survey.add(row.value)
        self.rows += 1
        if not found:
            return not _is_request(row.value) or _may_be_text_row(row.value)
        listed = rows_list_images(row, found, self.form, by_name=False)
        beside = any(_is_strong(one) and len(one.keys) <= 2 for one in found)
        if listed is False or (_is_request(row.value) and not beside):
            return False
        shown = [one for one in found if self._shows(one)]
        if not shown or not listed:
            return True
        if any(_is_strong(one) for one in shown):
            self.strong += 1
            self.is_llava |= isinstance(row.value, dict) and isinstance(row.value.get("conversations"), list)
        else:
            self.weak += 1
        self.sections.add(row.section)
        self.names += [one.value for one in shown if one.form is ImageForm.PATH and len(self.names) < _NAMES]
        return True

    def _shows(self, one: RowValue) -> bool:
        if one.form is ImageForm.PATH or (one.form is ImageForm.URL and is_web(one.value)):
            return one.looks
        return one.form <= ImageForm.TEXT and one.looks and self.form in (ListForm.CSV, ListForm.TSV)

    @property
    def lists_images(self) -> bool:
        """Whether the rows are those of a list of images."""
        are_rows = self.sections == {""} or not _SECTIONS.isdisjoint(self.sections)
        if any(self._exists(name) for name in self.names):
            return self.strong > 0 or (are_rows and 2 * self.weak >= self.rows)
        return are_rows and (self.is_llava or 2 * self.strong >= self.rows > 0)

    def _exists(self, name: str) -> bool:
        return not os.path.isabs(name) and any(
            os.path.isfile(os.path.join(one, name)) for one in self.folders
        )


def _is_strong(one: RowValue) -> bool:
    return one.tier is FieldKind.IMAGE or one.form <= ImageForm.TEXT or bool(_FILE_NAME.search(one.field))


def _may_be_text_row(value: Any) -> bool:
    """Whether what may be a request may also be the row of a training set without an image."""
    return isinstance(value, dict) and _REQUESTED.isdisjoint(value)


def _is_request(value: Any) -> bool:
    return isinstance(value, dict) and any(key in value for key in (*TURNS, "message", "custom_id"))
