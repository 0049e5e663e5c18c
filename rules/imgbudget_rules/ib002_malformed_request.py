"""IB002 malformed-request."""

from collections.abc import Iterator

from imgbudget.rule import Context, Level, Problem, Request, Severity, rule


@rule(
    "IB002", "malformed-request", level=Level.REQUEST, severity=Severity.ERROR, since="0.1", traits=("flaws",)
)
def malformed_request(request: Request, ctx: Context) -> Iterator[Problem]:
    """The request is not JSON, or has a shape that the API rejects before it decodes any image.

    ## Why it matters
    The API answers with a 400 for the whole request; in a JSONL file one bad line can cost a whole batch.
    The other rules check only the part of such a request that could be read. Each mistake is reported at its
    own location, and each bad line of a JSONL file at that line. Up to 1,000 mistakes of a file are listed;
    one more finding stands for the others, and totals count them all.

    A field `transformations` at the top level of the request or on a document is such a mistake: it belongs
    on the image block (vision-coordinates guide, 2026-09), although the page of one gateway puts it at the
    top.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>"]}
    ```
    ```json
    {"messages": "what is in this image?"}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>", "What is in this image?"]}]}
    ```

    ## Fix safety
    There is no fix: the intended content cannot be derived from the text.

    ## Source
    Request shape: types of the official Python and TypeScript SDKs, 2026-08.
    """
    reference = "the Messages API" if ctx.limits.is_messages_api else "its API"
    for flaw in request.flaws:
        yield Problem(
            message=flaw.message,
            help=flaw.help or f"follow the reference of {reference}",
            location=flaw.location,
            severity=flaw.severity,
            repeats=flaw.repeats,
        )
