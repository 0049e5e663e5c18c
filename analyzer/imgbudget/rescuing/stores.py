"""Where agents keep their sessions on this machine, and the command that resumes one.

Paths and commands were read in the agents' own documentation and sources, or seen in their releases
(2026-11): `source` says where for each. A folder that an environment variable moves is looked for there.
"""

import glob
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from heapq import nlargest
from typing import NamedTuple

from imgbudget.config.suggest import unknown
from imgbudget.errors import UsageError


class SessionStore(NamedTuple):
    """The sessions of one agent.

    `variables` are environment variables that name its folder, `folders` where it is without them (`~` is the
    home folder, `$NAME` a folder of the platform, see `_bases`), `patterns` the sessions in it, as glob.
    `resume` are the words of the command that resumes a session, `{id}` its id and `{path}` its file; empty
    where there is none. A file `.db` is an SQLite database of all sessions, which is never changed.
    """

    agent: str
    folders: tuple[str, ...]
    patterns: tuple[str, ...]
    source: str
    variables: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()


_EDITORS = ("Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf")
"""Editors that run extensions of VS Code; each has a folder of its name (tenequm/pond#210, 2026-08-31)."""

_TASKS = ("tasks/*/api_conversation_history.json",)


def _extension(name: str) -> tuple[str, ...]:
    """Where an extension of VS Code keeps its files, in each editor and on a remote machine."""
    inside = f"User/globalStorage/{name}"
    return (*(f"$CONFIG/{editor}/{inside}" for editor in _EDITORS), f"~/.vscode-server/data/{inside}")


STORES: tuple[SessionStore, ...] = (
    SessionStore(
        "claude-code",
        ("~/.claude",),
        ("projects/*/*.jsonl",),
        "Claude Code 2.1.332; code.claude.com, settings (CLAUDE_CONFIG_DIR) and CLI reference (--resume)",
        variables=("CLAUDE_CONFIG_DIR",),
        resume=("claude", "--resume", "{id}"),
    ),
    SessionStore(
        "codex",
        ("~/.codex",),
        ("sessions/*/*/*/rollout-*.jsonl", "sessions/rollout-*.jsonl"),
        "Codex CLI 0.171.0; docs of openai/codex, `codex resume [SESSION_ID]`",
        variables=("CODEX_HOME",),
        resume=("codex", "resume", "{id}"),
    ),
    SessionStore(
        "gemini-cli",
        ("~/.gemini",),
        ("tmp/*/chats/session-*.jsonl", "tmp/*/chats/session-*.json"),
        "Gemini CLI 0.61.0; geminicli.com, session management",
        resume=("gemini", "--resume", "{id}"),
    ),
    SessionStore(
        "qwen-code",
        ("~/.qwen",),
        ("projects/*/chats/*.jsonl",),
        "Qwen Code 0.24.4; docs of QwenLM/qwen-code, --resume",
        resume=("qwen", "--resume", "{id}"),
    ),
    SessionStore(
        "pi",
        ("~/.pi/agent",),
        ("sessions/*/*.jsonl",),
        "pi 0.73.1; README of @mariozechner/pi-coding-agent, --session",
        resume=("pi", "--session", "{path}"),
    ),
    SessionStore(
        "cline",
        ("~/.cline/data", *_extension("saoudrizwan.claude-dev")),
        ("sessions/*/*.messages.json", *_TASKS),
        "Cline 3.0.65; cline/cline at 21cb8d2",
    ),
    SessionStore(
        "roo-code",
        (*_extension("rooveterinaryinc.roo-cline"), *_extension("zoocodeorganization.zoo-code")),
        _TASKS,
        "RooCodeInc/Roo-Code at cb83656; tenequm/pond#210, 2026-08-31",
    ),
    SessionStore("kilo-code", _extension("kilocode.kilo-code"), _TASKS, "as Roo Code, before version 7"),
    SessionStore(
        "continue",
        ("~/.continue",),
        ("sessions/*-*.json",),
        "@continuedev/cli 1.5.47 (session), CONTINUE_GLOBAL_DIR; it resumes the newest session",
        variables=("CONTINUE_GLOBAL_DIR",),
        resume=("cn", "--resume"),
    ),
    SessionStore(
        "openhands",
        ("~/.openhands",),
        ("conversations/*/events/*.json", "sessions/*/events/*.json"),
        "docs.openhands.dev, resume conversations; openhands-sdk 1.58.2: one file for each event",
    ),
    SessionStore(
        "opencode",
        ("$DATA/opencode",),
        ("opencode*.db",),
        "opencode 1.18.33: an SQLite database",
    ),
    SessionStore(
        "goose",
        ("$DATA/goose", "$CONFIG/Block/goose"),
        ("sessions/sessions.db", "sessions/*.jsonl"),
        "docs of block/goose, session management: an SQLite database, before that a file each",
    ),
)
"""Every agent whose sessions are looked for."""


class FoundSession(NamedTuple):
    """A session on this machine: its agent, its file, and when that was written, in seconds since 1970."""

    store: SessionStore
    path: str
    modified: float

    @property
    def is_database(self) -> bool:
        """Whether the file is a database with all sessions of the agent."""
        return self.path.endswith(".db")


def store_of(agent: str) -> SessionStore:
    """The store of an agent by its name.

    Raises:
        UsageError: none is known.
    """
    for store in STORES:
        if store.agent == agent:
            return store
    raise UsageError(f"--agent: {unknown('agent', agent, [store.agent for store in STORES])}")


def newest_sessions(
    stores: Iterable[SessionStore], most: int, environment: Mapping[str, str] = os.environ
) -> list[FoundSession]:
    """The newest sessions of some agents, the newest first; links are not followed."""
    return nlargest(most, _sessions(stores, environment), key=lambda found: found.modified)


def _sessions(stores: Iterable[SessionStore], environment: Mapping[str, str]) -> Iterator[FoundSession]:
    for store in stores:
        for folder in dict.fromkeys(folders_of(store, environment)):
            for pattern in store.patterns:
                for path in glob.iglob(os.path.join(glob.escape(folder), *pattern.split("/"))):
                    try:
                        status = os.stat(path, follow_symlinks=False)
                    except OSError:
                        continue
                    if os.path.isfile(path) and not os.path.islink(path):
                        yield FoundSession(store, path, status.st_mtime)


def folders_of(store: SessionStore, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The folders in which an agent keeps its sessions on this platform; they need not exist."""
    named = [environment[name] for name in store.variables if environment.get(name)]
    if named:
        return [os.path.expanduser(path) for path in named]
    bases = _bases(environment)
    found = []
    for folder in store.folders:
        base, _, rest = folder.partition("/")
        root = bases.get(base)
        if root:
            found.append(os.path.join(root, *rest.split("/")))
    return found


def _bases(environment: Mapping[str, str]) -> dict[str, str]:
    """The folders of the platform: of the user, of configuration, of data."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        roaming = environment.get("APPDATA") or os.path.join(home, "AppData", "Roaming")
        data = environment.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
        return {"~": home, "$CONFIG": roaming, "$DATA": data}
    config = environment.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    if sys.platform == "darwin":
        config = os.path.join(home, "Library", "Application Support")
    data = environment.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    return {"~": home, "$CONFIG": config, "$DATA": data}


def resume_command(
    agent: str | None, identity: str | None, path: str, folder: str | None = None
) -> str | None:
    """The command that resumes a session, by the agent that its format is of; None if none is known.

    `folder` is that in which the agent worked: most agents find a session only from there.
    """
    store = next((store for store in STORES if store.agent == agent), None)
    if store is None or not store.resume:
        return None
    if "{id}" in store.resume and (not identity or identity.startswith("-")):  # it would be an option
        return None
    filled = {"{id}": identity or "", "{path}": os.path.abspath(path)}
    command = " ".join(_quoted(filled[word]) if word in filled else word for word in store.resume)
    if folder is None or not os.path.isdir(folder) or os.path.realpath(folder) == os.path.realpath(os.curdir):
        return command
    return f"cd {_quoted(os.path.abspath(folder))} && {command}"


def _quoted(word: str) -> str:
    """A word as a shell takes it."""
    if word and all(letter.isalnum() or letter in "-_./:@" for letter in word) and word.isascii():
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"
