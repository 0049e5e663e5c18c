"""The part of `send` that is about batches: created or taken up again, watched, the results told."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, TextIO

from imgbudget.cli import send_text as words
from imgbudget.cli.output import say, whole_file
from imgbudget.cli.sending import Planned, SendRun
from imgbudget.live import batches
from imgbudget.live.answers import ApiError
from imgbudget.live.client import Connection
from imgbudget.live.outgoing import Body, batch_pieces
from imgbudget.live.uploads import Uploads
from imgbudget.reporters.base import count, one_line

if TYPE_CHECKING:
    from imgbudget.live.billing import Comparison

_EXPLAINED = 5
"""Failed requests of a batch that are explained at length."""
_LISTED = 5


class BatchSending:
    """A batch of one run of `send`."""

    def __init__(self, run: SendRun, connection: Connection, uploads: Uploads) -> None:
        """Send the requests of `run` together."""
        self._run = run
        self._connection = connection
        self._uploads = uploads
        self._id: str | None = run.options.batch_id

    def run(self) -> int:
        """Create the batch or take it up again, wait for it, tell the results; the exit code."""
        run = self._run
        line = words.BatchLine(wanted=not run.options.output.no_progress and not run.options.output.quiet)
        try:
            progress = self._begin()
            run.told |= {"sent": True, "batch": {"id": progress.id, "status": progress.status}}
            seconds = run.options.poll
            progress = batches.watch(self._connection, progress, seconds=seconds, tell=line.at)
            line.clear()
            run.told["batch"] = {"id": progress.id, "status": progress.status}
            return self._results(progress)
        except ApiError as error:
            line.clear()
            code = run.failed(error.failure, None)
            self._say_how_to_go_on("is not lost")
            return code
        except KeyboardInterrupt:
            line.clear()
            self._say_how_to_go_on("runs on")
            raise

    def _begin(self) -> batches.Progress:
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

    def _prepared(self) -> Iterator[tuple[str, Body]]:
        for planned, body in zip(self._run.planned, self._run.out.bodies(), strict=True):
            self._run.prepare(body, self._uploads)
            yield planned.id, body

    def _results(self, progress: batches.Progress) -> int:
        run = self._run
        waiting = {planned.id: planned for planned in run.planned}
        held: list[tuple[Planned, Comparison]] = []
        failures = 0
        file = run.options.answer_file
        with whole_file(file) if file else nullcontext() as out:
            for outcome in batches.outcomes(self._connection, progress.id):
                _keep(out, outcome.line)
                planned = waiting.pop(outcome.custom_id, None)
                if planned is None:
                    name = one_line(outcome.custom_id)
                    say(f"warning: batch {progress.id} answers {name!r}, which is not in {run.out.path}")
                elif outcome.usage is not None:
                    held.append((planned, run.held(planned, outcome.usage, batches.BATCHES)))
                elif outcome.failure is not None:
                    failures += 1
                    run.failed(outcome.failure, planned, explained=failures <= _EXPLAINED)
        if waiting:
            named = ", ".join(one_line(it) for it in list(waiting)[:_LISTED])
            say(f"warning: no result for {count(len(waiting), 'request')}: {named}")
        run.write(words.batch_text(progress, held, failures))
        return 2 if failures or waiting else 0


def _keep(out: TextIO | None, line: str) -> None:
    if out is not None:
        out.write(f"{line}\n")
