"""Edits between two requests of one conversation in a file, which break a beginning that was cached.

Of each of the last conversations the hashes and lengths of its newest prompt are kept, never its text.
"""

from collections import deque
from collections.abc import Iterator, Sequence

from imgbudget.model.location import Location
from imgbudget.model.prompts import PrefixEdit, PromptBlock
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.subjects import Request
from imgbudget.namedtuples import NamedTuple

CHARACTERS_PER_TOKEN = 4
"""The usual rule of thumb for text."""

_MOST_CONVERSATIONS = 8
"""Conversations that may alternate in a file, such as those of an agent and its sub-agents."""

_LEAST_TOKENS = 100
"""Fewer tokens than this are not reported."""


class _SentPrompt(NamedTuple):
    """The prompt of a request that was read: what each of its blocks is, and how many of them are cached."""

    model: str
    hashes: tuple[int, ...]
    has_images: tuple[bool, ...]
    answers: tuple[bool, ...]
    tokens: tuple[int, ...]
    cached: int
    hour: bool
    location: Location
    line: int

    @classmethod
    def of(
        cls, test: RequestUnderTest, blocks: Sequence[PromptBlock], cached: int, *, hour: bool
    ) -> "_SentPrompt":
        images = test.request.images
        return cls(
            model=test.limits.model,
            hashes=tuple(block.hash for block in blocks),
            has_images=tuple(bool(block.images) for block in blocks),
            answers=tuple(block.answer for block in blocks),
            tokens=tuple(
                block.characters // CHARACTERS_PER_TOKEN + sum(test.tokens(images[at]) for at in block.images)
                for block in blocks
            ),
            cached=cached,
            hour=hour,
            location=test.request.location,
            line=test.request.line,
        )


class _Change(NamedTuple):
    """How a request continues an earlier one: their first different block, and the blocks behind it in both.

    `again` are the numbers of the later one's blocks that the earlier one had cached behind its first change.
    """

    first: int
    again: tuple[int, ...]


class SentPrompts:
    """The newest prompts of the last conversations of a file."""

    def __init__(self) -> None:
        self._recent: deque[_SentPrompt] = deque(maxlen=_MOST_CONVERSATIONS)

    def edit_of(self, test: RequestUnderTest) -> PrefixEdit | None:
        """What the next request changes of what an earlier one had cached; None without a loss."""
        prompt = test.request.prompt
        if prompt is None or not _is_sent_alone(test.request):
            return None
        cached = len(prompt.blocks) if test.limits.caching == "automatic" else prompt.marked
        if not cached:
            return None
        sent = _SentPrompt.of(test, prompt.blocks, cached, hour=prompt.hour)
        before = [other for other in self._recent if other.model == sent.model]
        common = [_common(other, sent) for other in before]
        for other, first in zip(before, common, strict=True):
            if first == other.cached:  # it goes on from there
                self._recent.remove(other)
                self._recent.append(sent)
                return None
        for other, first in sorted(zip(before, common, strict=True), key=lambda pair: -pair[1]):
            change = _change(other, sent, first)
            if change is not None:
                self._recent.remove(other)
                self._recent.append(sent)
                return _edit(other, sent, change, max(common), test, prompt.blocks)
        self._recent.append(sent)
        return None


def recorded_edits(test: RequestUnderTest) -> Iterator[PrefixEdit]:
    """The edits that a session records, with their tokens; without those that cost next to nothing.

    Images are known again by the length of their base64 text. Answers, tools and the system prompt, which
    the records do not have, are not counted.
    """
    sizes = {use.base64_size: test.tokens(use) for use in test.request.images if use.base64_size}
    least = test.limits.cache_min_tokens
    for edit in test.request.recorded:
        lost = edit.characters // CHARACTERS_PER_TOKEN + sum(sizes.get(one, 0) for one in edit.images)
        whole = lost + edit.beginning // CHARACTERS_PER_TOKEN
        whole += sum(sizes.get(one, 0) for one in edit.first_images)
        if lost >= _LEAST_TOKENS and (least is None or whole >= least.value):
            yield PrefixEdit(edit.location, lost, edit.hour, edit.earlier)


def _is_sent_alone(request: Request) -> bool:
    """Whether a request may be one of a conversation: not an entry of a batch, nor of a file for training."""
    return request.dialect != "batches" and request.id is None and not request.is_example


def _common(before: _SentPrompt, after: _SentPrompt) -> int:
    """How many of the cached blocks of the earlier prompt the later one begins with."""
    first = 0
    for old, new in zip(before.hashes[: before.cached], after.hashes, strict=False):
        if old != new:
            break
        first += 1
    return first


def _change(before: _SentPrompt, after: _SentPrompt, first: int) -> _Change | None:
    """How a prompt edits an earlier one; None for another conversation, a retry or another branch.

    In an edit an answer of the model, which no other conversation has, follows in both, and most of the rest
    does. Before the first answer, an image that gave way to something else is an edit too.
    """
    pairs = list(_pairs(before, after, first))
    again = tuple(new for old, new in pairs if old < before.cached)
    behind = len(before.hashes) - first
    if any(before.answers[old] for old, _ in pairs):
        return _Change(first, again) if 2 * len(pairs) >= behind else None
    if any(before.answers) or not any(after.answers) or not pairs:
        return None
    kept = {old for old, _ in pairs}
    gone = [old for old in range(first, len(before.hashes)) if old not in kept]
    end = after.answers.index(True)
    stays = {new for _, new in pairs}
    new = [at for at in range(first, end) if at not in stays]
    images_only = all(before.has_images[old] for old in gone) and not any(after.has_images[at] for at in new)
    return _Change(first, again) if gone and images_only and max(stays) < end else None


def _pairs(before: _SentPrompt, after: _SentPrompt, first: int) -> Iterator[tuple[int, int]]:
    """The blocks behind the first change that are in both prompts, in the same order."""
    places: dict[int, list[int]] = {}
    for at in range(len(after.hashes) - 1, first - 1, -1):
        places.setdefault(after.hashes[at], []).append(at)
    last = first - 1
    for old in range(first, len(before.hashes)):
        found = places.get(before.hashes[old], [])
        while found and found[-1] <= last:
            found.pop()
        if found:
            last = found.pop()
            yield old, last


def _edit(  # noqa: PLR0913, PLR0917 - two prompts and what is known of them
    before: _SentPrompt,
    after: _SentPrompt,
    change: _Change,
    common: int,
    test: RequestUnderTest,
    blocks: Sequence[PromptBlock],
) -> PrefixEdit | None:
    """The edit with what it costs; None if it costs next to nothing.

    Without it, the beginning and the blocks that stay would have been read. `common` is how many blocks can
    be read of any prompt that was sent.
    """
    least = test.limits.cache_min_tokens
    minimum = least.value if least else 0
    readable = (*range(change.first), *change.again)
    if sum(after.tokens[at] for at in readable) < minimum:
        return None
    start = common if sum(after.tokens[:common]) >= minimum else 0
    lost = sum(after.tokens[at] for at in readable if at >= start)
    if lost < _LEAST_TOKENS:
        return None
    block = blocks[min(change.first, len(blocks) - 1)]
    is_same = before.location.document == after.location.document and before.line == after.line
    earlier = (before.location.pointer or "/") if is_same else f"line {before.line}"
    return PrefixEdit(test.request.location.at(*block.keys), lost, after.hour, earlier)
