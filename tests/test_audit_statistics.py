"""The statistics are exactly what counting by hand gives."""

import random
from collections import Counter
from pathlib import Path

import pytest

from imgbudget.auditing.aggregate import AuditContext, aggregate
from imgbudget.auditing.rowfiles import write_rows
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.statistics import AuditStatistics, place_text
from imgbudget.auditing.store import ROW_ORDER, open_rows, row_files
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size, native_size, patches, planned_size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.subjects import Finding, Severity
from tests.findings import finding_of
from tests.stated import stated

SESSION = Session(RunOptions(isolated=True))
LIMITS: Limits = SESSION.context.limits()


def finding(code: str, severity: Severity) -> Finding:
    """A finding as rows keep it."""
    return finding_of(code=code, severity=severity, measured=1, limit=2, unit="px")


def made(count: int, seed: int) -> list[FactsRecord]:
    """Rows of all kinds."""
    chance = random.Random(seed)  # noqa: S311 - repeatable data
    digests = [chance.randbytes(16) for _ in range(count * 3 // 4)]
    found = [
        finding("IB201", Severity.WARNING),
        finding("IB101", Severity.ERROR),
        finding("IB202", Severity.INFO),
    ]
    records = []
    for i in range(count):
        size = Size(chance.randint(1, 6000), chance.randint(1, 6000)) if chance.random() > 0.1 else None
        records.append(
            FactsRecord(
                chance.choice(("photos", "x.tar")),
                f"{chance.choice('abc')}/{i}.jpg",
                format=chance.choice(("jpeg", "png", None)),
                size=size,
                visible=size,
                quality=chance.choice((None, 30, 85)),
                byte_size=chance.randint(0, 10**7),
                base64_bytes=chance.randint(0, 10**7),
                digest=chance.choice(digests) if chance.random() > 0.2 else None,
                findings=chance.sample(found, chance.randint(0, 3)),
                damage=None if size else "is empty",
            )
        )
    records += [
        FactsRecord("photos", f"{i}.txt", subject="skip", skipped="not an image", missed=i > 2)
        for i in range(5)
    ]
    return [*records, FactsRecord("photos", "r.json", None, "", subject="request", findings=found[:1])]


def statistics_of(
    folder: Path, records: list[FactsRecord], files: int = 3, models: tuple[Limits, ...] = ()
) -> AuditStatistics:
    """Their statistics, from several files."""
    for i in range(files):
        data = write_rows(records[i::files], SESSION.limits.tiers, dict)
        (folder / f"rows-{i}.parquet").write_bytes(data)
    with open_rows(row_files(str(folder)), LIMITS) as store:
        return aggregate(store, AuditContext(SESSION.limits, SESSION.registry.rules, models=models))


@pytest.mark.parametrize("seed", [1, 2])
def test_totals_are_the_sums(tmp_path: Path, seed: int) -> None:
    """Every headline number, counted from the same records."""
    records = made(300, seed)
    told = statistics_of(tmp_path, records).totals
    images = [record for record in records if record.subject == "image"]
    sizes = [record.visible for record in images if record.visible]
    errors = [sum(item.severity is Severity.ERROR for item in record.findings) for record in records]
    assert told.images == len(images) == 300
    assert (told.skipped, told.missed, told.requests) == (5, 2, 1)
    assert told.unreadable == sum(record.damage is not None for record in images)
    assert told.refused == sum(map(bool, errors))
    assert told.errors == sum(errors)
    assert told.resized == sum(native_size(size, LIMITS.tier) != size for size in sizes)
    assert told.byte_size == sum(record.byte_size or 0 for record in images)
    assert told.tokens == sum(stated(LIMITS.tokens(size)) for size in sizes)
    assert told.tokens_after == sum(patches(planned_size(size, LIMITS.tier)) for size in sizes)
    assert told.cost_usd == pytest.approx(
        sum(stated(LIMITS.cost_usd(stated(LIMITS.tokens(size)))) for size in sizes)
    )


def test_distributions_are_exact(tmp_path: Path) -> None:
    """Quantiles are values that occur, bins hold every image once."""
    records = made(300, 3)
    told = {item.name: item for item in statistics_of(tmp_path, records).distributions}
    edges = sorted(record.size.long_edge for record in records if record.size)
    long_edge = told["long_edge"]
    assert (long_edge.minimum, long_edge.maximum, long_edge.images) == (edges[0], edges[-1], len(edges))
    for share, value in long_edge.quantiles:
        assert sum(edge <= value for edge in edges) >= share * len(edges)
        assert sum(edge < value for edge in edges) < share * len(edges)
    for item in long_edge.bins:
        inside = [
            e for e in edges if (item.low is None or e >= item.low) and (item.high is None or e < item.high)
        ]
        assert item.images == len(inside)
    assert sum(item.images for item in long_edge.bins) == len(edges)


def test_groups_are_those_of_a_counter(tmp_path: Path) -> None:
    """By folder, by format, by rule, by content."""
    records = made(300, 4)
    told = statistics_of(tmp_path, records)
    images = [record for record in records if record.subject == "image"]
    folders = Counter(f"{record.source}/{str(record.member)[0]}" for record in images)
    assert {row.folder: row.images for row in told.folders} == folders
    formats = Counter(record.format or ("pdf page" if record.size else None) for record in images)
    assert {row.format: row.images for row in told.formats} == formats
    codes = Counter((item.code, str(item.severity)) for record in records for item in record.findings)
    assert {(row.code, row.severity): row.findings for row in told.rules} == codes
    copies = Counter(record.digest for record in images if record.digest)
    assert told.duplicates.groups == sum(number > 1 for number in copies.values())
    assert told.duplicates.extra_images == sum(number - 1 for number in copies.values())
    assert told.duplicates.unhashed == sum(record.digest is None for record in images)


@pytest.mark.parametrize("limit", [1, 7, 299, 300, 400])
def test_worst_rows_are_those_of_sorting_all(tmp_path: Path, limit: int) -> None:
    """Errors first, then bytes with unknown sizes last, then warnings, then locations, with many ties."""
    records = [
        record._replace(byte_size=None if i % 7 == 0 else i % 3 * 1000)
        for i, record in enumerate(made(300, 8))
    ]
    statistics_of(tmp_path, records)
    with open_rows(row_files(str(tmp_path)), LIMITS) as store:
        order = f"errors desc, bytes desc nulls last, warnings desc, {ROW_ORDER}"
        sorted_all = list(store.rows("subject = 'image'", order))
        assert list(store.worst("subject = 'image'", limit)) == sorted_all[:limit]


def test_cost_matrix_has_every_model_of_claude_on_every_platform_that_serves_it(tmp_path: Path) -> None:
    """Each cell is what the limits say of the tier's tokens; batches cost what the platform asks."""
    records = made(100, 5)
    told = statistics_of(tmp_path, records)
    sizes = [record.visible for record in records if record.visible]
    data = SESSION.limits
    assert [(row.model, row.platform) for row in told.costs] == [
        (m, p)
        for m in data.models
        if m.startswith("claude-")
        for p in (
            *("anthropic", "bedrock", "google-cloud", "foundry", "claude-ai"),
            *("claude-google-cloud", "claude-aws"),
        )
    ]
    for row in told.costs:
        limits = data.bind(row.model, row.platform)
        tokens = sum(stated(limits.tokens(size)) for size in sizes)
        assert row.tokens == tokens
        assert (row.batch_cost_usd is None) == (limits.batch_factor is None or row.usd_per_million is None)
        assert (row.cost_usd is None) == (limits.input_price is None)
        if row.cost_usd is not None:
            assert row.cost_usd == pytest.approx(tokens * stated(limits.input_price).value / 1e6)
    assert any(row.retired for row in told.costs)
    assert [row.tier for row in told.tiers] == ["standard", "high-resolution"]
    assert told.tiers[1].times == told.tiers[1].tokens / told.tiers[0].tokens


def test_models_side_by_side_are_each_counted_by_their_own_rule(tmp_path: Path) -> None:
    """Sums over sizes equal sums over images, whoever provides the model; its order is the one asked for."""
    records = made(200, 6)
    records += made(50, 6)  # sizes that many images share
    sizes = [record.visible for record in records if record.visible]
    data = SESSION.limits
    names = (
        "gpt-4o",
        "claude-opus-5-5",
        "gpt-5-mini",
        "gemini-2.5-flash",
        "nova-lite",
        "qwen2.5-vl-7b-instruct",
    )
    models = tuple(data.bind(name, "anthropic") for name in names)
    told = statistics_of(tmp_path, records, models=models)
    assert [row.model for row in told.models] == list(names)
    assert statistics_of(tmp_path, records).models == ()
    for row, limits in zip(told.models, models, strict=True):
        planned = (planned_size(size, limits.tier) for size in sizes)
        assert row.tokens == sum(stated(limits.tokens(size)) for size in sizes)
        assert row.tokens_after == sum(stated(limits.tokens(size)) for size in planned)
        assert row.resized == sum(limits.native_size(size) != size for size in sizes)
        assert row.cost_usd == pytest.approx(row.tokens * stated(limits.input_price).value / 1e6)
    by_model = {row.model: row for row in told.models}
    assert by_model["claude-opus-5-5"] == next(
        row for row in told.costs if (row.model, row.platform) == ("claude-opus-5-5", "anthropic")
    )


def test_statistics_do_not_depend_on_how_rows_lie_in_files(tmp_path: Path) -> None:
    """One file or seven, in any order."""
    records = made(200, 6)
    for name in ("one", "seven"):
        (tmp_path / name).mkdir()
    one = statistics_of(tmp_path / "one", records, 1)
    seven = statistics_of(tmp_path / "seven", records[::-1], 7)
    assert one == seven


def test_nothing_but_skips_is_no_error(tmp_path: Path) -> None:
    """A folder without an image has statistics too."""
    told = statistics_of(tmp_path, [FactsRecord("x", "a.txt", subject="skip", skipped="not an image")], 1)
    assert (told.totals.images, told.folders, told.offenders) == (0, (), ())
    assert told.distributions[0].quantiles == ()


def test_no_row_files_is_a_clear_error() -> None:
    """Without row files there are no statistics."""
    with pytest.raises(UsageError, match="nothing was audited"), open_rows((), LIMITS):
        pass


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (("photos", "a/b.jpg", None, None), "photos/a/b.jpg"),
        ((".", "a.jpg", None, None), "a.jpg"),
        (("a.jpg", None, None, None), "a.jpg"),
        (("x.parquet", None, 11, None), "x.parquet:12"),
        (("x.parquet", "a.jpg", 11, None), "x.parquet/a.jpg"),
        (("d", "r.jsonl", 2, "/messages/0"), "d/r.jsonl:3#/messages/0"),
    ],
)
def test_places_read_as_findings_name_them(
    place: tuple[str, str | None, int | None, str | None], text: str
) -> None:
    """Folders, files, rows and pointers."""
    assert place_text(*place) == text
