"""Every command gives the same answers for the same images: sizes, tokens, cost and verdicts.

The rows are models and platforms, with and without a level of detail; the columns are the commands, on a
request file, on a request from standard input, and on image files. A command may leave a question open, but
must not answer it differently.
"""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import imgbudget as package
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.live.billing import predict
from imgbudget.live.inspection import InspectionTarget, Inspector
from imgbudget.model.subjects import Severity
from tests.builders import image_bytes, write_json
from tests.conftest import Command

Json = dict[str, Any]
Answer = dict[str, Any]
Pair = list[int]

SIZES = ((1920, 1080), (644, 476))
RULES = ("IB1", "IB2")
"""The families that judge an image in a request and in a file alike."""


def messages(detail: str | None) -> Json:
    """A Messages API body."""
    assert detail is None
    sources = [{"type": "base64", "media_type": "image/png", "data": data} for data in _texts()]
    blocks = [{"type": "image", "source": source} for source in sources]
    return {"max_tokens": 100, "messages": [{"role": "user", "content": blocks}]}


def converse(detail: str | None) -> Json:
    """A Converse body of Bedrock."""
    assert detail is None
    blocks = [{"image": {"format": "png", "source": {"bytes": data}}} for data in _texts()]
    return {"messages": [{"role": "user", "content": blocks}]}


def chat(detail: str | None) -> Json:
    """A Chat Completions body; all images ask for the level of detail."""
    level = {"detail": detail} if detail else {}
    urls = [f"data:image/png;base64,{data}" for data in _texts()]
    parts = [{"type": "image_url", "image_url": {"url": url} | level} for url in urls]
    return {"messages": [{"role": "user", "content": parts}]}


def responses(detail: str | None) -> Json:
    """A Responses body."""
    level = {"detail": detail} if detail else {}
    urls = [f"data:image/png;base64,{data}" for data in _texts()]
    parts = [{"type": "input_image", "image_url": url} | level for url in urls]
    return {"input": [{"role": "user", "content": parts}]}


def gemini(detail: str | None) -> Json:
    """A Gemini body; the media resolution is that of the whole request."""
    parts = [{"inlineData": {"mimeType": "image/png", "data": data}} for data in _texts()]
    config = {"mediaResolution": f"MEDIA_RESOLUTION_{detail.upper()}"} if detail else {}
    return {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}


def _pictures() -> list[bytes]:
    return [image_bytes(size) for size in SIZES]


def _texts() -> list[str]:
    return [base64.b64encode(data).decode() for data in _pictures()]


class Row(NamedTuple):
    """One model, and what every command has to say of the two images on it.

    `planned` are the sizes to send instead, which cost as many `tokens` as the images themselves.
    """

    model: str
    make: Callable[[str | None], Json]
    detail: str | None
    tokens: list[int]
    planned: list[Pair]
    codes: list[str]
    platform: str | None = None

    @property
    def options(self) -> list[str]:
        """The platform, where the request does not imply it."""
        return ["--platform", self.platform] if self.platform else []

    @property
    def run_options(self) -> RunOptions:
        """The same for the Python functions."""
        return RunOptions(isolated=True, model=self.model, platform=self.platform, select=RULES)

    def body(self) -> Json:
        """The request."""
        key = "modelId" if self.make is converse else "model"
        return {key: self.model} | self.make(self.detail)


KEPT = [[1920, 1080], [644, 476]]
CLAUDE = [[1456, 819], [644, 476]]
TILED = [[1365, 768], [644, 476]]
ONE = ["IB201"]
ROWS = {
    "claude": Row("claude-sonnet-4-6", messages, None, [1560, 391], CLAUDE, ONE),
    "claude of high resolution": Row("claude-opus-4-8", messages, None, [2691, 391], KEPT, []),
    "claude on bedrock": Row(
        "anthropic.claude-sonnet-4-6", messages, None, [1560, 391], CLAUDE, ONE, platform="bedrock"
    ),
    "claude through converse": Row(
        "anthropic.claude-sonnet-4-6", converse, None, [1560, 391], CLAUDE, ONE, platform="bedrock"
    ),
    "claude on google cloud": Row(
        "claude-haiku-4-5@20251001", messages, None, [1560, 391], CLAUDE, ONE, platform="google-cloud"
    ),
    "gpt-4o": Row("gpt-4o", chat, None, [1105, 425], TILED, ONE),
    "gpt-4o low": Row("gpt-4o", chat, "low", [85, 85], KEPT, []),
    "gpt-4o high": Row("gpt-4o", chat, "high", [1105, 425], TILED, ONE),
    "gpt-4o auto": Row("gpt-4o", chat, "auto", [1105, 425], TILED, ONE),
    "gpt-4o responses low": Row("gpt-4o", responses, "low", [85, 85], KEPT, []),
    "gpt-5-mini": Row("gpt-5-mini", responses, None, [1810, 378], [[1649, 928], [644, 476]], ONE),
    "gpt-4.1-mini low": Row(
        "gpt-4.1-mini", responses, "low", [234, 312], [[512, 288], [512, 378]], ["IB201", "IB201"]
    ),
    "gemini 2.5": Row("gemini-2.5-flash", gemini, None, [258, 258], KEPT, []),
    "gemini 2.5 low": Row("gemini-2.5-flash", gemini, "low", [64, 64], KEPT, []),
    "gemini 3": Row("gemini-3-pro-preview", gemini, None, [1100, 1064], KEPT, []),
    "gemini 3 ultra high": Row("gemini-3-pro-preview", gemini, "ultra_high", [2205, 2200], KEPT, []),
    "qwen": Row("qwen2.5-vl-7b-instruct", chat, None, [2691, 391], KEPT, []),
}


class Table(NamedTuple):
    """A row set up in a folder: the request in a file, and the images in files of their own."""

    row: Row
    imgbudget: Command
    folder: Path

    def of_request(self) -> Iterator[tuple[str, Answer]]:
        """What each command says of the request, from a file and from standard input."""
        body = (self.folder / "r.json").read_bytes()
        for where, path in (("file", "r.json"), ("stdin", "-")):
            yield f"check {where}", self.check(path, body)
            yield f"plan {where}", self.plan(path, body)
            yield f"split {where}", self.split(path, body)
            if self.row.make is messages and self.row.platform is None:
                yield f"send {where}", self.send(path, body)
        yield "plan --apply", self.applied("plan", "r.json", "--apply")
        yield (
            "check --fix",
            self.applied("check", "r.json", "--fix", "--fix-level", "info", "--select", ",".join(RULES)),
        )
        yield "guard", self.guard(body)
        yield "Python on the request", self.python("r.json")
        yield "prediction", self.predicted()

    def of_files(self) -> Iterator[tuple[str, Answer]]:
        """What each command says of the images as files, or of their sizes."""
        if self.row.detail is None:  # a file cannot ask for a level of detail
            for command in (self.check, self.plan):
                answers = [command(name, b"", *self.as_option) for name in ("a.png", "b.png")]
                yield f"{command.__name__} of images", _joined(answers)
            yield "Python on images", _joined([self.python(name) for name in ("a.png", "b.png")])
        detail = ["--detail", self.row.detail] if self.row.detail else []
        yield "size", self.size(*detail)
        if self.row.make in (messages, converse):
            yield "tiles of the request", self.tiles("r.json")
            yield "tiles of images", _joined([self.tiles(name) for name in ("a.png", "b.png")])

    @property
    def as_option(self) -> list[str]:
        """The model as an option, for what does not name one."""
        return ["--model", self.row.model]

    def json(self, *arguments: str, stdin: bytes = b"") -> Any:
        """The JSON document of a command."""
        run = self.imgbudget(*arguments, "--isolated", "--format", "json", *self.row.options, stdin=stdin)
        assert run.code in (0, 1), run.err
        return run.json

    def check(self, path: str, stdin: bytes, *more: str) -> Answer:
        """The images and findings of `check`."""
        document = self.json("check", path, "--select", ",".join(RULES), *more, stdin=stdin)
        images = document["images"]
        return {
            "sizes": [[image["width"], image["height"]] for image in images],
            "tokens": [image["tokens"] for image in images],
            "costs": [image["cost_usd"] for image in images],
            "resized": [image["resized"] for image in images],
            "codes": [finding["code"] for finding in document["findings"]],
            "sum": document["summary"]["visual_tokens"],
            "sum after": document["summary"]["tokens_after_fix"],
        }

    def plan(self, path: str, stdin: bytes, *more: str) -> Answer:
        """The images before and after in `plan`."""
        plans = self.json("plan", path, *more, stdin=stdin)["plans"]
        return {
            "sizes": [plan["from"] for plan in plans],
            "tokens": [plan["before"]["tokens"] for plan in plans],
            "costs": [plan["before"]["cost_usd"] for plan in plans],
            "planned": [plan["to"] for plan in plans],
            "after": [plan["after"]["tokens"] for plan in plans],
        }

    def split(self, path: str, stdin: bytes) -> Answer:
        """The sums of `split`, by which it divides; one token less than all have makes a part of each."""
        most = str(sum(self.row.tokens) - 1)
        (whole,) = self.json("split", path, stdin=stdin)["splits"]
        (parts,) = self.json("split", path, f"--budget=request.tokens={most}", stdin=stdin)["splits"]
        return {
            "sum": whole["parts"][0]["visual_tokens"],
            "sum of costs": whole["parts"][0]["cost_usd"],
            "tokens": [part["visual_tokens"] for part in parts["parts"]],
            "costs": [part["cost_usd"] for part in parts["parts"]],
        }

    def send(self, path: str, stdin: bytes) -> Answer:
        """What `send` predicts without sending."""
        (predicted,) = self.json("send", path, "--dry-run", stdin=stdin)["predicted"]
        return {"sum": predicted["visual_tokens"]}

    def applied(self, command: str, path: str, *how: str) -> Answer:
        """The images that a command wrote, as `check` sees them."""
        run = self.imgbudget(command, path, *how, "--isolated", "--output-dir", "out", *self.row.options)
        assert run.code == 0, run.err
        found = self.check(f"out/{path}", b"")
        return {"planned": found["sizes"], "after": found["tokens"], "sum after": found["sum"]}

    def guard(self, body: bytes) -> Answer:
        """What the guard finds in one look, and makes of the body: what `check --fix` has written."""
        inspector = Inspector(self.row.run_options, Severity.INFO)
        found = inspector.findings(body, InspectionTarget())
        fixed = inspector.fixed(body, InspectionTarget())
        assert fixed.body == (self.folder / "out/r.json").read_bytes()
        return {"codes": [finding.code for finding in found]}

    def python(self, path: str) -> Answer:
        """What the functions of the package give."""
        (found,) = package.check([path], self.row.run_options).files
        plans = package.plan([path], self.row.run_options)
        return {
            "sizes": [list(plan.size) for plan in plans],
            "tokens": [image.tokens for image in found.images],
            "costs": [round(image.cost_usd or 0, 8) for image in found.images],
            "planned": [list(plan.planned) for plan in plans],
            "after": [image.tokens_after_fix for image in found.images],
            "codes": [finding.code for finding in found.findings],
        }

    def predicted(self) -> Answer:
        """The prediction that `send` shows, for bodies that it does not send too."""
        (found,) = Session(self.row.run_options).check(["r.json"])
        return {"sum": predict(found.requests[0], 0).visual}

    def size(self, *detail: str) -> Answer:
        """What `size` says of the sizes alone."""
        texts = [f"{width}x{height}" for width, height in SIZES]
        found = self.json("size", *texts, *self.as_option, *detail)["sizes"]
        return {
            "sizes": [one["size"] for one in found],
            "tokens": [one["tokens"] for one in found],
            "costs": [one["cost_usd"] for one in found],
            "resized": [one["resized"] for one in found],
            "planned": [one["planned"] for one in found],
        }

    def tiles(self, path: str) -> Answer:
        """What `tiles` says of the images as a whole."""
        found = self.json("tiles", path, *self.as_option)["tilings"]
        return {
            "sizes": [one["size"] for one in found],
            "tokens": [one["whole"]["tokens"] for one in found],
            "costs": [one["whole"]["cost_usd"] for one in found],
            "resized": [one["whole"]["resized"] for one in found],
        }


def _joined(answers: list[Answer]) -> Answer:
    """The answers on single images as one on all of them."""
    keys = [key for key in answers[0] if "sum" not in key]
    return {key: [item for answer in answers for item in answer[key]] for key in keys}


@pytest.mark.parametrize("name", ROWS)
def test_all_commands_give_the_same_answers(name: str, imgbudget: Command, tmp_path: Path) -> None:
    """Sizes, tokens, cost, the size to send instead and findings are the same wherever they are shown."""
    row = ROWS[name]
    write_json(tmp_path / "r.json", row.body())
    for file, data in zip(("a.png", "b.png"), _pictures(), strict=True):
        (tmp_path / file).write_bytes(data)
    table = Table(row, imgbudget, tmp_path)
    said = dict((*table.of_request(), *table.of_files()))
    expected = {
        "sizes": KEPT,
        "tokens": row.tokens,
        "planned": row.planned,
        "after": row.tokens,
        "codes": row.codes,
        "sum": sum(row.tokens),
        "sum after": sum(row.tokens),
        "costs": said["check file"]["costs"],
        "resized": said["check file"]["resized"],
    }
    for question, answer in expected.items():
        answers = {where: given[question] for where, given in said.items() if question in given}
        assert answers == dict.fromkeys(answers, answer), question


def test_the_rows_cover_every_provider() -> None:
    """Claude on three platforms, OpenAI, Gemini, open weights; each with a level of detail if it has one."""
    found = {
        (Session(row.run_options).context.limits().platform, row.detail is not None) for row in ROWS.values()
    }
    assert {platform for platform, _ in found} >= {
        "anthropic",
        "bedrock",
        "google-cloud",
        "openai",
        "gemini",
        "self-hosted",
    }
    assert {platform for platform, detailed in found if detailed} == {"openai", "gemini"}
    assert json.dumps(ROWS["gpt-4o low"].body()).count('"detail": "low"') == len(SIZES)
