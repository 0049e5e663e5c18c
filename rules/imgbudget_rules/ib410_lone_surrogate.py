"""IB410 lone-surrogate."""

from collections.abc import Iterator

from imgbudget.rule import Context, Level, Problem, Request, Severity, Text, rule, walk_blocks


@rule(
    "IB410",
    "lone-surrogate",
    level=Level.REQUEST,
    severity=Severity.ERROR,
    since="0.2",
    traits=("images", "surrogate"),
)
def lone_surrogate(request: Request, ctx: Context) -> Iterator[Problem]:
    r"""A text beside images holds half of a character, which is not valid UTF-8.

    ## Why it matters
    JSON can write half of a character as an escape, such as `\ud83d`, without the half that must follow.
    It comes from text that was cut in the middle of an emoji. The API answers `not valid UTF-8: surrogates
    not allowed` and rejects the whole request; in a conversation every later one is rejected too.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>", "cut in half: \ud83d"]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>", "whole: \ud83d\ude00"]}]}
    ```

    Requests without an image are not checked:
    ```json
    {"messages": [{"role": "user", "content": ["cut in half: \ud83d"]}]}
    ```

    ## Fix safety
    There is no fix: only the writer of the text knows which character was meant.

    ## Source
    Error text of the Messages API, public reports, 2026-11; RFC 8259, section 8.2.
    """
    for turn in request.turns if request.images else ():
        for block in walk_blocks(turn.blocks):
            if isinstance(block, Text) and block.surrogate:
                code = f"\\u{ord(block.surrogate):04x}"
                yield Problem(
                    message=f"text holds the lone surrogate {code}, which is not valid UTF-8; "
                    f"{ctx.limits.api} rejects the request",
                    help="remove it, or cut the text between characters: it is half of an emoji or the like",
                    location=block.location,
                )
