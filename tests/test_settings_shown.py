"""`--show-settings`: the settings of a path, and why each rule is on or off; preview rules."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.cli.settings import verdicts
from imgbudget.config.settings import Override, Settings
from imgbudget.linter.options import RunOptions
from imgbudget.linter.rule_sets import PathRules, RuleChoice
from imgbudget.linter.run import Session
from imgbudget.linter.selection import SelectionLayer, select_rules
from imgbudget.model.budgets import Budget, Budgets
from imgbudget.model.subjects import ImageUse, Level, Problem, Severity
from imgbudget.rule import Context, Rule, rule
from tests.conftest import Command


def make(code: str, *, pedantic: bool = False, preview: bool = False, budget: str = "") -> Rule[ImageUse]:
    """A rule that reports nothing."""

    @rule(
        code,
        f"name-{code.lower()}",
        level=Level.IMAGE,
        severity=Severity.WARNING,
        since="1",
        pedantic=pedantic,
        preview=preview,
        budgets=(budget,) if budget else (),
    )
    def judge(_use: ImageUse, _ctx: Context) -> Iterator[Problem]:
        """Say nothing."""
        yield from ()

    return judge


RULES = (
    make("IB201"),
    make("IB202", pedantic=True),
    make("IB301", preview=True),
    make("IB601", budget="image.tokens"),
)
selectors = st.lists(
    st.sampled_from(["ALL", "IB", "IB2", "ib20", "IB201", "IB202", "name-ib301", "IB301", "IB6"]), max_size=3
).map(tuple)
layers = st.builds(SelectionLayer, select=st.none() | selectors, extend_select=selectors, ignore=selectors)


@given(
    config=layers,
    override=layers,
    command=layers,
    pedantic=st.booleans(),
    preview=st.booleans(),
    tokens=st.none() | st.just(5),
)
def test_the_verdict_is_what_the_run_does(  # noqa: PLR0913 - all that decides
    *,
    config: SelectionLayer,
    override: SelectionLayer,
    command: SelectionLayer,
    pedantic: bool,
    preview: bool,
    tokens: int | None,
) -> None:
    """A rule is on exactly if it checks the file, whatever the selectors."""
    settings = Settings(
        select=tuple(config.select or ("ALL",)),
        extend_select=tuple(config.extend_select),
        ignore=tuple(config.ignore),
        preview=preview,
        budgets=Budgets(image=Budget(tokens=tokens)),
        overrides=(
            Override(
                files=("x/**",),
                select=None if override.select is None else tuple(override.select),
                extend_select=tuple(override.extend_select),
                ignore=tuple(override.ignore),
            ),
        ),
    )
    paths = PathRules(RULES, settings, RuleChoice(layer=command, pedantic=pedantic))
    for path in ("x/a.png", "y/a.png"):
        runs = {rule.code for rule, _ in paths.runner(path).rules.image}
        told = list(verdicts(paths, path))
        assert {verdict.rule.code for verdict in told if verdict.on} == runs
        assert all(verdict.reason for verdict in told)


def test_rules_in_preview_run_only_when_previews_are_asked_for() -> None:
    """Not even by their own code; with previews like any other."""
    assert select_rules(RULES, [SelectionLayer(["IB301"])]).image == ()
    assert select_rules(RULES, [SelectionLayer(["ALL"], (), ["IB3"])], preview=True).has("IB301") is False
    assert select_rules(RULES, [SelectionLayer(["IB3"])], preview=True).has("IB301")


PACK = """
    from imgbudget.rule import Level, Problem, Severity, rule

    @rule("XX101", "fresh-rule", level=Level.IMAGE, severity=Severity.ERROR, since="1", preview=True)
    def fresh_rule(use, ctx):
        \"\"\"It reports.\"\"\"
        yield Problem(message="seen")

    RULES = (fresh_rule,)
"""


def test_preview_from_the_command_line_and_the_configuration(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third-party preview rule; selected without --preview it is reported to have no effect."""
    (tmp_path / "preview_pack.py").write_text(dedent(PACK))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a.png").write_bytes(b"no image")
    config = tmp_path / "imgbudget.yaml"
    config.write_text("packs: [imgbudget_rules, preview_pack]\n")
    assert (
        imgbudget("check", "a.png", "--allow-local-packs", "--select", "XX", "--format", "json").codes == []
    )
    run = imgbudget("check", "a.png", "--allow-local-packs", "--select", "XX101", "--format", "json")
    assert (run.codes, "XX101 is in preview and does not run" in run.err) == ([], True)
    assert imgbudget(
        "check", "a.png", "--allow-local-packs", "--select", "XX", "--preview", "--format", "json"
    ).codes == ["XX101"]
    config.write_text("packs: [imgbudget_rules, preview_pack]\npreview: true\n")
    run = imgbudget("check", "a.png", "--allow-local-packs", "--select", "XX101", "--format", "json")
    assert (run.codes, run.err) == (["XX101"], "")
    assert "XX101" in imgbudget("rule", "--all", "--allow-local-packs").out


CONFIG = """\
model: claude-opus-5-5
ignore:
  - IB303
  - IB5
severity: {IB301: error}
budgets: {request: {cost: $0.05}}
overrides:
  - files: ["fixtures/**"]
    select: [IB1]
    extend-select: [tiny-edge]
"""


def reasons(imgbudget: Command, path: str, *options: str) -> dict[str, str]:
    """The reason for each rule at a file, which need hold nothing; `on` or `off` before it."""
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).touch()
    [record] = imgbudget("check", "--show-settings", "--format", "json", path, *options).json["settings"]
    return {rule["code"]: f"{'on' if rule['on'] else 'off'}: {rule['reason']}" for rule in record["rules"]}


def test_reasons_name_the_selector_and_its_line(imgbudget: Command, tmp_path: Path) -> None:
    """Of the file, of the command line, of the defaults."""
    (tmp_path / "imgbudget.yaml").write_text(CONFIG)
    found = reasons(imgbudget, "a.png", "--ignore", "IB2", "--extend-select", "image-after-text")
    assert found["IB101"] == "on: selected: select ALL (default)"
    assert found["IB303"] == "off: ignored: ignore IB303 (imgbudget.yaml:3)"
    assert found["IB504"] == "off: ignored: ignore IB5 (imgbudget.yaml:4)"
    assert found["IB501"] == "on: selected: --extend-select image-after-text"
    assert found["IB201"] == "off: ignored: --ignore IB2"
    assert found["IB601"] == "off: no budget is set: image.tokens or image.cost"
    assert found["IB603"] == "on: selected: select ALL (default)"
    assert found["IB306"] == "off: on text: --text, text: true or selecting IB306 itself brings it"
    assert found["IB901"] == "off: on pixels: --pixels, pixels: true or selecting IB901 itself brings it"
    assert reasons(imgbudget, "a.png", "--isolated")["IB203"] == (
        "off: pedantic: --pedantic or selecting IB203 itself brings it"
    )


def test_reasons_in_an_override(imgbudget: Command, tmp_path: Path) -> None:
    """Its route and line; what it does not select is off because of it."""
    (tmp_path / "imgbudget.yaml").write_text(CONFIG)
    found = reasons(imgbudget, "fixtures/a.png")
    assert found["IB101"] == "on: selected: overrides[0].select IB1 (imgbudget.yaml:9)"
    assert found["IB301"] == "on: selected: overrides[0].extend-select tiny-edge (imgbudget.yaml:10)"
    assert found["IB302"] == "off: not selected: overrides[0].select (imgbudget.yaml:9)"
    assert found["IB306"] == found["IB901"] == found["IB302"]  # --text and --pixels would not bring them


def test_a_configuration_that_is_extended_is_named(imgbudget: Command, tmp_path: Path) -> None:
    """The upper one where both have the key, the lower one where it alone has it."""
    (tmp_path / "base.yaml").write_text(
        "ignore: [IB1]\nselect: [IB3, IB4]\noverrides: [{files: [z], ignore: [IB4]}]\n"
    )
    (tmp_path / "imgbudget.yaml").write_text(
        "extend: base.yaml\nignore: [IB4]\noverrides: [{files: ['*'], ignore: [IB302]}]\n"
    )
    found = reasons(imgbudget, "a.png")
    assert found["IB301"] == "on: selected: select IB3 (base.yaml:2)"
    assert found["IB401"] == "off: ignored: ignore IB4 (imgbudget.yaml:2)"
    assert found["IB302"] == "off: ignored: overrides[0].ignore IB302 (imgbudget.yaml:3)"


def test_all_else_that_holds_is_shown(imgbudget: Command, tmp_path: Path) -> None:
    """Model, platform, limits, baseline, budgets, severities; nothing is checked."""
    (tmp_path / "imgbudget.yaml").write_text(CONFIG)
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "other.png").touch()
    run = imgbudget("check", "--show-settings", "fixtures", "other.png", "--platform", "bedrock")
    assert (run.code, run.err) == (0, "")
    text, other = run.out.split("settings for other.png")
    assert text.startswith(
        "settings for fixtures\n  configuration  imgbudget.yaml\n"
        "  model          claude-opus-5-5  (imgbudget.yaml:1)\n"
    )
    assert "\n  platform       bedrock  (--platform)\n  limits         built in  (default)\n" in text
    assert "\n  budget         request.cost $0.050000  (imgbudget.yaml:6)\n" in text
    assert "\n  override       0: fixtures/**\n" not in other
    assert "IB301  tiny-edge                     on   error " in other
    run = imgbudget("check", "--show-settings", "--format", "sarif")
    assert (run.code, run.err) == (2, "imgbudget: --show-settings has the formats full and json, not sarif\n")


def test_what_is_left_out_of_searches_is_said(imgbudget: Command, tmp_path: Path) -> None:
    """By which key; nothing of what is found. A missing file has the wording of all commands."""
    for name in ("prompts/a.png", "web/b.png", "web/old/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "imgbudget.yaml").write_text("include: [prompts/**, web/b.png]\nexclude: [web/]\n")
    run = imgbudget("check", "--show-settings", "prompts", "prompts/a.png", "web", "web/old/c.png")
    shown = [text.splitlines()[2] for text in run.out.split("settings for ")[1:]]
    left_out = "  left out       by exclude, of searches; named, it is checked"
    assert [line == left_out for line in shown] == [False, False, True, True]
    (tmp_path / "imgbudget.yaml").write_text("include: [prompts/**]\n")
    names = ("prompts/a.png", "web/b.png")
    found = imgbudget("check", "--show-settings", "--format", "json", *names).json["settings"]
    assert [one["left_out_by"] for one in found] == [None, "include"]
    run = imgbudget("check", "--show-settings", "web/b.png", "nope.png")
    assert (run.code, run.out, run.err) == (2, "", "imgbudget: nope.png: no such file or folder\n")


def test_session_notes_are_silent_without_previews(tmp_path: Path) -> None:
    """The rules that ship have none in preview."""
    session = Session(RunOptions(isolated=True), start=str(tmp_path))
    assert session.notes == ()
    assert not [rule.code for rule in session.registry.rules if rule.preview]
