"""The configuration nearest to each file: in `check`, `plan`, hooks and Python, from any working folder."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

import imgbudget as package
from imgbudget.config.load import Discovery, find_in
from imgbudget.editors.checks import EditorSessions, check_text
from imgbudget.editors.text import EditorText
from imgbudget.linter import nearest
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from tests.builders import body, image_block, image_bytes, write_json
from tests.configs import write
from tests.conftest import Command, Run
from tests.pdffiles import paged
from tests.processes import one_thread

WIDE = image_bytes((1700, 400))
"""Over the 1568 px of a model, under the 2576 px of another."""

HOOK = next(
    entry["entry"].split()[1:]
    for entry in yaml.safe_load((Path(__file__).parent.parent / ".pre-commit-hooks.yaml").read_text())
    if entry["id"] == "imgbudget"
)

Found = dict[str, list[tuple[str, str]]]


def found(document: Any, start: Path, root: Path) -> Found:
    """The code and model of the findings by file, as a path from the root."""
    files: Found = {}
    for finding in document["findings"]:
        path = os.path.relpath(start / finding["path"], root).replace(os.sep, "/")
        files.setdefault(path, []).append((finding["code"], finding["model"]))
    return files


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Three services: two models, one that leaves out a rule, one that inherits and includes its prompts."""
    (tmp_path / ".git").mkdir()
    for folder in ("services/chat", "services/ocr", "services/web/prompts", "services/web/static", "docs"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.png").write_bytes(WIDE)
    write(tmp_path, "model: claude-sonnet-4-6\nignore: [IB202]\n")
    write(
        tmp_path / "services/chat",
        "model: claude-opus-4-8\nignore: [IB202]\nbudgets: {image: {tokens: 90}}\n",
    )
    write(
        tmp_path / "services/ocr",
        '[tool.imgbudget]\nmodel = "claude-haiku-4-5"\nignore = ["IB201", "IB202"]\n',
        "pyproject.toml",
    )
    write(tmp_path / "services/web", "inherit: true\ninclude: [prompts/**]\n", ".imgbudget.yaml")
    return tmp_path


EXPECTED: Found = {
    "docs/a.png": [("IB201", "claude-sonnet-4-6")],
    "services/chat/a.png": [("IB601", "claude-opus-4-8")],
    "services/web/prompts/a.png": [("IB201", "claude-sonnet-4-6")],
}
"""What the configurations of the folders say, wherever the check is started."""


def test_the_same_findings_from_every_folder(
    imgbudget: Command, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the root, from a service, from a folder beside it, and from one out of the repository."""
    for start in (".", "services/chat", "services/web/prompts", "docs", ".."):
        monkeypatch.chdir(repository / start)
        run = imgbudget("check", str(repository), "--format", "json", "--select", "IB201,IB6")
        assert found(run.json, Path.cwd(), repository) == {
            **EXPECTED,
            "services/ocr/a.png": [("IB201", "claude-haiku-4-5")],  # the option of the command line decides
        }, start
        run = imgbudget("check", os.path.relpath(repository), "--format", "json", "--ignore", "IB8")
        assert found(run.json, Path.cwd(), repository) == EXPECTED, start
    monkeypatch.chdir(repository / "services")
    run = imgbudget("check", "--format", "json", "--ignore", "IB8")
    assert found(run.json, Path.cwd(), repository) == {
        path: there for path, there in EXPECTED.items() if path.startswith("services/")
    }


def test_the_hook_the_api_and_several_processes_agree(
    imgbudget: Command, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook gets names of files; what a service does not include, it skips with the reason."""
    names = [path.relative_to(repository).as_posix() for path in sorted(repository.rglob("*.png"))]
    run = imgbudget(*HOOK, *names, "--format", "json", "--ignore", "IB8")
    assert found(run.json, repository, repository) == EXPECTED
    left_out = [it for it in run.json["summary"]["skipped"] if "include" in it["reason"]]
    assert [it["path"] for it in left_out] == ["services/web/static/a.png"]
    report = package.check(".", ignore="IB8")
    assert found(report.to_dict(), repository, repository) == EXPECTED
    one_thread(monkeypatch)
    monkeypatch.setattr(Session, "pool_threshold", 1)
    monkeypatch.setattr(Session, "chunk_size", 1)
    runs = [imgbudget("check", "--format", "json", "-j", jobs) for jobs in ("1", "3")]
    assert runs[0] == runs[1]
    (plan,) = (it for it in package.plan("services/chat/a.png", measure=False))
    assert plan.limits.model == "claude-opus-4-8"
    planned = imgbudget("plan", "--estimate", "--format", "json").json["plans"]
    assert [it["path"] for it in planned] == [
        *sorted(EXPECTED)[:2],
        "services/ocr/a.png",
        sorted(EXPECTED)[2],
    ]
    assert [it["to"] == it["from"] for it in planned] == [False, False, False, False]


def test_a_configuration_that_is_named_or_none_beats_all(imgbudget: Command, repository: Path) -> None:
    """`--config` and `--isolated` hold for every file, and options of the command line beat nested ones."""
    write(repository, "model: claude-haiku-4-5\nselect: [IB201]\n", "other.yaml")
    models = {"claude-haiku-4-5"}
    for options in (
        ("--config", "other.yaml"),
        ("--isolated", "--model", "claude-haiku-4-5", "--select", "IB201"),
    ):
        run = imgbudget("check", "--format", "json", *options)
        there = found(run.json, repository, repository)
        assert len(there) == 5
        assert {model for items in there.values() for _, model in items} == models
        assert "narrowed_by" not in run.json["summary"]
    run = imgbudget("check", "--format", "json", "--model", "claude-haiku-4-5", "services/chat/a.png")
    assert {it["model"] for it in run.json["findings"]} == models
    run = imgbudget("check", "--format", "json", "--budget", "image.tokens=5000", "services/chat/a.png")
    assert "IB601" not in run.codes


def test_nested_files_that_narrow_are_named(imgbudget: Command, repository: Path) -> None:
    """In the last line, in JSON, and beside it with what they leave out; `plan` names them too."""
    run = imgbudget("check")
    names = "services/chat/imgbudget.yaml, services/ocr/pyproject.toml, services/web/.imgbudget.yaml"
    assert f"; narrowed by {names};" in run.out.splitlines()[-1]
    note = "services/ocr/pyproject.toml narrows the check of its folder: ignore IB201, IB202\n"
    assert f"imgbudget: note: {note}" in run.err
    assert "include /services/web/prompts/**; ignore IB202\n" in run.err
    listed = imgbudget("check", "--format", "json").json["summary"]["narrowed_by"]
    assert {"path": "services/chat/imgbudget.yaml", "leaves_out": "ignore IB202"} in listed
    assert note in imgbudget("plan", "--estimate").err
    assert "narrow" not in "".join(imgbudget("check", "docs")[1:])


def test_the_root_is_that_of_the_working_folder(
    imgbudget: Command, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its budget of the run and its baseline count for all files; nested ones do nothing, and say so."""
    write(
        repository / "services/ocr",
        "baseline: known.json\nbudgets: {run: {tokens: 1}}\npacks: [imgbudget_rules, evil]\nignore: [EV1]\n",
    )
    (repository / "services/ocr/evil.py").write_text(f"open({str(repository / 'gone')!r}, 'w')\n")
    run = imgbudget("check", "services/ocr", "--allow-local-packs")
    only = "only the configuration of the working folder or --config can"
    place = "imgbudget: warning: services/ocr/imgbudget.yaml"
    assert f"{place}:3: packs: evil not loaded: {only} name code to run\n" in run.err
    assert f"{place}:1: baseline: not used: {only} name the baseline of a run\n" in run.err
    assert f"{place}:2: budgets: run: not used: {only} set a budget for the run\n" in run.err
    assert "services/ocr/pyproject.toml is not read; services/ocr/imgbudget.yaml takes precedence" in run.err
    assert not (repository / "gone").exists()
    assert run.code == 1
    write(repository, "model: claude-sonnet-4-6\nignore: [IB202]\nbaseline: known.json\n")
    assert imgbudget("baseline", "--write", "--force").code == 0
    again = imgbudget("check", "--format", "json").json
    assert again["findings"] == []
    assert again["summary"]["silenced"]["baseline"] > len(EXPECTED)
    monkeypatch.chdir(repository / "services/chat")
    assert imgbudget("check", "--baseline", "../../known.json").code == 0


@pytest.mark.parametrize("arguments", [(".",), ("bad/b/a.png",), ("docs", "bad/b/a.png"), ("-j2", ".")])
def test_a_broken_nested_file_ends_the_run(
    imgbudget: Command, repository: Path, arguments: tuple[str, ...]
) -> None:
    """With its line and the nearest key; a named file's is found before anything is shown."""
    (repository / "bad/b").mkdir(parents=True)
    (repository / "bad/b/a.png").write_bytes(WIDE)
    write(repository / "bad", "model: claude-opus-4-8\nmodle: x\noverrides: [{files: ['*'], plattform: y}]\n")
    run = imgbudget("check", *arguments)
    assert run.code == 2
    assert 'bad/imgbudget.yaml:2: unknown key "modle"; did you mean "model"?' in run.err
    assert 'bad/imgbudget.yaml:3: unknown key "overrides[0].plattform"; did you mean "platform"?' in run.err
    if arguments[0] == "bad/b/a.png":
        assert run.out == ""


def test_what_a_nested_file_may_not_reach(imgbudget: Command, repository: Path, tmp_path: Path) -> None:
    """A link out of its repository, or a file of limits there; unknown rules and platforms."""
    inner = repository / "data"
    (inner / ".git").mkdir(parents=True)
    (inner / "a.png").write_bytes(WIDE)
    write(repository, "limits: {}\n", "limits.yaml")
    write(inner, "limits: ../limits.yaml\n")
    assert '"../limits.yaml" is outside of the repository' in imgbudget("check").err
    write(inner, "ignore: [IB999]\nplatform: anthopic\n")
    run = imgbudget("check", "data/a.png")
    assert run.code == 2
    assert 'data/imgbudget.yaml:1: ignore[0]: unknown rule "IB999"' in run.err
    assert (
        'data/imgbudget.yaml:2: platform: unknown platform "anthopic"; did you mean "anthropic"?' in run.err
    )
    (inner / "imgbudget.yaml").unlink()
    (inner / "imgbudget.yaml").symlink_to(tmp_path / "limits.yaml")
    run = imgbudget("check")
    assert (run.code, "data/imgbudget.yaml: is a link out of its repository" in run.err) == (2, True)


def test_inheriting_keeps_patterns_in_their_folders(imgbudget: Command, repository: Path) -> None:
    """Those above count from their folder, nested ones from theirs; lists of entries are joined."""
    write(
        repository,
        "model: claude-sonnet-4-6\nignore: [IB202]\nexclude: [static/]\n"
        "overrides: [{files: [services/web/prompts/b.png], model: claude-opus-4-8}]\n",
    )
    web = repository / "services/web"
    write(web, "inherit: true\noverrides: [{files: [prompts/a.png], ignore: [IB201]}]\n", ".imgbudget.yaml")
    for name in ("prompts/b.png", "prompts/c.png"):
        (web / name).write_bytes(WIDE)
    run = imgbudget("check", "services/web", "--format", "json", "--ignore", "IB8")
    assert found(run.json, repository, repository) == {
        "services/web/prompts/c.png": [("IB201", "claude-sonnet-4-6")]
    }
    assert sorted(it["path"] for it in run.json["images"]) == [
        f"services/web/prompts/{name}.png" for name in "abc"
    ]


def test_models_of_overrides(imgbudget: Command, tmp_path: Path) -> None:
    """For image files and for requests that name no model; the model of a request and options win."""
    for name in ("a.png", "b/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(WIDE)
        write_json(tmp_path / name.replace("png", "json"), body(image_block(WIDE), model=None))
    write_json(tmp_path / "b/named.json", body(image_block(WIDE), model="claude-sonnet-4-6"))
    write(
        tmp_path,
        "ignore: [IB2]\nextend-select: [IB201]\noverrides:\n"
        "  - {files: [b/**], model: claude-opus-4-8}\n"
        "  - {files: [nothing/**], model: gpt-5.4, platform: openai}\n",
    )
    run = imgbudget("check", "--format", "json", "--select", "IB201")
    assert found(run.json, tmp_path, tmp_path) == {
        "a.json": [("IB201", "claude-sonnet-4-6")],
        "a.png": [("IB201", "claude-sonnet-4-6")],
        "b/named.json": [("IB201", "claude-sonnet-4-6")],
    }
    note = "imgbudget.yaml:5: the override for nothing/** holds for no file that was checked"
    assert note in run.err
    assert note not in imgbudget("check", "b/a.png").err
    run = imgbudget("check", "b/a.png", "--format", "json", "--model", "claude-haiku-4-5")
    assert found(run.json, tmp_path, tmp_path) == {"b/a.png": [("IB201", "claude-haiku-4-5")]}
    write(tmp_path, "overrides:\n  - {files: ['*.png'], platform: openai}\n")
    record = imgbudget("check", "--show-settings", "--format", "json", "a.png").json["settings"][0]
    assert (record["model"], record["platform"]) == ("gpt-5.4", "openai") or record["model"].startswith("gpt")
    assert record["origins"]["platform"] == "overrides, imgbudget.yaml:2"
    assert record["origins"]["model"] == "assumed for the platform"
    write(tmp_path, "overrides:\n  - {files: ['*.png'], model: gpt-5.4}\n")
    record = imgbudget("check", "--show-settings", "--format", "json", "a.png").json["settings"][0]
    assert record["platform"] == "openai"
    assert record["origins"]["platform"] == "of the model, which anthropic does not serve"


@pytest.mark.parametrize(
    ("include", "kept"),
    [
        ("['*.png']", {"a.png", "p/a.png", "p/q/b.png"}),
        ("[p/]", {"p/a.png", "p/q/b.png", "p/c.jpg"}),
        ("['p/*.png', c.jpg]", {"p/a.png", "p/c.jpg"}),
        ("['*.png', '!b.png']", {"a.png", "p/a.png"}),
        ("['**/q/**']", {"p/q/b.png"}),
    ],
)
def test_files_to_include(imgbudget: Command, tmp_path: Path, include: str, kept: set[str]) -> None:
    """A search finds no others; one that is named is checked, unless exclusion is enforced."""
    names = ("a.png", "p/a.png", "p/q/b.png", "p/c.jpg", "favicon.ico")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(image_bytes((300, 300), "JPEG" if name.endswith("jpg") else "PNG"))
    write(tmp_path, f"include: {include}\nexclude: [zzz]\n")
    shown = imgbudget("check", "--show-files").out.split()
    assert {name for name in shown if name in names} == kept
    named = imgbudget("check", *names, "--format", "json", "--select", "IB301").json["summary"]
    assert named["skipped"] == []
    forced = imgbudget("check", *names, "--format", "json", "--force-exclude", "--fail-on-unread")
    assert {it["path"] for it in forced.json["summary"]["skipped"]} == set(names) - kept
    assert {it["reason"] for it in forced.json["summary"]["skipped"]} == {
        "not among the files to include, and exclusion is enforced"
    }


def test_standard_input_has_the_configuration_of_its_name(imgbudget: Command, repository: Path) -> None:
    """Without a name that of the working folder."""
    run = imgbudget("check", "-", "--format", "json", "--stdin-filename", "services/chat/new.png", stdin=WIDE)
    assert found(run.json, repository, repository) == {
        "services/chat/new.png": [("IB601", "claude-opus-4-8")]
    }
    run = imgbudget("check", "-", "--format", "json", stdin=WIDE)
    assert [it["model"] for it in run.json["findings"]] == ["claude-sonnet-4-6"]


def test_nested_ignores_count_and_unused_ones_are_removed(imgbudget: Command, repository: Path) -> None:
    """An entry that suppresses is counted, one that does not is IB004 at its file, which `--fix` removes."""
    text = (
        "model: claude-sonnet-4-6\nignores:\n"
        "  - {rules: [IB201], files: [a.png], reason: wide}\n"
        "  - {rules: [IB701], reason: none}\n"
    )
    ocr = repository / "services/ocr"
    (ocr / "pyproject.toml").unlink()
    write(ocr, text)
    run = imgbudget("check", "services", "--format", "json", "--ignore", "IB8")
    assert run.json["summary"]["silenced"]["ignores"] == 1
    (unused,) = (it for it in run.json["findings"] if it["code"] == "IB004")
    assert (unused["path"], unused["line"]) == ("services/ocr/imgbudget.yaml", 4)
    run = imgbudget("check", "--fix", "services/ocr")
    assert "IB701" not in (ocr / "imgbudget.yaml").read_text()
    assert "IB201" in (ocr / "imgbudget.yaml").read_text()
    assert imgbudget("check", "services/ocr").code == 0


def test_an_inherited_ignore_is_used_where_a_nested_file_uses_it(
    imgbudget: Command, repository: Path
) -> None:
    """It is one entry, in whichever configuration it applies; without one that inherits it is unused."""
    entry = "ignores: [{rules: [IB201], files: [services/web/**], reason: wide}]\n"
    write(repository, "model: claude-sonnet-4-6\n" + entry)
    assert "IB004" not in imgbudget("check", "--format", "json").codes
    write(repository / "services/web", "include: [prompts/**]\n", ".imgbudget.yaml")
    assert "IB004" in imgbudget("check", "--format", "json").codes


def test_findings_on_the_run_respect_nested_files(imgbudget: Command, tmp_path: Path) -> None:
    """A copy is not reported in a folder that leaves the rule out."""
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(image_bytes((420, 420)))
    options = ("check", "--format", "json", "--select", "IB801")
    assert [it["path"] for it in imgbudget(*options).json["findings"]] == ["a/2.png", "b/1.png"]
    write(tmp_path / "b", "ignores: [{rules: [IB801], reason: wanted}]\n")
    write(tmp_path / "a", "severity: {IB801: error}\n")
    run = imgbudget(*options)
    assert [(it["path"], it["severity"]) for it in run.json["findings"]] == [("a/2.png", "error")]
    write(tmp_path / "b", "ignore: [IB801]\n")
    run = imgbudget("check", "--format", "json")
    assert [it["path"] for it in run.json["findings"] if it["code"] == "IB801"] == ["a/2.png"]


def test_fixes_follow_the_nearest_configuration(imgbudget: Command, repository: Path) -> None:
    """Each image is resized for the model of its folder, or not at all."""
    imgbudget("check", "--fix", "--ignore", "IB8")
    sizes = {}
    for path in sorted(repository.rglob("*.png")):
        with Image.open(path) as image:
            sizes[path.relative_to(repository).as_posix()] = image.size
    chat = sizes.pop("services/chat/a.png")
    assert chat[0] < 1000, "its budget"
    assert sizes == {
        "docs/a.png": (1568, 369),
        "services/ocr/a.png": (1700, 400),
        "services/web/prompts/a.png": (1568, 369),
        "services/web/static/a.png": (1700, 400),
    }


def test_an_audit_takes_no_configuration_from_data(imgbudget: Command, repository: Path) -> None:
    """The dataset may be anyone's."""
    write(repository / "docs", "select: [IB101]\nmodel: claude-opus-4-8\n")
    run = imgbudget("audit", "docs", "--format", "json", "--no-progress")
    assert run.json["statistics"]["model"] == "claude-sonnet-4-6"
    assert "IB201" in run.out


def test_settings_show_where_they_come_from(imgbudget: Command, repository: Path) -> None:
    """Of a folder, of a file in it, of one that inherits, and of the command line."""
    run = imgbudget(
        "check", "--show-settings", "services/chat", "services/web/prompts/a.png", "--platform", "bedrock"
    )
    chat, web = run.out.split("settings for ")[1:]
    assert chat.startswith(
        "services/chat\n"
        "  configuration  services/chat/imgbudget.yaml\n"
        "  model          claude-opus-4-8  (services/chat/imgbudget.yaml:1)\n"
        "  platform       bedrock  (--platform)\n"
        "  limits         built in  (default)\n"
        "  rule packs     imgbudget_rules  (default)\n"
        "  budget         image.tokens 90  (services/chat/imgbudget.yaml:3)\n"
    )
    assert "  inherited      imgbudget.yaml\n  model          claude-sonnet-4-6  (imgbudget.yaml:1)\n" in web
    assert "  include        /services/web/prompts/**  (services/web/.imgbudget.yaml:2)\n" in web
    assert "ignored: ignore IB202 (imgbudget.yaml:2)" in web


def test_links_have_the_configuration_of_their_own_folder(imgbudget: Command, repository: Path) -> None:
    """A linked image is checked under the name that it is found by; a step out of a link is followed."""
    (repository / "docs/link.png").symlink_to("../services/chat/a.png")
    (repository / "services/chat/a.png").rename(repository / "kept.bin")
    (repository / "docs/link.png").unlink()
    (repository / "docs/link.png").symlink_to("../kept.bin")
    run = imgbudget("check", "docs/link.png", "--format", "json")
    assert found(run.json, repository, repository) == {"docs/link.png": [("IB201", "claude-sonnet-4-6")]}
    (repository / "short").symlink_to("services/web/prompts")
    (repository / "services/chat/b.png").write_bytes(WIDE)
    run = imgbudget("check", "short/../../chat/b.png", "--format", "json")
    assert [(it["code"], it["model"]) for it in run.json["findings"]] == [("IB601", "claude-opus-4-8")]


def test_each_folder_is_looked_at_once(
    imgbudget: Command, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search looks for files of configuration only where its list of names has one."""
    looked: list[str] = []

    def find(folder: str) -> Discovery:
        looked.append(folder)
        return find_in(folder)

    monkeypatch.setattr(nearest, "find_in", find)
    run: Run = imgbudget("check")
    assert run.code == 1
    assert sorted(os.path.relpath(path, repository) for path in looked) == [
        "services/chat",
        "services/ocr",
        "services/web",
    ]
    looked.clear()
    imgbudget(
        "check", *(path.relative_to(repository).as_posix() for path in sorted(repository.rglob("*.png")))
    )
    assert len(looked) == len(set(looked)) == 6


def test_a_nested_gateway_and_a_misspelt_name(imgbudget: Command, repository: Path) -> None:
    """Platforms of a nested file are known there; a name that is not read is reported."""
    write(
        repository / "services/ocr",
        "platform: edge\nplatforms: {edge: {like: anthropic, max_edge: 1000 px}}\n",
    )
    write(repository / "docs", "model: x\n", "imgbudget.yml")
    run = imgbudget("check", "--format", "json")
    there = found(run.json, repository, repository)
    assert ("IB101", "claude-sonnet-4-6") in there["services/ocr/a.png"]
    assert "docs/imgbudget.yml is not read; rename it to imgbudget.yaml" in run.err


def test_the_example_of_the_page(imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page on configuration shows of it, and the same from the hook and from a service."""
    root = Path(__file__).parent.parent
    shutil.copytree(root / "examples" / "monorepo", tmp_path / "r")
    expected: Found = {
        "services/chat/screen.png": [("IB601", "claude-opus-4-8")],
        "services/web/prompts/screen.png": [("IB201", "claude-sonnet-4-6")],
    }
    for start in (".", "services", "services/ocr"):
        monkeypatch.chdir(tmp_path / "r" / start)
        run = imgbudget("check", os.path.relpath(tmp_path / "r"), "--format", "json")
        assert found(run.json, Path.cwd(), tmp_path / "r") == expected
    monkeypatch.chdir(tmp_path / "r")
    names = [path.relative_to(tmp_path / "r").as_posix() for path in Path.cwd().rglob("*.png")]
    assert found(imgbudget(*HOOK, *names, "--format", "json").json, Path.cwd(), Path.cwd()) == expected
    shown = imgbudget("check", "--show-settings", "services/web/prompts/screen.png").out
    page = (root / "docs" / "configuration.md").read_text(encoding="utf-8")
    head, _, _ = shown.partition("\n\n")
    assert f"```text\n{head}\n```" in page


def test_editors_check_by_the_nearest_configuration(repository: Path) -> None:
    """The model of the folder counts, and that of an override; a file that is not included is not checked."""
    write(repository / "docs", "overrides: [{files: [r.json], model: claude-opus-4-8}]\n")
    sessions = EditorSessions(RunOptions())
    models = {}
    for folder in ("services/ocr", "services/chat", "docs", "services/web/prompts", "services/web/static"):
        path = write_json(repository / folder / "r.json", body(image_block(WIDE), model=None))
        checked = check_text(sessions, str(path), EditorText.of(path.read_text()))
        models[folder] = (
            [test.limits.model for test, *_ in checked.result.requests] if checked.result else None
        )
    assert models == {
        "services/ocr": ["claude-haiku-4-5"],
        "services/chat": ["claude-opus-4-8"],
        "docs": ["claude-opus-4-8"],
        "services/web/prompts": ["claude-sonnet-4-6"],
        "services/web/static": None,
    }


def test_pages_are_planned_for_the_model_of_their_folder(imgbudget: Command, repository: Path) -> None:
    """A document that is named, and one that a search finds; without the extra only their number is known."""
    for folder in ("services/chat", "docs"):
        (repository / folder / "a.pdf").write_bytes(paged([(b"/MediaBox [0 0 612 792]", b"text")]))
    named = imgbudget("plan", "--format", "json", "services/chat/a.pdf", "docs/a.pdf").json["documents"]
    assert [it["model"] for it in named] == ["claude-opus-4-8", "claude-sonnet-4-6"]
    (found_one,) = imgbudget("plan", "--format", "json", "--estimate", "services/chat").json["documents"]
    assert found_one["model"] == "claude-opus-4-8"
