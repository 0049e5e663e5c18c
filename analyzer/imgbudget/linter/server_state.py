"""What cannot be checked of a request because the server adds to it, or clears parts of it."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.subjects import Block, ImageUse, Nested, walk_blocks
from imgbudget.planner.from_findings import without_images


def left_to_the_server(test: RequestUnderTest) -> Iterator[str]:
    """Clauses on what the server knows and the request does not show; none for most requests."""
    request, clearing = test.request, test.request.clearing
    if request.history:
        yield (
            f"{request.history}: earlier turns unknown, the server holds them; "
            "limits of a whole request checked without them"
        )
    if clearing is None:
        return
    if clearing.keep is None:
        yield f"context_management ({clearing.kind}): checked as sent, before the server edits it"
        return
    results = [block for turn in request.turns for block in turn.blocks if _is_result(block)]
    cleared = walk_blocks(tuple(results[: max(len(results) - clearing.keep, 0)]))
    gone = [block.location for block in cleared if isinstance(block, ImageUse)]
    before, after = (_sum(it) for it in (test, test.changed_to(without_images(request, gone))))
    yield f"context_management: checked before clearing of tool results, with {before}; after it {after}"


def _is_result(block: Block) -> bool:
    return isinstance(block, Nested) and block.kind == "tool_result"


def _sum(test: RequestUnderTest) -> str:
    count, tokens = len(test.request.images), test.visual_tokens
    cost = "tokens unknown" if tokens is None else f"{figure(tokens)} visual tokens"
    return f"{figure(count)} image{'' if count == 1 else 's'} and {cost}"
