"""The language server, by pygls: what clients send becomes checks, and what they found becomes answers.

Texts are kept here and not by pygls (see `editors.text`). Checks run in one thread, what is shown of a
checked text in another, fixes in a process, so that messages are answered meanwhile. Standard output belongs
to the protocol alone.
"""

import asyncio
import inspect
import logging
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from traceback import format_exception
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInternalError
from pygls.lsp.server import LanguageServer

from imgbudget.editors.actions import FIX_ALL, QUICK_FIX, EditorActions
from imgbudget.editors.checks import CONFIG_NAMES, CheckedText, EditorNote, EditorSessions, check_text
from imgbudget.editors.messages import (
    as_place,
    as_range,
    diagnostics_of,
    name_of,
    problem_diagnostics,
    roots_of,
)
from imgbudget.editors.opened import OpenText
from imgbudget.editors.pictures import INTERNAL, EditorPictures, PictureProcess
from imgbudget.editors.repairs import FixProcess
from imgbudget.editors.text import EditorText
from imgbudget.linter.options import RunOptions
from imgbudget.model.subjects import Severity
from imgbudget.output.editors import request_line, unread_line
from imgbudget.printable import several_lines
from imgbudget.version import __version__

QUIET = 0.15
"""Seconds without a change after which a text is checked; more if its last check took longer."""

MOST_QUIET = 2.0
MOST_LENSES = 1000
MOST_LOGGED = 4000
"""Characters of a message in the log: those of pygls quote what was sent."""


class EditorServer:
    """A server for one client; "fix all" fixes findings in requests of `level` and above."""

    def __init__(self, options: RunOptions, level: Severity) -> None:
        self.server: Any = LanguageServer("imgbudget", __version__, max_workers=2)
        self.sessions: EditorSessions = EditorSessions(options, self.warn)
        self.actions: EditorActions = EditorActions(self, FixProcess(options), level)
        self.pictures: EditorPictures = EditorPictures(self, PictureProcess(options))
        self.opened: dict[str, OpenText] = {}
        self._checks = ThreadPoolExecutor(1, "check")
        self._views = ThreadPoolExecutor(1, "view")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._early: list[types.LogMessageParams] = []
        self._may_exit = True
        self.server.report_server_error = self._report
        self._register()

    def serve(self) -> int:
        """Answer until the client ends the session or goes away; 1 if it ends it without a shutdown."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # pygls would wait for another line of input
        # what a library prints must not get between the messages
        out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        handler = _LogHandler(self)
        logging.getLogger("pygls").addHandler(handler)
        logging.getLogger("pygls").propagate = False
        try:
            self.server.start_io(sys.stdin.buffer, out)
        finally:
            logging.getLogger("pygls").removeHandler(handler)
            self.close()
        return 0 if self._may_exit else 1

    def close(self) -> None:
        """End the processes, and all work that has not begun."""
        self.actions.close()
        self.pictures.close()
        for pool in (self._checks, self._views):
            pool.shutdown(wait=False, cancel_futures=True)

    # messages to the client

    def log(self, text: str, level: types.MessageType = types.MessageType.Info) -> None:
        """Send a line to the log of the editor; may be called by any thread."""
        params = types.LogMessageParams(type=level, message=several_lines(text[:MOST_LOGGED]).rstrip("\n"))
        if self._loop is None:
            self._early.append(params)
            return
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._send, self.server.window_log_message, params)

    def warn(self, text: str) -> None:
        """Send a warning to the log of the editor."""
        self.log(text, types.MessageType.Warning)

    def log_error(self, error: BaseException) -> None:
        """Send an unexpected error to the log of the editor."""
        trace = "".join(format_exception(error))
        text = f"internal error: this is a mistake in imgbudget; please report it\n{trace}"
        self.log(text, types.MessageType.Error)

    def _report(self, error: Exception, source: type[Exception]) -> None:
        """Log what pygls could not do: a mistake of the client, or one of this server.

        The source of an error is JsonRpcException itself if a message could not be read.
        """
        is_known = isinstance(error, JsonRpcException) and not isinstance(error, JsonRpcInternalError)
        if is_known or source is JsonRpcException:
            what = f"{type(error).__name__}: {error}"
            self.log(f"the editor sent what cannot be answered: {what}", types.MessageType.Warning)
        else:
            self.log_error(error)

    def say(self, text: str) -> None:
        """Show a message to the person at the editor."""
        message = f"imgbudget: {several_lines(text)}".rstrip()
        params = types.ShowMessageParams(type=types.MessageType.Warning, message=message)
        self._send(self.server.window_show_message, params)

    @staticmethod
    def _send(send: Callable[[Any], Any], params: Any) -> None:
        with suppress(BrokenPipeError, ValueError):  # the client is gone, and what leads to it closed
            send(params)

    # texts

    def _open(self, params: types.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        opened = OpenText(
            item.uri,
            name_of(item.uri, item.language_id, roots_of(self.server.workspace)),
            item.version,
            EditorText.of(item.text, self.encoding),
        )
        if (before := self.opened.get(item.uri)) is not None:
            before.stop()
            opened.problems = before.problems
        self.opened[item.uri] = opened
        self._check_soon(opened, 0.0)

    def _change(self, params: types.DidChangeTextDocumentParams) -> None:
        opened = self.opened.get(params.text_document.uri)
        if opened is None:
            self.log(f"a change of {params.text_document.uri}, which is not open", types.MessageType.Warning)
            return
        for change in params.content_changes:
            given = getattr(change, "range", None)
            if given is None:
                opened.text = EditorText.of(change.text, self.encoding)
            else:
                opened.text = opened.text.changed(as_place(given.start), as_place(given.end), change.text)
        opened.version = params.text_document.version
        self._check_soon(opened, min(max(QUIET, opened.seconds), MOST_QUIET))

    def _close(self, params: types.DidCloseTextDocumentParams) -> None:
        opened = self.opened.pop(params.text_document.uri, None)
        if opened is None:
            return
        opened.stop()
        self._publish(opened.uri, [], None)
        self._mark(opened, {})

    def _save(self, params: types.DidSaveTextDocumentParams) -> None:
        if os.path.splitext(params.text_document.uri)[1].lower() in {".yaml", ".yml", ".toml"}:
            self._check_again()

    def _check_again(self) -> None:
        """Check all texts again: a configuration may have changed."""
        self.sessions.forget()
        for opened in self.opened.values():
            self._check_soon(opened, 0.0)
        # what stands above requests is asked for with each text only, and its numbers depend on the model
        lens = getattr(self.server.client_capabilities.workspace, "code_lens", None)
        if self.opened and getattr(lens, "refresh_support", None):
            self._send(self.server.workspace_code_lens_refresh, None)

    @property
    def encoding(self) -> str:
        """What the units of positions are: utf-8, utf-16 or utf-32."""
        chosen = self.server.workspace.position_encoding
        return str(getattr(chosen, "value", chosen) or "utf-16")

    # checks

    def _check_soon(self, opened: OpenText, delay: float) -> None:
        """Check a text after a while, in place of a check that has not ended."""
        opened.stop()
        opened.task = asyncio.get_running_loop().create_task(self._check(opened, delay))

    async def _check(self, opened: OpenText, delay: float) -> None:
        await asyncio.sleep(delay)
        loop = asyncio.get_running_loop()
        text, start = opened.text, loop.time()
        self.sessions.roots = tuple(roots_of(self.server.workspace))
        try:
            checked = await loop.run_in_executor(self._checks, check_text, self.sessions, opened.name, text)
        except Exception as error:  # noqa: BLE001 - reported; the text stays open
            self.log_error(error)
            reason = unread_line(INTERNAL)
            checked = CheckedText(opened.name, text, notes=[EditorNote(reason, is_error=True)])
        opened.seconds = loop.time() - start
        await self.show(opened, checked)
        opened.checks += 1
        if checked.asks_for_pictures and opened.checked is checked:
            opened.looking = loop.create_task(self.pictures.look(opened, checked))

    async def show(self, opened: OpenText, checked: CheckedText) -> None:
        """Show the check of a text, unless it has changed since."""
        shown = await self.view(diagnostics_of, checked)
        if not self.shows(opened, checked.text):
            return
        opened.checked, opened.shown = checked, shown
        self._publish(opened.uri, shown, opened.version)
        self._mark(opened, problem_diagnostics(checked.problems))

    def _publish(self, uri: str, diagnostics: list[types.Diagnostic], version: int | None) -> None:
        params = types.PublishDiagnosticsParams(uri=uri, diagnostics=diagnostics, version=version)
        self._send(self.server.text_document_publish_diagnostics, params)

    def _mark(self, opened: OpenText, problems: dict[str, list[types.Diagnostic]]) -> None:
        """Show the mistakes in the configuration of a text where they are, and remove those that are gone."""
        gone, opened.problems = opened.problems.keys() - problems.keys(), problems
        for uri in gone:
            if not any(uri in other.problems for other in self.opened.values()):
                self._publish(uri, [], None)
        for uri, diagnostics in problems.items():
            self._publish(uri, diagnostics, None)

    async def current(self, uri: str) -> tuple[OpenText, CheckedText] | None:
        """A text and the check of its last version; None if it is not open."""
        opened = self.opened.get(uri)
        while opened is not None and (task := opened.task) is not None:
            await asyncio.wait([task])
            if task is opened.task:
                break
        checked = None if opened is None else opened.checked
        if opened is None or checked is None or not self.shows(opened, checked.text):
            return None
        return opened, checked

    def shows(self, opened: OpenText, text: EditorText) -> bool:
        """Whether a text is still the one in the editor."""
        return self.opened.get(opened.uri) is opened and opened.text is text

    async def view(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The answer of a function on a checked text, from a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._views, function, *arguments)

    # answers

    async def _hover(self, params: types.HoverParams) -> types.Hover | None:
        current = await self.current(params.text_document.uri)
        if current is None:
            return None
        _, checked = current
        found = await self.view(checked.images_at, as_place(params.position))
        if found is None:
            return None
        images, span = found
        hover = getattr(self.server.client_capabilities.text_document, "hover", None)
        formats = getattr(hover, "content_format", None)
        plain = formats is not None and types.MarkupKind.Markdown not in formats
        text = await self.view(lambda: checked.card(images, plain=plain))
        kind = types.MarkupKind.PlainText if plain else types.MarkupKind.Markdown
        return types.Hover(types.MarkupContent(kind, text), as_range(*checked.range_of(span)))

    async def _lenses(self, params: types.CodeLensParams) -> list[types.CodeLens]:
        current = await self.current(params.text_document.uri)
        lenses: list[types.CodeLens] = []
        for place, request in current[1].requests if current else ():
            if len(lenses) == MOST_LENSES:
                break
            command = types.Command(title=request_line(request), command="")
            lenses.append(types.CodeLens(range=as_range(place, place), command=command))
        return lenses

    # the session

    def _ended(self, *, may_exit: bool) -> None:
        """Remember whether the session may end."""
        self._may_exit = may_exit

    async def _initialized(self, _params: Any) -> None:
        self._loop = asyncio.get_running_loop()
        for message in self._early:
            self._send(self.server.window_log_message, message)
        self._early.clear()
        watched = getattr(self.server.client_capabilities.workspace, "did_change_watched_files", None)
        if not getattr(watched, "dynamic_registration", None):
            return
        patterns = [types.FileSystemWatcher(glob_pattern=f"**/{name}") for name in CONFIG_NAMES]
        options = types.DidChangeWatchedFilesRegistrationOptions(watchers=patterns)
        registration = types.Registration(
            id="imgbudget-configuration",
            method=types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
            register_options=options,
        )
        try:
            await self.server.client_register_capability_async(types.RegistrationParams([registration]))
        except JsonRpcException as error:
            self.log(f"the editor does not watch configurations: {error}", types.MessageType.Warning)

    def _register(self) -> None:
        """Tell pygls who answers what; what it would do with texts itself is replaced."""
        features = self.server.protocol.fm
        features.add_builtin_feature(types.TEXT_DOCUMENT_DID_OPEN, _plain(self._open))
        features.add_builtin_feature(types.TEXT_DOCUMENT_DID_CHANGE, _plain(self._change))
        features.add_builtin_feature(types.TEXT_DOCUMENT_DID_CLOSE, _plain(self._close))
        self._feature(types.TEXT_DOCUMENT_DID_SAVE, self._save)
        self._feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, lambda _params: self._check_again())
        self._feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION, lambda _params: self._check_again())
        self._feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, lambda _params: self._check_again())
        self._feature(types.INITIALIZE, lambda _params: self._ended(may_exit=False))
        self._feature(types.SHUTDOWN, lambda _params: self._ended(may_exit=True))
        self._feature(types.INITIALIZED, self._initialized)
        self._feature(types.TEXT_DOCUMENT_HOVER, self._hover)
        self._feature(types.TEXT_DOCUMENT_CODE_LENS, self._lenses, types.CodeLensOptions())
        kinds = types.CodeActionOptions(code_action_kinds=[QUICK_FIX, FIX_ALL], resolve_provider=True)
        self._feature(types.TEXT_DOCUMENT_CODE_ACTION, self.actions.offered, kinds)
        self._feature(types.CODE_ACTION_RESOLVE, self.actions.resolved)

    def _feature(self, name: str, answer: Callable[[Any], Any], options: Any = None) -> None:
        self.server.feature(name, options)(_plain(answer))


def _plain(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A method as a function, which pygls can mark."""
    if inspect.iscoroutinefunction(method):

        async def later(params: Any) -> Any:
            return await method(params)

        return later

    def now(params: Any) -> Any:
        return method(params)

    return now


class _LogHandler(logging.Handler):
    """Sends the warnings of pygls to the log of the editor; errors come there through `_report`."""

    def __init__(self, server: EditorServer) -> None:
        super().__init__(logging.WARNING)
        self._server = server
        self._busy = False

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record, but none about the sending of one."""
        if self._busy or record.levelno >= logging.ERROR:
            return
        self._busy = True
        try:
            self._server.log(record.getMessage(), types.MessageType.Warning)
        finally:
            self._busy = False


def serve(options: RunOptions, level: Severity = Severity.ERROR) -> int:
    """Serve a client on standard input and output; "fix all" fixes findings of `level` and above.

    Returns the exit code: 1 if the session was ended without a shutdown.
    """
    return EditorServer(options, level).serve()
