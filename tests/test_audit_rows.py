"""One finder for rows: the images of lists and tables in the layouts that people use, each image once."""

import base64
import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbudget.auditing.inputs import rowimages
from imgbudget.auditing.inputs.fieldnames import FieldKind, kind_of_field
from imgbudget.jsontext import stream
from imgbudget.model.location import Keys
from tests.builders import image_bytes
from tests.conftest import Command
from tests.datasets import rows_of, skips_of

DATA = [image_bytes((200 + 10 * i, 120), form) for i, form in enumerate(("PNG", "JPEG", "WEBP"))]
NAMES = ["im/a.png", "im/b.jpg", "im/c.webp"]
BASE64 = [base64.b64encode(data).decode() for data in DATA]
URIS = [f"data:image/png;base64,{text}" for text in BASE64]
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
HF = [{"bytes": data, "path": name} for data, name in zip(DATA, NAMES, strict=True)]
VIEW = pa.struct([("bytes", pa.binary_view()), ("path", pa.string_view())])
SAYS = [{"from": "human", "value": "<image>\nwhat"}, {"from": "gpt", "value": "a thing"}]


@pytest.fixture
def at(tmp_path: Path) -> Path:
    """A folder with three images in a folder of it."""
    for name, data in zip(NAMES, DATA, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def found(rows: Sequence[dict[str, Any]]) -> list[tuple[int, str]]:
    """The widths and formats of the images, in order."""
    return [(row["width"], row["format"]) for row in rows if row["subject"] == "image"]


ALL = [(200, "png"), (210, "jpeg"), (220, "webp")]


def chat(image: Any, kind: str = "image") -> list[dict[str, Any]]:
    """A conversation whose first block is an image."""
    return [{"role": "user", "content": [{"type": kind, kind: image}, {"type": "text", "text": "x.png?"}]}]


TYPES: dict[str, tuple[Any, Callable[[int], Any]]] = {
    "struct": (STRUCT, lambda i: HF[i]),
    "views": (VIEW, lambda i: HF[i]),
    "binary": (pa.binary(), lambda i: DATA[i]),
    "large binary": (pa.large_binary(), lambda i: DATA[i]),
    "binary view": (pa.binary_view(), lambda i: DATA[i]),
    "base64": (pa.string(), lambda i: BASE64[i]),
    "large data uri": (pa.large_string(), lambda i: URIS[i]),
    "string view": (pa.string_view(), lambda i: BASE64[i]),
    "path": (pa.string(), lambda i: NAMES[i]),
    "path struct": (STRUCT, lambda i: {"bytes": None, "path": NAMES[i]}),
    "data and format": (
        pa.struct([("data", pa.binary()), ("format", pa.string())]),
        lambda i: {"data": DATA[i], "format": "png"},
    ),
    "list": (pa.list_(STRUCT), lambda i: [HF[i]]),
    "large list": (pa.large_list(pa.binary()), lambda i: [DATA[i]]),
    "fixed list": (pa.list_(STRUCT, 1), lambda i: [HF[i]]),
    "list view": (pa.list_view(STRUCT), lambda i: [HF[i]]),
    "large list view": (pa.large_list_view(pa.binary()), lambda i: [DATA[i]]),
    "list of lists": (pa.list_(pa.list_(STRUCT)), lambda i: [[HF[i]]]),
    "struct of list": (pa.struct([("pages", pa.list_(STRUCT))]), lambda i: {"pages": [HF[i]]}),
    "list of structs": (
        pa.list_(pa.struct([("page", STRUCT), ("n", pa.int32())])),
        lambda i: [{"page": HF[i], "n": 1}],
    ),
    "map": (pa.map_(pa.string(), pa.binary()), lambda i: [("front", DATA[i])]),
    "dictionary": (pa.dictionary(pa.int32(), pa.binary()), lambda i: DATA[i]),
    "dictionary of paths": (pa.dictionary(pa.int32(), pa.string()), lambda i: NAMES[i]),
    "list of numbers": (pa.list_(pa.uint8()), lambda i: list(DATA[i])),
    "json": (pa.string(), lambda i: json.dumps([{"image": NAMES[i], "n": 1}])),
    "messages": (
        pa.list_(
            pa.struct(
                [
                    ("role", pa.string()),
                    (
                        "content",
                        pa.list_(
                            pa.struct([("type", pa.string()), ("text", pa.string()), ("image", STRUCT)])
                        ),
                    ),
                ]
            )
        ),
        lambda i: [
            {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image", "image": HF[i]}]}
        ],
    ),
}


@pytest.mark.parametrize("name", ["image", "x0"])
@pytest.mark.parametrize("kind", TYPES)
def test_tables_of_any_type_and_nesting_have_their_images(at: Path, kind: str, name: str) -> None:
    """As Parquet and as both forms of Arrow, whatever the column is called; rows before it may be null."""
    form, value = TYPES[kind]
    values = [None, None, *map(value, range(3))]
    if pa.types.is_dictionary(form):
        column = pa.array(values, form.value_type).dictionary_encode()
    else:
        column = pa.array(values, form)
    table = pa.table({"n": range(5), "text": ["see a.png"] * 5, name: column})
    if "view" not in kind or "list" not in kind:  # Parquet has no list views
        pq.write_table(table, at / "t.parquet", row_group_size=None if "view" in kind else 2)
        rows = rows_of(at / "t.parquet")
        assert found(rows) == ALL
        assert len(rows) == 5
        assert not any(row["missed"] for row in rows)
    for writer in (pa.ipc.new_stream, pa.ipc.new_file):
        with writer(at / "t.arrow", table.schema) as out:
            out.write_table(table, max_chunksize=2 if "dictionary" not in kind else None)
        assert found(rows_of(at / "t.arrow")) == ALL


def plain(shape: Callable[[int], Any]) -> Callable[[], Any]:
    """A list with a row without an image first, and one for each image."""
    return lambda: [{"id": "t", "conversations": SAYS[1:]}, *map(shape, range(3))]


LISTS: dict[str, Callable[[], Any]] = {
    "llava": plain(lambda i: {"id": f"{i}", "image": NAMES[i], "conversations": SAYS}),
    "internvl": plain(lambda i: {"image": [NAMES[i]], "width_list": [9], "conversations": SAYS}),
    "llama-factory": plain(lambda i: {"messages": SAYS, "images": [NAMES[i]]}),
    "ms-swift": plain(lambda i: {"messages": chat("x", "text"), "images": [{"path": NAMES[i]}]}),
    "qwen-vl": plain(lambda i: {"messages": chat(f"file://{NAMES[i]}".replace("file://", ""))}),
    "qwen tags": plain(
        lambda i: {"conversations": [{"from": "user", "value": f"Picture 1: <img>{NAMES[i]}</img>\nx"}]}
    ),
    "conversations": plain(lambda i: {"conversations": chat(NAMES[i])}),
    "image and messages": plain(lambda i: {"images": [NAMES[i]], "messages": chat(NAMES[i])}),
    "two names": plain(lambda i: {"image": NAMES[i], "image_path": f"./{NAMES[i]}"}),
    "twice": plain(lambda i: {"images": [NAMES[i], NAMES[i]]}),
    "image and url": plain(lambda i: {"image": NAMES[i], "image_url": "https://example.org/0/q.jpg"}),
    "file and url": plain(lambda i: {"file_name": NAMES[i], "coco_url": "http://example.org/0/q.jpg"}),
    "to_json": plain(lambda i: {"image": {"bytes": None, "path": NAMES[i]}}),
    "hf names": lambda: [{"frames_file_names": NAMES[:2]}, {"input_file_name": NAMES[2]}],
    "hf names of other rows": lambda: [
        {"a_file_name": NAMES[0], "b_file_name": NAMES[1]},
        {"a_file_name": NAMES[2], "b_file_name": None},
    ],
    "images with names": plain(lambda i: {"image": NAMES[i], "original_name": f"DSC{i}.jpg"}),
    "any field": plain(lambda i: {"pic_1st": NAMES[i], "note": "it is.so"}),
    "windows": plain(lambda i: {"image": NAMES[i].replace("/", "\\")}),
    "strings": lambda: NAMES,
    "wrapped": lambda: {"version": 1, "data": [{"image": name} for name in NAMES]},
    "coco": lambda: {
        "annotations": [{"id": i, "image_id": i, "bbox": [1, 2, 3, 4]} for i in range(20)],
        "categories": [{"id": 1, "name": "cat"}],
        "images": [
            {"id": i, "file_name": name, "coco_url": "http://x.org/y.jpg"} for i, name in enumerate(NAMES)
        ],
    },
    "lvis": lambda: {
        "info": {},
        "images": [
            {"id": i, "coco_url": f"http://images.cocodataset.org/{name}", "height": 1, "width": 2}
            for i, name in enumerate(NAMES)
        ],
    },
    "label studio": lambda: [
        {"id": i, "data": {"image": f"/data/local-files/?d={name}"}, "annotations": [{"result": [{"x": 1}]}]}
        for i, name in enumerate(NAMES)
    ],
    "label studio, min": lambda: [{"image": f"/data/local-files/?d={name}", "label": []} for name in NAMES],
    "via project": lambda: {
        "_via_settings": {"ui": {"image": {"x": 1}}},
        "_via_img_metadata": {f"{name}123": {"filename": name, "size": 123, "regions": []} for name in NAMES},
    },
    "via": lambda: {f"{name}123": {"filename": name, "size": 1, "regions": [{"a": {}}]} for name in NAMES},
    "numbers": lambda: [{"image": list(data), "file": name} for data, name in zip(DATA, NAMES, strict=True)],
    "base64 and names": lambda: [
        {"image": text, "image_path": name} for text, name in zip(BASE64, NAMES, strict=True)
    ],
    "data uris beside names": lambda: [{"image": URIS[0]}, {"image": URIS[1]}, {"image": NAMES[2]}],
}


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("shape", LISTS)
def test_lists_of_every_shape_have_their_images(at: Path, shape: str, *, lines: bool) -> None:
    """In JSON and in JSON Lines; a row without an image is a row with its reason, and nothing is missed."""
    value = LISTS[shape]()
    if not lines:
        (at / "list.json").write_text(json.dumps(value, indent=1))
    elif isinstance(value, list):
        (at / "list.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in value))
    else:
        with gzip.open(at / "list.json.gz", "wb") as out:
            out.write(json.dumps(value).encode())
    rows = rows_of(*at.glob("list.*"))
    assert sorted(found(rows)) == ALL
    assert not any(row["missed"] for row in rows)
    first_is_text = isinstance(value, list) and isinstance(value[0], dict) and value[0].get("id") == "t"
    assert skips_of(rows) == ({"the entry names no image": 1} if first_is_text else {})


def test_labelme_file_has_one_image(at: Path) -> None:
    """Its base64 is read, and its path is the name of the same image."""
    value = {"version": "5", "shapes": [{"label": "x"}], "imagePath": "..\\a.png", "imageData": BASE64[0]}
    (at / "a.json").write_text(json.dumps(value))
    (row,) = rows_of(at / "a.json")
    assert (row["width"], row["member"], row["pointer"]) == (200, "..\\a.png", "/imageData")
    (at / "a.json").write_text(json.dumps(value | {"imageData": None, "imagePath": "im\\a.png"}))
    assert found(rows_of(at / "a.json")) == ALL[:1]


def as_table(rows: Sequence[dict[str, Any]], delimiter: str) -> str:
    """CSV or TSV text of rows."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


TABLES: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "paths": lambda: [{"file_name": name, "text": 'a "q",\nand more'} for name in NAMES],
    "base64": lambda: [{"index": i, "q": "x\ty", "image": text} for i, text in enumerate(BASE64)],
    "base64 and more": lambda: [{"image": text, "note": "a\n" * i} for i, text in enumerate(BASE64)],
    "index of another row": lambda: [{"index": i, "image": text} for i, text in enumerate([*BASE64, "0"])],
    "json": lambda: [{"images": json.dumps(NAMES), "q": "x"}],
    "python": lambda: [{"images": str(NAMES), "q": "x"}],
    "json of base64": lambda: [{"image": json.dumps(BASE64), "q": "x"}],
    "kaggle": lambda: [{"ImageId": name, "EncodedPixels": "1 2 3"} for name in NAMES],
    "uris": lambda: [{"id": i, "img": uri} for i, uri in enumerate(URIS)],
}


@pytest.mark.parametrize("form", ["csv", "tsv", "csv.gz", "semicolon"])
@pytest.mark.parametrize("kind", TABLES)
def test_csv_and_tsv_have_their_images(at: Path, kind: str, form: str) -> None:
    """Quoted fields over several lines, base64 of any length, lists in a cell."""
    text = as_table(TABLES[kind](), {"tsv": "\t", "semicolon": ";"}.get(form, ","))
    path = at / ("list.csv" if form == "semicolon" else f"list.{form}")
    path.write_bytes(gzip.compress(text.encode()) if form == "csv.gz" else text.encode("utf-8-sig"))
    rows = rows_of(path)
    assert found(rows) == ALL
    assert not any(row["missed"] for row in rows)


def test_table_without_a_head_is_read(at: Path) -> None:
    """The first line is a row then."""
    (at / "list.csv").write_text("".join(f"{name},cat\n" for name in NAMES))
    assert found(rows_of(at / "list.csv")) == ALL


@pytest.mark.parametrize("printed", ["paths", "bytes", "list", "quotes"])
def test_images_that_python_printed_into_a_table_are_read(at: Path, printed: str) -> None:
    """`datasets.to_csv` writes each image as the text of a dictionary; it is read, and never evaluated."""
    values: dict[str, list[Any]] = {
        "paths": [{"bytes": None, "path": name} for name in NAMES],
        "bytes": HF,
        "list": [[{"bytes": None, "path": name}] for name in NAMES],
        "quotes": [{"it's": 'a "b"', "path": name, "bytes": None, "w": 1.5, "t": True} for name in NAMES],
    }
    with (at / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "label"], *([str(one), "1"] for one in values[printed])])
    assert found(rows_of(at / "list.csv")) == ALL


@pytest.mark.parametrize("text", ["{'path': open('a.png')}", "{'path': 'a.png'", "{'a': 'b' 'a.png'}"])
def test_text_that_is_almost_a_dictionary_is_no_image(at: Path, text: str) -> None:
    """An expression is not read as a value."""
    with (at / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image"], ["im/b.jpg"], [text]])
    rows = rows_of(at / "list.csv")
    assert found(rows) == ALL[1:2]
    assert [row["missed"] for row in rows] == [False, True]


def test_lists_of_lists_are_followed(at: Path) -> None:
    """LLaMA-Factory's dataset_info.json and InternVL's meta files; what is elsewhere is missed."""
    rows = [{"image": name.removeprefix("im/"), "conversations": SAYS} for name in NAMES]
    (at / "mine.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    write = (at / "meta.json").write_text
    write(json.dumps({"my": {"root": "im", "annotation": "mine.jsonl", "length": 3}}))
    assert found(rows_of(at / "meta.json")) == ALL
    pictured = [{"pics": [name], "image": "no.png", "text": SAYS} for name in NAMES]
    (at / "other.json").write_text(json.dumps(pictured))
    columns = {"messages": "text", "images": "pics"}
    info = {
        "mine": {"file_name": "other.json", "formatting": "sharegpt", "columns": columns},
        "again": {"file_name": "other.json", "columns": columns},
        "hub": {"hf_hub_url": "who/what"},
        "gone": {"file_name": "gone.json"},
        "out": {"file_name": "../../out.json"},
    }
    (at / "dataset_info.json").write_text(json.dumps(info))
    followed = rows_of(at / "dataset_info.json")
    assert found(followed) == ALL
    assert all(row["source"].startswith(str(at / "dataset_info.json")) for row in followed)
    assert skips_of(followed) == {
        "the list 'hub' is elsewhere (who/what); download it to audit it": 1,
        "the list 'gone': gone.json is not a file of a list of images": 1,
        "the list 'out': outside the named folders; --allow-outside opens it": 1,
    }
    assert all(row["missed"] for row in followed if row["subject"] == "skip")


def test_rows_that_seem_to_miss_an_image_are_missed(at: Path) -> None:
    """A place for an image in the text, another field, a file that is gone, a URL: each has its reason."""
    lines = [
        *({"image": name, "text": "<image>"} for name in NAMES),
        {"text": "<image>\nwhat is it", "image": None},
        {"text": "x", "source": "gone.png"},
        {"text": "x", "source": NAMES[0]},
        {"image": "gone.jpg"},
        {"image": "https://example.org/a.jpg"},
        {"image": {"caption": "x"}},
        {"image": "data:text/plain;base64,AAAA"},
        {"text": "plain"},
    ]
    (at / "list.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in lines))
    rows = rows_of(at / "list.jsonl")
    assert found(rows) == [*ALL, ALL[0]]
    assert {row["skipped"]: row["missed"] for row in rows if row["subject"] == "skip"} == {
        "its text has a place for an image, but the row names none": True,
        "names what may be an image in its field 'source', other rows do not; see --image-field": True,
        "named in the list: no such file": True,
        "named in the list: a URL outside those of the command line; --allow-remote opens it": True,
        "what the entry names an image by is not a path": True,
        "what the entry names an image by is a data URI, but not of an image": True,
        "the entry names no image": False,
    }


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_urls_of_laion_are_missed_without_allow_remote(at: Path, suffix: str) -> None:
    """Its addresses often have no suffix: the width and height beside them show what they are."""
    table = {
        "URL": ["https://example.org/i?id=1"] * 3,
        "TEXT": ["a"] * 3,
        "WIDTH": [9] * 3,
        "HEIGHT": [9] * 3,
    }
    path = at / f"l.{suffix}"
    rows = [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
    if suffix == "parquet":
        pq.write_table(pa.table(table), path)
    else:
        path.write_text(
            as_table(rows, ",") if suffix == "csv" else "".join(f"{json.dumps(row)}\n" for row in rows)
        )
    rows = rows_of(path)
    assert len(rows) == 3
    assert all(row["missed"] and "--allow-remote opens it" in row["skipped"] for row in rows)


def test_named_fields_are_the_images_and_no_others(at: Path) -> None:
    """`--image-field`, in lists and tables, by name or by route."""
    rows = [{"image": "x.png", "meta": {"thing": name}} for name in NAMES]
    (at / "l.json").write_text(json.dumps(rows))
    pq.write_table(pa.Table.from_pylist(rows), at / "t.parquet")
    for field in ("thing", "meta.thing"):
        assert found(rows_of(at / "l.json", fields=(field,))) == ALL
        assert found(rows_of(at / "t.parquet", fields=(field,))) == ALL
    assert found(rows_of(at / "t.parquet", fields=("nothing",))) == []


def test_requests_stay_requests(at: Path) -> None:
    """Base64 and web addresses in messages are for an API, whatever names their text and metadata have."""
    body = {"messages": chat({"url": URIS[0]}, "image_url"), "metadata": {"file": "a.png"}}
    batch = {"custom_id": "1", "url": "/v1/chat/completions", "body": body}
    session = {
        "type": "user",
        "message": {"role": "user", "content": [{"type": "tool_use", "input": {"image_path": "a.png"}}]},
    }
    for rows in ([body], [batch], [session, body]):
        (at / "r.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        assert not any("named in the list" in (row["skipped"] or "") for row in rows_of(at / "r.jsonl"))
        assert not any(row["missed"] for row in rows_of(at / "r.jsonl"))


def test_a_table_in_an_audited_folder_does_not_count_the_files_of_it_again(at: Path) -> None:
    """Its rows say where their images are counted; named by itself it has them."""
    pq.write_table(pa.table({"file_name": NAMES}), at / "metadata.parquet")
    assert found(rows_of(at / "metadata.parquet")) == ALL
    rows = rows_of(at)
    assert sorted(found(rows)) == ALL
    assert skips_of(rows) == {f"the same file as {at / name}": 1 for name in NAMES}


def test_damaged_bytes_of_a_column_of_images_are_reported(at: Path) -> None:
    """Whatever it is called: other rows show that it has images."""
    data = [*DATA, b"\0" * 500]
    pq.write_table(pa.table({"x0": data}), at / "t.parquet")
    rows = rows_of(at / "t.parquet")
    assert [row["subject"] for row in rows] == ["image"] * 4
    assert rows[3]["findings"]
    sound = pa.table({"image": pa.array(HF, STRUCT), "mask": DATA[:1] * 3, "vector": [b"\1\2" * 40] * 3})
    pq.write_table(sound, at / "t.parquet")
    assert len(found(rows_of(at / "t.parquet"))) == 6


def test_names_of_fields() -> None:
    """Those of images, those of paths of anything, and others that only sound like them."""
    images = "image images img_path image_file image_url imageUrl imagePath input_image image_id_path img2"
    images += " image_0 left_image imgs picture frames_file_names screenshot jpg image_bytes IMAGE_URL imgurl"
    others = "image_id image_width num_images image_caption caption id label image_text imagery frames_count"
    assert {name: kind_of_field(name) for name in images.split()} == dict.fromkeys(
        images.split(), FieldKind.IMAGE
    )
    assert {name: kind_of_field(name) for name in others.split()} == dict.fromkeys(
        others.split(), FieldKind.OTHER
    )
    assert {kind_of_field(name) for name in ("path", "file_name", "filename", "url", "src", "coco_url")} == {
        FieldKind.PLACE
    }


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=60)
@given(value=VALUES, step=st.integers(1, 40), ascii_only=st.booleans(), indent=st.none() | st.just(1))
def test_streamed_json_is_what_the_standard_library_reads(
    value: Any, step: int, *, ascii_only: bool, indent: int | None
) -> None:
    """Whatever the window: the elements are the values at their spans, and together the document."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    try:
        json.loads(text)
    except UnicodeDecodeError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "STEP", step)
        elements = list(stream.elements(io.BytesIO(text).read))
    for element in elements:
        assert json.loads(text[element.start : element.end]) == element.value
        inner = value
        for key in element.keys:
            inner = inner[key]
        assert inner == element.value
    if isinstance(value, list):
        assert [element.value for element in elements] == value


@pytest.mark.parametrize(
    "text",
    ['{"a": [1, 2', '{"a" 1}', "[1 2]", '["\\x"]', '{"a": tru}', "[1,]", '["x', "{1: 2}", '{"a": {"b": 1'],
)
def test_streamed_json_that_is_damaged_raises(text: str) -> None:
    """With the byte, and without reading the rest of a long file to find out."""
    with pytest.raises(ValueError, match=r"not JSON: .* at byte"):
        list(stream.elements(io.BytesIO(text.encode()).read))


def test_long_json_takes_the_memory_of_its_elements() -> None:
    """Of a COCO file of 3 MB no more than a part of it is in memory, as objects or as text."""
    annotation = {"segmentation": [[float(i) for i in range(60)]], "bbox": [1, 2, 3, 4]}
    images = [{"id": i, "file_name": f"{i}.jpg"} for i in range(2000)]
    text = json.dumps({"images": images, "annotations": [annotation] * 9000}).encode()
    assert len(text) > 3_000_000
    source = io.BytesIO(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "STEP", 1 << 16)
        tracemalloc.start()
        number = sum(1 for _ in stream.elements(source.read))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert number == 11_000
    assert peak < len(text) / 4


def test_messages_of_prose_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most objects of a list are messages: one that may hold an image is walked, the others are not."""
    walked: list[object] = []
    walk = rowimages._RowWalk._object

    def counted(
        self: rowimages._RowWalk, value: dict[str, Any], keys: Keys, field: str, kind: FieldKind
    ) -> None:
        walked.append(value)
        walk(self, value, keys, field, kind)

    monkeypatch.setattr(rowimages._RowWalk, "_object", counted)
    prose = {"from": "human", "value": "Describe it (in the U.S.). A dog?", "turn": 3, "cut": None}
    for text in ("<img>a.png</img>", "b/c.png", '["d.jpg"]', BASE64[0], f" {BASE64[0]}", URIS[0]):
        message = {"from": "human", "value": text}
        row = {"conversations": [prose, prose, message, prose]}
        walked.clear()
        survey = rowimages.Survey()
        found = survey.add(row)
        assert [one.keys[:3] for one in found] == [("conversations", 2, "value")]
        assert walked == [row, message]


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        (lambda data: data, 0, ""),
        (lambda data: data + bytes(100), 0, ""),
        (lambda data: data * 2, 2, "bytes are behind the end marker of the stream and were not read"),
        (lambda data: data[:-8], 2, "the stream has no end marker behind its 2 rows: it may be cut off"),
    ],
    ids=["whole", "padded", "two joined", "cut between messages"],
)
def test_what_is_behind_the_end_of_a_stream_is_reported(
    imgbudget: Command, tmp_path: Path, change: Callable[[bytes], bytes], code: int, reason: str
) -> None:
    """Readers stop at the end marker, and at the end of the file without one."""
    table = pa.table({"image": [image_bytes((300, 300)), image_bytes((400, 300))]})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "x.arrow").write_bytes(change(out.getvalue().to_pybytes()))
    run = imgbudget("audit", "x.arrow", "--isolated", "--format", "json")
    assert (run.code, run.json["statistics"]["totals"]["images"]) == (code, 2)
    assert reason in run.err
