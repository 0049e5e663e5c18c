"""Just at and just beyond the bounds of limits, plans and reports."""

import json
import os
from pathlib import Path

import pytest

import imgbudget.newfiles as newfiles_module
from imgbudget.errors import LimitsError
from imgbudget.fixing.output_files import fitting_name
from imgbudget.fixing.writer import replace_file
from imgbudget.imageinfo.cachefiles import cache_folder
from imgbudget.limits.data import LimitsData, load_limits
from imgbudget.limits.geometry import Size
from imgbudget.limits.model_ids import nearest_names
from imgbudget.model.edits import ImageEdit
from imgbudget.model.request_under_test import bind_request
from imgbudget.model.subjects import ImageFacts, Request
from imgbudget.output.worst_first import times_over
from imgbudget.planner.allocation import within_body
from imgbudget.planner.image import enough_bytes, least_bytes, text_length
from imgbudget.testing import request
from imgbudget_rules.limits._generated import DATA
from tests.builders import write_json
from tests.conftest import Command
from tests.findings import finding_of
from tests.rule_runner import limits_of
from tests.stated import stated

SMALL = Size(400, 300)
SHIPPED = LimitsData.from_mapping(DATA)


def one_turn(*content: str) -> Request:
    """A request of one turn in shorthand."""
    return request({"messages": [{"role": "user", "content": list(content)}]})


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("gemini-2.0-flash", Size(400, 1), 258 * 3),
        ("gemini-2.0-flash", Size(1, 400), 258 * 3),
        ("gemini-2.0-flash", Size(20000, 3), 258 * 80),
        ("gemini-2.0-flash", Size(385, 600), 258 * 7),
    ],
)
def test_strips_of_a_few_pixels_are_tiles_of_the_least_edge(model: str, size: Size, tokens: int) -> None:
    """A tile has an edge of at least 256 px."""
    assert SHIPPED.bind(model, "anthropic").tokens(size) == tokens


@pytest.mark.parametrize("edge", [1, 5, 13, 14, 27, 28])
def test_qwen_has_at_least_one_patch_on_each_edge(edge: int) -> None:
    """A strip thinner than half a patch is enlarged to one."""
    long_edges = {1: 1792, 5: 812, 13: 504, 14: 476}  # of an area of 3136 px, rounded up
    limits = SHIPPED.bind("qwen2.5-vl-7b-instruct", "anthropic")
    for size in (Size(edge, 1000), Size(1000, edge)):
        seen = limits.native_size(size)
        assert seen.short_edge == 28
        assert seen.long_edge == (1008 if edge > 14 else long_edges[edge])
        assert limits.tokens(size) == seen.width * seen.height // 28**2


@pytest.mark.parametrize("length", [199, 200, 201, 400])
def test_only_names_of_plausible_length_are_compared(length: int) -> None:
    """Comparing takes the square of the length: beyond 200 characters nothing is looked for."""
    name = "a" * length
    assert bool(nearest_names(name, (name[:-1] + "b",))) is (length <= 200)


def overlaid(tmp_path: Path, text: str) -> LimitsData:
    """The shipped data under a user's file."""
    file = tmp_path / "limits.yaml"
    file.write_text(text, encoding="utf-8")
    return load_limits([DATA], str(file))


@pytest.mark.parametrize(
    ("factor", "good"), [(1000, True), (1001, False), (0.001, True), (0, False), (-1, False)]
)
def test_factors_are_positive_and_at_most_a_thousand(tmp_path: Path, factor: float, *, good: bool) -> None:
    """A larger one is a mistake in the unit."""
    text = f"models:\n  claude-opus-5:\n    cache_read_factor: {{value: {factor}}}\n"
    if good:
        assert overlaid(tmp_path, text).bind("claude-opus-5", "anthropic").cache_read_factor.value == factor
    else:
        with pytest.raises(LimitsError, match="cache_read_factor"):
            overlaid(tmp_path, text)


@pytest.mark.parametrize(("edge", "good"), [("1", True), ("0", False), ("-5", False), ("1.5", False)])
def test_pixels_are_whole_numbers_above_zero(tmp_path: Path, edge: str, *, good: bool) -> None:
    """Half a pixel is none."""
    text = f"platforms:\n  bedrock:\n    max_edge: {{value: {edge}}}\n"
    if good:
        limit = overlaid(tmp_path, text).bind("claude-sonnet-4-6", "bedrock").max_edge
        assert limit is not None
        assert limit.value == int(edge)
    else:
        with pytest.raises(LimitsError, match="max_edge"):
            overlaid(tmp_path, text)


@pytest.mark.parametrize("date", ["soon", "2026-13", "26-01-01", "7"])
def test_dates_are_days_months_or_years(tmp_path: Path, date: str) -> None:
    """Only a file's own default may be another text."""
    text = f"platforms:\n  bedrock:\n    max_edge: {{value: 5, source: us, date: '{date}'}}\n"
    with pytest.raises(LimitsError, match="max_edge"):
        overlaid(tmp_path, text)


def test_a_threshold_of_price_is_the_last_prompt_at_the_lower_price() -> None:
    """One token more costs the higher price, and so does all before it."""
    limits = limits_of("claude-haiku-5-5")
    assert limits.long_prompt_tokens is not None
    threshold = limits.long_prompt_tokens.value
    each = stated(limits.cost_usd(1))
    assert stated(limits.cost_usd(threshold)) == pytest.approx(threshold * each)
    assert stated(limits.cost_usd(threshold + 1)) > (threshold + 1) * each * 1.1


def test_sizes_advised_for_latency_keep_their_direction() -> None:
    """Portraits stay portraits."""
    limits = limits_of("claude-opus-4-8")
    across = limits.latency_size(Size(4000, 3000))
    assert across.width > across.height
    assert limits.latency_size(Size(3000, 4000)) == across.transposed


def facts_of(form: str, byte_size: int, size: Size = SMALL) -> ImageFacts:
    """The facts of an image, by default of 120,000 px."""
    return ImageFacts(byte_size=byte_size, format=form, size=size)


@pytest.mark.parametrize(
    ("facts", "size", "form", "enough"),
    [
        # three times the bytes that each pixel took, and 4 kB of headers
        (facts_of("png", 60_000), Size(200, 150), "png", 30_000 * 3 // 2 + 4096),
        (facts_of("jpeg", 24_000), Size(200, 150), "jpeg", 30_000 * 6 // 10 + 4096),
        # at least a quarter of a byte for each pixel, at most 4 without loss and 1.5 with it
        (facts_of("png", 1200), Size(200, 150), "png", 30_000 // 4 + 4096),
        (facts_of("png", 400_000), Size(200, 150), "png", 30_000 * 4 + 4096),
        (facts_of("webp", 400_000), Size(200, 150), "jpeg", 30_000 * 3 // 2 + 4096),
        # what becomes lossy takes 1.5 however little it took before; what becomes lossless does not
        (facts_of("png", 1200), Size(200, 150), "jpeg", 30_000 * 3 // 2 + 4096),
        (facts_of("jpeg", 24_000), Size(200, 150), "png", 30_000 * 6 // 10 + 4096),
        # of the same size and format, what it has is enough and no less
        (facts_of("png", 900_000), Size(400, 300), "png", 900_000),
    ],
)
def test_bytes_that_suffice_for_an_edit(facts: ImageFacts, size: Size, form: str, enough: int) -> None:
    """Bounded by what the image took before and by what encoders need."""
    assert enough_bytes(facts, size, form) == pytest.approx(enough, abs=1)


def test_a_body_is_shared_among_images_of_known_size() -> None:
    """What the request does not hold, and what has no size, gives nothing; the rest is within the limit."""
    body = one_turn("<png 800x600 bytes=900000>", "<png 400x300 bytes=500000>", "<url>")
    test = bind_request(body, limits_of())
    assert within_body(test, {}) == {}
    most = 800_000
    bounded = within_body(test, {}, most=most)
    places = [use.location for use in body.images]
    assert set(bounded) == set(places[:2])
    after = body.byte_size + sum(
        text_length(bounded[use.location].max_bytes or 0) - (use.base64_size or 0) for use in body.images[:2]
    )
    assert most - 2000 < after <= most
    unsized = body.images[0]._replace(facts=ImageFacts(byte_size=900_000, format="jxl"))
    odd = body._replace(images=(unsized, *body.images[1:]))
    edits = {places[0]: ImageEdit(format="jpeg")}
    assert within_body(bind_request(odd, limits_of()), edits)[places[0]] == edits[places[0]]
    assert within_body(bind_request(odd, limits_of()), {}, most=most).keys() == {places[1]}


def test_least_bytes_are_no_more_than_an_image_has() -> None:
    """A small file cannot give what it does not have."""
    small, large = facts_of("jpeg", 700), facts_of("jpeg", 900_000, Size(4000, 3000))
    assert least_bytes(small, 200, SMALL) == 700
    size = Size(4000, 3000)
    assert 1024 < least_bytes(large, 200, size) < least_bytes(large, 400, size) < 900_000


def test_names_are_not_more_than_one_another() -> None:
    """An orientation of 6 is not six times beyond one of 1: only amounts are compared."""
    found = finding_of(measured=6, limit=1)
    assert times_over(found) == 6
    assert times_over(found._replace(measured=1, limit=6)) == 6
    assert times_over(found._replace(unit="orientation")) == 0
    for measured, limit in ((None, 1), (6, None), (0, 1), (6, 0), (-6, 1), (6, -1)):
        assert times_over(found._replace(measured=measured, limit=limit)) == 0


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"XDG_CACHE_HOME": "/x"}, "/x"),
        ({"LOCALAPPDATA": "/l"}, "/l"),
        ({"XDG_CACHE_HOME": "/x", "LOCALAPPDATA": "/l"}, "/x"),
        ({"XDG_CACHE_HOME": "", "LOCALAPPDATA": "/l"}, "/l"),
        ({"HOME": "/h"}, "/h/.cache"),
    ],
)
def test_the_cache_is_where_the_system_keeps_caches(
    variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XDG comes first, then Windows' folder, then the user's .cache; an empty variable is none."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == os.path.join(folder, "imgbudget")


def test_files_are_replaced_where_there_are_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no flock: writing works, and only old files of killed runs are removed."""
    monkeypatch.setattr(newfiles_module, "fcntl", None)
    file = tmp_path / "a.jpg"
    file.write_bytes(b"old")
    replace_file(str(file), b"new")
    with newfiles_module.open_folder(str(tmp_path)) as folder:
        newfiles_module.remove_leftovers(folder)
    assert file.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.jpg"]


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        ("a.jpg", "jpeg", "a.jpg"),
        ("a.JPEG", "jpeg", "a.JPEG"),
        ("a.png", "jpeg", "a.jpg"),
        ("a.PNG", "jpeg", "a.JPG"),
        ("a.b.tiff", "png", "a.b.png"),
        ("taken.tiff", "png", "taken.tiff.png"),
        ("a", "png", "a"),
        ("a.txt", "png", "a.txt"),
        ("a.rgb", "png", "a.png"),
        ("a.DCX", "png", "a.PNG"),
        ("a.dat", "png", "a.dat"),
    ],
)
def test_names_change_only_where_they_promise_another_format(
    tmp_path: Path, name: str, form: str, expected: str
) -> None:
    """Extensions of images promise a format, others promise nothing; nothing is overwritten."""
    for one in (name, "taken.png"):
        (tmp_path / one).write_bytes(b"old")
    assert fitting_name(str(tmp_path / name), form, b"new") == str(tmp_path / expected)


def test_reports_hold_images_without_facts(imgbudget: Command, tmp_path: Path) -> None:
    """An image by URL, text that is no base64, and bytes that are no image have records with empty fields."""
    sources = [
        {"type": "url", "url": "https://example.com/a.png"},
        {"type": "base64", "media_type": "image/png", "data": "!!!!"},
        {"type": "base64", "media_type": "image/png", "data": "aGVsbG8gd29ybGQ="},
    ]
    content = [{"type": "image", "source": source} for source in sources]
    write_json(
        tmp_path / "r.json", {"model": "claude-opus-4-8", "messages": [{"role": "user", "content": content}]}
    )
    images = imgbudget("check", "r.json", "--format", "json").json["images"]
    assert [(one["format"], one["width"], one["bytes"], one["base64_bytes"]) for one in images] == [
        (None, None, None, None),
        (None, None, None, 4),
        (None, None, 11, 16),
    ]
    lines = imgbudget("check", "r.json", "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines if '"image"' in line[:20]] == [
        {"type": "image", **one} for one in images
    ]
