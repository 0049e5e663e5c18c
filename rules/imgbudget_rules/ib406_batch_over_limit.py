"""IB406 batch-over-limit."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Batch, Context, Level, Limits, Problem, Severity, rule


@rule("IB406", "batch-over-limit", level=Level.BATCH, severity=Severity.ERROR, since="0.1")
def batch_over_limit(batch: Batch, ctx: Context) -> Iterator[Problem]:
    """The batch is larger than the API accepts, or an entry has a missing or duplicate `custom_id`.

    ## Why it matters
    A batch of more than 256 MB or 100,000 requests is rejected as a whole. Results come back in any order,
    each under its `custom_id`: a request without one is rejected, and two answers with the same id cannot be
    told apart. Each entry with a wrong id is reported at its own location.

    For a JSONL file its own length is checked; the body made from it is about as long. How certain this is:
    it is not documented whether 256 MB are 256,000,000 or 268,435,456 bytes. A batch over the larger number
    is an error, one between the two a warning. For platforms without batches only the ids are checked.

    A file of training examples for OpenAI's fine-tuning holds at most 50,000 examples with images.

    ## Reports
    ```json
    {"bytes": 268435457, "requests": [{"custom_id": "a", "params": {}}]}
    ```
    ```json
    {"bytes": 256000001, "requests": [{"custom_id": "a", "params": {}}]}
    ```
    ```json
    {"count": 100001, "requests": [{"custom_id": "a", "params": {}}]}
    ```
    ```json
    {"requests": [{"custom_id": "a", "params": {}}, {"params": {}}, {"custom_id": "a", "params": {}}]}
    ```

    ## Silent
    ```json
    {"bytes": 256000000, "count": 100000,
        "requests": [{"custom_id": "a", "params": {}}, {"custom_id": "b", "params": {}}]}
    ```

    ## Fix safety
    There is no fix: only the author knows where to split a batch and how to name its requests.

    ## Source
    API errors page, 2026-06: 256 MB or 100,000 requests, whichever comes first. Shape of an entry: SDK
    types, 2026-08. OpenAI vision fine-tuning guide, 2026-11: 50,000 examples.
    """
    yield from _too_long(batch, ctx.limits)
    most = ctx.limits.batch_requests
    if most is not None and batch.request_count > most.value:
        has = f"batch has {figure(batch.request_count)} requests"
        if batch.is_training:
            has = f"file has {figure(batch.request_count)} training examples with images"
        yield Problem(
            message=f"{has}; {ctx.limits.platform} takes at most {figure(most.value)}",
            help="leave out examples" if batch.is_training else "split it into several batches",
            measured=batch.request_count,
            limit=most.value,
            unit=most.unit,
        )
    for location in batch.missing:
        yield Problem(
            message="request in a batch has no custom_id; the API rejects it",
            help="give each request a unique custom_id",
            location=location,
        )
    for location, custom_id in batch.doubled:
        yield Problem(
            message=f"duplicate custom_id {custom_id!r} (first used by an earlier request)",
            help="give each request a unique custom_id",
            location=location,
        )


def _too_long(batch: Batch, limits: Limits) -> Iterator[Problem]:
    limit, doubt = limits.batch_bytes, limits.batch_bytes_doubt
    if limit is None or doubt is None or batch.byte_size <= doubt.value:
        return
    over = batch.byte_size > limit.value
    exceeded = limit if over else doubt
    exact = (
        f" ({figure(limit.value)} bytes)"
        if over
        else f", which may mean {figure(doubt.value)} bytes or {figure(limit.value)}"
    )
    yield Problem(
        message=f"batch is {figure(batch.byte_size)} bytes; "
        f"{limits.platform} takes at most {limit.text}{exact}",
        help="split it into several batches, or shrink its images",
        measured=batch.byte_size,
        limit=exceeded.value,
        unit=exceeded.unit,
        severity=None if over else Severity.WARNING,
    )
