"""Whether a file is a list of images, and what its rows show: which fields and which lists have images.

Requests are not lists: a URL or base64 in their messages is for an API, and is checked as a request.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from imgbudget.auditing.inputs.fieldnames import FieldKind
from imgbudget.auditing.inputs.listfiles import (
    ListForm,
    ListRow,
    form_of,
    is_packed_list,
    open_list,
    rows_of_list,
)
from imgbudget.auditing.inputs.opening import fingerprint
from imgbudget.auditing.inputs.rowimages import ImageForm, Profile, RowValue, Survey
from imgbudget.auditing.inputs.rowtexts import is_web
from imgbudget.auditing.partition import container_of
from imgbudget.model.location import Keys

_SURVEYED = 1000
"""Rows with something like an image that are looked at before the list is read."""

_MOST_INDEX = 4 << 20
"""Bytes of a list of lists."""

TURNS = ("messages", "contents", "input")
"""Keys of requests: an API reads the URLs in them, so they are checked as requests."""

_KEYS_SENT = """
message body request requests response params payload parts input contents arguments tooluseresult tool_calls
function entry log kwargs state request_body prompt instances
"""
_SENT = frozenset(_KEYS_SENT.split())
"""Keys of recorded requests and of sessions of agents, which are no rows."""

_SAID = frozenset(("messages", "conversations", "content", "turns"))
_HUBS = ("hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name")


class ListedList(NamedTuple):
    """A list that a list of lists names: the field of its images, the folder that its paths begin at.

    `elsewhere` is the place of one that is not a file.
    """

    name: str
    path: str | None
    fields: tuple[str, ...] = ()
    root: str | None = None
    elsewhere: str | None = None


class ListShape(NamedTuple):
    """What a list is: its form, what its rows show, the lists in a JSON object that have images.

    `lists` are the lists that it names; it has no images itself then.
    """

    form: ListForm
    profile: Profile
    sections: frozenset[str] = frozenset()
    lists: tuple[ListedList, ...] = ()


def shape_of(where: str, fields: Sequence[str] = ()) -> ListShape | None:
    """The shape of a list, None for any other file.

    Raises:
        OSError: it cannot be read. Others: as its parser does.
    """
    if form_of(where) is None:
        return None
    return _shape_of(where, fingerprint(where), tuple(fields))


@lru_cache(maxsize=16)
def _shape_of(where: str, _fingerprint: str, fields: tuple[str, ...]) -> ListShape | None:
    form = form_of(where)
    if form is None:
        return None
    if form is ListForm.JSON and (lists := _index(where)):
        return ListShape(form, Profile(), lists=lists)
    survey = Survey(fields)
    places: set[tuple[str, str]] = set()
    is_list: bool | None = None
    with open_list(where) as stream:
        for row in rows_of_list(stream, form):
            if row.broken or not (found := survey.add(row.value)):
                continue
            places.update((row.section, one.field) for one in found)
            if is_list is None:
                is_list = rows_list_images(
                    row, found, form, by_name=bool(fields), packed=is_packed_list(where)
                )
            if is_list is False:
                return None
            if survey.rows >= _SURVEYED:
                break
    if not is_list:
        return None
    profile = survey.profile()
    used = survey.used(profile)
    return ListShape(form, profile, frozenset(section for section, field in places if field in used))


def rows_list_images(
    row: ListRow, found: Sequence[RowValue], form: ListForm, *, by_name: bool, packed: bool = False
) -> bool | None:
    """Whether this is the row of a list of images; None if another one has to tell.

    Images in base64 are found in JSON of any shape, so that it need not be a list; not so in one that is
    `packed`, which only lists are opened for.
    """
    if form in (ListForm.CSV, ListForm.TSV):
        return True
    if by_name and any(one.tier is FieldKind.IMAGE for one in found):
        return True
    turns = isinstance(row.value, dict) and any(key in row.value for key in TURNS)
    sent = False
    for one in found:
        keys = _lowered((*row.base, *one.keys))
        in_turns = not _SAID.isdisjoint(keys)
        if one.form is ImageForm.PATH or (one.form is ImageForm.URL and not is_web(one.value)):
            if _SENT.isdisjoint(keys) and (
                one.tier is FieldKind.IMAGE or (one.looks and not in_turns and not turns)
            ):
                return True
        elif turns or in_turns or not _SENT.isdisjoint(keys):
            sent = True
        elif one.looks and (one.form is ImageForm.URL or (packed and one.form is ImageForm.TEXT)):
            return True
    return False if sent else None


def _lowered(keys: Keys) -> set[str]:
    return {key.lower() for key in keys[:-1] if isinstance(key, str)}


def _index(where: str) -> tuple[ListedList, ...]:
    """The lists that a `dataset_info.json` of LLaMA-Factory or a meta file of InternVL names."""
    with open_list(where) as stream:
        data = stream.read(_MOST_INDEX + 1)
    if len(data) > _MOST_INDEX:
        return ()
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(value, dict) or not all(isinstance(entry, dict) for entry in value.values()):
        return ()
    lists = tuple(_listed(name, entry) for name, entry in value.items())
    return tuple(one for one in lists if one) if all(lists) else ()


def _listed(name: str, entry: dict[str, Any]) -> ListedList | None:
    for hub in _HUBS:
        if isinstance(entry.get(hub), str) and not isinstance(entry.get("file_name"), str):
            return ListedList(name, None, elsewhere=entry[hub])
    annotation = entry.get("annotation")
    if isinstance(annotation, str) and isinstance(entry.get("root"), str):
        return ListedList(name, annotation, root=entry["root"])
    path = entry.get("file_name")
    columns = entry.get("columns")
    known = {"formatting", "columns", "tags", "ranking", "subset", "split", "folder", "num_samples"}
    if not isinstance(path, str) or not (form_of(path) or container_of(path) or not known.isdisjoint(entry)):
        return None
    images = columns.get("images") if isinstance(columns, dict) else None
    return ListedList(name, path, (images,) if isinstance(images, str) else ())
