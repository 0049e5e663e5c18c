"""IB506: an edit between two requests of one conversation breaks a beginning that was cached."""

import copy
import json
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.linter.prefixes import SentPrompts
from imgbudget.model.location import Location
from imgbudget.model.prompts import Prompt, PromptBlock
from imgbudget.model.request_under_test import bind_request
from imgbudget.model.subjects import ProbeField, Request
from imgbudget.planner.caching import CacheRates, Piece, bill
from imgbudget.requests.reader import read_requests
from tests.builders import body, image_block, image_bytes, text_block
from tests.conftest import Command
from tests.test_resend import limits_of
from tests.test_session_branches import line
from tests.test_session_requests import blob, sent

Json = dict[str, Any]
Bodies = list[Json]

LONG = "All of this was written by the user. " * 250
REMOVED = text_block("[an earlier image was removed]")
IMAGE, TEXT = 400, (len(LONG) + 2 + 4) // 4
"""Tokens of an image of 560 px, and of the text beside it."""


def a_session(calls: int, *, mark: bool = True, model: str = "claude-sonnet-4-6", **more: Any) -> Bodies:
    """The bodies of successive calls of one conversation, each with a new image and a long text."""
    bodies: Bodies = []
    messages: list[Json] = []
    for call in range(calls):
        shot = image_block(image_bytes((560, 560), colour=call + 1))
        messages.append({"role": "user", "content": [shot, text_block(f"{call} {LONG}")]})
        sent = copy.deepcopy(messages)
        if mark:
            sent[-1]["content"][-1]["cache_control"] = {"type": "ephemeral"}
        bodies.append(body(model=model) | {"messages": sent} | more)
        messages.append({"role": "assistant", "content": [text_block(f"answer {call}")]})
    return bodies


def as_log(bodies: Sequence[Json], folder: Path) -> Path:
    """A file with one body a line."""
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in bodies), encoding="utf-8")
    return path


def edits(imgbudget: Command, path: Path, *options: str) -> list[Json]:
    """The findings of IB506 on a file."""
    run = imgbudget("check", str(path), "--select", "IB506", "--format", "json", *options)
    return [one for one in json.loads(run.out)["findings"] if one["code"] == "IB506"]


def without_first_image(bodies: Bodies) -> Bodies:
    """The last body without the first image."""
    bodies[-1]["messages"][0]["content"][0] = REMOVED
    return bodies


def test_a_conversation_that_only_grows_is_silent(imgbudget: Command, tmp_path: Path) -> None:
    """Each call begins with all that was sent; the mark moves with the last turn."""
    assert edits(imgbudget, as_log(a_session(4), tmp_path)) == []


def test_an_image_that_was_removed_is_an_edit(imgbudget: Command, tmp_path: Path) -> None:
    """The second and third call were cached; all behind the first image is written again."""
    (found,) = edits(imgbudget, as_log(without_first_image(a_session(4)), tmp_path))
    again = 3 * TEXT + 2 * IMAGE + 2 * 2
    assert found["measured"] == pytest.approx(again, abs=6)
    assert (found["line"], found["location"]) == (4, "messages.0.content.0")
    assert found["severity"] == "info"
    cost = found["measured"] * 3e-6 * (1.25 - 0.1)
    assert f"${cost:.6f}".rstrip("0")[:6] in found["message"]
    assert "line 3" in found["message"]


def test_an_hour_costs_more_to_write(imgbudget: Command, tmp_path: Path) -> None:
    """With a lifetime of an hour a token is written at twice the price."""
    bodies = without_first_image(a_session(3))
    for one in bodies:
        one["messages"][-1]["content"][-1]["cache_control"]["ttl"] = "1h"
    (found,) = edits(imgbudget, as_log(bodies, tmp_path))
    cost = found["measured"] * 3e-6 * (2 - 0.1)
    assert f"${cost:.6f}".rstrip("0")[:6] in found["message"]


def no_marks(bodies: Bodies) -> Bodies:
    """Nothing is cached."""
    return json.loads(json.dumps(bodies).replace(', "cache_control": {"type": "ephemeral"}', ""))  # type: ignore[no-any-return]


def marks_moved(bodies: Bodies) -> Bodies:
    """Other blocks are marked, nothing else is changed."""
    whole = no_marks(bodies)
    whole[0]["messages"][0]["content"][1]["cache_control"] = {"type": "ephemeral"}
    whole[1]["messages"][0]["content"][0]["cache_control"] = {"type": "ephemeral"}
    whole[2]["messages"][2]["content"][1]["cache_control"] = {"type": "ephemeral", "ttl": "1h"}
    return whole


def only_the_last_turn_edited(bodies: Bodies) -> Bodies:
    """The last question is asked again in other words: a retry."""
    bodies[-1]["messages"] = copy.deepcopy(bodies[-2]["messages"])
    bodies[-1]["messages"][-1]["content"][-1]["text"] = "In other words: " + LONG
    return bodies


def rewound(bodies: Bodies) -> Bodies:
    """The conversation goes on from its first answer."""
    bodies[-1]["messages"] = [
        *bodies[0]["messages"],
        {"role": "user", "content": [text_block("Other " + LONG)]},
    ]
    return bodies


def another_conversation(bodies: Bodies) -> Bodies:
    """Another image is asked the same question."""
    first = copy.deepcopy(bodies[0])
    first["messages"][0]["content"][0] = image_block(image_bytes((560, 560), colour=99))
    return [bodies[0], first, bodies[0], first]


def other_models(bodies: Bodies) -> Bodies:
    """Each model has its own cache."""
    without_first_image(bodies)[-1]["model"] = "claude-haiku-4-5"
    return bodies


def batch(bodies: Bodies) -> Bodies:
    """Entries of a batch are requests by themselves."""
    without_first_image(bodies)
    return [{"custom_id": str(at), "params": one} for at, one in enumerate(bodies)]


def compacted(bodies: Bodies) -> Bodies:
    """A summary takes the place of everything before."""
    bodies[-1]["messages"] = [
        {"role": "user", "content": [text_block("In short: " + LONG)]},
        {"role": "assistant", "content": "Go on."},
        bodies[-1]["messages"][-1],
    ]
    return bodies


@pytest.mark.parametrize(
    "change",
    [
        lambda bodies: no_marks(without_first_image(bodies)),
        *(
            marks_moved,
            only_the_last_turn_edited,
            rewound,
            another_conversation,
            other_models,
            batch,
            compacted,
        ),
    ],
)
def test_what_is_no_edit_is_silent(
    imgbudget: Command, tmp_path: Path, change: Callable[[Bodies], Bodies]
) -> None:
    """Without caching, with other marks, after a retry or a rewind, in other conversations and batches."""
    assert edits(imgbudget, as_log(change(a_session(3)), tmp_path)) == []


def test_short_prompts_are_silent(imgbudget: Command, tmp_path: Path) -> None:
    """Under the least length nothing is cached: 4,096 tokens on Opus 4.7, 1,024 on Sonnet 4.6."""
    bodies = without_first_image(a_session(2, model="claude-opus-4-7"))
    text = json.dumps(bodies).replace(LONG, LONG[:7000])
    assert edits(imgbudget, as_log(json.loads(text), tmp_path)) == []
    text = text.replace("claude-opus-4-7", "claude-sonnet-4-6")
    assert len(edits(imgbudget, as_log(json.loads(text), tmp_path))) == 1


def test_only_what_was_cached_is_lost(imgbudget: Command, tmp_path: Path) -> None:
    """A mark on the system prompt alone caches that: an edit of the messages loses nothing."""
    system = [text_block("You are careful. " * 400) | {"cache_control": {"type": "ephemeral"}}]
    bodies = without_first_image(a_session(3, mark=False, system=system))
    assert edits(imgbudget, as_log(bodies, tmp_path)) == []


def test_an_edit_of_what_alone_is_marked(imgbudget: Command, tmp_path: Path) -> None:
    """A date at the beginning of the system prompt: the rest of it was cached, and is written again."""
    bodies = a_session(3, mark=False)
    rest = text_block("You are careful. " * 400) | {"cache_control": {"type": "ephemeral"}}
    for at, one in enumerate(bodies):
        one["system"] = [text_block("today is the first" if at < 2 else "today is the second"), rest]
    (found,) = edits(imgbudget, as_log(bodies, tmp_path))
    assert (found["location"], found["measured"]) == ("system.0", pytest.approx(1700, abs=10))


def test_bodies_in_envelopes_are_compared(imgbudget: Command, tmp_path: Path) -> None:
    """Lines of a gateway's log, each with the body under a key or as text."""
    bodies = without_first_image(a_session(3))
    lines = [{"time": at, "request": {"body": one}} for at, one in enumerate(bodies)]
    (found,) = edits(imgbudget, as_log(lines, tmp_path))
    assert (found["line"], found["pointer"]) == (3, "/request/body/messages/0/content/0")
    lines = [{"time": at, "payload": json.dumps(one)} for at, one in enumerate(bodies)]
    (found,) = edits(imgbudget, as_log(lines, tmp_path))
    assert (found["line"], found["pointer"]) == (3, "/payload")


def test_a_list_of_bodies_is_compared(imgbudget: Command, tmp_path: Path) -> None:
    """An array of the bodies of one conversation."""
    path = tmp_path / "calls.json"
    path.write_text(json.dumps(without_first_image(a_session(3))), encoding="utf-8")
    (found,) = edits(imgbudget, path)
    assert found["pointer"] == "/2/messages/0/content/0"


def test_a_sliding_window_is_an_edit(imgbudget: Command, tmp_path: Path) -> None:
    """The oldest turns are left out: what stays was cached behind them."""
    bodies = a_session(4)
    del bodies[-1]["messages"][:2]
    (found,) = edits(imgbudget, as_log(bodies, tmp_path))
    assert found["location"] == "messages.0.content.0"


def test_an_image_of_the_first_turn_may_go_before_the_first_answer_was_kept(
    imgbudget: Command, tmp_path: Path
) -> None:
    """Only one call was sent before: an image that gave way to a text is an edit, another image is not."""
    bodies = without_first_image(a_session(2))
    assert len(edits(imgbudget, as_log(bodies, tmp_path))) == 1
    bodies[-1]["messages"][0]["content"][0] = image_block(image_bytes((560, 560), colour=98))
    assert edits(imgbudget, as_log(bodies, tmp_path)) == []


def test_conversations_may_alternate(imgbudget: Command, tmp_path: Path) -> None:
    """An agent and its sub-agent in one log: the edit of one of them is found."""
    main = without_first_image(a_session(3))
    other = json.loads(json.dumps(a_session(3)).replace("answer", "reply").replace("written", "typed"))
    mixed = [one for pair in zip(main, other, strict=True) for one in pair]
    (found,) = edits(imgbudget, as_log(mixed, tmp_path))
    assert found["line"] == 5


def openai(bodies: Bodies, model: str = "gpt-5") -> Bodies:
    """The same calls in OpenAI's chat shape."""
    made = []
    for one in bodies:
        messages = []
        for message in one["messages"]:
            content = [
                {"type": "text", "text": block["text"]}
                if block["type"] == "text"
                else {
                    "type": "image_url",
                    "image_url": {"url": f"data:image/png;base64,{block['source']['data']}"},
                }
                for block in message["content"]
            ]
            messages.append({"role": message["role"], "content": content})
        made.append({"model": model, "messages": messages})
    return made


def test_apis_that_cache_by_themselves_need_no_mark(imgbudget: Command, tmp_path: Path) -> None:
    """OpenAI writes at the input price and reads gpt-5 at a tenth of it."""
    silent = as_log(openai(a_session(3)), tmp_path)
    assert edits(imgbudget, silent, "--platform", "openai") == []
    (found,) = edits(
        imgbudget, as_log(openai(without_first_image(a_session(3))), tmp_path), "--platform", "openai"
    )
    assert f"${found['measured'] * 1.25e-6 * 0.9:.6f}".rstrip("0")[:6] in found["message"]


def test_a_conversation_that_loses_its_last_image_is_compared(imgbudget: Command, tmp_path: Path) -> None:
    """Texts alone have the same shape in the Messages API, which caches nothing without a mark."""
    bodies = a_session(1, mark=False, model="gpt-5.6-sol")
    first = openai(bodies)[0]
    first["messages"] += [{"role": "assistant", "content": "yes"}, {"role": "user", "content": LONG}]
    last = copy.deepcopy(first)
    last["messages"][0]["content"][0] = REMOVED
    [edit] = edits(imgbudget, as_log([first, last], tmp_path))
    assert edit["pointer"] == "/messages/0/content/0"


def as_har(bodies: Bodies) -> Json:
    """A recording of the calls."""
    entries = [
        {
            "request": {
                "method": "POST",
                "url": "https://api.anthropic.com/v1/messages",
                "postData": {"text": json.dumps(one)},
            }
        }
        for one in bodies
    ]
    return {"log": {"version": "1.2", "entries": entries}}


def test_recordings_are_compared(imgbudget: Command, tmp_path: Path) -> None:
    """In a HAR file on one line the earlier request is named by its place."""
    path = tmp_path / "calls.har"
    path.write_text(json.dumps(as_har(without_first_image(a_session(3)))), encoding="utf-8")
    (found,) = edits(imgbudget, path)
    assert found["pointer"] == "/log/entries/2/request/postData/text"
    assert "/log/entries/1/request/postData/text" in found["message"]


DEEP: Any = []
for _ in range(900):
    DEEP = [DEEP]

ODD: list[Any] = [
    None,
    "text",
    7,
    {"role": ["user"], "content": {"type": ["text"]}},
    {"role": "user", "content": [None, 7, ["text"], {"type": {"a": 1}, "cache_control": {"ttl": []}}]},
    {"role": "assistant", "content": None, "tool_calls": "none"},
    {"role": "user", "content": [{"type": "tool_use", "id": "t", "name": "a", "input": {"deep": DEEP}}]},
    {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "…"}, {"type": "text", "text": LONG * 9}],
    },
]


def test_any_shape_is_compared_without_a_failure(imgbudget: Command, tmp_path: Path) -> None:
    """Values of other types, deep ones, long texts in answers: no failure, and the edit is found."""
    bodies = a_session(3)
    for one in bodies:
        one["messages"][:0] = ODD
        one["tools"] = [{"name": "a", "cache_control": {"type": "ephemeral"}}, 7]
    bodies[-1]["messages"][len(ODD)]["content"][0] = REMOVED
    run = imgbudget("check", str(as_log(bodies, tmp_path)), "--format", "json")
    assert "IB003" not in run.codes
    assert run.codes.count("IB506") == 1


def test_thinking_that_the_server_leaves_out_is_no_edit(imgbudget: Command, tmp_path: Path) -> None:
    """A client may leave the thinking of earlier turns out, as the server does; texts may become blocks."""
    bodies = a_session(3)
    bodies[1]["messages"][1]["content"].insert(0, {"type": "thinking", "thinking": "Hm.", "signature": "s"})
    bodies[2]["messages"][1]["content"] = "answer 0"
    assert edits(imgbudget, as_log(bodies, tmp_path)) == []


def test_long_texts_are_compared_whole(imgbudget: Command, tmp_path: Path) -> None:
    """One word in the middle of a long system prompt, of the same length, is an edit."""
    bodies = a_session(3, system=LONG * 3 + "today: 2026-11-28 " + LONG * 3)
    bodies[-1]["system"] = bodies[-1]["system"].replace("11-28", "11-29")
    (found,) = edits(imgbudget, as_log(bodies, tmp_path))
    assert found["pointer"] == "/system"


def test_only_hashes_are_kept(tmp_path: Path) -> None:
    """A prompt takes a tenth of its body, and only those of the last conversations are kept."""
    requests = [request_with_prompt(a_session(3)[-1], tmp_path) for _ in range(2)]
    assert requests[0].prompt == requests[1].prompt
    assert len(pickle.dumps(requests[0].prompt)) < len(json.dumps(a_session(3)[-1])) / 10
    sent = SentPrompts()
    for at in range(100):
        prompt = Prompt((PromptBlock(at, 9000, ("system",)), PromptBlock(-1, 9000, ("messages", 0))), 2)
        sent.edit_of(bind_request(requests[0]._replace(prompt=prompt, images=()), limits_of()))
    assert len(pickle.dumps(sent)) < 100_000


def request_with_prompt(value: Json, folder: Path) -> Request:
    """The request of a body, as it is read."""
    path = as_log([value], folder)
    with JsonSource.open(str(path)) as source:
        (document,) = open_documents(source, lines=True)
        assert isinstance(document, Document)
        (request,) = read_requests(document, str(path), ProbeField.NONE)
    assert isinstance(request, Request)
    return request


def claude_session(*, removed: bool, keep_prefix: bool, control: Any = True) -> list[Json]:
    """A session of Claude Code of three requests; the last one may have a text for the first image."""
    questions = [
        [image_block(image_bytes((560, 560), colour=at + 1)), text_block(f"{at} {LONG}")] for at in range(3)
    ]
    lines: list[Json] = []
    names: list[str] = []
    parent = None
    for at, content in enumerate(questions):
        lines.append(line("user", content, f"u{at}", parent))
        lines.append(blob(f"h{at}", *content))
        base = f"r{at - 1}" if at else None
        keep, tail = len(names), [f"g{at - 1}", f"h{at}"] if at else ["h0"]
        if removed and at == 2:
            lines.append(blob("h0x", REMOVED, text_block(f"0 {LONG}")))
            base = base if keep_prefix else None
            keep, tail = 0, ["h0x", *names[1:], *tail]
        names += tail
        lines.append(sent(f"r{at}", keep, *tail, base=base, cacheControl=control))
        lines.append(line("assistant", f"answer {at}", f"a{at}", f"u{at}"))
        parent = f"a{at}"
    for one in lines:
        if one["type"] == "assistant":
            one["message"]["model"] = "claude-sonnet-4-6"
    return lines


@pytest.mark.parametrize("with_base", [True, False])
def test_requests_that_claude_code_records(imgbudget: Command, tmp_path: Path, *, with_base: bool) -> None:
    """The third request has a text for the first image: what stays of the second is written again."""
    path = as_log(claude_session(removed=True, keep_prefix=with_base), tmp_path)
    (found,) = edits(imgbudget, path)
    assert found["measured"] == pytest.approx(TEXT + IMAGE, abs=60)
    assert "line 7" in found["message"]
    assert found["line"] == 11


def test_claude_code_without_an_edit_or_a_cache_is_silent(imgbudget: Command, tmp_path: Path) -> None:
    """Requests that go on from the one before, and those without caching."""
    whole = claude_session(removed=False, keep_prefix=True)
    assert edits(imgbudget, as_log(whole, tmp_path)) == []
    uncached = claude_session(removed=True, keep_prefix=True, control=None)
    assert edits(imgbudget, as_log(uncached, tmp_path)) == []


def bedrock(one: Json) -> Json:
    """A body of Bedrock Converse, cached up to its end."""
    messages = []
    for message in one["messages"]:
        content = [
            {"text": block["text"]}
            if block["type"] == "text"
            else {"image": {"format": "png", "source": {"bytes": block["source"]["data"]}}}
            for block in message["content"]
        ]
        messages.append({"role": message["role"], "content": content})
    messages[-1]["content"].append({"cachePoint": {"type": "default"}})
    return {"modelId": "anthropic.claude-sonnet-4-6", "messages": messages}


def gemini(one: Json) -> Json:
    """A body of Gemini, which caches by itself."""
    contents = []
    for message in one["messages"]:
        parts = [
            {"text": block["text"]}
            if block["type"] == "text"
            else {"inlineData": {"mimeType": "image/png", "data": block["source"]["data"]}}
            for block in message["content"]
        ]
        contents.append({"role": "model" if message["role"] == "assistant" else "user", "parts": parts})
    return {"model": "gemini-3-flash-preview", "contents": contents}


@pytest.mark.parametrize("shape", [bedrock, gemini])
def test_other_shapes_are_compared(imgbudget: Command, tmp_path: Path, shape: Callable[[Json], Json]) -> None:
    """A point that moves is no edit; an image that gave way to a text is one."""
    assert edits(imgbudget, as_log([shape(one) for one in a_session(3)], tmp_path)) == []
    (found,) = edits(imgbudget, as_log([shape(one) for one in without_first_image(a_session(3))], tmp_path))
    assert found["pointer"].endswith(("/messages/0/content/0", "/contents/0/parts/0"))
    assert found["measured"] > TEXT


def test_cassettes_are_compared(imgbudget: Command, tmp_path: Path) -> None:
    """The bodies of a recording in YAML."""
    path = tmp_path / "calls.yaml"
    interactions = [
        {
            "request": {
                "body": json.dumps(one),
                "method": "POST",
                "uri": "https://api.anthropic.com/v1/messages",
            },
            "response": {"status": {"code": 200}},
        }
        for one in without_first_image(a_session(3))
    ]
    path.write_text(yaml.safe_dump({"interactions": interactions, "version": 1}), encoding="utf-8")
    (found,) = edits(imgbudget, path)
    assert found["line"] > 1


@given(
    texts=st.lists(st.integers(1100, 4000), min_size=3, max_size=8, unique=True),
    first=st.integers(0, 6),
    new=st.integers(1, 4000),
)
def test_what_is_lost_is_what_a_cache_writes_again(texts: list[int], first: int, new: int) -> None:
    """The tokens of an edit are those that a cache has to write in addition to the new ones."""
    first = min(first, len(texts) - 2)
    before = [
        PromptBlock(size, 4 * size, ("messages", at), answer=at % 2 == 1) for at, size in enumerate(texts)
    ]
    edited = PromptBlock(-1, 40, ("messages", first))
    after = [
        *before[:first],
        edited,
        *before[first + 1 :],
        PromptBlock(-2, 4 * new, ("messages", len(texts))),
    ]
    limits = limits_of()
    sent = SentPrompts()
    request = Request(Location("r.json", ()), "messages", 1)
    found = [
        sent.edit_of(bind_request(request._replace(prompt=Prompt(tuple(blocks), len(blocks))), limits))
        for blocks in (before, after)
    ]
    prompts = [[Piece(block.hash, block.characters // 4) for block in blocks] for blocks in (before, after)]
    rates = CacheRates.of(limits)
    written = bill(prompts, limits, rates).written - bill(prompts[:1], limits, rates).written
    assert found[0] is None
    is_edit = (
        any(block.answer for block in before[first + 1 :])
        and 2 * (len(texts) - first - 1) >= len(texts) - first
    )
    assert (found[1].tokens if found[1] else None) == (written - 10 - new if is_edit else None)


def test_blocks_inside_results_of_tools_are_compared(imgbudget: Command, tmp_path: Path) -> None:
    """The image of a result is the first change: the text behind it in the same result is lost too."""
    bodies = a_session(3, mark=False)
    for one in bodies:
        for message in one["messages"]:
            if message["role"] == "user":
                content = message["content"]
                message["content"] = [{"type": "tool_result", "tool_use_id": "t", "content": content}]
        one["messages"][-1]["content"][0]["cache_control"] = {"type": "ephemeral"}
    assert edits(imgbudget, as_log(bodies, tmp_path)) == []
    bodies[-1]["messages"][0]["content"][0]["content"][0] = REMOVED
    (found,) = edits(imgbudget, as_log(bodies, tmp_path))
    assert found["location"] == "messages.0.content.0.content.0"
    assert found["measured"] == pytest.approx(2 * TEXT + IMAGE, abs=20)
