"""Requirements for every shipped rule: registration, the contract, its page, its examples, purity."""

import copy
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import imgbudget_rules
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.fixes import (
    BakeOrientation,
    DeclareType,
    FirstFrame,
    Fix,
    Recode,
    RepairBase64,
    Resize,
    StripMetadata,
)
from imgbudget.model.results import FileResult
from imgbudget.model.subjects import Batch, FixSafety, ImageFacts, ImageUse, Level, Request, Run, Severity
from imgbudget.registry import AnyRule
from imgbudget.testing import Example, examples, run_rule
from imgbudget_rules import RULES
from imgbudget_rules.__main__ import INDEX, render
from tests.builders import image_bytes

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
SAFE, UNSAFE = FixSafety.SAFE, FixSafety.UNSAFE

CONTRACT = {
    "IB001": ("unreadable-image", ERROR, None),
    "IB002": ("malformed-request", ERROR, None),
    "IB003": ("rule-failed", ERROR, None),
    "IB004": ("unused-ignore", WARNING, SAFE),
    "IB101": ("dimension-over-limit", ERROR, SAFE),
    "IB102": ("many-image-dimension", ERROR, SAFE),
    "IB103": ("image-bytes-over-limit", ERROR, SAFE),
    "IB104": ("unsupported-format", ERROR, SAFE),
    "IB105": ("media-type-mismatch", ERROR, SAFE),
    "IB106": ("malformed-base64", ERROR, SAFE),
    "IB107": ("toolset-screenshot-oversized", ERROR, SAFE),
    "IB108": ("oversized-and-strict", ERROR, SAFE),
    "IB201": ("oversized-image", WARNING, SAFE),
    "IB202": ("patch-remainder", INFO, UNSAFE),
    "IB203": ("over-latency-size", INFO, UNSAFE),
    "IB204": ("animated-image", WARNING, UNSAFE),
    "IB205": ("metadata-bloat", INFO, SAFE),
    "IB206": ("costly-encoding", INFO, UNSAFE),
    "IB301": ("tiny-edge", WARNING, None),
    "IB302": ("tiny-after-resize", WARNING, None),
    "IB303": ("exif-rotation", WARNING, SAFE),
    "IB304": ("heavy-compression", INFO, None),
    "IB305": ("near-many-image-limit", INFO, SAFE),
    "IB306": ("small-text-after-resize", WARNING, None),
    "IB307": ("small-text", INFO, None),
    "IB308": ("text-only-when-downscaled", WARNING, None),
    "IB401": ("payload-over-limit", ERROR, SAFE),
    "IB402": ("too-many-images", ERROR, None),
    "IB403": ("source-not-supported", ERROR, None),
    "IB404": ("misplaced-image", ERROR, None),
    "IB405": ("context-overflow", ERROR, None),
    "IB406": ("batch-over-limit", ERROR, None),
    "IB407": ("empty-text", ERROR, SAFE),
    "IB408": ("image-as-text", WARNING, SAFE),
    "IB409": ("unfetchable-url", ERROR, None),
    "IB410": ("lone-surrogate", ERROR, None),
    "IB411": ("unknown-model", WARNING, None),
    "IB412": ("model-retired", ERROR, None),
    "IB413": ("text-only-model", ERROR, None),
    "IB414": ("omitted-image", INFO, None),
    "IB501": ("image-after-text", WARNING, UNSAFE),
    "IB502": ("unlabelled-images", INFO, UNSAFE),
    "IB503": ("resent-image", WARNING, None),
    "IB504": ("duplicate-image", WARNING, None),
    "IB505": ("coordinate-drift", INFO, SAFE),
    "IB506": ("broken-cache-prefix", INFO, None),
    "IB507": ("false-scale-note", WARNING, UNSAFE),
    "IB601": ("over-image-tokens", ERROR, SAFE),
    "IB602": ("over-request-tokens", ERROR, SAFE),
    "IB603": ("over-request-cost", ERROR, SAFE),
    "IB604": ("over-run-budget", ERROR, None),
    "IB605": ("over-bytes-budget", ERROR, SAFE),
    "IB701": ("location-metadata", WARNING, SAFE),
    "IB801": ("duplicate-file", INFO, None),
    "IB901": ("blurred", WARNING, None),
    "IB902": ("dark", WARNING, None),
    "IB903": ("over-exposed", WARNING, None),
    "IB904": ("low-contrast", WARNING, None),
    "IB905": ("blank", WARNING, None),
    "IB906": ("low-information", INFO, None),
    "IB907": ("idle-border", INFO, None),
    "IB908": ("flattened-mode", WARNING, None),
    "IB909": ("grey-as-colour", INFO, None),
    "IB910": ("upscaled", INFO, None),
    "IB911": ("near-duplicate", INFO, None),
    "IB912": ("split-leak", WARNING, None),
}
"""Code to name, default severity and fix; scripts are written against them."""

PEDANTIC = {"IB203", "IB502", "IB505"}
NEVER_FIRES = {"IB003"}
"""Rules that the engine reports in the place of another."""

HEADINGS = ["Why it matters", "Reports", "Silent", "Fix safety", "Source"]
PACK = Path(imgbudget_rules.__file__).parent
MOST_LINES = 150

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


def every_example() -> Iterator[tuple[AnyRule, Example]]:
    """Each example of each page, with its rule."""
    for rule in RULES:
        page = examples(rule)
        for example in (*page.reports, *page.silent):
            yield rule, example


def applies_to(rule: AnyRule, subject: ImageUse | Request | Batch | Run) -> bool:
    """Whether rules of this level run on the subject; rules on images run on those of requests too."""
    match rule.level:
        case Level.IMAGE:
            return isinstance(subject, (ImageUse, Request))
        case Level.REQUEST:
            return isinstance(subject, Request)
        case Level.BATCH:
            return isinstance(subject, Batch)
        case Level.RUN:
            return isinstance(subject, Run)


def fixed(use: ImageUse, fix: Fix) -> ImageUse:
    """The use of the image after the fix."""
    facts = use.facts or ImageFacts(byte_size=0)
    match fix:
        case Resize(size):
            return use._replace(facts=facts._replace(size=size))
        case Recode(form, most):
            length = min(use.base64_size or 0, most // 3 * 4) if most else use.base64_size
            byte_size = min(facts.byte_size, most) if most else facts.byte_size
            after = facts._replace(format=form or facts.format, byte_size=byte_size)
            return use._replace(facts=after, base64_size=length)
        case BakeOrientation():
            return use._replace(facts=facts._replace(orientation=1))
        case StripMetadata():
            pixels = facts.byte_size - (facts.metadata_bytes or 0)
            after = facts._replace(has_location=False, metadata_bytes=0, byte_size=pixels)
            return use._replace(facts=after)
        case FirstFrame():
            return use._replace(facts=facts._replace(frames=1))
        case DeclareType(media_type):
            return use._replace(declared=media_type)
        case RepairBase64():
            return use._replace(flaws=())
        case _:
            raise AssertionError(f"{fix} is no fix of an image")


def test_every_rule_file_is_registered_under_its_code_and_name() -> None:
    """The files ibNNN_name.py of the pack are the rules of RULES, in the order of their codes."""
    files = sorted(path.stem for path in PACK.glob("ib*.py"))
    assert [f"{rule.code.lower()}_{rule.name.replace('-', '_')}" for rule in RULES] == files


def test_the_list_of_rules_is_current() -> None:
    """It says what the decorators say; else `python -m imgbudget_rules` was forgotten."""
    assert INDEX.read_text(encoding="utf-8") == render()


def test_a_listed_rule_is_that_of_its_file_once_it_is_loaded() -> None:
    """Also its function, whose page it shows."""
    for rule in RULES:
        name = rule.name.replace("-", "_")
        file = import_module(f"imgbudget_rules.{rule.code.lower()}_{name}")
        assert rule.loaded == getattr(file, name)
        assert rule.loaded.loaded is not rule
        assert rule.page == getattr(file, name).page != ""


def test_every_rule_of_the_contract_is_there() -> None:
    """No code that was promised is missing, and none came without a promise."""
    assert [rule.code for rule in RULES] == list(CONTRACT)


def test_codes_and_names_are_unique() -> None:
    """No code and no name is used twice."""
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


@every_rule
def test_rule_keeps_the_contract(rule: AnyRule) -> None:
    """Name, default severity and fix of a code are those that were promised."""
    assert (rule.name, rule.severity, rule.fix) == CONTRACT[rule.code]
    assert rule.pedantic == (rule.code in PEDANTIC)


@every_rule
def test_file_is_small_and_starts_with_code_and_name(rule: AnyRule) -> None:
    """A rule's file has its code and name in the first line and fewer than 150 lines."""
    lines = (PACK / f"{rule.code.lower()}_{rule.name.replace('-', '_')}.py").read_text("utf-8").splitlines()
    assert lines[0] == f'"""{rule.code} {rule.name}."""'
    assert len(lines) < MOST_LINES


@every_rule
def test_page_has_a_summary_and_its_headings_in_order(rule: AnyRule) -> None:
    """A page begins with one sentence on one line, then come the five headings, none of them empty."""
    assert rule.summary.endswith(".")
    assert rule.page.splitlines()[1] == ""
    parts = re.split(r"^## (.+)$", rule.page, flags=re.MULTILINE)
    assert parts[1::2] == HEADINGS
    assert all(section.strip() for section in parts[2::2])


@every_rule
def test_page_has_both_kinds_of_examples(rule: AnyRule) -> None:
    """A page shows what is silent, and what is reported unless the rule never fires by itself."""
    page = examples(rule)
    assert page.silent
    assert bool(page.reports) == (rule.code not in NEVER_FIRES)


@every_rule
def test_examples_are_valid_requests(rule: AnyRule) -> None:
    """Only the page on malformed requests has examples of malformed requests."""
    page = examples(rule)
    shown = [example.subject for example in (*page.reports, *page.silent)]
    flawed = [subject for subject in shown if isinstance(subject, Request) and subject.flaws]
    assert bool(flawed) == (rule.code == "IB002")


@every_rule
def test_silent_examples_have_no_findings(rule: AnyRule) -> None:
    """The examples under Silent give no problem."""
    for example in examples(rule).silent:
        found = run_rule(
            rule, example.subject, model=example.model, platform=example.platform, budgets=example.budgets
        )
        assert found == [], example.text


@every_rule
def test_reported_examples_have_findings(rule: AnyRule) -> None:
    """The examples under Reports give a problem whose message follows the style of all messages."""
    for example in examples(rule).reports:
        found = run_rule(
            rule, example.subject, model=example.model, platform=example.platform, budgets=example.budgets
        )
        assert found, example.text
        for problem in found:
            assert (
                problem.message[0].islower() or problem.message[0].isdigit() or problem.message[:4] == "EXIF"
            )
            assert not problem.message.endswith(".")
            assert problem.help
            assert example.subject.location.path not in problem.message


@every_rule
def test_numbers_of_a_problem_have_a_unit(rule: AnyRule) -> None:
    """A measured value or limit has a unit, and exceeds the limit if both are given."""
    for example in examples(rule).reports:
        for problem in run_rule(
            rule, example.subject, model=example.model, platform=example.platform, budgets=example.budgets
        ):
            numbers = [number for number in (problem.measured, problem.limit) if number is not None]
            assert bool(numbers) == (problem.unit is not None)
            assert problem.measured != problem.limit or not numbers


@every_rule
def test_fix_is_offered_only_where_it_is_declared(rule: AnyRule) -> None:
    """A rule without a fix offers none; one with a fix offers it for at least one of its examples."""
    offered = [
        problem.fix
        for example in examples(rule).reports
        for problem in run_rule(
            rule, example.subject, model=example.model, platform=example.platform, budgets=example.budgets
        )
        if problem.fix
    ]
    assert bool(offered) == (rule.fix is not None)


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.level is Level.IMAGE], ids=lambda rule: rule.code
)
def test_fix_of_an_image_settles_its_finding(rule: AnyRule) -> None:
    """Once the fix is made, the same rule has nothing to say of the image."""
    for example in examples(rule).reports:
        subject = example.subject
        assert isinstance(subject, (ImageUse, Request))
        uses = subject.images if isinstance(subject, Request) else (subject,)
        for use in uses:
            for problem in run_rule(
                rule, use, model=example.model, platform=example.platform, budgets=example.budgets
            ):
                if problem.fix is None:
                    continue
                after = fixed(use, problem.fix)
                assert (
                    run_rule(
                        rule, after, model=example.model, platform=example.platform, budgets=example.budgets
                    )
                    == []
                )


def test_rules_are_pure() -> None:
    """A rule does not change its subject, and a second run gives the same findings."""
    for rule, example in every_example():
        before = copy.deepcopy(example.subject)
        first = run_rule(
            rule, example.subject, model=example.model, platform=example.platform, budgets=example.budgets
        )
        assert example.subject == before, rule.code
        assert (
            run_rule(
                rule, example.subject, model=example.model, platform=example.platform, budgets=example.budgets
            )
            == first
        ), rule.code


def test_no_rule_fails_on_another_rules_example() -> None:
    """Every rule runs on the examples of all pages without raising."""
    judged = 0
    for _, example in every_example():
        for rule in RULES:
            if not applies_to(rule, example.subject):
                continue
            found = run_rule(
                rule, example.subject, model=example.model, platform=example.platform, budgets=example.budgets
            )
            assert all(problem.message for problem in found)
            judged += 1
    assert judged > len(RULES)


def test_files_of_the_same_size_get_the_same_findings(tmp_path: Path) -> None:
    """The same findings in the same order, each with its own location and fingerprint."""
    for name in ("a.png", "b.png", "c.jpg"):
        (tmp_path / name).write_bytes(image_bytes((4000, 100)))
    (tmp_path / "d.png").write_bytes(b"")
    session = Session(RunOptions(isolated=True))
    together = list(session.check([str(tmp_path)]))
    alone = [found for name in ("a.png", "b.png", "c.jpg", "d.png") for found in _checked(tmp_path / name)]
    assert [result.findings for result in together] == [result.findings for result in alone]
    assert [finding.code for finding in together[2].findings] == ["IB105", "IB201", "IB301"]
    assert len({finding.fingerprint for result in together for finding in result.findings}) == 8


def _checked(path: Path) -> list[FileResult]:
    return list(Session(RunOptions(isolated=True)).check([str(path)]))
