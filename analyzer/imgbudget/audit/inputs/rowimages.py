"""Which values of a row are images, and in which form: the one place that knows it for lists and tables.

A row is what JSON makes of it, with a `memoryview` where a table has bytes. Data is recognised by its first
bytes, wherever it is. Paths and URLs are recognised by their field and its values in many rows: `Profile`.
"""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from imgbudget.audit.inputs.fieldnames import FieldKind, carries, is_sized, kind_of_field, subject_of
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.model.location import Key, Keys
from imgbudget.requests.payloads import LEAST, begins_payload

MOST_NAME = 8192
"""Characters of a text above which it is no path or URL of an image."""

_MOST_DEPTH = 40
_MOST_NESTED = 64 << 20
"""Characters of a text that is parsed as JSON."""

_MOST_LITERAL = 1 << 20
_MOST_TAGGED = 1 << 20
_SHORTEST = 5


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


UNUSABLE = "what the entry names an image by is not a path"
NO_IMAGE_DATA = "what the entry names an image by is a data URI, but not of an image"

_TAGGED = re.compile(r"<img>([^<>\n]{1,2048})</img>")
_PLACEHOLDER = re.compile(r"<(?:image|image_\d+|\|image_?\d*\||\|image_pad\||img_context)>", re.IGNORECASE)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_SIGNATURES = (
    *(
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"GIF87a",
        b"GIF89a",
        b"II*\0",
        b"MM\0*",
        b"\0\0\0\x0cJXL ",
        b"\xff\x0a",
    ),
    *(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"8BPS", b"qoif", b"II+\0", b"MM\0+"),
)
_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


def begins_as_image(head: bytes) -> bool:
    """Whether bytes begin as those of an image format."""
    if head.startswith(_SIGNATURES):
        return True
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    if head[4:8] == b"ftyp":
        return head[8:12] in _BRANDS
    return head[:2] == b"BM" and len(head) >= 18 and head[6:10] == b"\0\0\0\0" and head[15:18] == b"\0\0\0"


def looks_like_name(text: str) -> bool:
    """Whether a text is the path or URL of an image, by its suffix."""
    if not 4 <= len(text) <= MOST_NAME or "\n" in text:
        return False
    if _URL.match(text):
        text = text.partition("?")[0].partition("#")[0]
    elif "?" in text and text.startswith("/data/local-files/"):
        text = text.rpartition("=")[2]
    dot = text.rfind(".")
    return dot >= 0 and len(text) - dot <= 6 and kind_of(text) is FileKind.IMAGE


def is_data_text(text: str) -> bool:
    """Whether a text is base64 of an image, or a data URI of one."""
    if len(text) < LEAST or not begins_payload(head := text[:256]):
        return False
    declared, comma, rest = head.lstrip().partition(",")
    if declared[:5].lower() != "data:":
        return True
    return declared[:11].lower() == "data:image/" or (bool(comma) and begins_payload(rest))


def is_web(name: str) -> bool:
    """Whether a name is a URL of the web."""
    return _WEB.match(name) is not None


def _candidates(value: Any, fields: Sequence[str] = ()) -> Iterator[RowValue | tuple[Keys, str]]:
    """The values of a row that may be images; a pair of keys and reason for what is none in its place."""
    yield from _walk(value, (), "", FieldKind.OTHER, fields)


def _walk(
    value: Any, keys: Keys, field: str, tier: FieldKind, fields: Sequence[str]
) -> Iterator[RowValue | tuple[Keys, str]]:
    if isinstance(value, str):
        yield from _text(value, keys, field, tier, fields)
    elif isinstance(value, dict):
        yield from _object(value, keys, field, tier, fields)
    elif isinstance(value, list):
        yield from _list(value, keys, field, tier, fields)
    elif isinstance(value, memoryview | bytes) and len(value):
        looks = begins_as_image(bytes(value[:32]))
        yield RowValue(keys, field, tier, ImageForm.BYTES, value, looks)


def _object(
    value: dict[str, Any], keys: Keys, field: str, tier: FieldKind, fields: Sequence[str]
) -> Iterator[RowValue | tuple[Keys, str]]:
    if len(keys) > _MOST_DEPTH:
        return
    found = False
    for key, inner in value.items():
        if inner is None or isinstance(inner, bool | int | float):
            continue
        name = f"{field}.{key}" if field else key
        if fields:
            kind = FieldKind.IMAGE if tier is FieldKind.IMAGE or _is_asked(name, fields) else FieldKind.OTHER
        else:
            kind = kind_of_field(key)
            if kind is not FieldKind.IMAGE and (
                (tier is FieldKind.IMAGE and carries(key)) or (kind is FieldKind.PLACE and is_sized(value))
            ):
                kind = FieldKind.IMAGE
        for candidate in _walk(inner, (*keys, key), name, kind, fields):
            found = True
            yield candidate
    is_other = value.get("type") in ("text", "video", "audio")
    if not found and tier is FieldKind.IMAGE and keys and not is_other and any(value.values()):
        yield keys, UNUSABLE


def _is_asked(name: str, fields: Sequence[str]) -> bool:
    return any(name == asked or name.endswith(f".{asked}") for asked in fields)


def _list(
    value: list[Any], keys: Keys, field: str, tier: FieldKind, fields: Sequence[str]
) -> Iterator[RowValue | tuple[Keys, str]]:
    if len(keys) > _MOST_DEPTH or not value:
        return
    if isinstance(value[0], int | float) and not isinstance(value[0], bool):
        yield from _numbers(value, keys, field, tier)
        return
    unusable = False
    for i, inner in enumerate(value):
        if isinstance(inner, str | dict | list | memoryview | bytes):
            yield from _walk(inner, (*keys, i), field, tier, fields)
        elif inner is not None and tier is FieldKind.IMAGE and not unusable:
            unusable = True
            yield (*keys, i), UNUSABLE


def _numbers(
    value: list[Any], keys: Keys, field: str, tier: FieldKind
) -> Iterator[RowValue | tuple[Keys, str]]:
    """A list of numbers: the bytes of an image, as some writers of JSON have them, or no image."""
    head = value[:32]
    if len(value) >= 32 and all(isinstance(one, int) and 0 <= one < 256 for one in head):
        data = bytes(head)
        if begins_as_image(data):
            try:
                yield RowValue(keys, field, tier, ImageForm.BYTES, bytes(value), looks=True)
            except (ValueError, TypeError):
                yield keys, UNUSABLE
            return
    if tier is FieldKind.IMAGE:
        yield keys, UNUSABLE


def _text(
    value: str, keys: Keys, field: str, tier: FieldKind, fields: Sequence[str]
) -> Iterator[RowValue | tuple[Keys, str]]:
    length = len(value)
    if length < _SHORTEST and tier is FieldKind.OTHER:
        return
    if length >= LEAST and is_data_text(value):
        yield RowValue(keys, field, tier, ImageForm.TEXT, value, looks=True)
    elif value[:1] in ("[", "{") and (nested := nested_value(value)) is not None:
        yield from _walk(nested, keys, field, tier, fields)
    elif "</img>" in value and length <= _MOST_TAGGED:
        yield from _tagged(value, keys, field)
    elif tier is FieldKind.IMAGE and value[:5].lower() == "data:":
        yield keys, NO_IMAGE_DATA
    elif not value.isspace() and (
        tier is not FieldKind.OTHER
        or ("." in value[-6:] and (" " not in value or "/" in value) and looks_like_name(value))
    ):
        form = _form_of(value)
        looks = looks_like_name(value) or (form is ImageForm.URL and tier is FieldKind.IMAGE)
        yield RowValue(keys, field, tier, form, value, looks)


def _form_of(name: str) -> ImageForm:
    return ImageForm.URL if _URL.match(name) and name[:5].lower() != "file:" else ImageForm.PATH


def nested_value(text: str) -> dict[str, Any] | list[Any] | None:
    """The object or list that a text is in JSON, or as Python writes lists of texts; None if neither."""
    if len(text) > _MOST_NESTED or text.rstrip()[-1:] not in ("]", "}"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if len(text) > _MOST_LITERAL or "'" not in text:
            return None
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None
    return value if isinstance(value, dict | list) else None


def _tagged(value: str, keys: Keys, field: str) -> Iterator[RowValue]:
    """The images that a text of Qwen-VL names between tags."""
    for name in _TAGGED.findall(value):
        yield RowValue(keys, field, FieldKind.IMAGE, _form_of(name), name.strip(), looks=True)


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
        self.rows = 0
        """Rows with a candidate."""

    def add(self, row: Any) -> list[RowValue]:
        """Look at a row; its candidates."""
        found = [one for one in _candidates(row, self._fields) if isinstance(one, RowValue)]
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


def read_row(row: Any, profile: Profile) -> RowReading:
    """The images of a row, each once, however often the row names it."""
    taken: list[RowValue] = []
    flaws: list[tuple[Keys, str]] = []
    passed: list[RowValue] = []
    for one in _candidates(row, profile.fields):
        if not isinstance(one, RowValue):
            flaws.append(one)
        elif _is_image(one, profile):
            taken.append(one)
        elif one.looks or (one.form is ImageForm.BYTES and profile.data):
            passed.append(one)
    images = _merged(taken)
    if images or flaws:
        return RowReading(images, tuple(flaws))
    guesses = _merged([one for one in passed if one.form > ImageForm.TEXT and not profile.fields])
    return RowReading((), (), _doubt(row, passed), guesses)


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


def _doubt(row: Any, passed: Sequence[RowValue]) -> str | None:
    """Why a row without images seems to have one."""
    for one in passed:
        if one.form is ImageForm.BYTES:
            return f"the bytes in its field {one.field!r} are not those of an image"
        return f"names what may be an image in its field {one.field!r}, other rows do not; see --image-field"
    if any(_PLACEHOLDER.search(text) for text in _texts(row)):
        return "its text has a place for an image, but the row names none"
    return None


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        if "<" in value:
            yield value
    elif depth < _MOST_DEPTH and isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
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
