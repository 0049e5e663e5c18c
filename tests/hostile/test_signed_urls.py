"""URLs in rows may have keys in their query or before their host: no report and no message has them."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imgbudget.auditing.failures import reason_of
from imgbudget.auditing.inputs import objects
from imgbudget.auditing.inputs.opening import why
from imgbudget.auditing.urls import shown_name, without_secrets
from tests.conftest import Command

KEY = "AKSECRET"
URLS = (
    f"https://store.example/a/b.png?X-Amz-Signature={KEY}&x=1",
    f"https://user:{KEY}@store.example/a/c.png",
    f"https://store.example/a/d.png#{KEY}",
    f"az://box/e.png?sv=1&sig={KEY}",
)


class Refusing:
    """A store that repeats the URL in its errors, as aiohttp and fsspec do."""

    def __init__(self, url: str, error: type[Exception]) -> None:
        self._error = error(f"403, message='Forbidden', url='{url}'")

    def info(self, _path: str) -> dict[str, Any]:
        """Refuse."""
        raise self._error


def everything(imgbudget: Command, path: Path, *options: str) -> str:
    """All that an audit writes."""
    files = ("r.json", "r.csv", "r.md", "r.html", "d.csv")
    formats = [part for file in files[:3] for part in ("--format", f"{KINDS[file[-3:]]}:{file}")]
    arguments = (*formats, "--format", "full", "--html", "r.html", "--dedupe-list", "d.csv", *options)
    run = imgbudget("audit", str(path), "--isolated", "-j", "1", *arguments)
    assert run.code == 2
    return run.out + run.err + "".join(Path(file).read_text(encoding="utf-8") for file in files)


KINDS = {"son": "json", "csv": "csv", ".md": "markdown"}


@pytest.mark.parametrize("error", [None, OSError, ValueError])
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_keys_of_urls_in_rows_are_in_no_output(
    imgbudget: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception] | None,
    form: str,
) -> None:
    """Neither where the URL may not be opened nor in what the store answers."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"list.{form}"
    if form == "jsonl":
        path.write_text("".join(json.dumps({"image": url}) + "\n" for url in URLS))
    else:
        pq.write_table(pa.table({"image": list(URLS)}), path)
    if error is not None:
        monkeypatch.setattr(objects, "file_system", lambda url, **_: (Refusing(url, error), url))
    text = everything(imgbudget, path, *(["--allow-remote"] if error else []))
    assert KEY not in text
    assert "store.example/a/b.png" in text


@pytest.mark.parametrize("url", URLS)
def test_what_is_left_of_a_url_names_the_file(url: str) -> None:
    """Protocol, host and path."""
    name = shown_name(url) or ""
    assert KEY not in name
    assert name.endswith(".png")
    assert name.startswith(("https://store.example/a/", "az://box/"))
    assert without_secrets(f"x {url} y") == f"x {name} y"
    for text in (why(OSError(f"no {url}")), reason_of(ValueError(f"<{url}>, then"), "damage")):
        assert (KEY in text, name in text) == (False, True)


@pytest.mark.parametrize(
    "name", ["a/b?c=1#d.png", "user@host/a.png", "C:\\a?.png", "", "data:image/png;a?b#c"]
)
def test_names_that_are_no_urls_are_whole(name: str) -> None:
    """A question mark in the name of a file is part of it."""
    assert shown_name(name) == name
    assert without_secrets(name) == name
    assert shown_name(None) is None
