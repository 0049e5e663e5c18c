"""What `send` says of what goes out, what it costs, what was billed, what failed; for people and as JSON."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imgbudget.cli.output import show, show_in_place
from imgbudget.live.answers import Failure
from imgbudget.live.attribution import Attribution
from imgbudget.live.batches import BATCHES, BatchProgress
from imgbudget.live.billing import BillComparison
from imgbudget.live.records import predicted_record
from imgbudget.live.sending import COUNT, MESSAGES
from imgbudget.output.base import between, count, figure, signed
from imgbudget.output.explain import explanation_document, full_text
from imgbudget.output.records import TOOL, VERSION, finding_record, usd
from imgbudget.printable import joined

if TYPE_CHECKING:
    from imgbudget.cli.send_run import Planned, SendRun

_LISTED = 10


def dollars(amount: float) -> str:
    """An amount with as many places as it needs to be more than nothing."""
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.6f}".rstrip("0").ljust(5, "0")


def document(run: "SendRun") -> dict[str, Any]:
    """The JSON form of a run, version 1, as it is before anything is sent."""
    total = run.total
    return {
        "version": VERSION,
        "tool": TOOL,
        "sent": False,
        "reason": None,
        "path": run.out.path,
        "platform": run.platform,
        "findings": [finding_record(finding) for finding in run.out.result.findings],
        "fixed": [finding_record(finding) for finding in run.out.fix.fixed] if run.out.fix else [],
        "predicted": [
            {"id": it.id, "model": it.one.limits.model, **predicted_record(it.prediction)}
            for it in run.planned
        ],
        "cost_usd": {"expected_input": usd(total.expected_input), "most": usd(total.most)},
        "requests": [],
        "errors": [],
        "batch": None,
        "files": [],
        "reply": None,
    }


def what_it_costs(run: "SendRun") -> str:
    """The cost of what is about to be sent, and what of it is estimated."""
    models = sorted({it.one.limits.model for it in run.planned})
    head = f"{count(len(run.planned), 'request')} to {', '.join(models)} on {run.platform}"
    return joined([f"{head}: {_cost(run)}", f"  {_tokens(run.planned)}"])


def _bound(planned: Sequence["Planned"]) -> int:
    return sum(it.max_tokens or 0 for it in planned)


def _cost(run: "SendRun") -> str:
    (expected, most), bound = run.total, _bound(run.planned)
    if expected is None:
        return "cost unknown, as no price of the model is known"
    up_to = "up to " if any(it.prediction.doubt for it in run.planned) else ""
    text = f"about {up_to}{dollars(expected)} for the input"
    if most is None:
        return f"{text}; no bound on the output is known"
    return f"{text}, at most {dollars(most)} with all {count(bound, 'output token')} of max_tokens"


def _tokens(planned: Sequence["Planned"]) -> str:
    """The tokens of requests together: what is exact first, then what is estimated."""
    parts = [it.prediction for it in planned]
    doubt = sum(it.doubt for it in parts)
    visual, total = sum(it.visual for it in parts), sum(it.total for it in parts)
    words = [f"{between(visual - doubt, visual)} visual"]
    words.append(f"{figure(sum(it.envelope for it in parts))} envelope")
    words.append(f"about {figure(sum(it.text for it in parts))} text (estimated from its bytes)")
    if pages := sum(it.pages for it in parts):
        words.append(
            f"about {figure(sum(it.page_tokens for it in parts))} for {count(pages, 'page')} (estimated)"
        )
    text = f"{' + '.join(words)} = {between(total - doubt, total)} tokens"
    if doubt:
        text += ", as sources contradict each other on the images"
    if unknown := sum(not it.known for it in parts):
        text += f"; images of {count(unknown, 'request')} to unknown models not counted"
    if unsized := sum(it.unsized for it in parts):
        text += f"; {count(unsized, 'image')} of unknown size counted as the most that one costs"
    if unpaged := sum(it.unpaged for it in parts):
        text += f"; {count(unpaged, 'document')} of unknown pages not counted"
    return text


def dry_run(run: "SendRun", where: str) -> str:
    """What would go out."""
    endpoint = BATCHES if run.is_batch else COUNT if run.options.count_only else MESSAGES
    size = sum(it.one.request.byte_size for it in run.planned)
    images = sum(it.prediction.images for it in run.planned)
    changed = run.out.fix is not None and run.out.fix.changed
    lines = [
        f"would send: POST {endpoint} at {where}",
        f"  body:     {figure(size)} bytes{', with its fixes' if changed else ', as in the file'}",
        f"  models:   {', '.join(sorted({it.one.limits.model for it in run.planned}))}",
        f"  holds:    {count(len(run.planned), 'request')}, {count(images, 'image')}",
        f"  tokens:   {_tokens(run.planned)}",
    ]
    if run.options.upload:
        lines.append("  upload:   base64 images would go to the Files API first, and file ids in their place")
    if run.options.count_only:
        lines.append("  cost:     none: counting is free")
    else:
        lines.append(f"  cost:     {_cost(run)}")
    return joined(lines)


def comparison_text(planned: "Planned", held: BillComparison) -> str:
    """What was billed, or counted, against what was predicted."""
    usage, limits = held.usage, planned.one.limits
    if usage is None or held.difference is None:
        return joined(
            [
                f"{limits.model} on {limits.platform}, {limits.tier.name} tier",
                f"  predicted:  {_tokens([planned])}",
                f"  billed:     unknown: {held.cause}",
            ]
        )
    billed = f"{figure(usage.input)} input"
    if usage.output is None:
        how = "counted"
    else:
        how = "billed"
        billed += f" and {figure(usage.output)} output"
    if usage.cached:
        billed += f", {figure(usage.cached)} of the input written to or read from a cache"
    return joined(
        [
            f"{limits.model} on {limits.platform}, {limits.tier.name} tier",
            f"  predicted:  {_tokens([planned])}",
            f"  {how + ':':<11} {billed} tokens",
            f"  difference: {signed(held.difference)} tokens; {held.cause}",
        ]
    )


def batch_text(
    progress: BatchProgress, held: Sequence[tuple["Planned", BillComparison]], failures: int
) -> str:
    """The sum over a batch, and the requests that the rule does not explain."""
    lines = [f"batch {progress.id} {progress}"]
    if held:
        known = [it.usage for _, it in held if it.usage]
        billed = sum(it.input for it in known)
        output = sum(it.output or 0 for it in known)
        unknown = len(held) - len(known)
        lines.append(f"  predicted:  {_tokens([planned for planned, _ in held])}")
        more = f"; {count(unknown, 'request')} with an unreadable usage: cost unknown" if unknown else ""
        lines.append(f"  billed:     {figure(billed)} input and {figure(output)} output tokens{more}")
        whole = sum(it.difference for _, it in held if it.difference is not None)
        agreed = sum(it.agrees for _, it in held)
        lines.append(
            f"  difference: {signed(whole)} tokens; "
            f"the rule explains {figure(agreed)} of {count(len(held), 'request')}"
        )
    odd = [(planned, it) for planned, it in held if not it.agrees]
    for planned, it in odd[:_LISTED]:
        difference = "" if it.difference is None else f"{signed(it.difference)} tokens; "
        lines.append(f"  {planned.id}: {difference}{it.cause}")
    if len(odd) > _LISTED:
        lines.append(f"  and {figure(len(odd) - _LISTED)} more")
    if failures:
        lines.append(f"  {count(failures, 'request')} failed")
    return joined(lines)


def failure_text(failure: Failure, attribution: Attribution, request_id: str | None, *, colour: bool) -> str:
    """A failure in words, with what is known of its text and what our rules say of the block."""
    head = failure.kind or failure.origin
    head = f"{failure.status} {head}" if failure.status else head
    whose = f"request {request_id}: " if request_id else ""
    lines = [f"imgbudget: {whose}{head}: {failure.message}"]
    if failure.remedy:
        lines.append(f"  do:       {failure.remedy}")
    if failure.request_id:
        lines.append(f"  request:  {failure.request_id}")
    text = joined(lines)
    if attribution.explanation.matches or attribution.explanation.unknown:
        text += full_text(attribution.explanation, attribution.located, colour=colour)
    return text


def failure_record(failure: Failure, attribution: Attribution, request_id: str | None) -> dict[str, Any]:
    """A failure as plain values."""
    return {
        "id": request_id,
        "origin": failure.origin,
        "status": failure.status,
        "type": failure.kind,
        "message": failure.message,
        "remedy": failure.remedy or None,
        "request_id": failure.request_id,
        "explained": explanation_document(attribution.explanation, attribution.located)["errors"],
    }


class BatchLine:
    """Tells how far a batch has come: in place on a terminal, else a line for each change."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._in_place = sys.stderr.isatty()
        self._last = ""

    def at(self, progress: BatchProgress) -> None:
        """The batch is there now."""
        text = f"batch {progress.id} {progress}"
        if not self._wanted or text == self._last:
            return
        self._last = text
        if self._in_place:
            show_in_place(text)
        else:
            show(joined([text]), aside=True)

    def clear(self) -> None:
        """Make room for other text."""
        if self._last and self._in_place:
            show_in_place("")
