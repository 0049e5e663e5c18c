"""Arguments of the Python API of another type, or that are no number, path or JSON: an error that says so."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import imgbudget
from imgbudget.linter.options import RunOptions
from tests.builders import image_bytes

WRONG: tuple[object, ...] = (5, -1, 1.5, b"x", object(), ["x"], {"x": 1}, True)
TEXTS = ("model", "platform", "date", "client")
SWITCHES = ("isolated", "pedantic", "use_ignores", "force_exclude", "allow_local_packs", "allow_outside")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with one image."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(image_bytes())
    return tmp_path


@pytest.mark.parametrize("name", TEXTS)
def test_texts(name: str) -> None:
    """Other values were AttributeErrors from deep inside; falsy ones were none at all."""
    for value in (*WRONG, 0, [], {}):
        for call in (lambda given: imgbudget.check("a.png", **given), _by_options):
            with pytest.raises(imgbudget.UsageError, match=f"^{name}: expected a text, found"):
                call({name: value})


def _by_options(given: dict[str, Any]) -> object:
    return imgbudget.check("a.png", RunOptions(**given))


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", ["no", "", 0, 1, None, ["x"]])
def test_switches(name: str, value: object) -> None:
    """The text "no" is true: it let a run follow links out of its folder, and import packs from it."""
    given: Any = {name: value}
    with pytest.raises(imgbudget.UsageError, match=f"^{name}: expected True or False, found"):
        imgbudget.check("a.png", **given)


@pytest.mark.parametrize("name", ["pixels", "text"])
@pytest.mark.parametrize("value", ["no", "", 0, 1, ["x"]])
def test_switches_that_may_be_left_open(name: str, value: object) -> None:
    """None is as the configuration has it; anything else but True and False is refused."""
    given: Any = {name: value}
    with pytest.raises(imgbudget.UsageError, match=f"^{name}: expected True or False, found"):
        imgbudget.check("a.png", **given)


CALLS: dict[str, Callable[[Any], object]] = {
    "options": lambda given: imgbudget.plan("a.png", given),
    "budget_usd": lambda given: imgbudget.plan("a.png", budget_usd=given),  # type: ignore[call-arg]
    "budget_tokens": lambda given: imgbudget.split("a.png", budget_tokens=given),  # type: ignore[call-arg]
    "cheapest": lambda given: imgbudget.plan("a.png", cheapest=given),
    "overlap": lambda given: imgbudget.tiles((10, 10), overlap=given),
    "omit_images": lambda given: imgbudget.rescue("a.png", omit_images=given),
    "write": lambda given: imgbudget.rescue("a.png", write=given),
    "dry_run": lambda given: imgbudget.fix("a.png", dry_run=given),
    "allow_remote": lambda given: imgbudget.audit("a.png", allow_remote=given),
    "jobs": lambda given: imgbudget.audit("a.png", jobs=given),
    "detail": lambda given: imgbudget.size((10, 10), detail=given),
    "text": imgbudget.explain,
    "request": imgbudget.check_request,
    "image": lambda given: imgbudget.size((given, 10)),
    "level": lambda given: imgbudget.fix("a.png", level=given, dry_run=True),
}


@pytest.mark.filterwarnings("ignore:.*is now budget=:DeprecationWarning")
@pytest.mark.parametrize("name", CALLS)
def test_other_arguments(name: str) -> None:
    """So are those of each function."""
    for value in (object(), [], ["x"], (1,)):
        with pytest.raises(imgbudget.UsageError, match=rf"^({name}: expected|unknown {name}) .*"):
            CALLS[name](value)


@pytest.mark.parametrize("path", ["\0", "a\0.png", "\ud800"])
def test_paths_that_no_file_has(path: str) -> None:
    """A null character or a lone surrogate ended in a ValueError of the operating system's functions."""
    calls: tuple[Callable[[], object], ...] = (
        lambda: imgbudget.check(path),
        lambda: imgbudget.rescue(path),
        lambda: imgbudget.fix("a.png", output_dir=path),
        lambda: imgbudget.audit("a.png", rows=path),
        lambda: imgbudget.check("a.png", baseline=path),
    )
    for call in calls:
        with pytest.raises(imgbudget.UsageError, match="contains a"):
            call()


def test_bytes_of_names_stay_paths(folder: Path) -> None:
    """A name that is no UTF-8 is one that a file can have."""
    name = "\udcff.png"
    try:
        (folder / name).write_bytes(image_bytes())
    except OSError:
        pytest.skip("the file system has no such names")
    assert len(imgbudget.check(name).images) == 1


@pytest.mark.filterwarnings("ignore:.*is now budget=:DeprecationWarning")
def test_numbers_beyond_all_measure() -> None:
    """Infinite and huge budgets and sizes were OverflowErrors."""
    for budget in (math.inf, 1e308, 10**400, math.nan, 0, -1):
        with pytest.raises(ValueError, match="a budget is"):
            imgbudget.plan("a.png", budget_usd=budget)  # type: ignore[call-arg]
    for size in ((10**400, 1), (1, 1 << 32), (0, 1), (1,), (1, 2, 3), ()):
        with pytest.raises(imgbudget.UsageError, match=r"size|edge"):
            imgbudget.tokens(size)  # type: ignore[arg-type]


def test_requests_that_are_no_json() -> None:
    """The same errors for both functions that take a body; nesting was a RecursionError."""
    deep: dict[str, object] = {}
    for _ in range(20_000):
        deep = {"a": deep}
    bodies: tuple[Any, ...] = (
        deep,
        {"a": object()},
        {"a": b"x"},
        {"a": {1, 2}},
        {(1, 2): 1},
        {"a": 10**5000},
    )
    for body in bodies:
        for call in (imgbudget.check_request, lambda given: imgbudget.explain("image exceeds 5 MB", given)):
            with pytest.raises(imgbudget.UsageError, match=r"^request: "):
                call(body)


@pytest.mark.parametrize("rows", ["a.png/rows", ""])
def test_rows_where_no_folder_can_be(rows: str) -> None:
    """This was an OSError, which is no error of imgbudget."""
    pytest.importorskip("duckdb")
    with pytest.raises(imgbudget.ImgbudgetError):
        imgbudget.audit("a.png", rows=rows)
