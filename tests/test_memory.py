"""Images like those before: what is remembered of them is what the rules say of each of them."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.linter.evaluate import run_rules
from imgbudget.linter.memory import ImageRuleCache
from imgbudget.model.budgets import NO_BUDGETS
from imgbudget.model.location import Location
from imgbudget.model.subjects import Finding, ImageFacts, ImageUse, Level, Origin, Problem, Severity
from imgbudget.registry import AnyRule
from imgbudget.rule import Context, rule
from tests.rule_runner import limits_of, rules

IMAGE_RULES = rules(pedantic=True).rules.image
LIMITS = (limits_of(), limits_of("gpt-5", "openai"), limits_of("gemini-2.5-pro", "gemini"))

OFTEN = (*[LIMITS[0]] * 10, *LIMITS[1:])
SIZES = (None, Size(0, 9), Size(100, 100), Size(1121, 800), Size(4000, 210), Size(9000, 9000))

values = {
    "byte_size": (0, 90_000, 2_000_000, 9_000_000),
    "format": ("jpeg", "png", "gif", "webp", "bmp", None),
    "size": SIZES,
    "orientation": (1, 6, 9),
    "frames": (1, 2, 7),
    "has_location": (False, True),
    "quality": (None, 30, 96),
    "metadata_bytes": (None, 0, 80_000),
    "declared": (None, "image/png", "image/jpeg"),
}
changes = st.sampled_from([(name, value) for name, some in values.items() for value in some])
"""What a file has otherwise than the one before it."""


def file_of(facts: ImageFacts, declared: str | None = None, name: str = "a.png") -> ImageUse:
    """A file with these facts."""
    return ImageUse(Location(name), Origin.PATH, facts, declared, (facts.byte_size + 2) // 3 * 4)


@given(st.lists(st.tuples(changes, st.sampled_from(OFTEN)), min_size=20, max_size=60))
def test_findings_do_not_depend_on_earlier_files(
    entry: list[tuple[tuple[str, Any], Limits]],
) -> None:
    """The same findings in the same order, whatever was checked before and for which model."""
    files = ImageRuleCache(IMAGE_RULES, NO_BUDGETS)
    facts, declared = ImageFacts(90_000, "jpeg", Size(500, 500)), "image/jpeg"
    for number, ((name, value), limits) in enumerate(entry):
        if name == "declared":
            declared = value
        else:
            facts = facts._replace(**{name: value})
        # every third one is cut: nothing is to be remembered of it
        use = file_of(facts._replace(damage=None if number % 3 else "is cut"), declared, f"{number}.png")
        expected = list(run_rules(IMAGE_RULES, use, limits, NO_BUDGETS))
        assert [everywhere(found) for found in files.check_facts(use, limits)] == list(
            map(everywhere, expected)
        )
        assert files.check_image(use, limits) == expected


def everywhere(found: Finding) -> Finding:
    """A finding without what depends on its location."""
    return found._replace(location=Location(""), fingerprint="")


@given(
    st.lists(
        st.tuples(
            changes,
            st.sampled_from([None, "error", "resize"]),
            st.sampled_from([None, "computer_toolset_20260801", "other"]),
            st.sampled_from([(), ("holds 1 line break or blank",)]),
            st.sampled_from(["user", "assistant"]),
            st.sampled_from(OFTEN),
        ),
        min_size=20,
        max_size=60,
    )
)
def test_findings_do_not_depend_on_earlier_blocks(
    entry: list[tuple[tuple[str, Any], str | None, str | None, tuple[str, ...], str, Limits]],
) -> None:
    """Whatever options its block has, and whatever is wrong with its text."""
    blocks = ImageRuleCache(IMAGE_RULES, NO_BUDGETS)
    facts, declared = ImageFacts(90_000, "jpeg", Size(500, 500)), "image/jpeg"
    for number, ((name, value), oversized, toolset, flaws, role, limits) in enumerate(entry):
        if name == "declared":
            declared = value
        else:
            facts = facts._replace(**{name: value})
        use = ImageUse(
            Location("a.json", ("messages", 0, "content", number, "source")),
            Origin.BASE64,
            facts,
            declared,
            facts.byte_size // 3 * 4 + 4,
            flaws,
            role=role,
            oversized=oversized,
            toolset=toolset,
        )
        assert blocks.check_image(use, limits) == list(run_rules(IMAGE_RULES, use, limits, NO_BUDGETS))


def test_a_failing_rule_is_reported_for_each_file() -> None:
    """A failure names its own file; the findings of the other rules around it are unchanged."""

    @rule("IB950", "fragile", level=Level.IMAGE, severity=Severity.ERROR, since="1")
    def fragile(_use: ImageUse, _ctx: Context) -> Iterator[Problem]:
        """It fails."""
        raise ValueError("no")
        yield

    image_rules = ((fragile, None), *IMAGE_RULES)
    files = ImageRuleCache(image_rules, NO_BUDGETS)
    for name, size in (
        ("a", Size(4000, 100)),
        ("b", Size(4000, 100)),
        ("c", Size(500, 500)),
        ("d", Size(500, 500)),
    ):
        use = file_of(ImageFacts(9, "png", size), name=name)
        found = files.check_image(use, LIMITS[0])
        assert found == list(run_rules(image_rules, use, LIMITS[0], NO_BUDGETS))
        assert found[0].code == "IB003"
        assert {finding.location.path for finding in found} == {name}


def test_cached_findings_are_separate_for_each_model() -> None:
    """Even if two threads check with different limits at the same time, as the guard may."""
    use = file_of(ImageFacts(9, "png", Size(40, 40)))
    inside: list[Finding] = []

    @rule("IB952", "slow", level=Level.IMAGE, severity=Severity.ERROR, since="1")
    def slow(_use: ImageUse, ctx: Context) -> Iterator[Problem]:
        """It takes long, and meanwhile the other one has come."""
        if ctx.limits is LIMITS[0] and not inside:
            inside.extend(files.check_image(use, LIMITS[1]))
        yield Problem(message=ctx.limits.model)

    files = ImageRuleCache([(slow, None)], NO_BUDGETS)
    for limits in (LIMITS[0], LIMITS[1], LIMITS[0], LIMITS[1]):
        assert [finding.message for finding in files.check_image(use, limits)] == [limits.model]
    assert [finding.message for finding in inside] == [LIMITS[1].model]


def test_findings_at_other_locations_are_not_cached() -> None:
    """Such a finding is made again for the next file."""
    other = Location("other.json", ())

    @rule("IB951", "elsewhere", level=Level.IMAGE, severity=Severity.ERROR, since="1")
    def elsewhere(use: ImageUse, _ctx: Context) -> Iterator[Problem]:
        """It looks elsewhere."""
        yield Problem(message=use.location.path, location=other)

    files = ImageRuleCache([(elsewhere, None)], NO_BUDGETS)
    found: list[Finding] = []
    for name in ("a.png", "b.png"):
        found += files.check_image(file_of(ImageFacts(9, "png", Size(40, 40)), name=name), LIMITS[0])
    assert [(finding.message, finding.location) for finding in found] == [("a.png", other), ("b.png", other)]


def test_shipped_rules_are_not_run_again_for_an_image_like_one_before() -> None:
    """Only the rules on bytes and metadata are run for each file."""
    ran: list[str] = []

    def counting(rule: AnyRule) -> AnyRule:
        check = rule.check

        def counted(use: ImageUse, ctx: Context) -> Iterator[Problem]:
            ran.append(rule.code)
            yield from check(use, ctx)

        return rule._replace(check=counted)

    files = ImageRuleCache([(counting(rule), severity) for rule, severity in IMAGE_RULES], NO_BUDGETS)
    photo = ImageFacts(90_000, "jpeg", Size(4000, 210), quality=90)
    for number, facts in enumerate([photo] * 3 + [photo._replace(byte_size=80_000, metadata_bytes=70_000)]):
        ran.clear()
        files.check_image(file_of(facts, "image/jpeg", f"{number}.jpg"), LIMITS[0])
    assert ran == ["IB103", "IB205", "IB206"]


def test_nothing_is_remembered_any_longer_where_each_image_has_its_own_size() -> None:
    """The findings are the same as before, and the memory does not grow."""
    files = ImageRuleCache(IMAGE_RULES, NO_BUDGETS)
    for number in range(2_100):
        use = file_of(ImageFacts(90_000, "jpeg", Size(500 + number, 210)), "image/jpeg", f"{number}.jpg")
        found = files.check_image(use, LIMITS[0])
        if number % 100 < 3:
            assert found == list(run_rules(IMAGE_RULES, use, LIMITS[0], NO_BUDGETS))


SMALL, LARGE = ImageFacts(500, "png", Size(400, 400)), ImageFacts(500_000, "png", Size(400, 400))


def _hidden_in_a_helper(use: ImageUse) -> int:
    return use.facts.byte_size if use.facts else 0


@cache
def _cached(facts: ImageFacts | None) -> int:
    return facts.byte_size if facts else 0


def _by_type(use: ImageUse) -> int:
    return use.facts.byte_size if type(use) is ImageUse and use.facts else 0


def _by_index(use: ImageUse) -> int:
    facts: Any = use[2]
    return int(facts[0])


def _by_unpacking(use: ImageUse) -> int:
    _, _, facts, *_ = use
    return facts.byte_size if isinstance(facts, ImageFacts) else 0


def _as_tuples(use: ImageUse) -> int:
    facts: Any = tuple(use)[2]
    return int(facts[0])


def _by_sum(use: ImageUse) -> int:
    none: tuple[Any, ...] = (0,)
    return int(none.__add__(use.facts or ())[1])


def _behind_python(use: ImageUse) -> int:
    facts: Any = tuple.__getitem__(use, 2)
    return int(facts[0])


def _by_pattern(use: ImageUse) -> int:
    match use:
        case (_, _, ImageFacts(byte_size=size), *_):
            return size
    return 0


def _by_class_pattern(use: ImageUse) -> int:
    match use:
        case ImageUse(facts=ImageFacts(byte_size=size)):
            return size
    return 0


def _with_a_net(use: ImageUse) -> int:
    try:
        return use.facts.byte_size if use.facts else 0
    except Exception:  # noqa: BLE001 - what a careless rule does
        return 0


WAYS: dict[str, Callable[[ImageUse], int]] = {
    "field": lambda use: use.facts.byte_size if use.facts else 0,
    "helper": _hidden_in_a_helper,
    "cached helper": lambda use: _cached(use.facts),
    "base64": lambda use: use.base64_size or 0,
    "type": _by_type,
    "index": _by_index,
    "unpacking": _by_unpacking,
    "tuple": _as_tuples,
    "behind python": _behind_python,
    "pattern": _by_pattern,
    "class pattern": _by_class_pattern,
    "net": _with_a_net,
    "text": lambda use: len(f"{use.facts}") + len(str(use)) - 300 if "byte_size=500000" in repr(use) else 0,
    "method": lambda use: use._asdict()["facts"]._replace(frames=1).byte_size,
    "comparison": lambda use: 500_000 if use.facts == LARGE else 0,
    "membership": lambda use: 500_000 if use.facts in (LARGE, None) else 0,
    "hash": lambda use: {LARGE: 500_000}.get(use.facts or SMALL, 0),
    "sum": _by_sum,
    "later": lambda use: 500_000 if use.facts and use.facts.format == "png" and use.facts != SMALL else 0,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("order", [(SMALL, LARGE), (LARGE, SMALL)], ids=["small first", "large first"])
def test_a_rule_on_bytes_is_right_in_either_order(way: str, order: tuple[ImageFacts, ...]) -> None:
    """However a rule reads the facts, an image never has the findings of another one of its size."""
    read = WAYS[way]

    @rule("ZZ101", "heavy-file", level=Level.IMAGE, severity=Severity.WARNING, since="1")
    def heavy(use: ImageUse, _ctx: Context) -> Iterator[Problem]:
        """It is heavy."""
        if read(use) > 10_000 or (way == "text" and read(use) > 0):
            yield Problem(message="heavy")

    files = ImageRuleCache([(heavy, None)], NO_BUDGETS)
    for number, facts in enumerate([order[0], order[0], order[1], order[1], order[0], order[1]]):
        found = files.check_image(file_of(facts, name=f"{number}.png"), LIMITS[0])
        assert [finding.message for finding in found] == (["heavy"] if facts is LARGE else [])


READABLE = ("format", "size", "orientation", "frames", "quality", "declared")

decisions = st.recursive(
    st.integers(0, 3),
    lambda more: st.tuples(st.sampled_from(READABLE), st.integers(0, 6), more, more),
    max_leaves=12,
)
"""Rules as trees of decisions: which value to read, what to compare it with, and what to do then."""


@given(
    decisions,
    st.lists(st.tuples(*(st.integers(0, 2) for _ in READABLE)), min_size=5, max_size=40),
)
def test_what_a_rule_reads_may_depend_on_what_it_read_before(
    decision: Any, images: list[tuple[int, ...]]
) -> None:
    """Any tree of decisions gives each image the findings that it has by itself."""

    def decide(use: ImageUse, node: Any) -> int:
        if isinstance(node, int):
            return node
        name, number, yes, no = node
        value = use.declared if name == "declared" else getattr(use.facts, name)
        return decide(use, yes if value == values[name][number % len(values[name])] else no)

    @rule("ZZ102", "decides", level=Level.IMAGE, severity=Severity.WARNING, since="1")
    def decides(use: ImageUse, _ctx: Context) -> Iterator[Problem]:
        """It decides."""
        if leaf := decide(use, decision):
            yield Problem(message=str(leaf))

    image_rules = [(decides, None)]
    files = ImageRuleCache(image_rules, NO_BUDGETS)
    for number, chosen in enumerate(images):
        made: dict[str, Any] = {name: values[name][i] for name, i in zip(READABLE, chosen, strict=True)}
        declared = made.pop("declared")
        use = file_of(ImageFacts(9, **made), declared, f"{number}.png")
        assert files.check_image(use, LIMITS[0]) == list(run_rules(image_rules, use, LIMITS[0], NO_BUDGETS))


def test_a_value_is_not_remembered_with_a_stand_in_in_its_finding() -> None:
    """A problem that holds the facts themselves holds those of the image it is about."""

    @rule("ZZ103", "holds-facts", level=Level.IMAGE, severity=Severity.WARNING, since="1")
    def holds(use: ImageUse, _ctx: Context) -> Iterator[Problem]:
        """It hands its facts on."""
        yield Problem(message="m", unit=cast("Any", use.facts))

    files = ImageRuleCache([(holds, None)], NO_BUDGETS)
    for facts in (SMALL, SMALL, LARGE):
        (finding,) = files.check_image(file_of(facts), LIMITS[0])
        assert cast("Any", finding.unit) is facts
