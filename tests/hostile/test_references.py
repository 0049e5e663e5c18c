"""Rows of datasets name files and URLs; only what the command line allows is opened, the rest are rows."""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imgbudget.auditing import references as references_module
from imgbudget.auditing.partition import Naming
from imgbudget.auditing.references import (
    Access,
    LocalFile,
    RefusedReference,
    RemoteFile,
    RowReferences,
    named,
)
from imgbudget.auditing.run import plan
from imgbudget.auditing.urls import is_private_host, is_public_address, parse_url
from imgbudget.auditing.work import Work, configuration_key
from imgbudget.errors import UsageError
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from tests.builders import image_bytes, write_json
from tests.conftest import Command
from tests.datasets import STRUCT
from tests.hostile.stores import memory_store

SECRET = (640, 480)
INSIDE = (300, 200)

CHAINED = (
    "simplecache::s3://bucket/a.png",
    "SimpleCache::file:///a.png",
    "reference::s3://bucket/a.json",
    "zip://a.png::s3://bucket/x.zip",
    "s3://bucket/a.png::memory://x",
    "https://[2001:db8::1]/a.png",
)
UNLISTED = (
    "memory://a.png",
    "MEMORY://a.png",
    "local://a.png",
    "github://org:repo@/a.png",
    "http://example.org/a.png",
    "HTTP://example.org/a.png",
    "reference://a",
    "data://a",
    "sftp://host/a.png",
    "s3a://bucket/a.png",
    " s3://bucket/a.png",
    "x\ty://a",
    "://a",
)
MALFORMED = (
    "s3://",
    "s3:///a.png",
    "s3://bucket/../other/a.png",
    "s3://bucket/%2e%2e/a.png",
    "s3://bucket/%252E%252e/a.png",
    "https://example.org/a/..\\..\\b.png",
    "https://example.org/a%2f..%2fb.png",
    "https://user:password@example.org/a.png",
    "https://example.org\\@other.org/a.png",
    "https://example.org/a\r\nHost: other.org",
    "https://example.org%2f@other.org/a.png",
    "https://ex\u3002mple.org/a.png",
    "file://host/share/a.png",
    "FILE://a.png",
)
PRIVATE = (
    "https://localhost/a.png",
    "https://LOCALHOST.:8443/a.png",
    "https://printer/a.png",
    "https://metadata.google.internal/a",
    "https://127.0.0.1/a.png",
    "https://127.1/a.png",
    "https://2130706433/a.png",
    "https://0x7f000001/a.png",
    "https://10.1.2.3/a.png",
    "https://169.254.169.254/a",
    "https://0.0.0.0/a",
)


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an image, beside one that is not named, and a link from one to the other."""
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "data" / "images" / "a.png").write_bytes(image_bytes(INSIDE))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "secret.png").write_bytes(image_bytes(SECRET))
    (tmp_path / "data" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "data" / "link.png").symlink_to("../other/secret.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def outside_names(dataset: Path) -> list[str]:
    """References to the image that is not in the dataset."""
    secret = str(dataset.parent / "other" / "secret.png")
    return [
        secret,
        f"/{secret}",
        "../other/secret.png",
        "images/../../other/secret.png",
        "./images/./../../data/../other/secret.png",
        "link/secret.png",
        "link.png",
        "images/../link/../other/secret.png",
        f"file://{secret}",
        f"FILE://{secret}",
        f"file:{secret}",
        f"file://localhost{secret}",
        f"file://{dataset}/../other/secret.png",
    ]


def written(folder: Path, form: str, names: list[str]) -> Path:
    """A list or table in which rows name images."""
    path = folder / form
    match form:
        case "llava.json":
            write_json(path, [{"image": name} for name in names])
        case "lists.jsonl":
            path.write_text("".join(f"{json.dumps({'images': [name]})}\n" for name in names))
        case "openai.jsonl":
            blocks = [[{"type": "image_url", "image_url": {"url": name}}] for name in names]
            lines = [{"messages": [{"role": "user", "content": block}]} for block in blocks]
            path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        case "coco.json":
            write_json(path, {"images": [{"file_name": name} for name in names]})
        case "nested.parquet":
            lists = [[{"bytes": None, "path": name}] for name in names]
            pq.write_table(pa.table({"images": pa.array(lists, pa.list_(STRUCT))}), path)
        case "x.parquet":
            values = [{"bytes": None, "path": name} for name in names]
            pq.write_table(pa.table({"image": pa.array(values, STRUCT)}), path)
        case _:
            table = pa.table({"image": pa.array([{"bytes": None, "path": name} for name in names], STRUCT)})
            with pa.ipc.new_stream(path, table.schema) as out:
                out.write_table(table)
    return path


FORMS = ("llava.json", "lists.jsonl", "openai.jsonl", "coco.json", "x.parquet", "nested.parquet", "x.arrow")


def audited(*datasets: str | Path, root: str | None = None, **allowed: bool) -> list[dict[str, Any]]:
    """The rows of an audit in this process."""
    session = Session(RunOptions(isolated=True))
    names = [str(name) for name in datasets]
    access = Access.of(names, root, **allowed)
    work = Work.of(session, access)
    partitions = plan(names, session, Naming(configuration_key(session), access), root=root)
    tables = (pq.read_table(pa.BufferReader(work(partition).rows)) for partition in partitions)
    return [row for table in tables for row in table.to_pylist()]


def reasons(rows: list[dict[str, Any]]) -> list[str]:
    """Why nothing of any row was read: no size, no hash, no bytes."""
    for row in rows:
        assert (row["subject"], row["missed"]) == ("skip", True), row
        assert (row["bytes"], row["width"], row["hash"]) == (None, None, None)
    return [row["skipped"] for row in rows]


@pytest.mark.parametrize("form", FORMS)
def test_rows_name_nothing_outside_the_dataset(dataset: Path, form: str) -> None:
    """Absolute paths, `..`, links and file URLs are refused in every form; each is a row with the reason."""
    names = outside_names(dataset)
    rows = audited(written(dataset, form, ["images/a.png", *names]))
    assert [row["width"] for row in rows] == [INSIDE[0]] + [None] * len(names)
    for reason in reasons(rows[1:]):
        assert reason.endswith("outside the named folders; --allow-outside opens it")


@pytest.mark.parametrize("form", FORMS)
def test_allow_outside_opens_them(dataset: Path, form: str) -> None:
    """With the option every spelling of the path is read."""
    names = outside_names(dataset)
    rows = audited(written(dataset, form, ["images/a.png", *names]), outside=True)
    assert [row["width"] for row in rows] == [INSIDE[0]] + [SECRET[0]] * len(names)


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_urls_that_are_never_opened(
    dataset: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    allowed: bool,  # noqa: FBT001
) -> None:
    """Chained, unlisted and ambiguous URLs and private hosts reach no file system, whatever is allowed."""
    asked = memory_store(monkeypatch, {"s3://bucket/a.png": image_bytes()})
    names = [*CHAINED, *UNLISTED, *MALFORMED, *PRIVATE]
    rows = audited(written(dataset, form, ["images/a.png", *names]), remote=allowed, outside=allowed)
    assert rows[0]["width"] == INSIDE[0]
    assert len(reasons(rows[1:])) == len(names)
    assert asked == []


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (CHAINED, references_module.CHAINED),
        (UNLISTED, references_module.UNLISTED),
        (MALFORMED, references_module.MALFORMED),
        (PRIVATE, references_module.PRIVATE),
    ],
)
def test_reasons_of_refused_urls(names: tuple[str, ...], reason: str) -> None:
    """The reason is that of its kind, and never contains the reference."""
    references = RowReferences(Access(remote=True, outside=True))
    for name in names:
        assert references.resolve(name, "data") == RefusedReference(reason), name


@pytest.mark.parametrize("form", FORMS)
def test_allow_remote_opens_listed_protocols(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """A URL in a row is opened with the option only."""
    asked = memory_store(monkeypatch, {"s3://bucket/a.png": image_bytes(SECRET)})
    path = written(dataset, form, ["images/a.png", "s3://bucket/a.png", "S3://bucket/a.png"])
    refused = audited(path)
    assert reasons(refused[1:]) == [row["skipped"] for row in refused[1:]]
    assert all("--allow-remote opens it" in row["skipped"] for row in refused[1:])
    assert asked == []
    assert [row["width"] for row in audited(path, remote=True)] == [INSIDE[0], SECRET[0], SECRET[0]]
    assert set(asked) == {"s3"}


def test_named_urls_allow_what_lies_below_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Same protocol, bucket and prefix: whole steps of the path, not the letters it begins with."""
    entries = [
        {"image": name}
        for name in (
            "a.png",
            "./deep/../a.png",
            "s3://bucket/set/a.png",
            "../other/a.png",
            "s3://bucket/set2/a.png",
            "s3://bucket2/set/a.png",
            "x::s3://bucket/set/a.png",
            "%2e%2e/other/a.png",
            "/etc/hostname",
        )
    ]
    image = image_bytes(SECRET)
    objects = ("set/a.png", "other/a.png", "set2/a.png")
    asked = memory_store(
        monkeypatch,
        {f"s3://bucket/{name}": image for name in objects}
        | {"s3://bucket2/set/a.png": image, "s3://bucket/set/list.json": json.dumps(entries).encode()},
    )
    rows = audited("s3://bucket/set/list.json")
    assert [row["width"] for row in rows] == [SECRET[0]] * 3 + [None] * 6
    assert len(set(reasons(rows[3:]))) == 4
    assert set(asked) == {"s3"}
    wider = audited("s3://bucket/set/list.json", "s3://bucket/other", outside=False)
    assert [row["width"] for row in wider if row["member"] == "../other/a.png"] == [SECRET[0]]


def test_image_root_is_consent(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store or a folder that `--image-root` names is opened; relative paths begin there."""
    memory_store(monkeypatch, {"s3://bucket/set/a.png": image_bytes(SECRET)})
    path = written(dataset, "llava.json", ["a.png", "s3://bucket/set/a.png", "s3://bucket/a.png"])
    rows = audited(path, root="s3://bucket/set")
    assert [row["width"] for row in rows] == [SECRET[0], SECRET[0], None]
    path = written(dataset, "lists.jsonl", ["secret.png", str(dataset / "images" / "a.png"), "../x.png"])
    rows = audited(path, root=str(dataset.parent / "other"))
    assert [row["width"] for row in rows] == [SECRET[0], INSIDE[0], None]


def test_annotations_beside_images(dataset: Path) -> None:
    """A list in one folder names images in another if the folder above both is named."""
    (dataset / "annotations").mkdir()
    path = written(dataset / "annotations", "coco.json", ["../images/a.png"])
    assert "--allow-outside opens it" in reasons(audited(path))[0]
    rows = audited(path, dataset)
    assert [row["width"] for row in rows if row["member"] == "../images/a.png"] == [INSIDE[0]]
    rows = audited(written(dataset, "x.parquet", ["images/a.png", "../data/images/a.png"]))
    assert [row["width"] for row in rows] == [INSIDE[0], INSIDE[0]]


def test_a_dataset_reached_through_a_link_is_itself(dataset: Path) -> None:
    """Links in the path of what is named do not make its own files outside."""
    (dataset.parent / "alias").symlink_to(dataset)
    path = written(dataset, "llava.json", ["images/a.png", str(dataset / "images" / "a.png")])
    rows = audited(dataset.parent / "alias" / path.name)
    assert [row["width"] for row in rows] == [INSIDE[0], INSIDE[0]]


def test_paths_outside_are_not_even_looked_at(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What leads outside by its spelling causes no system call: some paths are mounted when looked at."""
    touched: list[str] = []
    for name in ("stat", "lstat", "readlink"):
        original = getattr(os, name)

        def recorded(path: Any, *rest: Any, _original: Any = original, **options: Any) -> Any:
            touched.append(os.fspath(path) if isinstance(path, str | os.PathLike) else "")
            return _original(path, *rest, **options)

        monkeypatch.setattr(os, name, recorded)
    references = RowReferences(Access.of([str(dataset)]))
    for name in ("/net/example/share/a.png", "../../../net/example/a.png", "//example/share/a.png"):
        assert isinstance(references.resolve(name, str(dataset)), RefusedReference)
    assert not [path for path in touched if "example" in path]


@pytest.mark.parametrize(
    "name",
    ["a\0b.png", "\0empty", "\0broken", "\ud800.png", "a" * 100_000, "a/" * 50_000, "~", "~root/a.png"],
)
def test_names_that_no_file_can_have_are_rows(dataset: Path, name: str) -> None:
    """Null characters, lone surrogates, endless paths: each is one row that could not be read."""
    rows = audited(written(dataset, "llava.json", ["images/a.png", name]))
    assert len(reasons(rows[1:])) == 1


def test_windows_paths_are_names_or_outside(dataset: Path) -> None:
    """Drive letters, shares and backslashes never reach a file outside the dataset."""
    names = ["C:\\Users\\a.png", "C:a.png", "\\\\host\\share\\a.png", "//host/share/a.png", "..\\..\\a.png"]
    assert len(reasons(audited(written(dataset, "llava.json", ["images/a.png", *names]))[1:])) == len(names)


@pytest.mark.parametrize("option", [False, True])
def test_arguments_with_such_urls_are_usage_errors(
    imgbudget: Command,
    dataset: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: bool,  # noqa: FBT001
) -> None:
    """What is named itself, as a dataset or as the image root, is of a listed protocol and not chained."""
    asked = memory_store(monkeypatch, {})
    monkeypatch.chdir(dataset)
    written(dataset, "llava.json", ["images/a.png"])
    for argument in (*CHAINED, *UNLISTED, *MALFORMED):
        given = ("llava.json", "--image-root", argument) if option else (argument,)
        run = imgbudget("audit", *given, "--isolated", "--allow-remote", "--allow-outside", "--jobs", "1")
        assert (run.code, run.out) == (2, ""), argument
    assert asked == []


def test_a_private_host_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By an argument or by `--image-root`; then rows may name what lies below it."""
    assert named("https://LOCALHOST:443/set/") == "https://localhost/set/"
    references = RowReferences(Access.of(["https://localhost/set/"]))
    assert references.resolve("https://localhost:443/set/a.png", "x") == RemoteFile(
        parse_url("https://localhost/set/a.png"),  # type: ignore[arg-type]
        named=True,
    )
    assert references.resolve("https://localhost/other.png", "x") == RefusedReference(
        references_module.REMOTE
    )


def test_file_urls_as_arguments_are_paths(dataset: Path) -> None:
    """In any case of letters, of this machine only."""
    assert named(f"file://{dataset}") == named(f"FILE://localhost{dataset}") == str(dataset)
    assert len(audited(f"FILE://{dataset}/images")) == 1
    with pytest.raises(UsageError):
        named("file://host/share")


def test_options_are_part_of_what_is_resumed(imgbudget: Command, dataset: Path) -> None:
    """Rows of a run without the option are not reused by one with it, nor the other way round."""
    for form in ("llava.json", "x.parquet"):
        path = str(written(dataset, form, ["../other/secret.png"]))
        common = ("audit", path, "--isolated", "--rows", f"rows-{form}", "--format", "json", "--jobs", "1")
        counts = [
            imgbudget(*common, *option).json["statistics"]["totals"]["images"]
            for option in ((), ("--allow-outside",), ())
        ]
        assert counts == [0, 1, 0]


def test_options_of_the_command(imgbudget: Command, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--allow-remote` and `--allow-outside` reach the workers."""
    written(dataset, "llava.json", ["../other/secret.png", "https://example.invalid/a.png"])
    common = ("audit", "data/llava.json", "--isolated", "--format", "csv", "--jobs", "1")
    plain = imgbudget(*common).out
    assert "outside the named folders; --allow-outside opens it" in plain
    assert "--allow-remote opens it" in plain
    assert ",640,480," in imgbudget(*common, "--allow-outside").out


def test_hosts_that_are_private() -> None:
    """By name or address; a public name may still have a private address."""
    for name in ("example.org", "8.8.8.8", "a.example.org."):
        assert not is_private_host(name)
    for address in (
        "127.0.0.1",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "fe80::1%eth0",
        "2002:7f00:1::",
    ):
        assert not is_public_address(address)
    assert is_public_address("8.8.8.8")
    assert is_public_address("2606:4700:4700::1111")


def test_relative_names_in_the_working_folder(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that is named without its folder allows the working folder."""
    monkeypatch.chdir(dataset)
    references = RowReferences(Access.of(["llava.json"]))
    assert references.resolve("images/a.png", ".") == LocalFile("images/a.png")
    assert references.resolve("../other/secret.png", ".") == RefusedReference(references_module.OUTSIDE)
