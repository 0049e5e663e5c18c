"""Whether a file that a search found is a list of images: it is decided by the beginning of the file.

A named file is a list if any row of it has an image. In a folder there are settings, logs and results too, so
that more is asked: fields named after images in most rows, or names of files that exist.
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, cast

from imgbudget.audit.inputs.fieldnames import FieldKind
from imgbudget.audit.inputs.listfiles import ListForm, ListRow, form_of, open_list, rows_of_list
from imgbudget.audit.inputs.listshape import TURNS, rows_list_images, shape_of
from imgbudget.audit.inputs.rowimages import ImageForm, RowValue, Survey
from imgbudget.audit.inputs.rowtexts import is_web
from imgbudget.errors import UnreadableError

_LOOK = 1 << 20
"""Bytes that must show something like the name or the data of an image."""

_HEAD = 4 << 20
"""Bytes whose rows are looked at: the beginning of a list with an image in each row has one of them."""

_ROWS = 200
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
        if not fields and not _HINT.search(stream.read(_LOOK)):
            return False
    folders = [os.path.dirname(where), *([] if root is None else [root])]
    look = _ListBeginning(form, Survey(fields), folders)
    with open_list(where) as stream, suppress(ValueError, UnreadableError):  # cut off, or no such file
        for row in rows_of_list(cast("IO[bytes]", _CutStream(stream)), form):
            if not look.add(row):
                return False
            if look.rows >= _ROWS:
                break
    return (look.lists_images or look.is_coco) and shape_of(where, fields) is not None


class _CutStream:
    """The beginning of a stream."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = _HEAD

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
            return not _is_request(row.value)
        listed = rows_list_images(row, found, self.form, by_name=False)
        beside = any(_is_strong(one) and len(one.keys) <= 2 for one in found)
        if listed is False or (_is_request(row.value) and not beside):
            return False
        shown = [one for one in found if self._shows(one)]
        if not shown or not listed:
            return True
        if any(_is_strong(one) for one in shown):
            self.strong += 1
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
        return are_rows and 2 * self.strong >= self.rows > 0

    def _exists(self, name: str) -> bool:
        return not os.path.isabs(name) and any(
            os.path.isfile(os.path.join(one, name)) for one in self.folders
        )


def _is_strong(one: RowValue) -> bool:
    return one.tier is FieldKind.IMAGE or one.form <= ImageForm.TEXT or bool(_FILE_NAME.search(one.field))


def _is_request(value: Any) -> bool:
    return isinstance(value, dict) and any(key in value for key in (*TURNS, "message", "custom_id"))
