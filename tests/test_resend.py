"""What a conversation sends again and what would save it: by hand, by brute force, through the command."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.limits.bound import Limits
from imgbudget.limits.data import load_limits
from imgbudget.limits.geometry import Size
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import bind_request
from imgbudget.model.subjects import ImageFacts, ImageUse, Nested, Origin, Request, Text, Turn
from imgbudget.planner.resend import Load, Resend, Saving, load_of, resend
from imgbudget.registry import load_packs
from tests.builders import Json, body, image_block, image_bytes, text_block, write_json
from tests.conftest import Command
from tests.stated import stated

PACK = ("imgbudget_rules",)


def limits_of(model: str = "claude-sonnet-4-6", platform: str = "anthropic") -> Limits:
    """The limits that ship."""
    return load_limits(load_packs(PACK).limits, None).bind(model, platform)


def an_image(edge: int = 280, raw: int = 300, origin: Origin = Origin.BASE64) -> ImageUse:
    """A square image: (edge / 28)² tokens where it fits, `raw` bytes of file."""
    facts = ImageFacts(byte_size=raw, format="png", size=Size(edge, edge))
    here = Location("r.json", ("messages",))
    if origin is not Origin.BASE64:
        return ImageUse(location=here, origin=origin, source_type=origin.value)
    return ImageUse(location=here, origin=origin, facts=facts, base64_size=-(-raw // 3) * 4)


def conversation(*turns: tuple[str, list[ImageUse]]) -> Request:
    """A request of turns, each a role and its images, half of them inside a tool result."""
    made = []
    for i, (role, images) in enumerate(turns):
        location = Location("r.json", ("messages", i))
        half = len(images) // 2
        nested = Nested(location, "tool_result", tuple(images[half:]))
        made.append(Turn(location, role, (Text(location, "hi"), *images[:half], nested)))
    return Request(
        location=Location("r.json", ()),
        dialect="messages",
        byte_size=1,
        turns=tuple(made),
        images=tuple(image for _, images in turns for image in images),
    )


def found(request: Request, limits: Limits | None = None, kept: int = 3) -> Resend:
    """The accounting of a request that has one."""
    accounting = resend(bind_request(request, limits or limits_of()), kept=kept)
    assert accounting
    return accounting


def saving(accounting: Resend, way: str) -> Saving:
    """The saving whose name begins so."""
    return next(one for one in accounting.savings if one.way.startswith(way))


THREE_CALLS = conversation(
    ("user", [an_image()]),
    ("assistant", []),
    ("user", [an_image(), an_image()]),
    ("assistant", []),
    ("user", []),
)
"""One image, then two, then none; each 280 px: 100 tokens, 300 bytes of file, 400 of base64."""


def test_one_call_has_no_accounting() -> None:
    """A single user turn, user turns in a row, and a conversation without images send nothing again."""
    limits = limits_of()
    assert resend(bind_request(conversation(("user", [an_image()])), limits)) is None
    assert resend(bind_request(conversation(("user", [an_image()]), ("user", [an_image()])), limits)) is None
    assert resend(bind_request(conversation(("user", [an_image()]), ("assistant", [])), limits)) is None
    assert resend(bind_request(conversation(("user", []), ("assistant", []), ("user", [])), limits)) is None
    assert resend(bind_request(conversation(("system", []), ("assistant", [an_image()])), limits)) is None


def test_calls_by_hand() -> None:
    """1, 3 and 3 images are sent, 7 in all, where 3 are different."""
    accounting = found(THREE_CALLS)
    assert [(call.new, call.resent) for call in accounting.calls] == [
        (Load(1, 400, 100), Load()),
        (Load(2, 800, 200), Load(1, 400, 100)),
        (Load(), Load(3, 1200, 300)),
    ]
    assert [call.location.dotted for call in accounting.calls] == ["messages.0", "messages.2", "messages.4"]
    assert (accounting.once, accounting.sent) == (Load(3, 1200, 300), Load(7, 2800, 700))
    assert accounting.resent == Load(4, 1600, 400)
    assert accounting.cost_usd == pytest.approx(700 * 3e-6)
    assert accounting.unsized == 0


def test_savings_by_hand() -> None:
    """Files: 2800 - 900 bytes. Caching: 700 - (300 x 1.25 + 400 x 0.1) tokens' worth, with 2 for an hour."""
    accounting = found(THREE_CALLS)
    files = saving(accounting, "Files API")
    assert (files.available, files.byte_size, files.tokens, files.cost_usd) == (True, 1900, 0, 0)
    short, long = saving(accounting, "prompt caching, 5"), saving(accounting, "prompt caching, 1")
    assert short.cost_usd == pytest.approx((700 - 300 * 1.25 - 400 * 0.1) * 3e-6)
    assert long.cost_usd == pytest.approx((700 - 300 * 2 - 400 * 0.1) * 3e-6)
    assert (short.byte_size, short.tokens) == (0, 0)


@pytest.mark.parametrize(
    ("kept", "images"),
    [
        (3, 0),
        (2, 2),  # 1, 2, 2 sent instead of 1, 3, 3
        (1, 3),  # 1, 2 as they are new, 1
        (0, 4),  # 1, 2, 0
    ],
)
def test_pruning_by_hand(kept: int, images: int) -> None:
    """Only the last images go again, but never fewer than are new."""
    pruned = saving(found(THREE_CALLS, kept=kept), "pruning")
    assert (pruned.images, pruned.byte_size, pruned.tokens) == (images, images * 400, images * 100)
    assert pruned.cost_usd == pytest.approx(images * 100 * 3e-6)
    assert pruned.way == f"pruning to the last {kept}"


def test_factors_are_those_of_the_model() -> None:
    """Opus 5.5 reads its cache at 0.05 times, Fable 5.2 at 0.025 times the input price."""
    for model, price, read in (("claude-opus-5-5", 4, 0.05), ("claude-fable-5-2", 8, 0.025)):
        short = saving(found(THREE_CALLS, limits_of(model)), "prompt caching, 5")
        assert short.cost_usd == pytest.approx((700 - 300 * 1.25 - 400 * read) * price * 1e-6)


def test_long_prompts_are_priced_call_by_call() -> None:
    """Haiku 5.5 costs 0.10 up to 100,000 tokens and 0.50 above: only the last call is above."""
    large = [an_image(1932) for _ in range(11)]  # 69 x 69 = 4761 tokens each, 52,371 together
    request = conversation(("user", large), ("assistant", []), ("user", large))
    accounting = found(request, limits_of("claude-haiku-5-5"))
    assert [call.sent.tokens for call in accounting.calls] == [52_371, 104_742]
    assert [call.cost_usd for call in accounting.calls] == pytest.approx([52_371 * 1e-7, 104_742 * 5e-7])


def test_files_are_not_offered_where_the_platform_has_none() -> None:
    """Bedrock takes base64 only."""
    assert not saving(found(THREE_CALLS, limits_of(platform="bedrock")), "Files API").available


def test_images_elsewhere_have_no_bytes_and_no_tokens() -> None:
    """A file id is sent again too, but its bytes are not in the body and its size is not known."""
    request = conversation(
        ("user", [an_image(origin=Origin.FILE_ID), an_image()]), ("assistant", []), ("user", [])
    )
    accounting = found(request)
    assert (accounting.sent, accounting.unsized) == (Load(4, 800, 200), 1)
    assert saving(accounting, "Files API").byte_size == 500


def test_user_turns_in_a_row_are_one_call_and_a_begun_answer_is_part_of_the_last() -> None:
    """System, two user turns, an answer, a user turn, a begun answer: two calls."""
    request = conversation(
        ("system", []),
        ("user", [an_image()]),
        ("user", [an_image()]),
        ("assistant", []),
        ("user", [an_image()]),
        ("assistant", [an_image()]),
    )
    accounting = found(request)
    assert [call.new.images for call in accounting.calls] == [2, 2]
    assert accounting.once.images == len(request.images)


sized = st.builds(an_image, st.integers(1, 3000), st.integers(1, 10_000_000))
elsewhere = st.just(an_image(origin=Origin.URL))
turns = st.lists(
    st.tuples(st.sampled_from(["user", "assistant", "system"]), st.lists(sized | elsewhere, max_size=3)),
    max_size=9,
)
models = st.sampled_from(["claude-sonnet-4-6", "claude-opus-4-8", "claude-haiku-5-5"])


def bodies_of(request: Request) -> list[list[ImageUse]]:
    """Turn by turn, the images of each body that was sent: one whenever the assistant is about to speak."""
    sent: list[list[ImageUse]] = []
    roles = [turn.role for turn in request.turns]
    images = [[block for block in turn.blocks if isinstance(block, ImageUse)] for turn in request.turns]
    for turn, inner in zip(request.turns, images, strict=True):
        (nested,) = [block for block in turn.blocks if isinstance(block, Nested)]
        inner += [block for block in nested.blocks if isinstance(block, ImageUse)]
    asked = False
    for i, role in enumerate(roles):
        asked = asked or role == "user"
        if asked and (i + 1 == len(roles) or roles[i + 1] == "assistant") and role != "assistant":
            sent.append([use for turn in images[: i + 1] for use in turn])
            asked = False
    if sent:
        sent[-1] = [use for turn in images for use in turn]
    return sent


@given(turns, models, st.integers(0, 5))
def test_sums_agree_with_sending_it_turn_by_turn(
    shape: list[tuple[str, list[ImageUse]]], model: str, kept: int
) -> None:
    """Each body built and added up for itself gives the same images, bytes, tokens, cost and savings."""
    request, limits = conversation(*shape), limits_of(model)
    bodies = bodies_of(request)
    test = bind_request(request, limits)
    accounting = resend(test, kept=kept)
    if len(bodies) < 2 or not request.images:
        assert accounting is None
        return
    assert accounting
    loads = [load_of(images, test) for images in bodies]
    assert [call.sent for call in accounting.calls] == loads
    assert accounting.sent == tuple(map(sum, zip(*loads, strict=True)))
    assert accounting.once == loads[-1]
    cost = sum(stated(limits.cost_usd(load.tokens)) for load in loads)
    assert accounting.cost_usd == pytest.approx(cost)

    pruned = []
    for before, images in zip([[], *bodies], bodies, strict=False):
        new = len(images) - len(before)
        pruned.append(images[max(0, len(images) - max(kept, new)) :])
    left = [load_of(images, test) for images in pruned]
    prune = saving(accounting, "pruning")
    assert (prune.images, prune.byte_size, prune.tokens) == tuple(
        total - sum(rest) for total, rest in zip(accounting.sent, zip(*left, strict=True), strict=True)
    )
    assert prune.cost_usd == pytest.approx(cost - sum(stated(limits.cost_usd(load.tokens)) for load in left))
    assert min(prune.images, prune.byte_size, prune.tokens) >= 0

    uploads = sum(use.facts.byte_size for use in bodies[-1] if use.facts)
    assert saving(accounting, "Files API").byte_size == accounting.sent.base64_bytes - uploads


def talk(count: int) -> Json:
    """A body of that many user turns with an image each, answers between them."""
    whole = body(image_block(image_bytes((280, 280))), "first")
    for i in range(1, count):
        whole["messages"] += [
            {"role": "assistant", "content": [text_block("seen")]},
            {"role": "user", "content": [image_block(image_bytes((280, 280), colour=i))]},
        ]
    return whole


def test_plan_without_resend_stays_as_it_was(imgbudget: Command, tmp_path: Path) -> None:
    """The key and the table come only when asked for."""
    write_json(tmp_path / "r.json", talk(3))
    assert "resend" not in imgbudget("plan", "r.json", "--format", "json").json
    assert "calls sent" not in imgbudget("plan", "r.json").out


def test_plan_resend_as_json(imgbudget: Command, tmp_path: Path) -> None:
    """Three calls of 100 tokens an image: 100, 200, 300 sent; keeping one image saves 300 tokens."""
    write_json(tmp_path / "r.json", talk(3))
    write_json(tmp_path / "single.json", body(image_block()))
    run = imgbudget("plan", ".", "--resend", "--keep", "1", "--format", "json")
    (record,) = run.json["resend"]
    assert (run.code, record["path"], record["model"]) == (0, "r.json", "claude-sonnet-4-6")
    assert [call["new"]["tokens"] for call in record["calls"]] == [100, 100, 100]
    assert [call["resent"]["tokens"] for call in record["calls"]] == [0, 100, 200]
    assert [call["pointer"] for call in record["calls"]] == ["/messages/0", "/messages/2", "/messages/4"]
    assert (record["sent"]["images"], record["sent"]["cost_usd"]) == (6, 0.0018)
    assert record["resent"]["images"] == 3
    assert record["savings"][-1]["tokens"] == 300
    assert record["savings"][0]["base64_bytes"] > 0


def test_plan_resend_as_a_table(imgbudget: Command, tmp_path: Path) -> None:
    """A line a call with the sum under it, a line a remedy; a platform without files says so."""
    write_json(tmp_path / "r.json", talk(3))
    out = imgbudget("plan", "r.json", "--resend", "--platform", "bedrock").out
    assert "r.json: 3 calls sent 6 images (3 different)" in out
    assert "600 visual tokens, $0.001800 on claude-sonnet-4-6" in out
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines if line and line[0] in {"1", "2", "3", "sum"}] == ["1", "2", "3", "sum"]
    assert "bedrock does not have it" in out
    assert "pruning to the last 3" in out


def long_talk(turns: int, words: int) -> Json:
    """A body of so many user turns, each with an image of 1,521 tokens and words of 5 characters."""
    whole = body(image_block(image_bytes((1092, 1092))), "word " * words)
    for i in range(1, turns):
        whole["messages"] += [
            {"role": "assistant", "content": [text_block("seen")]},
            {
                "role": "user",
                "content": [image_block(image_bytes((1092, 1092), colour=i)), text_block("word " * words)],
            },
        ]
    return whole


def test_the_whole_cost_of_each_way(imgbudget: Command, tmp_path: Path) -> None:
    """Eight turns of 1,521 tokens of image and 2,500 of text: cached without pruning is cheapest."""
    write_json(tmp_path / "r.json", long_talk(8, 2000))
    (record,) = imgbudget("plan", "r.json", "--resend", "--format", "json").json["resend"]
    ways = {way["way"]: way for way in record["ways"]}
    turn = record["text_tokens"] / 8 + 1521
    assert record["text_tokens"] == pytest.approx(8 * 2500, rel=0.03)  # with the rest of the JSON
    cached, uncached = ways["no pruning, cached 5 minutes"], ways["no pruning, no caching"]
    assert uncached["cost_usd"] == pytest.approx(turn * sum(range(1, 9)) * 3e-6, rel=1e-3)
    assert cached["cost_usd"] == pytest.approx(turn * (8 * 1.25 + sum(range(8)) * 0.1) * 3e-6, rel=1e-3)
    assert cached["written_tokens"] == pytest.approx(turn * 8, rel=1e-3)
    assert ways["no pruning, cached 1 hour"]["cost_usd"] == pytest.approx(
        turn * (8 * 2 + sum(range(8)) * 0.1) * 3e-6, rel=1e-3
    )
    assert cached["pause_usd"] == pytest.approx(turn * 7 * (1.25 - 0.1) * 3e-6, rel=1e-3)
    each = ways["pruning to the last 3, cached 5 minutes"]
    assert (each["changes"], each["images"], each["cost_usd"] > cached["cost_usd"]) == (5, 21, True)
    files = ways["Files API, cached 5 minutes"]
    assert (files["cost_usd"], files["base64_bytes"] < cached["base64_bytes"]) == (cached["cost_usd"], True)
    best = record["best"]
    assert (best["way"], best["next"]) == (
        "Files API, cached 5 minutes",
        "pruning in batches, 6 to 3, cached 5 minutes",
    )
    assert best["saves_usd"] == pytest.approx(ways[best["next"]]["cost_usd"] - cached["cost_usd"])
    assert "5 minutes" in best["assumption"]


def test_which_way_wins_is_printed(imgbudget: Command, tmp_path: Path) -> None:
    """The table begins with the cheapest; without a price, or too short for a cache, it says so."""
    write_json(tmp_path / "r.json", long_talk(4, 2000))
    out = imgbudget("plan", "r.json", "--resend", "--platform", "bedrock", "--model", "claude-opus-4-8").out
    lines = out.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("all calls"))
    assert lines[first + 1].startswith("no pruning, cached 5 minutes")
    assert any(line.startswith("cheapest: no pruning, cached 5 minutes, $") for line in lines)
    write_json(tmp_path / "small.json", talk(3))
    assert "no prompt has the 1,024 tokens" in imgbudget("plan", "small.json", "--resend").out
    write_json(tmp_path / "unknown.json", talk(3) | {"model": "nobody-knows"})
    assert "no price of the model is" in imgbudget("plan", "unknown.json", "--resend").out


def test_a_way_that_the_api_refuses_does_not_win(imgbudget: Command, tmp_path: Path) -> None:
    """102 images on a model that takes 100: only ways that prune are possible."""
    write_json(tmp_path / "r.json", talk(102) | {"model": "claude-haiku-4-5"})
    (record,) = imgbudget("plan", "r.json", "--resend", "--format", "json").json["resend"]
    ways = {way["way"]: way for way in record["ways"]}
    assert ways["no pruning, cached 5 minutes"]["refused"] == "call 101 has 101 images and documents of 100"
    assert "pruning" in record["best"]["way"]
    assert "no pruning" not in record["best"]["way"]
    assert ways["pruning at the limits, cached 5 minutes"]["refused"] is None


def test_an_api_that_caches_by_itself_has_one_way(imgbudget: Command, tmp_path: Path) -> None:
    """OpenAI has no lifetimes to choose from, and writes at the input price."""
    messages = []
    for message in long_talk(4, 2000)["messages"]:
        parts: list[Json] = []
        for block in message["content"]:
            if block["type"] == "text":
                parts.append(block)
            else:
                url = f"data:image/png;base64,{block['source']['data']}"
                parts.append({"type": "image_url", "image_url": {"url": url}})
        messages.append({"role": message["role"], "content": parts})
    write_json(tmp_path / "r.json", {"model": "gpt-5.6-sol", "messages": messages})
    arguments = ("plan", "r.json", "--resend", "--platform", "openai", "--format", "json")
    (record,) = imgbudget(*arguments).json["resend"]
    names = [way["way"] for way in record["ways"]]
    assert "no pruning, cached by the API" in names
    assert not any("hour" in name for name in names)
    assert "longest beginning" in record["best"]["assumption"]


def test_plan_resend_of_a_transcript(imgbudget: Command, tmp_path: Path) -> None:
    """A session file of an agent, a message a line, is one conversation."""
    lines = [
        {"type": message["role"], "sessionId": "s", "uuid": str(i), "message": message}
        for i, message in enumerate(talk(3)["messages"])
    ]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (record,) = imgbudget("plan", "s.jsonl", "--resend", "--format", "json").json["resend"]
    assert [call["resent"]["tokens"] for call in record["calls"]] == [0, 100, 200]


def test_plan_resend_reports_that_there_is_nothing(imgbudget: Command, tmp_path: Path) -> None:
    """No conversation: one line says so, and the list is empty."""
    write_json(tmp_path / "r.json", talk(1))
    assert "no conversation of more than one call" in imgbudget("plan", "r.json", "--resend").out
    assert imgbudget("plan", "r.json", "--resend", "--format", "json").json["resend"] == []
