"""DuckDB over row files and SQLite over rows in memory give the same answers to the same statements."""

import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from imgbudget.auditing import memory
from imgbudget.auditing.aggregate import AuditContext, aggregate
from imgbudget.auditing.copies import GROUPS, duplicates_of, list_lines
from imgbudget.auditing.csvtable import lines
from imgbudget.auditing.empty import without_images
from imgbudget.auditing.html.page import page
from imgbudget.auditing.inputs import files
from imgbudget.auditing.keeping import Keep
from imgbudget.auditing.memory import RowsInMemory
from imgbudget.auditing.partition import Partition
from imgbudget.auditing.records import RecordBuilder, RowLocation
from imgbudget.auditing.rowfiles import write_rows
from imgbudget.auditing.rows import FactsRecord, columns, pixel_column, plain_rows, row_values, unpacked
from imgbudget.auditing.store import Store, open_rows
from imgbudget.auditing.work import Done, Work, tiers_of
from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import FoundFile, SkippedFile
from imgbudget.imageinfo.files import read_image
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.linter.context import LintContext
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.location import Location
from imgbudget.model.pixels import PIXEL_TYPES, PixelFacts
from imgbudget.model.subjects import Finding, ImageUse, Severity
from tests.builders import image_bytes
from tests.conftest import Command
from tests.findings import finding_of

SESSION = Session(RunOptions(isolated=True))
DOUBTFUL = Session(RunOptions(isolated=True, model="gpt-5.4-nano"))

_TEXTS = ("a.jpg", "b/a.jpg", "b/c/ä.png", "/x", "b//\U0001f600.gif", "b/", "\udcff.jpg", "nul\0.png", "")
_EDGES = (1, 199, 200, 1568, 1569, 2576, 8001, 65_535, (1 << 32) - 1, 1 << 32)
_NUMBERS = (None, 0, 1, 85, 1_000_000, (1 << 40) + 1, 1 << 63)


def _finding(chance: random.Random) -> Finding:
    return finding_of(
        code=chance.choice(("IB101", "IB201", "IB302", "XY001")),
        severity=chance.choice(list(Severity)),
        location=Location("photos", chance.choice((None, (), ("messages", 0), ("\xe9\udcff",)))),
        measured=chance.choice((None, 0, 2.5, 8001, float("inf"), 10**400)),
        limit=chance.choice((None, 1568, 1568, 30)),
        unit=chance.choice((None, "px")),
    )


def _size(chance: random.Random) -> Size | None:
    if chance.random() < 0.1:
        return None
    if chance.random() < 0.4:
        return Size(chance.choice(_EDGES), chance.choice(_EDGES))
    return Size(chance.randint(1, 5000), chance.choice((480, 1000, 3000)))


def made(number: int, seed: int) -> list[FactsRecord]:
    """Rows of every kind with the values that databases treat differently, many of them equal."""
    chance = random.Random(seed)  # noqa: S311 - repeatable data
    digests = [chance.randbytes(16) for _ in range(number // 4)]
    digests += [digest[:8] + bytes(8) for digest in digests[:9]]
    records = []
    for i in range(number):
        size = _size(chance)
        records.append(
            FactsRecord(
                chance.choice((".", "photos/", "photos", "x.tar")),
                f"{chance.choice(_TEXTS)}{i}" if i % 2 else chance.choice((None, "/", *_TEXTS)),
                chance.choice((None, 0, 12, 1 << 40)) if i % 2 else i,
                chance.choice((None, "", "/messages/0")),
                subject=chance.choice(("image", "image", "image", "image", "request", "document", "skip")),
                format=chance.choice((None, "jpeg", "png", "webp")),
                size=size,
                visible=None if size is None else chance.choice((None, size, size, size.transposed)),
                orientation=chance.choice((None, 1, 6)),
                frames=chance.choice((None, 1, 12)),
                quality=chance.choice((None, 30, 85)),
                byte_size=chance.choice((*_NUMBERS[:-1], chance.randint(1, 10**7))),
                base64_bytes=chance.choice(_NUMBERS[:-1]),
                digest=chance.choice(digests) if digests and chance.random() < 0.8 else None,
                findings=[_finding(chance) for _ in range(chance.choice((0, 0, 1, 3)))],
                silenced=chance.randint(0, 2),
                skipped=chance.choice((None, "not an image", "caf\xe9 \udce9")),
                missed=chance.random() < 0.2,
                damage=chance.choice((None, None, "is empty")),
                note=chance.choice((None, "the manifest claims 1x1")),
                tried=chance.choice((None, None, 5000, 90_000)),
            )
        )
    known = [record if record.byte_size is not None else record._replace(digest=None) for record in records]
    return [*known, *known[: number // 10]]


@contextmanager
def both(records: list[FactsRecord], session: Session, folder: Path) -> Iterator[tuple[Store, Store]]:
    """The same rows in DuckDB, from several files, and in SQLite, in another order."""
    tiers, limits = tiers_of(session), session.context.limits()
    files = []
    for i in range(3):
        files.append(str(folder / f"rows-{i}.parquet"))
        Path(files[-1]).write_bytes(write_rows(records[i::3], tiers, dict))
    with open_rows(files, limits) as one, closing(RowsInMemory(tiers)) as other:
        for i in (1, 0):
            other.add(plain_rows(row_values(records[i::2], tiers)))
        yield one, other.store(limits)


@pytest.mark.parametrize(
    ("session", "number", "seed"), [(SESSION, 400, 1), (DOUBTFUL, 400, 2), (SESSION, 40, 3), (SESSION, 1, 4)]
)
def test_both_databases_give_the_same_answers(
    tmp_path: Path, session: Session, number: int, seed: int
) -> None:
    """Statistics, rows in each order, the worst, the page: equal in value and in type."""
    models = tuple(session.limits.bind(name, "anthropic") for name in ("gpt-4o", "claude-opus-5-5"))
    about = AuditContext(session.limits, session.registry.rules, ("photos", "."), ("a note",), models)
    with both(made(number, seed), session, tmp_path) as stores:
        statistics = [aggregate(store, about) for store in stores]
        for one, other in zip(*statistics, strict=True):
            assert repr(one) == repr(other)
        pages = [page(told, store, lambda _: {}) for told, store in zip(statistics, stores, strict=True)]
        assert pages[0] == pages[1]
        for where, limit in (("subject = 'image'", 7), ("true", 3), ("missed", 10_000)):
            one, other = (repr(list(store.worst(where, limit))) for store in stores)
            assert one == other
        one, other = ("".join(lines(store, session.limits.tiers)) for store in stores)
        assert one == other
        for keep in (Keep.FIRST, Keep.LARGEST, Keep.SHARPEST):
            one, other = ("".join(list_lines(store, keep, csv=True)) for store in stores)
            assert one == other
        empty = [without_images(store, ("photos", "x.tar", "nothing.zip")) for store in stores]
        assert empty[0] == empty[1]


def test_places_of_copies_are_found_for_the_groups_that_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dataset may have a million groups, of which the report shows the largest."""
    records = [
        FactsRecord("photos", f"{i}.png", size=Size(9 + i, 9), byte_size=1, digest=bytes([i % 150] * 16))
        for i in range(300)
    ]
    finished = []
    original = memory._FirstPlaces.finalize

    def counted(places: Any) -> str:
        finished.append(places)
        return original(places)

    monkeypatch.setattr(memory._FirstPlaces, "finalize", counted)
    with both(records, SESSION, tmp_path) as stores:
        one, other = (duplicates_of(store) for store in stores)
    assert repr(one) == repr(other)
    assert (one.groups, len(one.largest)) == (150, GROUPS)
    assert one.largest[0].places == ("photos/0.png", "photos/150.png")
    assert len(finished) == GROUPS


def test_columns_without_a_value_are_not_sent() -> None:
    """Rows on their way to the main process are the same rows behind it, measured or not."""
    tiers = tiers_of(SESSION)
    records = made(30, 5)
    measured = [records[0]._replace(pixels=PixelFacts(flaw="not decoded")), *records[1:]]
    names = [column.name for column in columns(tiers)]
    for given, has_pixels in ((records, False), (measured, True)):
        values = list(row_values(given, tiers))
        rows = plain_rows(values)
        assert list(unpacked(rows)) == values
        (chunk,) = rows.chunks()
        sent = {name for name, column in zip(names, chunk.columns, strict=True) if column is not None}
        assert sent.isdisjoint(map(pixel_column, PIXEL_TYPES)) is not has_pixels
        assert sent >= {"source", "member", "width", "errors"}
        assert "findings" not in sent


def test_no_row_at_all(tmp_path: Path) -> None:
    """Sums of nothing are zero in both, quantiles and means of nothing are none."""
    about = AuditContext(SESSION.limits, SESSION.registry.rules)
    with both([], SESSION, tmp_path) as stores:
        one, other = (aggregate(store, about) for store in stores)
        assert repr(one) == repr(other)
        assert (one.totals.images, one.totals.pixels) == (0, 0)


@pytest.fixture
def photos(tmp_path: Path) -> None:
    """Forty images in the working folder, a copy among them, and a damaged one."""
    for i in range(38):
        (tmp_path / f"{i}.png").write_bytes(image_bytes((200 + i, 300)))
    (tmp_path / "copy.png").write_bytes(image_bytes((200, 300)))
    (tmp_path / "cut.png").write_bytes(image_bytes((200, 300))[:60])


def test_rows_need_no_fingerprints_of_findings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Rows hold no locations of findings, so remembered ones are not made again for each image."""
    made = []

    def counted(code: str, location: Location) -> str:
        made.append(location.path)
        return f"{code} {location.path}"

    monkeypatch.setattr("imgbudget.linter.evaluate.fingerprint", counted)
    builder = RecordBuilder(Work.of(Session(RunOptions(isolated=True))).shared.session)
    for i in range(30):
        path = tmp_path / f"{i}.png"
        path.write_bytes(image_bytes((3000, 300)))
        (record,) = builder.file(RowLocation(".", path.name), FoundFile(str(path), FileKind.IMAGE))
        assert "IB201" in {finding.code for finding in record.findings}
    assert len(set(made)) < 5


def test_files_are_read_together_before_they_are_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Hashing between checks makes both slower; a failure of a reader concerns that file alone."""
    paths = [tmp_path / name for name in ("0.png", "1.png", "2.png", "3.txt", "4.png")]
    for path in paths:
        path.write_bytes(image_bytes((3000, 300)))
    steps = []
    check = LintContext.check_facts

    def reads(path: str, fields: int, *, probe: Any) -> ImageUse:
        steps.append(f"read {Path(path).stem}")
        if path.endswith("1.png"):
            raise ValueError("no")
        return read_image(path, fields, probe=probe)

    def checks(context: LintContext, use: ImageUse) -> tuple[Sequence[Finding], int]:
        steps.append(f"check {Path(use.location.path).stem}")
        return check(context, use)

    monkeypatch.setattr("imgbudget.auditing.records.read_image", reads)
    monkeypatch.setattr(LintContext, "check_facts", checks)
    session = Session(RunOptions(isolated=True))
    items: tuple[FoundFile | SkippedFile, ...] = (
        *(FoundFile(str(path), FileKind.IMAGE) for path in paths[:3]),
        SkippedFile(str(paths[3]), "excluded"),
        FoundFile(str(paths[4]), FileKind.IMAGE),
    )
    partition = Partition("", "files", str(tmp_path), "", items=items)
    rows = list(files.read(partition, RecordBuilder(session)))
    assert steps == ["read 0", "read 1", "read 2", "check 0", "check 2", "read 4", "check 4"]
    assert [row.member for row in rows] == [path.name for path in paths]
    assert [row.skipped for row in rows] == [None, "damaged item: no", None, "excluded", None]


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(("most", "share"), [(40, 1000), (39, 1000), (39, 8), (3, 8), (20, 8)])
def test_a_run_too_large_for_memory_goes_on_with_files(
    imgbudget: Command, monkeypatch: pytest.MonkeyPatch, most: int, share: int
) -> None:
    """At the bound and beyond it, in one partition and in several: the same report, nothing read twice."""
    arguments = ("audit", ".", "--isolated", "--format", "json", "-j", "1")
    opened, read = [], []
    monkeypatch.setattr("imgbudget.auditing.whole.SHARE", share)
    expected = imgbudget(*arguments, "--format", "csv:../expected.csv").json
    monkeypatch.setattr("imgbudget.auditing.work.MOST_IN_MEMORY", most)
    monkeypatch.setattr("imgbudget.auditing.run.MOST_IN_MEMORY", most)

    def opens(files: list[str], limits: Limits) -> AbstractContextManager[Store]:
        opened.append(files)
        return open_rows(files, limits)

    def attempts(*arguments: Any) -> Done | None:
        read.append(arguments)
        return None

    monkeypatch.setattr("imgbudget.auditing.whole.open_rows", opens)
    monkeypatch.setattr("imgbudget.auditing.run.AuditRun._attempt", attempts)
    assert imgbudget(*arguments, "--format", "csv:../found.csv").json == expected
    assert Path("../found.csv").read_bytes() == Path("../expected.csv").read_bytes()
    assert [len(files) for files in opened] == [len(range(0, 40, share))] * (most < 40)
    assert read == []


_WITHOUT_EXTRAS = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pyarrow", "duckdb", "fsspec", "jinja2"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from imgbudget.cli import main
main()
"""


@pytest.mark.usefixtures("photos")
def test_a_folder_needs_no_extra_package(imgbudget: Command, tmp_path: Path) -> None:
    """The report is the same without them; an archive is read too."""
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(tmp_path / "1.png", "1.png")
    arguments = ("audit", ".", "--isolated", "--format", "json", "--format", "csv:../rows.csv")
    expected = imgbudget(*arguments)
    rows = Path("../rows.csv").read_bytes()
    command = [sys.executable, "-c", _WITHOUT_EXTRAS, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.stdout, done.returncode) == (expected.out, expected.code)
    assert Path("../rows.csv").read_bytes() == rows


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(
    ("arguments", "most", "message"),
    [
        ((".", "--html", "x.html"), 100, "HTML pages need jinja2"),
        ((".", "--rows", "rows"), 100, "row files need duckdb, pyarrow"),
        (("0.png", "1.png"), 1, "more than 100,000 rows need pyarrow"),
        (("x.parquet",), 100, "Parquet and Arrow files need pyarrow"),
    ],
)
def test_what_needs_extra_packages_names_them(
    imgbudget: Command, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], most: int, message: str
) -> None:
    """Exit code 2, the package, and the line that installs it; nothing is written."""

    def imports(name: str) -> ModuleType:
        if name.endswith(("rowfiles", "parquets")):
            raise ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow")
        return import_module(name)

    monkeypatch.setattr("imgbudget.auditing.extras.import_module", imports)
    monkeypatch.setattr("imgbudget.auditing.extras.find_spec", lambda _: None)
    monkeypatch.setattr("imgbudget.auditing.run.MOST_IN_MEMORY", most)
    Path("x.parquet").write_bytes(b"PAR1" + bytes(8) + b"PAR1")
    done = imgbudget("audit", "--isolated", *arguments)
    assert done.err == f"imgbudget: {message}: pip install 'imgbudget[datasets]'\n"
    assert (done.out, done.code) == ("", 2)
    assert not Path("rows").exists()
    assert not Path("x.html").exists()
