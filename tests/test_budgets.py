"""Budgets end to end: from the configuration, its overrides and the command line; image, request, run."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.limits.data import LimitsData
from imgbudget.linter.run import Session
from imgbudget.model.budgets import Budget, Budgets
from imgbudget.model.request_under_test import bind_request
from imgbudget.planner.allocation import within_tokens
from imgbudget.planner.sizes import size_steps
from imgbudget.testing import request
from imgbudget_rules.limits._generated import DATA
from tests.builders import body, image_block, image_bytes, write_json
from tests.configs import mistakes_in
from tests.conftest import Command
from tests.stated import stated

SQUARE = image_bytes((1092, 1092))  # 1521 tokens, $0.004563 on the default model
LIMITS = LimitsData.from_mapping(DATA).bind("claude-sonnet-4-6", "anthropic")


def configure(folder: Path, text: str) -> None:
    """A configuration in a folder."""
    (folder / ".imgbudget.yaml").write_text(text)


def test_nothing_is_reported_without_budgets(imgbudget: Command, tmp_path: Path) -> None:
    """The rules are on by default and silent until a budget is set."""
    (tmp_path / "a.png").write_bytes(SQUARE)
    write_json(tmp_path / "r.json", body(image_block(SQUARE)))
    run = imgbudget("check", "--format", "json")
    assert (run.code, run.codes) == (0, [])


def test_budgets_of_the_configuration(imgbudget: Command, tmp_path: Path) -> None:
    """Image, request and run, each in its own unit."""
    (tmp_path / "a.png").write_bytes(SQUARE)
    write_json(tmp_path / "r.json", body(image_block(SQUARE)))
    configure(
        tmp_path,
        "budgets:\n  image: {tokens: 1.5k}\n  request: {tokens: 1600, cost: $0.004, bytes: 1 MB}\n"
        "  run: {tokens: 3k, cost: $1, bytes: 1 KB}\n",
    )
    run = imgbudget("check", "--format", "json")
    assert run.code == 1
    assert sorted(run.codes) == ["IB601", "IB601", "IB603", "IB604", "IB604"]
    at = {(item["code"], item["unit"]): item for item in run.json["findings"]}
    assert at["IB604", "tokens"]["measured"] == 3042
    size = (tmp_path / "a.png").stat().st_size + (tmp_path / "r.json").stat().st_size
    assert (at["IB604", "bytes"]["measured"], at["IB604", "bytes"]["limit"]) == (size, 1024)
    assert at["IB604", "bytes"]["path"] == ".imgbudget.yaml"


def test_the_command_line_beats_the_file_amount_by_amount(imgbudget: Command, tmp_path: Path) -> None:
    """`--budget image.tokens` does not change the file's byte budget."""
    (tmp_path / "a.png").write_bytes(SQUARE)
    configure(tmp_path, "budgets:\n  image: {tokens: 100, bytes: 10 B}\n")
    assert imgbudget("check", "a.png", "--format", "json").codes == ["IB601", "IB605"]
    run = imgbudget("check", "a.png", "--format", "json", "--budget", "image.tokens=2k,request.cost=$5")
    assert run.codes == ["IB605"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("image.token=5", "did you mean image.tokens?"),
        ("nonsense", "known: image.tokens, image.bytes"),
        ("image.tokens", "write e.g. image.tokens=1600; known: image.tokens"),
        ("image.tokens=many", '"many" is not a number of tokens'),
        ("run.cost=0", '"0" is not more than 0'),
    ],
)
def test_a_wrong_budget_is_a_usage_error(imgbudget: Command, given: str, told: str) -> None:
    """With the spelling that would be right."""
    run = imgbudget("check", "--budget", given)
    assert run.code == 2
    assert told in run.err


def test_an_override_sets_its_own_budgets(imgbudget: Command, tmp_path: Path) -> None:
    """Amounts that it does not set are inherited; a run budget is only allowed at the top level."""
    (tmp_path / "thumbs").mkdir()
    for folder in (".", "thumbs"):
        (tmp_path / folder / "a.png").write_bytes(image_bytes((300, 300), colour=len(folder)))  # 121 tokens
    configure(
        tmp_path,
        "budgets:\n  image: {tokens: 200, bytes: 10 B}\n"
        "overrides:\n  - files: [thumbs/**]\n    budgets: {image: {tokens: 100}}\n",
    )
    found = imgbudget("check", "--format", "json").json["findings"]
    assert [(item["path"], item["code"]) for item in found] == [
        ("a.png", "IB605"),
        ("thumbs/a.png", "IB601"),
        ("thumbs/a.png", "IB605"),
    ]
    text = "overrides:\n  - files: [a]\n    budgets: {run: {tokens: 5}}\n"
    assert mistakes_in(tmp_path, text) == [
        '3: unknown key "overrides[0].budgets.run"; valid keys: image, request'
    ]


def test_the_run_is_summed_over_several_processes(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process or three: the same finding with the same sums."""
    for i in range(30):
        (tmp_path / f"{i:02}.png").write_bytes(image_bytes((300, 300), colour=i * 999))
    configure(tmp_path, "budgets:\n  run: {tokens: 1k, bytes: 1 KB}\n")
    monkeypatch.setattr(Session, "pool_threshold", 10)
    monkeypatch.setattr(Session, "chunk_size", 4)
    alone, several = (imgbudget("check", "--format", "json", "-j", jobs) for jobs in ("1", "3"))
    assert alone.codes == ["IB604", "IB604"]
    assert alone.out == several.out
    assert alone.json["findings"][0]["measured"] == 30 * 121


def test_a_request_is_shrunk_into_its_budget(imgbudget: Command, tmp_path: Path) -> None:
    """The largest image gives, the small one stays byte for byte, and a second run has nothing to do."""
    small = image_block(image_bytes((300, 300)))
    path = write_json(tmp_path / "r.json", body(image_block(SQUARE), small))
    run = imgbudget("check", "r.json", "--fix", "--budget", "request.tokens=1000", "--format", "json")
    assert run.codes == []
    summary = run.json["summary"]
    assert 900 < summary["visual_tokens"] <= 1000
    assert small["source"]["data"] in path.read_text()
    again = path.read_bytes()
    assert imgbudget("check", "r.json", "--fix", "--budget", "request.tokens=1000").code == 0
    assert path.read_bytes() == again


@given(
    edges=st.lists(st.tuples(st.integers(1, 2000), st.integers(1, 2000)), min_size=1, max_size=6),
    animated=st.booleans(),
    most=st.integers(1, 5000),
)
def test_shares_of_a_request_are_fair(edges: list[tuple[int, int]], *, animated: bool, most: int) -> None:
    """All together are within the budget where that can be, an animation is left alone and counted."""
    frames = " frames=2" if animated else ""
    specs = [f"<gif 300x300{frames}>", *(f"<png {width}x{height}>" for width, height in edges)]
    asked = request({"messages": [{"role": "user", "content": specs}]})
    edits = within_tokens(bind_request(asked, LIMITS), {}, most=most, unsafe=False)
    sizes = [edits[use.location].size if use.location in edits else use.visible_size for use in asked.images]
    after = [stated(LIMITS.tokens(size)) for size in sizes if size]
    before = [stated(LIMITS.tokens(use.visible_size)) for use in asked.images if use.visible_size]
    assert all(now <= then for now, then in zip(after, before, strict=True))
    if animated:
        assert after[0] == 121
    room = most - (121 if animated else 0)
    legible = [use.visible_size for use in asked.images if use.visible_size]
    if room >= len(after):
        assert sum(after) <= most
        level = room // len(after)
        lowest = [size_steps(size, LIMITS.native_size(size), 200)[0].tokens for size in legible]
        if all(tokens <= level for tokens in lowest):  # else others give for one that may not get smaller
            assert all(now == then for now, then in zip(after, before, strict=True) if then <= level)
    if sum(before) <= most:
        assert edits == {}


def test_an_image_is_made_to_fit_its_budgets(imgbudget: Command, tmp_path: Path) -> None:
    """Tokens and bytes at once."""
    (tmp_path / "a.png").write_bytes(SQUARE)
    arguments = ("--budget", "image.tokens=500,image.bytes=4KB")
    assert imgbudget("check", "a.png", "--fix", *arguments).code == 0
    run = imgbudget("check", "a.png", *arguments, "--format", "json")
    assert run.code == 0
    assert 400 < run.json["images"][0]["tokens"] <= 500


def test_budgets_are_laid_over_each_other() -> None:
    """The upper amount where it is set, else the lower one."""
    upper = Budgets(image=Budget(tokens=1), run=Budget(cost=2))
    lower = Budgets(image=Budget(tokens=5, bytes=6), request=Budget(cost=7))
    assert upper.over(lower) == Budgets(
        image=Budget(tokens=1, bytes=6), request=Budget(cost=7), run=Budget(cost=2)
    )
    assert upper.amount("image.tokens") == 1
    assert upper.amount("request.cost") is None


def test_a_budget_of_cost_without_a_price_is_reported(imgbudget: Command, tmp_path: Path) -> None:
    """Nothing exceeds the budget, but it was not checked: a warning says so, once."""
    for name, model in (("a", "nobody-knows"), ("b", "nobody-knows"), ("c", "claude-sonnet-4-6")):
        write_json(tmp_path / f"{name}.json", body(image_block(SQUARE), model=model))
    run = imgbudget("check", ".", "--budget", "request.cost=$1")
    assert run.err.count("budgets of cost not checked for 'nobody-knows': no price of it is known") == 1
    assert run.err.count("budgets of cost") == 1
    assert "budgets of cost" not in imgbudget("check", ".", "--budget", "request.tokens=5000").err
    assert "budgets of cost" in imgbudget("check", "a.json", "--budget", "run.cost=$1").err
