"""Which values of a row are images, and in which form: the one place that knows it for lists and tables.

A row is what JSON makes of it, with a `memoryview` where a table has bytes. Data is recognised by its first
bytes, wherever it is. Paths and URLs are recognised by their field and its values in many rows: `Profile`.
"""

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from imgbudget.auditing.inputs.fieldnames import FieldKind, carries, is_sized, kind_of_field, subject_of
from imgbudget.auditing.inputs.placeholders import has_video, place_mismatch
from imgbudget.auditing.inputs.rowtexts import HEAD, is_data_text, looks_like_name, nested_value
from imgbudget.auditing.inputs.values import starts_as_image
from imgbudget.model.location import Key, Keys
from imgbudget.requests.payloads import LEAST

_MOST_DEPTH = 40
_MOST_TAGGED = 1 << 20
_FIRST = frozenset("/_\\iRUQSTAdD")
"""The first characters of base64 and data URIs of images."""


_PROSE = frozenset(map(chr, range(0x21, 0x7F))) - _FIRST - frozenset("[{")
"""Characters that begin neither data, nor JSON, nor texts of which more is to be looked at."""


class ImageForm(IntEnum):
    """How a value is an image, the most direct form first."""

    BYTES = 0
    TEXT = 1
    """Base64, with or without the beginning of a data URI."""
    PATH = 2
    URL = 3


class RowValue(NamedTuple):
    """A value that may be an image: its keys, its field (the keys without the numbers of lists), its form.

    `looks`: whether the value itself looks like an image, or its name like that of one.
    """

    keys: Keys
    field: str
    tier: FieldKind
    form: ImageForm
    value: Any
    looks: bool


class RowImage(NamedTuple):
    """An image of a row: its keys, its bytes or base64 if the row has them, its path or URL if it names one.

    `others` are further names of the same image, which are tried if there is no file of the first.
    """

    keys: Keys
    name: str | None
    data: Any = None
    others: tuple[str, ...] = ()


class RowReading(NamedTuple):
    """What a row has: its images, why a value in the place of an image is none, why it seems to have others.

    `flaws` are reasons with the keys of the value; `doubt` is why a row without images seems to miss one.
    `guesses` are images if there are files of their names: fields name them which other rows do not use.
    """

    images: tuple[RowImage, ...]
    flaws: tuple[tuple[Keys, str], ...] = ()
    doubt: str | None = None
    guesses: tuple[RowImage, ...] = ()
    mismatch: str | None = None
    """Why its images do not fit the places for images in its text."""


UNUSABLE = "what the entry names an image by is not a path"
NO_IMAGE_DATA = "what the entry names an image by is a data URI, but not of an image"

_TAGGED = re.compile(r"<img>([^<>\n]{1,2048})</img>")
_PLACEHOLDER = re.compile(r"<(?:image|image_\d+|\|image_?\d*\||\|image_pad\||img_context)>", re.IGNORECASE)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://")


class _RowWalk:
    """The walk over a row: gathers values that may be images, and reasons of what is none in its place."""

    __slots__ = ("_fields", "flaws", "values")

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self.values: list[RowValue] = []
        self.flaws: list[tuple[Keys, str]] = []

    def over(self, value: Any, keys: Keys = (), field: str = "", kind: FieldKind = FieldKind.OTHER) -> None:
        """Look at a value and all in it."""
        if isinstance(value, str):
            if kind is not FieldKind.OTHER or _may_be_image(value):
                self._text(value, keys, field, kind)
        elif isinstance(value, dict):
            self._object(value, keys, field, kind)
        elif isinstance(value, list):
            self._list(value, keys, field, kind)
        elif isinstance(value, memoryview | bytes) and len(value):
            looks = starts_as_image(bytes(value[:HEAD]))
            self.values.append(RowValue(keys, field, kind, ImageForm.BYTES, value, looks))

    def _object(self, value: dict[str, Any], keys: Keys, field: str, kind: FieldKind) -> None:
        if len(keys) > _MOST_DEPTH:
            return
        before = len(self.values) + len(self.flaws)
        in_image = kind is FieldKind.IMAGE
        plain, other = not in_image and not self._fields, FieldKind.OTHER
        for key, inner in value.items():
            if not isinstance(inner, _WALKED):
                continue
            if plain and isinstance(inner, str) and kind_of_field(key) is other and not _may_be_image(inner):
                continue  # most values are texts
            name = f"{field}.{key}" if field else key
            mine = self._kind(key, name, value, in_image=in_image)
            if mine is FieldKind.OTHER:
                if isinstance(inner, str):
                    if _may_be_image(inner):
                        self._text(inner, (*keys, key), name, mine)
                    continue
                if isinstance(inner, list) and _has_only_numbers(inner):
                    continue
            self.over(inner, (*keys, key), name, mine)
        is_other = value.get("type") in ("text", "video", "audio")
        if (
            in_image
            and before == len(self.values) + len(self.flaws)
            and keys
            and not is_other
            and any(value.values())
        ):
            self.flaws.append((keys, UNUSABLE))

    def _kind(self, key: str, name: str, around: dict[str, Any], *, in_image: bool) -> FieldKind:
        """What the name of a field says, `in_image` in the object of an image."""
        if self._fields:
            return FieldKind.IMAGE if in_image or _is_asked(name, self._fields) else FieldKind.OTHER
        kind = kind_of_field(key)
        if kind is FieldKind.OTHER and not in_image:
            return kind
        is_place = kind is FieldKind.PLACE and is_sized(around)
        return FieldKind.IMAGE if is_place or (in_image and carries(key)) else kind

    def _list(self, value: list[Any], keys: Keys, field: str, kind: FieldKind) -> None:
        if len(keys) > _MOST_DEPTH or not value:
            return
        if isinstance(value[0], int | float) and not isinstance(value[0], bool):
            self._numbers(value, keys, field, kind)
            return
        unusable = False
        plain = kind is FieldKind.OTHER and not self._fields
        for i, inner in enumerate(value):
            if plain and inner.__class__ is dict and _has_only_prose(inner):
                continue  # messages: most objects of a list
            if isinstance(inner, _WALKED):
                self.over(inner, (*keys, i), field, kind)
            elif inner is not None and kind is FieldKind.IMAGE and not unusable:
                unusable = True
                self.flaws.append(((*keys, i), UNUSABLE))

    def _numbers(self, value: list[Any], keys: Keys, field: str, kind: FieldKind) -> None:
        """A list of numbers: the bytes of an image, as some writers of JSON have them, or no image."""
        head = value[:HEAD]
        if (
            len(value) >= HEAD
            and all(isinstance(one, int) and 0 <= one < 256 for one in head)
            and starts_as_image(bytes(head))
        ):
            try:
                data = bytes(value)
            except (ValueError, TypeError):
                self.flaws.append((keys, UNUSABLE))
            else:
                self.values.append(RowValue(keys, field, kind, ImageForm.BYTES, data, looks=True))
        elif kind is FieldKind.IMAGE:
            self.flaws.append((keys, UNUSABLE))

    def _text(self, value: str, keys: Keys, field: str, kind: FieldKind) -> None:
        length = len(value)
        if length >= LEAST and is_data_text(value):
            self.values.append(RowValue(keys, field, kind, ImageForm.TEXT, value, looks=True))
        elif value[:1] in ("[", "{") and (nested := nested_value(value)) is not None:
            self.over(nested, keys, field, kind)
        elif "</img>" in value and length <= _MOST_TAGGED:  # as Qwen-VL names images in a text
            for name in _TAGGED.findall(value):
                form = _form_of(name)
                self.values.append(RowValue(keys, field, FieldKind.IMAGE, form, name.strip(), looks=True))
        elif kind is FieldKind.IMAGE and value[:5].lower() == "data:":
            self.flaws.append((keys, NO_IMAGE_DATA))
        elif not value.isspace() and (
            kind is not FieldKind.OTHER or ((" " not in value or "/" in value) and looks_like_name(value))
        ):
            form = _form_of(value)
            looks = looks_like_name(value) or (form is ImageForm.URL and kind is FieldKind.IMAGE)
            if value:
                self.values.append(RowValue(keys, field, kind, form, value, looks))


_WALKED = (str, dict, list, memoryview, bytes)


def _may_be_image(text: str) -> bool:
    """A fast look at a text in a field of any name: most are prose, and none of what an image may be."""
    if "." in text[-6:-2] or "</img>" in text:
        return True
    first = text[:1]
    if first in _FIRST:
        return len(text) >= LEAST and " " not in text[1:16]
    return first in "[{" or (
        len(text) >= LEAST and (first in " \t\r\n" or not (first.isalnum() or first < "\x7f"))
    )


def _has_only_prose(value: dict[str, Any]) -> bool:
    """Whether nothing in an object may be an image: all of it is prose or no text, in fields of any name."""
    for key, inner in value.items():
        if inner.__class__ is str:
            is_prose = inner[:1] in _PROSE and "." not in inner[-6:-2] and "</img>" not in inner
            if not (is_prose or not _may_be_image(inner)) or kind_of_field(key) is not FieldKind.OTHER:
                return False
        elif isinstance(inner, _WALKED):
            return False
    return True


def _has_only_numbers(value: list[Any]) -> bool:
    """Whether a list is a short one of numbers, or one of such lists, as boxes and outlines are."""
    first = value[0] if value else None
    if isinstance(first, list) and first:
        return isinstance(first[0], float) or (isinstance(first[0], int) and len(first) < HEAD)
    return isinstance(first, float) or (isinstance(first, int) and len(value) < HEAD)


def _is_asked(name: str, fields: Sequence[str]) -> bool:
    return any(name == asked or name.endswith(f".{asked}") for asked in fields)


def _form_of(name: str) -> ImageForm:
    return ImageForm.URL if _URL.match(name) and name[:5].lower() != "file:" else ImageForm.PATH


class Profile(NamedTuple):
    """What many rows of a list or table show: which fields name images by path or URL, which have their data.

    If a field named after images has any, others are only names: `file_name` beside `image` is no image.
    """

    named: frozenset[str] = frozenset()
    data: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    """Fields that are named after images and hold something else."""
    by_image: bool = True
    """Whether fields that are named after images name them."""
    fields: tuple[str, ...] = ()
    """The fields of `--image-field`; with them no others are asked."""


class _Seen:
    __slots__ = ("looks", "number", "tier")

    def __init__(self) -> None:
        self.number = self.looks = 0
        self.tier = FieldKind.OTHER


class Survey:
    """Gathers the profile of a list or table from its rows."""

    def __init__(self, fields: Sequence[str] = ()) -> None:
        self._fields = tuple(fields)
        self._names: dict[str, _Seen] = {}
        self._data: set[str] = set()
        self.rows: int = 0
        """Rows with a candidate."""

    def add(self, row: Any) -> list[RowValue]:
        """Look at a row; its candidates."""
        walk = _RowWalk(self._fields)
        walk.over(row)
        found = walk.values
        self.rows += bool(found)
        for one in found:
            if one.form <= ImageForm.TEXT:
                if one.looks:
                    self._data.add(one.field)
                continue
            seen = self._names.setdefault(one.field, _Seen())
            seen.number += 1
            seen.looks += one.looks
            seen.tier = max(seen.tier, one.tier)
        return found

    def profile(self) -> Profile:
        """What the rows show."""
        if self._fields:
            return Profile(data=frozenset(self._data), fields=self._fields)
        mine = {field: seen for field, seen in self._names.items() if seen.tier is FieldKind.IMAGE}
        denied = frozenset(field for field, seen in mine.items() if 2 * seen.looks < seen.number)
        by_image = bool(self._data) or len(denied) < len(mine)
        named: frozenset[str] = frozenset()
        for tier in (FieldKind.PLACE, FieldKind.OTHER):
            if not by_image and not named:
                named = frozenset(
                    field
                    for field, seen in self._names.items()
                    if seen.tier is tier and 2 * seen.looks >= seen.number
                )
        if not by_image and not named:  # names without suffixes, as ids are
            return Profile(data=frozenset(self._data))
        return Profile(named, frozenset(self._data), denied, by_image)

    def used(self, profile: Profile) -> set[str]:
        """The fields that have images."""
        mine = {
            field
            for field, seen in self._names.items()
            if seen.tier is FieldKind.IMAGE and profile.by_image and field not in profile.denied
        }
        return mine | profile.named | profile.data


def read_row(row: Any, profile: Profile, *, doubts: bool = True) -> RowReading:
    """The images of a row, each once, however often it names them; with `doubts` if it seems to miss some."""
    walk = _RowWalk(profile.fields)
    walk.over(row)
    taken, passed = [], []
    for one in walk.values:
        if _is_image(one, profile):
            taken.append(one)
        elif one.looks or (one.form is ImageForm.BYTES and profile.data):
            passed.append(one)
    images = _merged(taken)
    if images or walk.flaws:
        return RowReading(images, tuple(walk.flaws), mismatch=place_mismatch(row) if doubts else None)
    guesses = _merged([one for one in passed if one.form > ImageForm.TEXT and not profile.fields])
    return RowReading((), (), _doubt(row, passed, profile.fields) if doubts else None, guesses)


def _is_image(one: RowValue, profile: Profile) -> bool:
    if profile.fields:
        return one.tier is FieldKind.IMAGE
    if one.form is ImageForm.BYTES:
        return one.looks or one.tier is FieldKind.IMAGE or one.field in profile.data
    if one.form is ImageForm.TEXT:
        return True
    if one.field in profile.data and one.value.isdecimal():
        return False  # VLMEvalKit: the image is that of the row with this index
    named = (
        one.tier is FieldKind.IMAGE and profile.by_image and (one.looks or one.field not in profile.denied)
    )
    return named or one.field in profile.named


def _doubt(row: Any, passed: Sequence[RowValue], fields: Sequence[str]) -> str | None:
    """Why a row without images seems to have one."""
    for one in passed:
        if fields:
            wanted = ", ".join(fields)
            return f"has an image in its field {one.field!r}, but none in --image-field {wanted}"
        if one.form is ImageForm.BYTES:
            return f"the bytes in its field {one.field!r} are not those of an image"
        return f"names what may be an image in its field {one.field!r}, other rows do not; see --image-field"
    if not has_video(row) and any(_PLACEHOLDER.search(text) for text in _texts(row)):
        return "its text has a place for an image, but the row names none"
    return None


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        if "<" in value:
            yield value
    elif isinstance(value, dict) and depth < _MOST_DEPTH:
        for inner in value.values():
            if isinstance(inner, str | dict | list):
                yield from _texts(inner, depth + 1)
    elif isinstance(value, list) and value and depth < _MOST_DEPTH and not isinstance(value[0], int | float):
        for inner in value:
            if isinstance(inner, str | dict | list):
                yield from _texts(inner, depth + 1)


def _merged(found: Sequence[RowValue]) -> tuple[RowImage, ...]:
    """One image for each group of values that are the same image."""
    if not found:
        return ()
    if len(found) == 1:
        return (_image(found),)
    groups: dict[tuple[Any, ...], list[RowValue]] = {}
    for one in found:
        groups.setdefault(_place_of(one), []).append(one)
    images: list[RowImage] = []
    fields: list[str] = []
    for group in groups.values():
        for image in _split(group):
            top = str(image.keys[0]) if image.keys else ""
            if not any(
                _is_same(image, other, top != field) for other, field in zip(images, fields, strict=True)
            ):
                images.append(image)
                fields.append(top)
    return tuple(images)


def _place_of(one: RowValue) -> tuple[Any, ...]:
    """A key that is equal for values about the same: the bytes and the path of an image, or its URL."""
    keys: list[Key] = list(one.keys)
    while (
        len(keys) > 1
        and isinstance(keys[-1], str)
        and carries(keys[-1])
        and kind_of_field(keys[-1]) < FieldKind.IMAGE
    ):
        keys.pop()
    return tuple(subject_of(key) if isinstance(key, str) else key for key in keys)


def _split(group: Sequence[RowValue]) -> Iterator[RowImage]:
    """The images of a group: its best form with what else names it; different files are different images."""
    if len(group) == 1:
        yield _image(group)
        return
    best = min(one.form for one in group)
    if best <= ImageForm.TEXT:
        data = [one for one in group if one.form <= ImageForm.TEXT]
        if len(data) == 1:
            yield _image([*data, *(one for one in group if one.form > ImageForm.TEXT)])
        else:
            yield from (_image([one]) for one in data)
        return
    names = sorted((one for one in group if one.form is best), key=lambda one: -len(one.value))
    urls = [one for one in group if one.form is not best]
    files: list[list[RowValue]] = []
    for one in names:
        same = next((file for file in files if _is_end(_plain(file[0].value), _plain(one.value))), None)
        if same is None:
            files.append([one])
        else:
            same.append(one)
    for file in files:
        yield _image([*file, *(urls if len(files) == 1 else ())])


def _is_end(name: str, end: str) -> bool:
    return name == end or name.endswith(f"/{end}")


def _image(group: Sequence[RowValue]) -> RowImage:
    first = group[0]
    names = [one.value for one in group if one.form > ImageForm.TEXT]
    if first.form <= ImageForm.TEXT:
        return RowImage(first.keys, names[0] if names else None, first.value)
    return RowImage(first.keys, names[0], None, tuple(name for name in names[1:] if name != names[0]))


def _plain(name: str) -> str:
    name = name.removeprefix("file://").replace("\\", "/")
    while name.startswith("./"):
        name = name[2:]
    return name


def _is_same(one: RowImage, other: RowImage, elsewhere: bool) -> bool:  # noqa: FBT001 - a fact about both
    """Whether two images of a row are one; `elsewhere`: they are in different fields of it."""
    if one.data is None and other.data is None:
        a, b = _plain(one.name or ""), _plain(other.name or "")
        return a == b or (elsewhere and (_is_end(a, b) or _is_end(b, a)))
    if one.data is not None and other.data is not None:
        return False  # what a row has twice is there twice
    named = one.name if one.data is None else other.name
    beside = other.name if one.data is None else one.name
    return bool(named and beside) and _plain(str(named)) == _plain(str(beside))
