"""The configuration nearest to each file, in the commands and functions that ask what a model makes of it."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import imgbudget as package
from imgbudget.legibility import task
from imgbudget.linter import selection
from tests.builders import body, image_block, image_bytes, write_json
from tests.configs import write
from tests.conftest import Command
from tests.pdffiles import paged
from tests.test_python_api import read_of

LARGE = image_bytes((1700, 1000))
"""Over the 1568 px of one model, under the 2576 px of the other."""

HERE, THERE = "claude-sonnet-4-6", "claude-opus-4-8"


@pytest.fixture(autouse=True)
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root has one model, a service another one."""
    monkeypatch.chdir(tmp_path)
    for folder in ("docs", "chat"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(LARGE)
        write_json(tmp_path / folder / "r.json", body(image_block(LARGE), model=None))
    write(tmp_path, f"model: {HERE}\n")
    write(tmp_path / "chat", f"model: {THERE}\nplatform: bedrock\n")
    return tmp_path


def shown(imgbudget: Command, *arguments: str) -> Any:
    """What a command prints as JSON, warnings aside."""
    return imgbudget(*arguments, "--format", "json").json


def models(records: Sequence[Any]) -> list[tuple[str, str]]:
    """The model and platform of each record."""
    return [(record["model"], record["platform"]) for record in records]


BOTH = [(THERE, "bedrock"), (HERE, "anthropic")]


def test_each_command_asks_about_the_model_of_the_folder(imgbudget: Command, services: Path) -> None:
    """As `check` does, from the root and from elsewhere; options of the command line come first."""
    files = ("chat/a.png", "docs/a.png")
    assert models(shown(imgbudget, "size", *files, "chat/r.json")["sizes"]) == [*BOTH, BOTH[0]]
    assert models(shown(imgbudget, "tiles", *files)["tilings"]) == BOTH
    seen: list[list[int]] = []
    for file, (model, _) in zip(files, BOTH, strict=True):
        point = shown(imgbudget, "coords", "10,10", "--original", file)
        part = shown(imgbudget, "crop", file, "0,0,300,300", "-o", f"{model}.png")
        page = shown(imgbudget, "view", file, "-o", f"{model}.html")["sizes"]
        request = file.replace("a.png", "r.json")
        split = shown(imgbudget, "split", request, "--all")["splits"]
        assert models([point, part, *page, *split]) == [BOTH[len(seen)]] * 4
        seen.append(point["seen"])
    assert seen == [[1700, 1000], [1428, 840]]
    (elsewhere := services / "docs/inner").mkdir()
    assert models(shown(imgbudget, "size", str(services / "chat/a.png"))["sizes"]) == [BOTH[0]]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        assert models(shown(imgbudget, "size", "../../chat/a.png", "1700x1000")["sizes"]) == BOTH
    assert models(shown(imgbudget, "size", "chat/a.png", "--model", HERE)["sizes"]) == [(HERE, "bedrock")]
    for option in (("--isolated",), ("--config", "imgbudget.yaml")):
        assert models(shown(imgbudget, "size", "chat/a.png", *option)["sizes"])[0][1] == "anthropic"


def test_several_models_are_on_the_platform_of_the_folder(imgbudget: Command) -> None:
    """One model after another, as before."""
    found = shown(imgbudget, "size", "chat/a.png", "docs/a.png", "--model", f"{HERE},{THERE}")["sizes"]
    assert models(found) == [
        (model, platform) for model in (HERE, THERE) for platform in ("bedrock", "anthropic")
    ]
    page = shown(imgbudget, "view", "chat/a.png", "-o", "a.html", "--model", f"{HERE},{THERE}")["sizes"]
    assert models(page) == [(HERE, "bedrock"), (THERE, "bedrock")]
    assert package.size("chat/a.png", model=[HERE, THERE]).records() == found[::2]


def each(plans: Sequence[Any]) -> dict[str, list[tuple[str, str]]]:
    """The models and platforms of each plan, itself first."""
    return {plan["path"]: [*models([plan]), *models(plan["models"])] for plan in plans}


TWO = {
    f"{folder}/{name}": [(HERE, platform), (HERE, platform), (THERE, platform)]
    for folder, platform in (("chat", "bedrock"), ("docs", "anthropic"))
    for name in ("a.png", "r.json")
}
"""What a plan for two models says of each file: its own platform for all."""


def test_a_plan_for_several_models_is_on_the_platform_of_the_folder(
    imgbudget: Command, services: Path
) -> None:
    """In a search, a list of files and Python; the sums are for each model and platform."""
    (services / "list").write_text("\n".join(TWO))
    for given in ((".",), ("--files-from", "list")):
        assert each(shown(imgbudget, "plan", *given, "--model", f"{HERE},{THERE}")["plans"]) == TWO
    report = package.plan(".", model=[HERE, THERE])
    found = shown(imgbudget, "plan", "--model", f"{HERE},{THERE}")["plans"]
    assert report.records() == report.to_dict()["plans"] == found
    text = imgbudget("plan", "--model", f"{HERE},{THERE}").out
    sums = [line.split()[:3] for line in text.split("their tokens")[1].splitlines()[1:5]]
    assert sums == [[model, platform, "2"] for _, platform in BOTH for model in (HERE, THERE)]
    text = imgbudget("plan", "docs", "--model", f"{HERE},{THERE}").out
    assert "tokens of all images" in text
    assert "their tokens" not in text
    (services / "empty").mkdir()
    assert "platform" not in imgbudget("plan", "empty", "--model", f"{HERE},{THERE}").out


def test_a_plan_that_is_made_is_that_of_the_folder(imgbudget: Command, services: Path) -> None:
    """The limits of a folder's file count when files are written, also in other processes."""
    (services / "chat/limits.yaml").write_text("tiers: {standard: {tier_edge: {value: 560}}}\n")
    write(services / "chat", f"model: {THERE}\nplatform: bedrock\nlimits: limits.yaml\n")
    for number in range(8):
        (services / f"chat/{number}.png").write_bytes(LARGE)
    planned = {plan.use.location.path: plan.planned for plan in package.plan(".", model=[HERE, THERE])}
    assert {path: size.long_edge <= 560 for path, size in planned.items()} == {
        path: path.startswith("chat/") for path in planned
    }
    imgbudget("plan", "--apply", "--model", f"{HERE},{THERE}", "-j", "2")
    assert {row.path: row.size for row in package.size(".") if row.pointer is None} == {
        path: size for path, size in planned.items() if path.endswith("png")
    }


def test_several_models_are_on_the_platform_that_a_request_goes_to(
    imgbudget: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its form says that it goes to Bedrock, whatever the folder's platform is, and OpenAI is not there."""
    asked = body(image_block(LARGE), model=None) | {"anthropic_version": "bedrock-2023-05-31"}
    url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-opus-4-8/invoke"
    sent = {"method": "POST", "url": url, "postData": {"text": json.dumps(asked)}}
    write_json(Path("docs/r.har"), {"log": {"version": "1.2", "entries": [{"request": sent}]}})
    write_json(Path("docs/r.json"), asked)
    both = [(THERE, "bedrock"), ("gpt-5.4", "openai")]
    names = ",".join(model for model, _ in both)
    for options in ((), ("--platform", "anthropic")):
        run = imgbudget("size", "docs", "--model", names, "--format", "json", *options)
        for file in ("docs/r.json", "docs/r.har"):
            assert models([one for one in run.json["sizes"] if one["path"] == file]) == both
        assert "not available on anthropic: using its limits on bedrock" not in run.err
    plans = shown(imgbudget, "plan", "docs", "--model", names)["plans"]
    assert each(plans)["docs/r.json"] == each(plans)["docs/r.har"] == [both[0], *both]
    assert each(plans)["docs/a.png"][1] == (THERE, "anthropic")
    found = shown(imgbudget, "size", "docs/r.json", "--model", f"{THERE},claude-none-9")["sizes"]
    assert models(found) == [both[0], ("claude-none-9", "anthropic")]
    monkeypatch.setattr(selection, "is_installed", lambda _name: True)
    monkeypatch.setattr(task, "read_image", read_of)
    (image,) = shown(imgbudget, "legible", "docs/r.json", "-j", "1", "--model", names)["images"]
    assert models(image["models"]) == both


def test_a_request_is_made_for_the_platform_that_it_goes_to(imgbudget: Command, services: Path) -> None:
    """A limit of the folder's platform does not count for it: plan and written file agree."""
    asked = body(image_block(LARGE), model=None) | {"anthropic_version": "bedrock-2023-05-31"}
    write_json(services / "docs" / "r.json", asked)
    (services / "limits.yaml").write_text(
        "platforms: {anthropic: {max_edge: {value: 700}}, bedrock: {max_edge: {value: 8000}}}\n"
    )
    options = ("--model", f"{HERE},{THERE}", "--limits", "limits.yaml")
    (plan,) = shown(imgbudget, "plan", "docs/r.json", *options)["plans"]
    imgbudget("plan", "docs/r.json", *options, "--apply")
    (written,) = shown(imgbudget, "size", "docs/r.json")["sizes"]
    assert written["size"] == plan["to"]
    assert max(plan["to"]) > 700


def test_text_is_read_as_the_model_of_the_folder_sees_it(
    imgbudget: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is not downscaled for the better one."""
    monkeypatch.setattr(selection, "is_installed", lambda _name: True)
    monkeypatch.setattr(task, "read_image", read_of)
    images = shown(imgbudget, "legible", "chat/a.png", "docs/a.png", "-j", "1")["images"]
    assert models([one["models"][0] for one in images]) == BOTH
    assert [one["models"][0]["seen"] == [1700, 1000] for one in images] == [True, False]
    report = package.legible(["chat/a.png", "docs/a.png"])
    assert json.loads(json.dumps(report.to_dict()))["images"] == images


CALLS: list[Callable[[str], Any]] = [
    lambda path: package.size(path)[0],
    lambda path: package.tiles(path)[0],
    lambda path: package.crop(path, (0, 0, 300, 300)).limits,
    lambda path: package.split(path.replace("a.png", "r.json"))[0],
    lambda path: package.check(path).images[0].limits,
]


@pytest.mark.parametrize("call", CALLS)
def test_functions_as_the_commands(call: Callable[[str], Any]) -> None:
    """In Python too."""
    found = [call(path) for path in ("chat/a.png", "docs/a.png")]
    assert [(one.model, one.platform) for one in found] == BOTH


def test_an_error_is_explained_for_the_model_of_the_request(imgbudget: Command, services: Path) -> None:
    """The request names none: that of its folder counts."""
    text = "messages.0.content.0.image.source.base64.data: At least one of the image dimensions exceed max"
    write(services / "chat", "model: claude-none-9\n")
    assert "unknown model 'claude-none-9'" in imgbudget("explain", text, "--request", "chat/r.json").err
    assert "unknown model" not in imgbudget("explain", text, "--request", "docs/r.json").err


def test_pages_are_planned_with_the_limits_of_the_folder(imgbudget: Command, services: Path) -> None:
    """Those of a limits file of the user too, for the command and in Python."""
    (services / "chat/limits.yaml").write_text("tiers: {standard: {tier_edge: {value: 560}}}\n")
    write(services / "chat", f"model: {HERE}\nlimits: limits.yaml\n")
    for folder in ("chat", "docs"):
        (services / folder / "a.pdf").write_bytes(paged([(b"/MediaBox [0 0 612 792]", b"text")]))
    here, there = shown(imgbudget, "plan", "chat/a.pdf", "docs/a.pdf")["documents"]
    assert {**here, "path": ""} != {**there, "path": ""}
    for path, wanted in (("chat/a.pdf", here), ("docs/a.pdf", there), ("chat", here)):
        document: Any = package.plan(path).to_dict()
        assert document["documents"] == [wanted]


def test_an_image_that_is_alone_in_a_folder_is_so_because_of_its_configuration(
    imgbudget: Command, services: Path
) -> None:
    """Commands for one image say that others are left out."""
    write(services / "chat", "exclude: [r.json]\n")
    line = "note: chat/imgbudget.yaml narrows what is read of its folder: exclude r.json\n"
    assert line in imgbudget("view", "chat", "-o", "a.html").err
    assert line in imgbudget("coords", "1,1", "--original", "chat").err
    assert line not in imgbudget("coords", "1,1", "--original", "chat/a.png").err


def test_what_is_left_out_is_named(imgbudget: Command, services: Path) -> None:
    """Where a search applied it; not where all files are named; a broken configuration is an error."""
    write(services / "chat", f"model: {THERE}\nexclude: [a.png]\nignore: [IB2]\n")
    for command in ("size", "tiles", "split"):
        run = imgbudget(command, "chat")
        assert "note: chat/imgbudget.yaml narrows what is read of its folder: exclude a.png\n" in run.err
        assert "narrows" not in imgbudget(command, "chat/r.json").err
    for command, clause in (("split", "exclude a.png"), ("plan", "exclude a.png; ignore IB2")):
        listed = shown(imgbudget, command, "chat")["summary"]["narrowed_by"]
        assert listed == [{"path": "chat/imgbudget.yaml", "leaves_out": clause}]
    assert "narrowed_by" not in shown(imgbudget, "plan", "docs")["summary"]
    line = imgbudget("check", "chat").out.splitlines()[-1]
    assert "narrowed by chat/imgbudget.yaml" in line
    named = imgbudget("check", "chat/a.png", "chat/r.json")
    assert "its folder: ignore IB2\n" in named.err
    write(services / "chat", f"model: {THERE}\nexclude: [a.png]\ninclude: ['*.json']\n")
    named = imgbudget("check", "chat/a.png", "chat/r.json")
    assert "narrow" not in named.out + named.err
    forced = imgbudget("check", "chat/a.png", "chat/r.json", "--force-exclude")
    assert "narrowed by chat/imgbudget.yaml" in forced.out
    write(services / "chat", "modle: x\n")
    for command in ("size", "tiles", "split", "legible"):
        if command != "legible" or selection.is_installed("rapidocr"):
            run = imgbudget(command, "chat/r.json")
            assert (run.code, 'chat/imgbudget.yaml:1: unknown key "modle"' in run.err) == (2, True)


def test_patterns_that_leave_nothing_are_named(imgbudget: Command, services: Path) -> None:
    """With their line, where nothing is left of a folder that was searched; not where a file was checked."""
    write(services, f"model: {HERE}\ninclude: [promts/**]\n")
    write(services / "chat", f"model: {THERE}\nexclude: [a.png, '*.json']\n")
    for command in (("check",), ("plan", "--estimate")):
        run = imgbudget(*command, "docs")
        assert run.code == 0
        assert "warning: no files found\n" in run.err
        assert "note: imgbudget.yaml:2: include leaves out all but promts/**\n" in run.err
        assert "note: chat/imgbudget.yaml:2: exclude leaves out what matches a.png, *.json\n" in (
            imgbudget(*command, "chat").err
        )
        for paths in (("docs/a.png",), ("docs", "docs/a.png"), ("imgbudget.yaml",)):
            assert "leaves out" not in imgbudget(*command, *paths).err
    assert "leaves out" not in imgbudget("check", "-q", "docs").err
