"""What an audit shows first: the largest saving, and worst images of every kind."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgbudget.auditing import offenders
from imgbudget.auditing.aggregate import AuditContext, aggregate
from imgbudget.auditing.html.names import measured
from imgbudget.auditing.memory import RowsInMemory
from imgbudget.auditing.rowfiles import write_rows
from imgbudget.auditing.rows import FactsRecord, plain_rows, row_values
from imgbudget.auditing.statistics import AuditStatistics
from imgbudget.auditing.store import open_rows
from imgbudget.auditing.work import tiers_of
from imgbudget.model.subjects import Severity
from tests.builders import image_bytes
from tests.conftest import Command
from tests.reportpages import SESSION, found, image
from tests.test_pixels_hashes import scene

ABOUT = AuditContext(SESSION.limits, SESSION.registry.rules, ("x",))


def statistics_of(records: list[FactsRecord], folder: Path) -> tuple[AuditStatistics, AuditStatistics]:
    """The statistics by SQLite and by DuckDB."""
    tiers, limits = tiers_of(SESSION), SESSION.context.limits()
    file = folder / "rows-0.parquet"
    file.write_bytes(write_rows(records, tiers, dict))
    with (
        closing(RowsInMemory(tiers)) as memory,
        open_rows([str(file)], limits) as files,
    ):
        memory.add(plain_rows(row_values(records, tiers)))
        return aggregate(memory.store(limits), ABOUT), aggregate(files, ABOUT)


def test_worst_images_are_of_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty of one kind do not hide one of another, though its file is smaller than all of theirs."""
    monkeypatch.setattr(offenders, "CANDIDATES", 20)
    error, warning = Severity.ERROR, Severity.WARNING
    records = [image(f"a{i:02}", byte_size=9000 - i, findings=[found("IB101", error)]) for i in range(50)]
    records += [
        image("both", byte_size=5000, findings=[found("IB101", error), found("IB201", warning)]),
        image("late", byte_size=100, findings=[found("IB104", error)]),
        image("mild", byte_size=9500, findings=[found("IB301", warning)]),
        image("calm", byte_size=9900, findings=[found("IB202", Severity.INFO)]),
        image("quiet", byte_size=9900),
    ]
    for statistics in statistics_of(records, tmp_path):
        names = [row.member for row in statistics.offenders]
        assert set(names[:4]) == {"a00", "late", "mild", "both"}
        assert names[4:] == [f"a{i:02}" for i in range(1, 20)]


def test_few_images_are_all_shown_worst_first(tmp_path: Path) -> None:
    """Within a kind errors come first, then the largest files."""
    one, two = found("IB101", Severity.ERROR), found("IB301", Severity.WARNING)
    records = [image(f"{i}", byte_size=i, findings=[one] if i % 2 else [two]) for i in range(1, 7)]
    for statistics in statistics_of(records, tmp_path):
        assert [row.member for row in statistics.offenders] == ["5", "6", "3", "4", "1", "2"]


def test_an_orientation_has_no_limit() -> None:
    """It is a code, not an amount."""
    assert measured(5, 1, "orientation") == "orientation 5"
    assert measured(9312, 8000, "px") == "9312 px, limit 8000 px"


def lead_and_cards(folder: Path, imgbudget: Command, *options: str) -> tuple[str, list[str], Any]:
    """The first paragraph, the titles of the cards, and the rows of savings in text."""
    run = imgbudget("audit", "d", "--isolated", "--html", "p.html", *options)
    assert run.code == 0, run.err
    page = (folder / "p.html").read_text(encoding="utf-8")
    lead = re.search(r'<p class="lead">(.*?)</p>', page)
    assert lead
    titles = re.findall(r'<article class="card[^>]*>\s*<h2>(.*?)</h2>', page)
    table = run.out.partition("Savings, the largest first\n")[2].partition("\n\n")[0]
    return lead[1], titles, [line.split("  ")[0] for line in table.splitlines()]


def test_the_largest_saving_comes_first(imgbudget: Command, tmp_path: Path) -> None:
    """Where copies cost more than images that are too large, they are first."""
    folder = tmp_path / "d"
    folder.mkdir()
    for i in range(4):
        (folder / f"copy{i}.png").write_bytes(image_bytes((1092, 1092)))
    (folder / "large.png").write_bytes(image_bytes((2000, 1500)))
    lead, titles, rows = lead_and_cards(tmp_path, imgbudget)
    assert lead.index("Copies of other images") < lead.index("The plan reduces")
    assert titles[:3] == ["Cost now", "Copies cost", "The plan saves"]
    assert rows == [
        "what",
        "Copies",
        "Requests that can wait",
        "Larger than the model uses",
        "each by itself; together they are less than the sum",
    ]
    for path in folder.glob("copy*"):
        path.unlink()
    lead, titles, rows = lead_and_cards(tmp_path, imgbudget)
    assert "Copies" not in lead
    assert titles[:3] == ["Cost now", "The plan saves", "Images with errors"]
    assert rows[1:3] == ["Requests that can wait", "Larger than the model uses"]


def test_nothing_to_save_is_no_table(imgbudget: Command, tmp_path: Path) -> None:
    """One small image, on a platform without batches."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.png").write_bytes(image_bytes((300, 300)))
    assert lead_and_cards(tmp_path, imgbudget, "--platform", "claude-ai")[2] in ([], [""])
    assert "What saves most" not in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_near_duplicates_are_shown_as_pictures(imgbudget: Command, tmp_path: Path) -> None:
    """With --pixels: in the savings, and each group with thumbnails, by the largest cost."""
    folder = tmp_path / "d's"
    folder.mkdir()
    picture = scene(1)
    picture.save(folder / "a.png")
    picture.resize((320, 240), Image.Resampling.LANCZOS).save(folder / "b.jpg", quality=80)
    (folder / "c.png").write_bytes(image_bytes((400, 300)))
    run = imgbudget("audit", "d's", "--isolated", "--pixels", "--html", "p.html")
    assert run.code == 0, run.err
    assert re.search(r"^Near duplicates +1 ", run.out, re.MULTILINE)
    assert "Near duplicates cost $0.000" in (tmp_path / "p.html").read_text("utf-8")
    section = (tmp_path / "p.html").read_text("utf-8").partition('<section id="near"')[2]
    section = section.partition("</section>")[0]
    assert re.findall(r"<bdi>(\w\.\w+)</bdi>", section) == ["a.png", "b.jpg"]
    assert section.count('<img src="data:image/webp') == 2
    assert "1 of 3 images that were compared" in section
    imgbudget("audit", "d's", "--isolated", "--html", "p.html")
    assert 'id="near"' not in (tmp_path / "p.html").read_text("utf-8")
