"""When images are removed from a conversation, and what that costs: formulas against a simulated cache."""

import base64
import copy
import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imgbudget
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.live.conversation import step_of
from imgbudget.planner.caching import CacheRates, Part, Piece, bill, bill_of_session, weighted_usd
from imgbudget.planner.pruning import PruneMarks, Step, Weight, pruned_steps, worthwhile
from tests.builders import image_block, image_bytes, text_block
from tests.test_prune_conversation import texts
from tests.test_resend import limits_of

Json = dict[str, Any]
PLACED = 12

models = st.sampled_from(["claude-sonnet-4-6", "claude-fable-5-2", "claude-haiku-5-5", "gpt-5"])
parts = st.lists(st.builds(Part, st.integers(0, 9000), st.booleans()), max_size=4)
sessions = st.lists(parts, min_size=1, max_size=8)
kinds = st.sampled_from(["5m", "1h", "none"])


def bound(model: str) -> Limits:
    """The limits of a model on its maker's API."""
    return limits_of(model, "openai" if model.startswith("gpt") else "anthropic")


@st.composite
def removals(draw: st.DrawFn, calls: Sequence[Sequence[Part]]) -> list[int]:
    """How many of the oldest images each call is sent without: never fewer than before."""
    gone, images, found = 0, 0, []
    for call in calls:
        images += sum(part.is_image for part in call)
        gone = draw(st.integers(gone, images))
        found.append(gone)
    return found


def prompts(calls: Sequence[Sequence[Part]], gone: Sequence[int]) -> Iterator[list[Piece]]:
    """The prompt of each call, piece by piece."""
    for number, removed in enumerate(gone):
        images, prompt = 0, list[Piece]()
        for at, part in enumerate(part for call in calls[: number + 1] for part in call):
            is_removed = part.is_image and images < removed
            images += part.is_image
            prompt.append(Piece((at, is_removed), PLACED if is_removed else part.tokens))
        yield prompt


def simulated(
    calls: Sequence[Sequence[Part]], gone: Sequence[int], limits: Limits, rates: CacheRates
) -> float | None:
    """USD by brute force: a cache of every beginning that was ever sent, looked up from the longest on."""
    cached: set[tuple[Piece, ...]] = set()
    total = 0.0
    for pieces in prompts(calls, gone):
        prompt = tuple(piece for piece in pieces if piece.tokens)
        tokens = sum(piece.tokens for piece in prompt)
        begins = [prompt[:at] for at in range(len(prompt), -1, -1)]
        best = next((begin for begin in begins if begin in cached), ())
        read = sum(piece.tokens for piece in best)
        factors = rates.write, rates.read
        if tokens < rates.minimum:
            read, factors = 0, (1.0, 1.0)
        elif read < rates.minimum:
            read = 0
        cost = weighted_usd(tokens, (tokens - read) * factors[0] + read * factors[1], limits)
        if cost is None:
            return None
        total += cost
        if tokens >= rates.minimum:
            cached |= set(begins)
    return total


@settings(max_examples=40)
@given(data=st.data(), calls=sessions, model=models, kind=kinds)
def test_the_formula_is_a_simulated_cache(
    data: st.DataObject, calls: list[list[Part]], model: str, kind: Any
) -> None:
    """One pass over the parts costs what a cache of all beginnings does, for every removal."""
    limits = bound(model)
    rates = CacheRates.of(limits, kind)
    gone = data.draw(removals(calls))
    quick = bill_of_session(calls, gone, limits, rates, placed=PLACED)
    assert quick == bill(prompts(calls, gone), limits, rates)
    expected = simulated(calls, gone, limits, rates)
    assert expected is not None
    assert quick.cost_usd == pytest.approx(expected)


def test_a_cache_that_expired_is_written_again() -> None:
    """Before the third call nothing is cached: it writes all its tokens."""
    calls = [[Part(2000)], [Part(500)], [Part(100)]]
    limits = limits_of()
    found = bill_of_session(calls, [0, 0, 0], limits, CacheRates.of(limits), expired={2})
    assert (found.read, found.written, found.uncached) == (2000, 2000 + 500 + 2600, 0)


def test_short_prompts_are_not_cached() -> None:
    """Opus 4.7 caches from 4,096 tokens on: of 3,000 and 6,000 only the second is written, nothing read."""
    limits = limits_of("claude-opus-4-7")
    found = bill_of_session([[Part(3000)], [Part(3000)], [Part(1)]], [0, 0, 0], limits, CacheRates.of(limits))
    assert (found.read, found.written, found.uncached) == (6000, 6001, 3000)


@given(
    tokens=st.lists(st.tuples(st.integers(13, 5000), st.integers(0, 9000)), min_size=1, max_size=8),
    calls=st.integers(1, 60),
    least=st.integers(0, 4),
    kind=kinds,
    cold=st.sampled_from([set(), {1}]),
)
def test_a_removal_that_pays_is_cheaper_by_the_bill(
    tokens: list[tuple[int, int]], calls: int, least: int, kind: Any, cold: set[int]
) -> None:
    """What `worthwhile` removes costs less over the calls to come than to send all images in each of them."""
    limits = limits_of("claude-opus-4-8")
    rates = CacheRates.of(limits, kind)._replace(minimum=0)
    steps = [Step((Weight(0, image),), Weight(0, text)) for image, text in tokens]
    more = worthwhile(steps, 0, least, calls, rates, expired=bool(cold))
    assert more in {0, max(len(tokens) - least, 0)}
    sent = [part for image, text in tokens for part in (Part(image, is_image=True), Part(text))]
    session = [sent, *([[Part(900)]] * calls)]
    without, kept = (
        bill_of_session(session, [0, *[gone] * calls], limits, rates, placed=PLACED, expired=cold)
        for gone in (more, 0)
    )
    assert without.cost_usd is not None
    assert kept.cost_usd is not None
    assert (without.cost_usd < kept.cost_usd) if more else (without == kept)


@given(
    turns=st.lists(st.tuples(st.integers(100, 5000), st.integers(0, 4000)), min_size=1, max_size=60),
    model=st.sampled_from(["claude-sonnet-4-6", "claude-opus-5-5", "gpt-5"]),
    kind=kinds,
)
def test_pruning_by_price_is_never_dearer_than_none(
    turns: list[tuple[int, int]], model: str, kind: Any
) -> None:
    """Turn by turn, with the true number of calls to come, whatever the turns add."""
    limits = bound(model)
    rates = CacheRates.of(limits, kind)._replace(minimum=0)
    steps = [Step((Weight(0, image),), Weight(0, text)) for image, text in turns]
    gone, removed = 0, []
    for at in range(len(steps)):
        gone += worthwhile(steps[: at + 1], gone, 3, len(steps) - at, rates)
        removed.append(gone)
    calls = [[Part(image, is_image=True), Part(text)] for image, text in turns]
    pruned = bill_of_session(calls, removed, limits, rates, placed=PLACED).cost_usd
    whole = bill_of_session(calls, [0] * len(calls), limits, rates).cost_usd
    assert pruned is not None
    assert whole is not None
    assert pruned <= whole + 1e-12


def screenshots(count: int, size: tuple[int, int] = (64, 36), words: str = "done") -> list[Json]:
    """A session of tool calls, each with a text and a screenshot, and its answers."""
    made: list[Json] = []
    for i in range(count):
        shot = image_block(image_bytes(size, colour=0x010101 * (i % 200)))
        result = {"type": "tool_result", "tool_use_id": f"t{i}", "content": [text_block(words), shot]}
        made.append({"role": "user", "content": [result]})
        made.append(
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": f"t{i + 1}", "name": "a", "input": {}}],
            }
        )
    return made


def removed_over_turns(count: int, *, whole: bool, **options: Any) -> list[int]:
    """How many images are removed after each turn; `whole`: the whole history is pruned each time."""
    history = screenshots(count)
    messages: list[Json] = []
    found = []
    for at in range(0, len(history), 2):
        messages = imgbudget.prune_conversation(
            history[: at + 2] if whole else [*messages, *history[at : at + 2]], **options
        )
        found.append(len(texts(messages)) - (at // 2 + 1))
    return found


@pytest.mark.parametrize("options", [{"keep": 3}, {"keep": 5, "max_images": 20}, {"max_images": 8}])
def test_images_go_in_batches_and_stay_away(options: Json) -> None:
    """With `keep=3`, 30 turns change the beginning 6 times; the list or the whole history make the same."""
    passed_on = removed_over_turns(30, whole=False, **options)
    assert removed_over_turns(30, whole=True, **options) == passed_on
    assert passed_on == sorted(passed_on)
    most = options.get("max_images", 2 * options.get("keep", 0))
    assert all(turn + 1 - gone <= most for turn, gone in enumerate(passed_on))
    assert len(set(passed_on)) - 1 <= 30 // (most - options.get("keep", most // 2) + 1)


def test_nothing_goes_while_no_limit_is_near() -> None:
    """30 turns of a model with a context of a million tokens: every message is the object that was given."""
    given_messages = screenshots(30)
    pruned = imgbudget.prune_conversation(given_messages)
    assert all(new is old for new, old in zip(pruned, given_messages, strict=True))


@pytest.mark.parametrize(("turns", "gone"), [(99, 0), (100, 51), (150, 51), (151, 102)])
def test_at_the_limit_on_images_half_of_them_go(turns: int, gone: int) -> None:
    """Haiku 4.5 takes 100, one is to come: with the 100th 49 stay, and 50 turns change nothing."""
    history = screenshots(turns, (8, 8))
    pruned = imgbudget.prune_conversation(history, model="claude-haiku-4-5")
    assert len(texts(pruned)) - turns == gone


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        ({"max_bytes": 12_012}, 0),
        ({"max_bytes": 12_011}, 7),
        ({"max_bytes": 12_011, "keep": 9}, 3),
        ({"max_tokens": 2_440}, 0),
        ({"max_tokens": 2_439}, 7),
        ({"max_bytes": 1_000}, 11),  # never those of the last message
    ],
)
def test_bytes_and_tokens_are_budgets_too(options: Json, gone: int) -> None:
    """12 images of 900 bytes, one more to come: over the limit they go until half of the room is free."""
    steps = [Step((Weight(900, 184),), Weight(26, 4)) for _ in range(12)]
    marks = PruneMarks(
        keep=options.get("keep"), most_bytes=options.get("max_bytes"), most_tokens=options.get("max_tokens")
    )
    assert pruned_steps(steps, marks)[-1].removed == gone


def test_messages_are_weighed_with_their_text() -> None:
    """Bytes are those of base64 and of text; with the room for six of eight images the oldest go."""
    history = screenshots(8, words="word " * 200)
    size = len(base64.b64encode(image_bytes((64, 36))))
    text = sum(step_of(message, limits_of()).rest.byte_size for message in history)
    assert text > 8 * 1000
    assert len(texts(imgbudget.prune_conversation(history, max_bytes=text + 10 * size))) == 8
    assert len(texts(imgbudget.prune_conversation(history, max_bytes=text + 6 * size))) > 8 + 3


def test_new_images_stay_until_the_model_has_seen_them() -> None:
    """With `keep=1`, four of the last message stay until an answer follows; a limit removes them."""
    shots = [image_block(image_bytes((8, 8), colour=at)) for at in range(4)]
    asked = [*screenshots(3), {"role": "user", "content": shots}]
    assert imgbudget.prune_conversation(asked, keep=1)[-1] is asked[-1]
    answered = [*asked, {"role": "assistant", "content": "Four."}]
    assert json.dumps(imgbudget.prune_conversation(answered, keep=1)).count("was removed") == 6
    assert (
        json.dumps(imgbudget.prune_conversation(asked, max_images=2, next_images=0)).count("was removed") == 5
    )


def test_a_pdf_is_no_text() -> None:
    """Base64 of a document has bytes, but no tokens; deep values and odd objects do no harm."""
    data = "JVBERi0xLjcK" * 400_000
    document = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": data},
    }
    deep: Any = "x"
    for _ in range(5000):
        deep = {"a": deep}
    odd = {"type": "tool_use", "id": "t", "name": "a", "input": deep}
    history = [{"role": "user", "content": [document, object()]}, *screenshots(4)]
    history.append({"role": "assistant", "content": [odd]})
    step = step_of(history[0], limits_of())
    assert (step.documents, step.rest.byte_size > len(data), step.rest.tokens < 100) == (1, True, True)
    pruned = imgbudget.prune_conversation(history)
    assert all(new is old for new, old in zip(pruned, history, strict=True))


def test_one_object_may_stand_for_several_images() -> None:
    """The same block in each turn: only the oldest three of eight go."""
    block = image_block(image_bytes((8, 8)))
    history = [
        {"role": role, "content": [block] if role == "user" else "Seen."}
        for _ in range(8)
        for role in ("user", "assistant")
    ]
    pruned = imgbudget.prune_conversation(history, max_images=8, keep=5)
    assert json.dumps(pruned).count("was removed") == 3
    assert pruned[-2]["content"] == [block]


def test_pruned_conversations_stay_valid() -> None:
    """Each result keeps its call, no content is empty, nothing given is changed, JSON can be made of it."""
    history = screenshots(20)
    before = copy.deepcopy(history)
    pruned = imgbudget.prune_conversation(history, keep=2)
    assert history == before
    results = [block for message in pruned for block in message["content"] if block["type"] == "tool_result"]
    assert [result["tool_use_id"] for result in results] == [f"t{i}" for i in range(20)]
    assert all(
        result["content"] and all(block.get("text", "x") for block in result["content"]) for result in results
    )
    assert json.loads(json.dumps(pruned)) == pruned


def test_what_no_limit_forces_goes_only_if_it_pays() -> None:
    """Five calls to come do not pay for writing the rest again, 500 do; after the cache expired one does."""
    history = screenshots(20, (560, 560), "word " * 75)

    def gone(**options: Any) -> int:
        return len(texts(imgbudget.prune_conversation(history, **options))) - 20

    assert gone(remaining_calls=5, keep=4) == 0
    assert gone(remaining_calls=500, keep=4) == 16
    assert gone(remaining_calls=1, keep=4, cache="expired") == 16
    assert gone(remaining_calls=1, cache="none") == 17
    assert gone(keep=4, cache="expired") == 16


@pytest.mark.parametrize(
    "options", [{"cache": "2h"}, {"max_images": -1}, {"max_bytes": -1}, {"remaining_calls": -2}]
)
def test_options_that_are_no_such_are_refused(options: Any) -> None:
    """A usage error names the option."""
    with pytest.raises(UsageError, match=next(iter(options))):
        imgbudget.prune_conversation([], **options)


@given(
    steps=st.lists(
        st.builds(
            Step,
            st.lists(st.builds(Weight, st.integers(0, 900), st.integers(0, 900)), max_size=3).map(tuple),
            st.builds(Weight, st.integers(0, 500), st.integers(0, 500)),
            st.integers(0, 2),
        ),
        max_size=12,
    ),
    marks=st.builds(
        PruneMarks,
        st.integers(0, 3),
        st.none() | st.integers(0, 6),
        st.none() | st.integers(0, 6),
        st.none() | st.integers(0, 9),
        st.none() | st.integers(0, 20),
        st.none() | st.integers(0, 9000),
        st.none() | st.integers(0, 9000),
    ),
)
def test_removals_only_grow_and_follow_from_the_turns_before(steps: list[Step], marks: PruneMarks) -> None:
    """A longer history has the same removals at its beginning, and no count is ever exceeded."""
    found = pruned_steps(steps, marks)
    assert [at.removed for at in found] == sorted(at.removed for at in found)
    for at in range(len(steps)):
        assert pruned_steps(steps[: at + 1], marks) == found[: at + 1]
        if marks.most_images is not None:
            assert found[at].left <= marks.most_images


ROOT = Path(__file__).resolve().parents[1]


def benchmark() -> Any:
    """The module of the benchmark."""
    spec = importlib.util.spec_from_file_location("pruning", ROOT / "benchmarks" / "pruning.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["pruning"] = module
    spec.loader.exec_module(module)
    return module


def test_the_benchmark_has_the_figures_of_the_page(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 turns: $1.90 without pruning, $3.11 with three images kept each turn, $2.20 in batches."""
    monkeypatch.setattr(sys, "argv", ["pruning.py"])
    benchmark().main()
    found = capsys.readouterr().out
    page = (ROOT / "docs" / "pruning.md").read_text(encoding="utf-8")
    assert found in page
    for row in ("| no pruning | $1.90 |", "| keep 3, each turn | $3.11 |", "| from 20 to 5 | $2.20 |"):
        assert row in found


@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "gpt-5"])
def test_no_session_is_dearer_unless_a_limit_forces_it(model: str) -> None:
    """Where no call without pruning is near a limit, nothing is removed that costs more."""
    module = benchmark()
    rows = {(row.shape, row.policy): row for row in module.measure(model)}
    for shape in module.shapes():
        none = rows[shape.name, "no pruning"].bill.cost_usd
        limits = bound(model)
        forced = module.by_limits(shape, limits)[-1] > 0
        for policy in ("prune_conversation()", "prune_conversation(remaining_calls=…)"):
            assert forced or rows[shape.name, policy].bill.cost_usd <= none + 1e-12
        if not forced:
            assert rows[shape.name, "prune_conversation()"].changes == 0
