"""Lints the sessions in the database of an agent; nothing in it is ever changed."""

from imgbudget.discovery.walk import NOT_CHECKABLE
from imgbudget.jsontext.source import JsonSource
from imgbudget.linter.context import LintContext
from imgbudget.linter.requests import CheckedRequests, with_resend_note
from imgbudget.linter.rows import PART_FINDINGS, PART_REQUESTS, PartReceiver
from imgbudget.model.results import FileResult
from imgbudget.model.subjects import ProbeField
from imgbudget.requests.databases import open_database


def check_database(context: LintContext, path: str, parts: PartReceiver | None = None) -> FileResult:
    """The result of the file at `path`; skipped if it is no database of an agent.

    With `parts`, the result is that of the last part; `parts` receives the others.

    Raises:
        OSError: the file cannot be read.
        UnreadableError: the database is damaged, or in use and cannot be read.
    """
    with open_database(path) as database:
        if database is None:
            return FileResult(path=path, skipped=NOT_CHECKABLE)
        checked = CheckedRequests(context=context, source=JsonSource.from_bytes(b""), path=path, lines=False)
        fields = ProbeField(context.needed_fields(checked.runner))
        delivered = False
        for request in database.requests(fields):
            found = [with_resend_note(finding) for finding in checked.request(request)]
            checked.findings.extend(found)
            if parts and (len(checked.requests) >= PART_REQUESTS or len(checked.findings) >= PART_FINDINGS):
                parts.on_partial_result(checked.result(partial=True))
                checked.clear()
                delivered = True
        for (noun, why), count in database.unsent.items():
            context.note(f"{path}: {count} {noun}{'' if count == 1 else 's'} not checked: {why}")
        if database.log:
            context.note(
                f"{path}: {database.log:,} bytes in {path}-wal are not checked: its index is missing; "
                "end the agent, or check the database where it is in use"
            )
        checked.add_unlisted()
        lost = database.rows_without_session()
        why = f"{lost} row{'' if lost == 1 else 's'} of messages without a session" if lost else ""
        if not checked.requests and not checked.findings and not delivered:
            reason = f"a database without a session in it{'; it has ' if lost else ''}{why}"
            return FileResult(path=path, skipped=reason, missed=lost > 0)
        if lost:
            checked.caveats[f"{why} not read"] = None
        return checked.result()._replace(missed=lost > 0)
