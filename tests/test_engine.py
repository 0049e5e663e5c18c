"""Which rules run and how severe they are, and what becomes of a rule that fails."""

from collections.abc import Iterator

import pytest

from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import Size
from imgbudget.linter.rule_sets import RuleRunner
from imgbudget.linter.selection import SelectionLayer, select_rules
from imgbudget.model.fixes import Resize
from imgbudget.model.location import Location
from imgbudget.model.subjects import Batch, FixSafety, ImageUse, Level, ProbeField, Problem, Severity
from imgbudget.rule import Context, Rule, rule
from imgbudget.testing import image
from imgbudget_rules.limits._generated import DATA

LIMITS = LimitsData.from_mapping(DATA).bind("claude-sonnet-4-6", "anthropic")


def make(
    code: str, name: str, *, pedantic: bool = False, needs: ProbeField = ProbeField.NONE
) -> Rule[ImageUse]:
    """A rule that reports each image it sees."""

    @rule(code, name, level=Level.IMAGE, severity=Severity.WARNING, since="1", pedantic=pedantic, needs=needs)
    def runner(_use: ImageUse, _ctx: Context) -> Iterator[Problem]:
        """It reports."""
        yield Problem(message="seen")

    return runner


RULES = (
    make("IB201", "one"),
    make("IB202", "two"),
    make("IB301", "three"),
    make("IB502", "fussy", pedantic=True),
)


def selected(*layers: SelectionLayer, pedantic: bool = False) -> list[str]:
    """The codes that the layers select."""
    rules = select_rules(RULES, layers, pedantic=pedantic)
    return [rule.code for rule, _ in (*rules.image, *rules.request, *rules.batch)]


ALL = SelectionLayer(["ALL"])


@pytest.mark.parametrize(
    ("layers", "codes"),
    [
        ([ALL], ["IB201", "IB202", "IB301"]),
        ([SelectionLayer(["IB2"])], ["IB201", "IB202"]),
        ([SelectionLayer(["ib2", "three"])], ["IB201", "IB202", "IB301"]),
        ([SelectionLayer(["ALL"], (), ["IB2"])], ["IB301"]),
        ([SelectionLayer(["IB201"], (), ["IB2"])], ["IB201"]),
        ([SelectionLayer(["IB2"], (), ["IB201"])], ["IB202"]),
        ([SelectionLayer(["IB2"], (), ["IB2"])], []),
        ([ALL, SelectionLayer(None, (), ["IB3"])], ["IB201", "IB202"]),
        (
            [SelectionLayer(["ALL"], (), ["IB3"]), SelectionLayer(None, ["IB301"])],
            ["IB201", "IB202", "IB301"],
        ),
        ([SelectionLayer(["ALL"], (), ["IB201"]), SelectionLayer(["IB2"])], ["IB201", "IB202"]),
        ([SelectionLayer(["ALL"], (), ["IB201"]), SelectionLayer(["IB3"])], ["IB301"]),
        ([ALL, SelectionLayer(["IB502"])], ["IB502"]),
        ([ALL, SelectionLayer(None, ["fussy"])], ["IB201", "IB202", "IB301", "IB502"]),
        ([ALL, SelectionLayer(None, ["IB5"])], ["IB201", "IB202", "IB301"]),
    ],
)
def test_the_later_layer_and_the_longer_selector_win(layers: list[SelectionLayer], codes: list[str]) -> None:
    """Command line over configuration; within one place the more specific selector, refusal at a tie."""
    assert selected(*layers) == codes


def test_pedantic_rules_run_on_demand() -> None:
    """--pedantic brings them all."""
    assert selected(ALL, pedantic=True) == ["IB201", "IB202", "IB301", "IB502"]


def test_needs_are_those_of_the_rules_that_run() -> None:
    """A probe reads nothing for a rule that is off."""
    rules = (make("IB201", "one"), make("IB701", "where", needs=ProbeField.LOCATION))
    assert select_rules(rules, [SelectionLayer(["IB2"])]).needs == ProbeField.NONE
    assert select_rules(rules, [ALL]).needs == ProbeField.LOCATION


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ({}, Severity.WARNING),
        ({"IB3": "error"}, Severity.ERROR),
        ({"ALL": "info"}, Severity.INFO),
        ({"IB301": "error", "ALL": "info", "IB3": "info"}, Severity.ERROR),
    ],
)
def test_severity_of_the_most_specific_selector(severities: dict[str, str], expected: Severity) -> None:
    """The user's severity is above the rule's own, the longest selector above the others."""
    runner = RuleRunner(select_rules(RULES, [SelectionLayer(["IB301"])], severities=severities))
    assert [finding.severity for finding in runner.check_image(image("<png 300x300>"), LIMITS)] == [expected]


def test_user_severity_overrides_problem_and_rule() -> None:
    """A problem may override the severity of its rule, and the user overrides both."""

    @rule("IB105", "mismatch", level=Level.IMAGE, severity=Severity.ERROR, since="1")
    def runner(_use: ImageUse, _ctx: Context) -> Iterator[Problem]:
        """It reports."""
        yield Problem(message="seen", severity=Severity.WARNING)

    def severity(severities: dict[str, str]) -> Severity:
        rules = select_rules([runner], [ALL], severities=severities)
        return RuleRunner(rules).check_image(image("<png 300x300>"), LIMITS)[0].severity

    assert severity({}) is Severity.WARNING
    assert severity({"IB105": "error"}) is Severity.ERROR


def test_failing_rule_is_a_finding_and_the_others_go_on() -> None:
    """IB003 names the rule and its error; findings it made before the error are kept."""

    @rule("XX100", "breaks", level=Level.IMAGE, severity=Severity.INFO, since="1", fix=FixSafety.SAFE)
    def breaks(_use: ImageUse, _ctx: Context) -> Iterator[Problem]:
        """It breaks."""
        yield Problem(message="before", fix=Resize(Size(1, 1)))
        raise KeyError("lost")

    runner = RuleRunner(select_rules([breaks, *RULES], [ALL]))
    found = runner.check_image(image("<png 300x300>"), LIMITS)
    assert [finding.code for finding in found] == ["XX100", "IB003", "IB201", "IB202", "IB301"]
    assert found[1].severity is Severity.ERROR
    assert "XX100" in found[1].message
    assert found[0].fix_safety is FixSafety.SAFE


def test_fingerprints_identify_findings() -> None:
    """A different rule, file, document or pointer changes the fingerprint; the same finding keeps it."""
    locations = [
        Location("a.json", ("messages", 0)),
        Location("a.json", ("messages", 1)),
        Location("a.json", ("messages", 0), document=1),
        Location("b.json", ("messages", 0)),
    ]
    runner = RuleRunner(select_rules(RULES, [ALL]))
    uses = [image("<png 300x300>")._replace(location=location) for location in (*locations, *locations)]
    prints = [finding.fingerprint for use in uses for finding in runner.check_image(use, LIMITS)]
    assert len(set(prints)) == len(prints) // 2 == 12


def test_rules_are_run_on_subjects_of_their_level() -> None:
    """A rule on batches runs on batches only, and one that raises is a finding there too."""

    @rule("XX200", "counts", level=Level.BATCH, severity=Severity.ERROR, since="1")
    def counts(batch: Batch, _ctx: Context) -> Iterator[Problem]:
        """It counts, and breaks on an empty batch."""
        yield Problem(message=f"{1 // batch.request_count} seen")

    rules = select_rules([counts, *RULES], [ALL])
    runner = RuleRunner(rules)
    assert rules.has("XX200")
    assert [rule.code for rule, _ in rules.batch] == ["XX200"]
    assert "XX200" not in [finding.code for finding in runner.check_image(image("<png 300x300>"), LIMITS)]
    [finding] = runner.check_batch(Batch(Location("b.jsonl", ()), byte_size=10, request_count=1), LIMITS)
    assert (finding.code, finding.message, finding.location.path) == ("XX200", "1 seen", "b.jsonl")
    [failure] = runner.check_batch(Batch(Location("b.jsonl", ()), byte_size=10, request_count=0), LIMITS)
    assert (failure.code, failure.severity) == ("IB003", Severity.ERROR)
