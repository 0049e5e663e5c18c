"""Which configuration each command takes, as the documentation says: nearest, working folder, or named."""

import base64
import json
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import anthropic
import pytest

import imgbudget as package
from imgbudget.agents.roots import Root
from imgbudget.cli.mcp_tools import Tools
from imgbudget.cli.options import ModelOptions
from imgbudget.discovery.links import confine
from imgbudget.linter.options import RunOptions
from imgbudget.live.guard import RequestWarning
from tests.brokensessions import BROKEN, SOUND, write_session
from tests.builders import body, image_block, image_bytes, write_json
from tests.configs import write
from tests.conftest import Command
from tests.liveapi import Api, listed

DOCS = Path(__file__).parent.parent / "docs" / "configuration.md"
WIDE = image_bytes((3000, 300))
"""Over the edge of every model of the table."""

Taken = Literal["nearest", "working folder", "named", "none"]

NEAREST = ("claude-haiku-4-5", "google-cloud")
WORKING = ("claude-opus-4-8", "anthropic")
NAMED = ("claude-opus-4-5", "anthropic")
NONE = ("claude-sonnet-4-6", "anthropic")
BUDGETS = {NEAREST: 11, WORKING: 22, NAMED: 33}

IMAGE, REQUEST = "data/x.png", "data/r.json"

COMMANDS: dict[str, tuple[tuple[str, ...], Taken]] = {
    "check": (("check", IMAGE), "nearest"),
    "check of a folder": (("check", "data"), "nearest"),
    "check -": (("check", "-", "--stdin-filename", IMAGE), "nearest"),
    "plan": (("plan", "--estimate", IMAGE), "nearest"),
    "size": (("size", IMAGE), "nearest"),
    "size of a request": (("size", REQUEST), "nearest"),
    "size without a file": (("size", "3000x300"), "working folder"),
    "tiles": (("tiles", IMAGE), "nearest"),
    "split": (("split", REQUEST), "nearest"),
    "view": (("view", IMAGE, "-o", "view.html"), "nearest"),
    "crop": (("crop", IMAGE, "0,0,300,90", "-o", "crop.png"), "nearest"),
    "coords": (("coords", "1,1", "--original", IMAGE), "nearest"),
    "coords without a file": (("coords", "1,1", "--original", "3000x300"), "working folder"),
    "audit": (("audit", "data"), "working folder"),
    "status": (("status", REQUEST), "working folder"),
    "send": (("send", "--dry-run", REQUEST), "working folder"),
}
"""How each command is called, and which configuration it takes."""

CASES = {
    "in the working folder": ("work", ()),
    "elsewhere": ("away", ()),
    "--config": ("work", ("--config", "../named.yaml")),
    "--isolated": ("work", ("--isolated",)),
}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a configuration, data with another one, a folder without, and a named file."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "away").mkdir()
    (tmp_path / "work/data").mkdir(parents=True)
    (tmp_path / "work" / IMAGE).write_bytes(WIDE)
    write_json(tmp_path / "work" / REQUEST, body(image_block(WIDE), "What is this?", model=None))
    for folder, name, (model, platform) in (
        ("work", "imgbudget.yaml", WORKING),
        ("work/data", "imgbudget.yaml", NEAREST),
        (".", "named.yaml", NAMED),
    ):
        budget = BUDGETS[model, platform]
        text = f"model: {model}\nplatform: {platform}\nbudgets: {{image: {{tokens: {budget}}}}}\n"
        write(tmp_path / folder, text, name)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def expected(taken: Taken, case: str) -> tuple[str, str]:
    """The model and platform of the configuration that counts."""
    if case == "--isolated":
        return NONE
    if case == "--config":
        return NAMED
    if taken == "nearest":
        return NEAREST
    return WORKING if case == "in the working folder" else NONE


def pairs(value: Any) -> Iterator[tuple[str, str]]:
    """The model and platform of each record, the outermost ones."""
    if isinstance(value, dict):
        if isinstance(value.get("model"), str) and isinstance(value.get("platform"), str):
            yield value["model"], value["platform"]
        else:
            for inner in value.values():
                yield from pairs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from pairs(inner)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", COMMANDS)
def test_each_command(
    imgbudget: Command, folders: Path, monkeypatch: pytest.MonkeyPatch, name: str, case: str
) -> None:
    """From the working folder, from elsewhere, with a named file, and without any."""
    start, options = CASES[case]
    arguments, taken = COMMANDS[name]
    if start == "away":
        given = {IMAGE, REQUEST, "data"}
        arguments = tuple(f"../work/{text}" if text in given else text for text in arguments)
    monkeypatch.chdir(folders / start)
    run = imgbudget(*arguments, *options, "--format", "json", stdin=WIDE if "-" in arguments else b"")
    assert set(pairs(run.json)) == {expected(taken, case)}
    budget = BUDGETS.get(expected(taken, case))
    if arguments[0] == "check":
        said = {int(text) for text in re.findall(r"your budget for an image is (\d+)", run.out)}
        assert said == ({budget} if budget else set())


def test_verify(imgbudget: Command, api: Api, folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts for the model of the working folder or of the named file."""
    api.enforcing()
    api.models(*(listed(model) for model, _ in (WORKING, NAMED, NONE)))
    for case in ("in the working folder", "--config"):
        start, options = CASES[case]
        monkeypatch.chdir(folders / start)
        run = imgbudget("verify", "--calls", "2", *options, "--format", "json")
        assert set(pairs(run.json)) == {expected("working folder", case)}, case


def test_the_guard(api: Api, folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its budget is that of the working folder or of the named file, whatever is beside a program's data."""
    api.enforcing()
    for case, (start, options) in CASES.items():
        monkeypatch.chdir(folders / start)
        named = RunOptions(config=options[1] if case == "--config" else None, isolated=case == "--isolated")
        client = package.guard(anthropic.Anthropic(max_retries=0), "warn", level="info", options=named)
        monkeypatch.chdir(folders / "work/data")  # what holds is known when the client is guarded
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", RequestWarning)
            client.messages.create(**body(image_block(WIDE), "What is this?"))
        said = re.findall(r"your budget for an image is (\d+)", " ".join(str(one.message) for one in seen))
        budget = BUDGETS.get(expected("working folder", case))
        assert {int(text) for text in said} == ({budget} if budget else set()), case


def test_the_mcp_server(folders: Path) -> None:
    """None of the configurations in its root, but the one that its start names."""
    confine(str((folders / "work").resolve()))
    try:
        for config, pair in ((None, NONE), (str(folders / "named.yaml"), NAMED)):
            tools = Tools(Root("."), allow_write=False, provider=ModelOptions(), config=config)
            for name, given in (
                ("check", {"paths": [IMAGE]}),
                ("plan", {"paths": [IMAGE]}),
                ("size", {"sizes": [IMAGE, "3000x300"]}),
                ("tiles", {"sizes": [IMAGE]}),
                ("status", {"session": REQUEST}),
            ):
                result = tools.call(name, given)
                assert not result.is_error, result.texts
                assert set(pairs(result.document)) == {pair}, name
    finally:
        confine(None)


def test_the_hook_of_an_agent(imgbudget: Command, folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken configuration in the folder of the agent's work is not read, one that is named is."""
    monkeypatch.chdir(folders / "work")
    write(folders / "work", "model: [\n")
    file = {"base64": base64.b64encode(WIDE).decode(), "type": "image/png"}
    call = {
        "hook_event_name": "PostToolUse",
        "tool_name": "Read",
        "tool_input": {"file_path": IMAGE},
        "tool_response": {"type": "image", "file": file},
    }
    given = json.dumps(call).encode()
    model = ("--model", NEAREST[0])
    run = imgbudget("hook", "claude-code", *model, stdin=given)
    assert (run.code, "updatedToolOutput" in run.out, run.err) == (0, True, "")
    run = imgbudget("hook", "claude-code", *model, "--config", "imgbudget.yaml", stdin=given)
    assert (run.code, "imgbudget.yaml:1: not YAML" in run.err) == (1, True)


def test_rescue(imgbudget: Command, folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads none: one that is broken does not keep a session from being mended."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folders / "state"))
    write(folders / "work", "model: [\n", "imgbudget.yaml")
    monkeypatch.chdir(folders / "work")
    path = write_session(folders / "work/data", "claude-code", SOUND, BROKEN["html"], SOUND)
    os.utime(path, (1_700_000_000, 1_700_000_000))  # or it would count as in use
    assert imgbudget("check", str(path)).code == 2
    run = imgbudget("rescue", str(path), "--yes")
    assert (run.code, "imgbudget.yaml" in run.err) == (0, False)


def test_the_documentation_names_each_command() -> None:
    """The sentences on which configuration counts have the commands of this test."""
    text = DOCS.read_text("utf-8").partition("- What a model makes of a file")[2].partition("\n## ")[0]
    for arguments, _ in COMMANDS.values():
        assert f"`{arguments[0]}" in text or arguments[0] in ("check", "plan")
    assert "`hook`" in text
    assert "`rescue` reads none" in text


def test_an_audit_in_python_takes_no_configuration_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the command: configuration in data, which may be anyone's, does not count."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(image_bytes((1700, 300)))
    (tmp_path / "images" / ".imgbudget.yaml").write_text("ignore: [IB201]\nmodel: gpt-4o\n")
    report = package.audit("images", jobs=1).to_dict()
    assert "IB201" in json.dumps(report)
    assert "gpt-4o" not in json.dumps(report)
