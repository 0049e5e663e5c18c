"""`imgbudget verify --text`: what a model reads of an image, beside what is predicted of each line.

A stand-in reads the lines here: large letters whole, small ones with a third of their letters wrong.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from imgbudget.legibility.comparison import fewest_within, share_within
from imgbudget.legibility.crops import quad_of
from imgbudget.legibility.engine import Pixels, Quad, Recognised
from imgbudget.live.transcription import QUESTION, ExpectedLine, transcribed, transcription_body
from imgbudget.model.text import LineState, text_tokens
from tests.conftest import Command
from tests.liveapi import Api, answer, envelope, image_tokens, message

LINES = (("Invoice of the year", 60), ("total amount due on 2026-11-30 is 4821", 30), ("small print", 11))
MODEL = "claude-sonnet-4-6"


class Rows:
    """Finds rows of ink and knows their texts by their shape; those that are low lose every third letter."""

    def detect(self, pixels: Pixels) -> Sequence[Quad]:
        """The rows with ink, each from its first to its last column."""
        ink = pixels.min(axis=2) < 128
        rows = np.flatnonzero(ink.any(axis=1))
        found = []
        for band in np.split(rows, np.flatnonzero(np.diff(rows) > 3) + 1) if len(rows) else ():
            columns = np.flatnonzero(ink[band].any(axis=0))
            left, right = float(columns[0]) - 2, float(columns[-1]) + 3
            top, bottom = float(band[0]) - 2, float(band[-1]) + 3
            found.append(quad_of(((left, top), (right, top), (right, bottom), (left, bottom))))
        return found

    def recognise(self, line: Pixels) -> Recognised:
        """The text of the line whose shape is nearest."""
        high, wide = line.shape[0], line.shape[1]
        text = min((text for text, _ in LINES), key=lambda one: abs(len(one) - 2.3 * wide / high))
        clear = high > 13
        shown = text if clear else "".join("#" if at % 3 == 0 else char for at, char in enumerate(text))
        return Recognised(shown, 0.95)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page of three lines, the last of which is too small once it is downscaled."""
    monkeypatch.setattr("imgbudget.linter.selection.is_installed", lambda _name: True)
    monkeypatch.setattr("imgbudget.legibility.task.rapid_engine", Rows)
    image = Image.new("RGB", (2800, 500), "white")
    draw = ImageDraw.Draw(image)
    for number, (text, size) in enumerate(LINES):
        draw.text((60, 60 + 130 * number), text, fill="black", font=ImageFont.load_default(size))
    path = tmp_path / "page.png"
    image.save(path)
    return path


def answering(api: Api, text: str, **more: object) -> None:
    """A model that answers with a text."""

    def reply(body: dict[str, object]) -> dict[str, object]:
        return message(MODEL, image_tokens(body), text) | more

    api.on("/v1/messages", lambda request: answer(reply(request.get_json())))


def test_a_model_that_reads_as_predicted_confirms_it(imgbudget: Command, api: Api, page: Path) -> None:
    """The large lines, and two thirds of the small print; the request holds the file and the question."""
    answering(api, "Invoice of the year\ntotal amount due on 2026-11-30 is 4821\n#ma#l #ri#t\n")
    run = imgbudget("verify", "--text", "page.png", "--yes", "--format", "json")
    assert run.code == 0, run.err
    found = run.json
    assert (found["model"], found["path"], found["seen"]) == (MODEL, "page.png", [1568, 280])
    assert found["confirmed"] is True
    assert [line["text"] for line in found["lines"]] == [text for text, _ in LINES]
    assert found["lines"][0]["share_read"] == 1
    assert (found["lines"][2]["state"], found["lines"][2]["share_read"] < 0.8) == ("lost", True)
    assert found["states"]["kept"] == {"lines": 2, "share_read": 1}
    assert found["cost_usd"] > 0
    (body,) = api.bodies
    assert found["usage"]["input"] == image_tokens(body)
    assert found["usage"]["output"] > 0
    content = body["messages"][0]["content"]
    assert content[1]["text"] == QUESTION
    assert content[0]["source"]["media_type"] == "image/png"


def test_a_model_that_reads_less_refutes_it(imgbudget: Command, api: Api, page: Path) -> None:
    """Exit 1; the lines that are not as predicted are named, and the difference in points."""
    answering(api, "Invoice of the year [illegible]")
    run = imgbudget("verify", "--text", "page.png", "--yes")
    assert run.code == 1, run.err
    assert f"page.png: {MODEL} sees 1568x280" in run.out
    assert "NOT as predicted: 9" in run.out
    assert "points apart" in run.out
    assert "'total amount due on 2026-11-30 is 4821': 100 % predicted, 0 % read" in run.out
    assert "billed: " in run.out


def test_expected_text_may_be_given(imgbudget: Command, api: Api, page: Path, tmp_path: Path) -> None:
    """Each of its lines has the prediction of the line that holds it; others are shown apart."""
    (tmp_path / "known.txt").write_text("Invoice of the year\n\nwritten nowhere\n", encoding="utf-8")
    answering(api, "Invoice of the year")
    run = imgbudget("verify", "--text", "page.png", "--expect", "known.txt", "-y", "--format", "json")
    assert run.code == 0, run.err
    assert [(line["text"], line["state"], line["share_read"]) for line in run.json["lines"]] == [
        ("Invoice of the year", "kept", 1),
        ("written nowhere", None, 0),
    ]
    shown = imgbudget("verify", "--text", "page.png", "--expect", "known.txt", "-y")
    assert "not recognised      1" in shown.out


def test_an_answer_that_was_cut_off_says_so(imgbudget: Command, api: Api, page: Path) -> None:
    """What came after the bound of tokens was never written: no fault of the eyes."""
    answering(api, "Invoice of the year", stop_reason="max_tokens")
    run = imgbudget("verify", "--text", "page.png", "-y")
    assert "warning: page.png: the answer ended at its bound of tokens" in run.err


def test_the_lines_furthest_from_their_prediction_are_shown(imgbudget: Command, api: Api, page: Path) -> None:
    """Five of seven; and the table has numbers under each other."""
    page.with_name("known.txt").write_text("Invoice of the year\n" * 7, encoding="utf-8")
    answering(api, "[illegible]")
    run = imgbudget("verify", "--text", "page.png", "--expect", "known.txt", "-y")
    assert run.code == 1, run.err
    assert run.out.count("'Invoice of the year': 100 % predicted, 0 % read") == 5
    rows = [line for line in run.out.splitlines() if line.startswith(("kept ", "doubtful ", "lost "))]
    assert rows == [
        "kept           7         112                0 %",
        "doubtful       0           0                  -",
        "lost           0           0                  -",
    ]


@pytest.mark.parametrize("usage", [None, {"input_tokens": 12}])
def test_an_answer_without_its_tokens_has_no_cost(
    imgbudget: Command, api: Api, page: Path, usage: object
) -> None:
    """What a gateway leaves out is not known, and no reason to fail."""
    answering(api, "Invoice of the year", usage=usage)
    run = imgbudget("verify", "--text", "page.png", "-y", "--format", "json")
    assert run.code == 1, run.err
    assert run.json["cost_usd"] is None


def test_the_answer_has_room_for_the_text() -> None:
    """Three times its estimated tokens, within bounds."""
    bounds = [
        json.loads(transcription_body(b"", "png", MODEL, characters))["max_tokens"]
        for characters in (10, 4000, 900_000)
    ]
    assert bounds == [1024, 3 * text_tokens(4000), 16_384]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--text", "page.png"), 2, "cannot ask for confirmation (no terminal); pass --yes"),
        (("--text", "page.png", "--max-cost", "$0.000001"), 1, "not sent: it may cost $0.0"),
        (("--text", "gone.png", "-y"), 2, "gone.png: no such file or folder"),
        (("--text", "words.txt", "-y"), 2, "words.txt: "),
        (("--text", "blank.png", "-y"), 2, "blank.png: no text was found in it"),
        (("--text", "page.png", "-y", "--expect", "blank.png"), 2, "is not text in UTF-8"),
        (("--text", "page.png", "-y", "--expect", "empty.txt"), 2, "is empty; it takes a line for each"),
        (("--text", "page.png", "-y", "--expect", "words.txt"), 2, "was recognised in page.png"),
        (("--text", "page.png", "-y", "--list-models"), 2, "--list-models and --text cannot be combined"),
        (("--text", "page.png", "-y", "--model", "grok-4"), 2, "needs the size that the model sees"),
        (("--expect", "words.txt"), 2, "--expect is for --text IMAGE; counting is free"),
        (("--yes",), 2, "--yes is for --text IMAGE"),
    ],
)
def test_nothing_is_sent_for_what_cannot_be_compared(  # noqa: PLR0913, PLR0917 - a case
    imgbudget: Command, api: Api, page: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """Or without consent: the reason and the remedy, and no request."""
    Image.new("RGB", (300, 200), "white").save(page.with_name("blank.png"))
    page.with_name("words.txt").write_text("nothing of it", encoding="utf-8")
    page.with_name("empty.txt").write_text("\n \n", encoding="utf-8")
    run = imgbudget("verify", *arguments)
    assert (run.code, words in run.err) == (code, True), run.err
    assert api.seen == []


def test_an_image_that_the_api_refuses_is_not_sent(
    imgbudget: Command, api: Api, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `send` does, with the rule; a failure of the API is exit 2 with its remedy."""
    api.always(answer(envelope("invalid x-api-key", "authentication_error"), 401))
    run = imgbudget("verify", "--text", "page.png", "-y", "--retries", "0")
    assert run.code == 2
    assert "401 authentication_error: invalid x-api-key; check the key" in run.err
    with Image.open(page) as image:
        image.resize((8001, 500)).save(page)
    run = imgbudget("verify", "--text", "page.png", "-y")
    assert (run.code, "page.png: not sent: IB101" in run.err) == (2, True), run.err


def test_without_the_extra_the_line_that_installs_it_is_named(
    imgbudget: Command, api: Api, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2, nothing sent."""
    monkeypatch.setattr("imgbudget.linter.selection.is_installed", lambda name: name != "rapidocr")
    run = imgbudget("verify", "--text", "page.png", "-y")
    assert run.code == 2
    assert "pip install 'imgbudget[text]'" in run.err
    assert api.seen == []


@pytest.mark.parametrize(
    ("known", "text", "share"),
    [
        ("total 4,821", "the total is\ntotal 4,821 today", 1.0),
        ("total 4,821", "total\n4,831", 0.9),
        ("total 4,821", "something else entirely", 0.0),
        ("10", "1,100", 0.0),
        ("10", "at 10 %", 1.0),
        ("", "anything", 1.0),
        ("总计金额", "年度总计金额表", 1.0),
    ],
)
def test_a_line_is_looked_for_in_the_whole_answer(known: str, text: str, share: float) -> None:
    """Wherever it is, over line breaks; short ones only as words, and chance resemblance is nothing."""
    assert share_within(known, text) == pytest.approx(share)


def test_the_fewest_changes_are_found() -> None:
    """Those of the plain table of distances (Sellers), for many random texts."""

    def plain(known: str, text: str) -> int:
        row = [0] * (len(text) + 1)
        for number, char in enumerate(known, 1):
            diagonal, row[0] = row[0], number
            for at, other in enumerate(text, 1):
                least = min(row[at] + 1, row[at - 1] + 1, diagonal + (char != other))
                diagonal, row[at] = row[at], least
        return min(row)

    made = np.random.default_rng(1)

    def random_text(letters: str, most: int) -> str:
        return "".join(letters[at] for at in made.integers(0, len(letters), made.integers(0, most)))

    for _ in range(300):
        known, text = random_text("abc", 12), random_text("abcd", 30)
        assert fewest_within(known, text) == plain(known, text), (known, text)


def test_shares_are_by_characters_and_state() -> None:
    """Long lines weigh more; lines without a prediction count for none of the sums."""
    lines: Iterable[ExpectedLine] = (
        ExpectedLine("a" * 30, 1.0),
        ExpectedLine("unread words", 0.1),
        ExpectedLine("not recognised", None),
    )
    found = transcribed(lines, "a" * 30)
    assert found.share() == pytest.approx(30 / 41)
    assert found.predicted == pytest.approx((30 + 1.1) / 41)
    assert found.share(LineState.KEPT) == 1
    assert found.share(LineState.DOUBTFUL) is None
    assert found.confirmed
    assert not transcribed(lines, "").confirmed
