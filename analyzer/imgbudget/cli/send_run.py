"""A run of `send`: refusals, the question, the sending, batches, and the bill."""

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from imgbudget.cli import send_report as words
from imgbudget.cli.consent import unaffordable
from imgbudget.cli.output import (
    Format,
    Sink,
    refuse_replaced,
    say,
    say_warnings,
    show,
    wants_colour,
    whole_file,
)
from imgbudget.errors import UsageError, WriteError
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.live import batches, sending
from imgbudget.live.answers import ApiError, Failure
from imgbudget.live.attribution import RequestChecker
from imgbudget.live.billing import (
    UNREADABLE,
    BillComparison,
    Prediction,
    Price,
    Usage,
    compare,
    predict,
    price,
)
from imgbudget.live.client import Connection, address, connect
from imgbudget.live.outgoing import Outgoing, OutgoingBody, batch_pieces, custom_id, text_bytes
from imgbudget.live.records import Recorder, failed_record, observation, observed_record
from imgbudget.live.sending import Uploads, require_files
from imgbudget.model.results import RequestResult
from imgbudget.model.subjects import Severity
from imgbudget.output.base import TextStyle, count
from imgbudget.output.records import indented
from imgbudget.output.text import Full
from imgbudget.printable import SeveralLines

if TYPE_CHECKING:
    from imgbudget.cli.send import SendOptions


_SUCCESS = 2
"""The first digit of the statuses of success."""


class Planned(NamedTuple):
    """A request that is to be sent, and what it is expected to cost."""

    id: str
    one: RequestResult
    prediction: Prediction
    price: Price
    max_tokens: int | None
    members: tuple[str, ...]


class SendRun:
    """One call of `send`."""

    def __init__(
        self,
        session: Session,
        out: Outgoing,
        options: "SendOptions",
        formats: Sequence[Format],
        asked: RunOptions,
    ) -> None:
        """Send what `out` holds as the options say."""
        self.session = session
        self.out = out
        self.options = options
        self.formats = formats
        self.checker: RequestChecker = RequestChecker(out, asked)
        self.recorder: Recorder = Recorder(options.record)
        self.is_batch: bool = out.is_batch and not options.count_only
        if out.is_batch and options.stream:
            raise UsageError("--stream is for one request; a batch is answered as a whole")
        self.platform: str = out.platform
        self.planned: tuple[Planned, ...] = tuple(self._plan())
        self.document: dict[str, Any] = words.document(self)
        self.quiet: bool = options.output.quiet
        self._worst = 0

    def run(self) -> int:
        """Go through with it; the exit code."""
        code = self._refused()
        if code is None:
            code = self._go()
        say_warnings(self.session.notes)
        for name, file in self.formats:
            if name == "json":
                sink = Sink(file)
                sink.write(indented(self.document))
                sink.close()
        return max(code, self._worst)

    def _plan(self) -> Iterator[Planned]:
        for number, body in enumerate(self.out.bodies()):
            prediction = predict(body.one, text_bytes(body.document, body.members))
            bound = body.number("max_tokens")
            yield Planned(
                id=custom_id(body, number, lines=self.out.lines),
                one=body.one,
                prediction=prediction,
                price=price(prediction, body.one.limits, bound, batch=self.is_batch),
                max_tokens=bound,
                members=tuple(body.members),
            )

    def _refused(self) -> int | None:
        """Why nothing is sent, as an exit code; None when it is to be sent."""
        if self.options.batch_id is None:
            self._show_findings()
            if self.out.errors and not self.options.force:
                errors = count(len(self.out.errors), "error")
                return self._not_sent(f"{errors} found; --fix applies the safe fixes, --force sends anyway")
        if self.options.upload:
            for planned in self.planned:
                require_files(planned.one.limits)
        if self.is_batch:
            for planned in self.planned[:1]:
                batches.require_batches(planned.one.limits)
        if self.options.dry_run:
            self.write(words.dry_run(self, address(self.platform)))
            return 0
        if self.options.count_only or self.options.batch_id is not None:
            return None
        return self._unaffordable()

    def _unaffordable(self) -> int | None:
        why = unaffordable(
            self.total,
            self.options.max_cost,
            yes=self.options.yes,
            asks=self.options.request != "-" and sys.stdin.isatty(),
            tell=lambda: show(words.what_it_costs(self), aside=True),
        )
        return None if why is None else self._not_sent(why)

    @property
    def total(self) -> Price:
        """What all requests cost."""
        return sum((planned.price for planned in self.planned), Price(0.0, 0.0))

    def _show_findings(self) -> None:
        findings = [it for it in self.out.result.findings if it.severity >= Severity.WARNING]
        if self.out.fix and self.out.fix.changed:
            say(
                f"fixed in what is sent: {count(len(self.out.fix.fixed), 'finding')}; the file stays as it is"
            )
        shown = self.out.errors if self.quiet else tuple(findings)
        style = TextStyle(colour=wants_colour(self.options.output.color, sys.stderr), quiet=True)
        text = "".join(Full(style).render(self.out.result._replace(findings=shown)))
        show(text, aside=True)

    def _not_sent(self, why: str) -> int:
        say(f"not sent: {why}")
        self.document["reason"] = why
        return 1

    def _go(self) -> int:
        self._check_files()
        timeout, retries = self.options.connection
        connection = connect(self.platform, timeout=timeout, max_retries=retries, say=say)
        uploads = Uploads(connection, say)
        try:
            if self.is_batch:
                return BatchSending(self, connection, uploads).run()
            if self.options.count_only:
                return self._count(connection)
            return self._send(connection, uploads)
        finally:
            self._clean_up(uploads)

    def _check_files(self) -> None:
        """Check that what is about to be paid for can be kept. Raises UsageError or WriteError."""
        file = self.options.answer_file
        refuse_replaced([file] if file else (), [self.options.request])
        if file and not os.path.exists(file):
            folder = os.path.dirname(os.path.realpath(file))
            if not os.access(folder, os.W_OK):
                raise UsageError(f"--output {file}: its folder cannot be written; nothing was sent")
        elif file and (os.path.isdir(file) or not os.access(file, os.W_OK)):
            raise UsageError(f"--output {file}: cannot be written; nothing was sent")
        self.recorder.check()

    def _send(self, connection: Connection, uploads: Uploads) -> int:
        (planned,) = self.planned
        body = next(self.out.bodies())
        streams = self.options.stream or body.flag("stream")
        try:
            self.prepare(body, uploads)
            if streams and not body.flag("stream"):
                body.set("stream", value=True)
            elif not streams and "stream" in body.members:
                body.set("stream", value=False)
            answer = SeveralLines()
            shown = self._is_shown

            def tell(text: str) -> None:
                if shown:
                    show(answer.add(text))
                    sys.stdout.flush()

            if streams:
                reply = sending.stream(connection, body, tell)
            else:
                reply = sending.send(connection, body)
                tell(connection.scrubber.clean(reply.text))
        except ApiError as error:
            return self._broken_off(error, planned)
        message = dict(reply.message)
        self.document |= {"sent": True, "reply": message, "files": list(uploads.ids)}
        tell("\n\n" if reply.text else "")
        self._compared(planned, reply.usage, sending.MESSAGES)
        self._keep(indented(dict(message)))
        return 0

    def _broken_off(self, error: ApiError, planned: Planned) -> int:
        """A failure of the request, and what had arrived of its answer; the exit code."""
        failure, message = error.failure, error.message
        if failure.origin == "stream" or (failure.status or 0) // 100 == _SUCCESS:
            self.document["sent"] = True
        if message is None:
            return self.failed(failure, planned)
        usage = Usage.of(message["usage"])
        code = self.failed(failure, planned, usage=usage)
        self.document["reply"] = dict(message)
        self._keep(indented(dict(message)))
        if self.options.answer_file:
            say(f"{self.options.answer_file}: written, the part of the answer that arrived")
        return code

    def _count(self, connection: Connection) -> int:
        code = 0
        for planned, body in zip(self.planned, self.out.bodies(), strict=True):
            try:
                self.prepare(body, None)
                tokens, _ = sending.count(connection, body)
            except ApiError as error:
                code = self.failed(error.failure, planned)
                continue
            self._compared(planned, Usage(tokens), sending.COUNT)
        return code

    def prepare(self, body: OutgoingBody, uploads: Uploads | None) -> None:
        """Write into a body what has to be in it: the model, and file ids for uploaded images."""
        if "model" not in body.members:
            body.set("model", body.one.limits.model)
        if uploads is not None and self.options.upload:
            uploads.put(body)

    def _clean_up(self, uploads: Uploads) -> None:
        if not uploads.ids:
            return
        if self.options.delete_after:
            for left in uploads.delete():
                say(f"warning: {left} could not be deleted; it stays in the Files API")
        else:
            files = "the uploaded file stays" if len(uploads.ids) == 1 else "the uploaded files stay"
            say(f"{files} in the Files API until deleted: {', '.join(uploads.ids)}")

    def _compared(self, planned: Planned, usage: Usage | None, endpoint: str) -> None:
        held = self.held(planned, usage, endpoint)
        self.write(words.comparison_text(planned, held))

    def held(self, planned: Planned, usage: Usage | None, endpoint: str) -> BillComparison:
        """What was billed against what was predicted, observed; an unknown bill is a failure of the run."""
        if usage is None:
            say(f"warning: {planned.id}: {UNREADABLE}; the Console shows what was billed")
            self._worst = 2
        held = compare(
            planned.prediction,
            usage,
            planned.one.request,
            planned.one.limits,
            data=self.session.limits,
            members=planned.members,
        )
        self._observe(planned, endpoint, observed_record(held))
        return held

    def failed(
        self,
        failure: Failure,
        planned: Planned | None,
        *,
        explained: bool = True,
        usage: Usage | None = None,
        answered: Collection[str] = (),
    ) -> int:
        """Show a failure of one request, or of all, and observe it with what is known of the bill.

        Requests that are `answered` have been observed already. Returns the exit code.
        """
        attribution = self.checker.attribute(failure, planned.one.request.location if planned else None)
        name = planned.id if planned and len(self.planned) > 1 else None
        if explained:
            colour = wants_colour(self.options.output.color, sys.stderr)
            show(words.failure_text(failure, attribution, name, colour=colour), aside=True)
        outcome = failed_record(failure, attribution.codes, attribution.locations, usage)
        for one in (planned,) if planned else (it for it in self.planned if it.id not in answered):
            endpoint = sending.COUNT if self.options.count_only else sending.MESSAGES
            self._observe(one, batches.BATCHES if self.is_batch else endpoint, outcome)
        self.document["errors"].append(words.failure_record(failure, attribution, name))
        return 2

    def _observe(self, planned: Planned, endpoint: str, outcome: dict[str, Any]) -> None:
        record = observation(
            endpoint=endpoint,
            test=planned.one.test,
            prediction=planned.prediction,
            outcome=outcome,
            members=planned.members,
            fixed=bool(self.out.fix and self.out.fix.changed),
        )
        self.document["requests"].append({"id": planned.id, **record})
        try:
            self.recorder.add(record)
        except WriteError as error:  # the answer is still to be shown
            say(str(error))
            self._worst = 2

    @property
    def _is_shown(self) -> bool:
        """Whether text goes to standard output."""
        return any(name == "full" and file is None for name, file in self.formats)

    def write(self, text: str) -> None:
        """Show text in the format for people."""
        for name, file in self.formats:
            if name == "full":
                sink = Sink(file)
                sink.write(text)
                sink.close()

    def _keep(self, text: str) -> None:
        if not self.options.answer_file:
            return
        try:
            with whole_file(self.options.answer_file) as out:
                out.write(text)
        except UsageError as error:  # what was paid for is not lost
            say(f"{error}; the answer:")
            show(text, aside=True)
            self._worst = 2


_EXPLAINED = 5
"""Failed requests of a batch that are explained at length."""
_LISTED = 5
_SHOWN = 100


class BatchSending:
    """A batch of one run of `send`."""

    def __init__(self, run: SendRun, connection: Connection, uploads: Uploads) -> None:
        """Send the requests of `run` together."""
        self._run = run
        self._connection = connection
        self._uploads = uploads
        self._id: str | None = run.options.batch_id
        self._answered: set[str] = set()

    def run(self) -> int:
        """Create the batch or take it up again, wait for it, tell the results; the exit code."""
        run = self._run
        line = words.BatchLine(wanted=not run.options.output.no_progress and not run.options.output.quiet)
        try:
            progress = self._begin()
            run.document |= {"sent": True, "batch": {"id": progress.id, "status": progress.status}}
            seconds = run.options.poll
            progress = batches.watch(self._connection, progress, seconds=seconds, tell=line.at)
            line.clear()
            run.document["batch"] = {"id": progress.id, "status": progress.status}
            return self._results(progress)
        except ApiError as error:
            line.clear()
            code = run.failed(error.failure, None, answered=self._answered)
            self._say_how_to_go_on("is not lost")
            return code
        except KeyboardInterrupt:
            line.clear()
            self._say_how_to_go_on("runs on")
            raise

    def _begin(self) -> batches.BatchProgress:
        if self._id is not None:
            return batches.look(self._connection, self._id)
        progress = batches.create(self._connection, self._pieces)
        self._id = progress.id
        requests = count(len(self._run.planned), "request")
        say(f"batch {progress.id}: {requests}; --batch-id goes on with it later")
        return progress

    def _say_how_to_go_on(self, state: str) -> None:
        if self._id is not None:
            say(f"batch {self._id} {state}: the same command with --batch-id {self._id} goes on with it")

    def _pieces(self) -> Iterator[bytes]:
        return batch_pieces(self._prepared())

    def _prepared(self) -> Iterator[tuple[str, OutgoingBody]]:
        for planned, body in zip(self._run.planned, self._run.out.bodies(), strict=True):
            self._run.prepare(body, self._uploads)
            yield planned.id, body

    def _results(self, progress: batches.BatchProgress) -> int:
        run = self._run
        waiting = {planned.id: planned for planned in run.planned}
        known = frozenset(waiting)
        held: list[tuple[Planned, BillComparison]] = []
        odd = _OddResults(progress.id, run.out.path)
        failures = 0
        file = run.options.answer_file
        with whole_file(file) if file else nullcontext() as out:
            for outcome in batches.outcomes(self._connection, progress.id, len(run.planned)):
                _keep(out, outcome.line)
                planned = waiting.pop(outcome.custom_id or "", None)
                if outcome.custom_id is None or planned is None:
                    odd.add(outcome, is_known=outcome.custom_id in known)
                    continue
                self._answered.add(planned.id)
                if outcome.failure is not None:
                    failures += 1
                    run.failed(outcome.failure, planned, explained=failures <= _EXPLAINED)
                else:
                    held.append((planned, run.held(planned, outcome.usage, batches.BATCHES)))
        odd.end()
        if waiting:
            named = ", ".join(list(waiting)[:_LISTED])
            say(f"warning: no result for {count(len(waiting), 'request')}: {named}")
        run.write(words.batch_text(progress, held, failures))
        return 2 if failures or waiting or odd.number else 0


class _OddResults:
    """Warns about results that belong to no request of the file, the first few by name."""

    def __init__(self, batch_id: str, path: str) -> None:
        self._batch = f"batch {batch_id}"
        self._path = path
        self.number = 0

    def add(self, outcome: batches.BatchOutcome, *, is_known: bool) -> None:
        """A result that is not counted."""
        self.number += 1
        if self.number > _LISTED:
            return
        if outcome.custom_id is None:
            why = f"has a result that cannot be read: {outcome.line[:_SHOWN]}"
        elif is_known:
            why = f"answers {outcome.custom_id!r} again; only its first result is counted"
        else:
            why = f"answers {outcome.custom_id!r}, which is not in {self._path}"
        say(f"warning: {self._batch} {why}")

    def end(self) -> None:
        """The number of those that were not named."""
        if self.number > _LISTED:
            more = count(self.number - _LISTED, "more result")
            say(f"warning: {self._batch} has {more} that cannot be counted")


def _keep(out: TextIO | None, line: str) -> None:
    if out is not None:
        out.writelines((line, "\n"))
