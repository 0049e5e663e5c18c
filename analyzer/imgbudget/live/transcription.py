"""Has a model transcribe an image, and compares what it reads with what the recogniser predicts of each line.

The recogniser stands in for the model everywhere else; here it can be seen how well it does.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from imgbudget.legibility.comparison import share_within, significant
from imgbudget.model.text import LineState, SeenText, state_of, text_tokens

QUESTION = (
    "Transcribe all text in this image, each line as it stands, from top to bottom and from left to right. "
    "Write [illegible] for what you cannot read; do not guess, translate, correct or leave out anything. "
    "Answer with the text alone."
)
"""What the model is asked: a guess that is right by chance would count as read."""

APART = 0.05
"""The difference between what is predicted and what the model reads up to which a prediction is confirmed."""

_LEAST_TOKENS, _MOST_TOKENS, _TIMES = 1024, 16_384, 3
"""Bounds of the answer, and the tokens for each that the text is estimated at: figures take more of them."""


def transcription_body(image: bytes, form: str, model: str, characters: int) -> bytes:
    """The JSON body of a request to transcribe an image file with about so many characters."""
    source = {"type": "base64", "media_type": f"image/{form}", "data": b64encode(image).decode("ascii")}
    content = [{"type": "image", "source": source}, {"type": "text", "text": QUESTION}]
    most = min(max(_TIMES * text_tokens(characters), _LEAST_TOKENS), _MOST_TOKENS)
    body = {"model": model, "max_tokens": most, "messages": [{"role": "user", "content": content}]}
    return json.dumps(body).encode()


class ExpectedLine(NamedTuple):
    """A line that is in the image, and the share of it that is predicted to be read; None if none is."""

    text: str
    predicted: float | None

    @property
    def characters(self) -> int:
        """Its characters without blanks."""
        return len(significant(self.text))

    @property
    def state(self) -> LineState | None:
        """Whether it is predicted to be kept, doubtful or lost; None without a prediction."""
        return None if self.predicted is None else state_of(self.predicted)


def recognised_lines(seen: SeenText) -> tuple[ExpectedLine, ...]:
    """The lines that were read at full size, each with what is predicted of it."""
    return tuple(ExpectedLine(line.line.text, line.kept) for line in seen.lines if line.line.text)


_SAME = 0.8
"""The share of an expected text that a recognised line has to hold to be that line."""


def expected_lines(texts: Iterable[str], seen: SeenText) -> tuple[ExpectedLine, ...]:
    """Texts that are known to be in the image, each with the prediction for the line that holds it."""
    lines = recognised_lines(seen)
    return tuple(ExpectedLine(text, _prediction(text, lines)) for text in texts)


def _prediction(text: str, lines: Sequence[ExpectedLine]) -> float | None:
    found = [(share_within(text, line.text), line.predicted) for line in lines]
    share, predicted = max(found, key=lambda one: one[0], default=(0.0, None))
    return predicted if share >= _SAME else None


class ReadLine(NamedTuple):
    """A line, and the share of it that the model's answer has."""

    line: ExpectedLine
    read: float


class Transcription(NamedTuple):
    """What a model read of an image, line by line."""

    lines: tuple[ReadLine, ...]

    def share(self, state: LineState | None = None) -> float | None:
        """The share of the characters that the model read: of all predicted lines, or those of one state."""
        chosen = [it for it in self.predicted_lines if state in (None, it.line.state)]
        return _mean((it.line.characters, it.read) for it in chosen)

    @property
    def predicted_lines(self) -> tuple[ReadLine, ...]:
        """The lines with a prediction."""
        return tuple(it for it in self.lines if it.line.predicted is not None)

    @property
    def predicted(self) -> float | None:
        """The share of the characters of these lines that was predicted to be read."""
        return _mean((it.line.characters, it.line.predicted or 0.0) for it in self.predicted_lines)

    @property
    def confirmed(self) -> bool:
        """Whether the model reads as much as is predicted, within `APART`."""
        read, predicted = self.share(), self.predicted
        return read is not None and predicted is not None and abs(read - predicted) <= APART


def _mean(parts: Iterable[tuple[int, float]]) -> float | None:
    known = list(parts)
    characters = sum(many for many, _ in known)
    return sum(many * share for many, share in known) / characters if characters else None


def transcribed(expected: Iterable[ExpectedLine], answer: str) -> Transcription:
    """How much of each expected line is in an answer."""
    return Transcription(tuple(ReadLine(line, share_within(line.text, answer)) for line in expected))
