"""Code actions: the fixes of findings, all fixes of a text, and entries that ignore findings."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from imgbudget.config.settings import Settings
from imgbudget.editors.ignoring import ignore_edit, ignore_title
from imgbudget.editors.messages import as_place, as_range, changes_of, uri_of, wanted
from imgbudget.editors.opened import OpenText
from imgbudget.editors.repairs import (
    FixProcess,
    FixTask,
    fix_all,
    fix_of,
    fix_title,
    has_fixes,
    is_offered,
    is_safe,
)
from imgbudget.editors.text import EditorText
from imgbudget.errors import ImgbudgetError
from imgbudget.model.subjects import Severity

if TYPE_CHECKING:
    from imgbudget.editors.server import EditorServer

MOST_EAGER = 5
"""Fixes that are made at once for a client that asks for no more than the title of an action first."""

QUICK_FIX, FIX_ALL = "quickfix", "source.fixAll.imgbudget"
FIX_ALL_TITLE = "Fix all that imgbudget fixes safely"
CHANGED = "the text or its configuration has changed; ask for the fixes again"


def _origin(opened: OpenText) -> dict[str, Any]:
    """What an action has as data: the check that it is of, in which findings have numbers."""
    return {"uri": opened.uri, "version": opened.version, "check": opened.checks}


class EditorActions:
    """The code actions of a server; "fix all" fixes findings in requests of `level` and above."""

    def __init__(self, server: "EditorServer", fixes: FixProcess, level: Severity) -> None:
        self._server = server
        self._fixes = fixes
        self._level = level
        self._fixing = ThreadPoolExecutor(1, "fix")

    def close(self) -> None:
        """End the process of fixes, and all fixes that have not begun."""
        self._fixes.stop()
        self._fixing.shutdown(wait=False, cancel_futures=True)

    async def offered(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """The actions for a range; their edits come later if the client can wait for them."""
        current = await self._server.current(params.text_document.uri)
        if current is None:
            return []
        opened, checked = current
        origin, shown = _origin(opened), opened.shown
        only = params.context.only
        first, last = as_place(params.range.start), as_place(params.range.end)
        actions: list[types.CodeAction] = []
        if wanted(QUICK_FIX, only):
            for number, finding in await self._server.view(lambda: list(checked.between(first, last))):
                if is_offered(finding):
                    action = self._action(origin, fix_title(finding), QUICK_FIX, number)
                    action.is_preferred = is_safe(finding)
                    action.diagnostics = [one for one in shown if one.data == number]
                    actions.append(action)
        if wanted(FIX_ALL, only) and has_fixes(checked, fix_all(self._level)):
            actions.append(self._action(origin, FIX_ALL_TITLE, FIX_ALL, None))
        if wanted(QUICK_FIX, only) and checked.settings is not None and self._may_ignore(checked.settings):
            for number, finding in await self._server.view(lambda: list(checked.between(first, last))):
                action = self._action(origin, ignore_title(finding, checked.settings), QUICK_FIX, number)
                action.data["ignore"] = True
                action.is_preferred = False
                action.diagnostics = [one for one in shown if one.data == number]
                actions.append(action)
        if self._resolves:
            return actions
        return [await self.resolved(action) for action in actions[:MOST_EAGER]]

    @staticmethod
    def _action(origin: dict[str, Any], title: str, kind: str, number: int | None) -> types.CodeAction:
        return types.CodeAction(title=title, kind=kind, data=origin | {"finding": number})

    @property
    def _resolves(self) -> bool:
        """Whether the client asks for the edit of an action when it is chosen."""
        action = getattr(self._server.server.client_capabilities.text_document, "code_action", None)
        support = getattr(action, "resolve_support", None)
        return support is not None and "edit" in support.properties

    async def resolved(self, action: types.CodeAction) -> types.CodeAction:
        """An action with the edits that it makes; without them if there are none, which is said."""
        data = action.data if isinstance(action.data, dict) else {}
        current = await self._server.current(str(data.get("uri")))
        number = data.get("finding")
        if current is None or not data.items() >= _origin(current[0]).items():
            self._server.say(CHANGED)
            return action
        opened, checked = current
        version = opened.version
        if data.get("ignore"):
            return await self._with_ignore(action, opened, number)
        if number is None:
            strategy = fix_all(self._level)
        elif isinstance(number, int) and 0 <= number < len(checked.findings):
            strategy = fix_of(checked.findings[number])
        else:
            return action
        task = FixTask(opened.name, checked.text.data, strategy, self._server.sessions.start_of(opened.name))
        try:
            fixed = await asyncio.get_running_loop().run_in_executor(self._fixing, self._fixes.fix, task)
        except ImgbudgetError as error:
            self._server.say(str(error))
            return action
        except asyncio.CancelledError:
            self._fixes.stop()
            raise
        for reason in fixed.failed:
            self._server.say(f"not fixed: {reason}")
        edits = await self._server.view(changes_of, checked.text, fixed.edits)
        if edits and not self._server.shows(opened, checked.text):  # it was changed or closed meanwhile
            self._server.say(CHANGED)
        elif edits:
            action.edit = self._workspace_edit(opened.uri, version, edits)
        return action

    def _may_ignore(self, settings: Settings) -> bool:
        """Whether there is a configuration for an entry, or the client can make one."""
        if settings.source is not None:
            return True
        support = getattr(self._server.server.client_capabilities.workspace, "workspace_edit", None)
        operations = getattr(support, "resource_operations", None) or ()
        return types.ResourceOperationKind.Create in operations and not self._server.sessions.options.isolated

    async def _with_ignore(
        self, action: types.CodeAction, opened: OpenText, number: object
    ) -> types.CodeAction:
        """An action with the entry that ignores a finding; without it if there is no place, which is said."""
        checked = opened.checked
        if checked is None or checked.settings is None or not isinstance(number, int):
            return action
        if not 0 <= number < len(checked.findings):
            return action
        # as they are now: they may be changed while the edit is made
        texts = {other.name: (other, other.text, other.version) for other in self._server.opened.values()}

        def shown(path: str) -> str | None:
            return texts[path][1].data.decode("utf-8", "surrogatepass") if path in texts else None

        folder = self._server.sessions.start_of(opened.name).folder
        try:
            edit = await self._server.view(
                ignore_edit, checked.findings[number], checked.settings, folder, shown
            )
        except (OSError, UnicodeDecodeError) as error:
            self._server.say(f"the configuration cannot be read: {error}")
            return action
        if edit is None:
            self._server.say("the configuration has no place for the entry: write it by hand, under ignores")
            return action
        if edit.path in texts and not self._server.shows(*texts[edit.path][:2]):
            self._server.say(CHANGED)
            return action
        text = EditorText.of(edit.before, self._server.encoding)
        at = text.place(len(edit.before[: edit.offset].encode("utf-8", "surrogatepass")))
        change, uri = types.TextEdit(as_range(at, at), edit.text), uri_of(edit.path)
        if not self._versions:
            action.edit = types.WorkspaceEdit(changes={uri: [change]})
            return action
        version = texts[edit.path][2] if edit.path in texts else None
        document = types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=version)
        made = [types.CreateFile(uri=uri)] if edit.is_new and edit.path not in texts else []
        action.edit = types.WorkspaceEdit(
            document_changes=[*made, types.TextDocumentEdit(document, [change])]
        )
        return action

    @property
    def _versions(self) -> bool:
        """Whether the client takes edits with the version of the text that they are for."""
        support = getattr(self._server.server.client_capabilities.workspace, "workspace_edit", None)
        return bool(getattr(support, "document_changes", None))

    def _workspace_edit(self, uri: str, version: int | None, edits: list[Any]) -> types.WorkspaceEdit:
        """The edits with the version they are for, if the client knows versions."""
        if not self._versions:
            return types.WorkspaceEdit(changes={uri: edits})
        document = types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=version)
        return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, edits)])
