"""Images like those before: what is remembered of them is what the rules say of each of them."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from imgbudget.budgets import NO_BUDGETS
from imgbudget.engine.memory import Images
from imgbudget.engine.running import run_rules
from imgbudget.limits import Limits
from imgbudget.model import Finding, ImageFacts, ImageUse, Origin, Place, Problem, Severity
from imgbudget.rule import Context, Size, image_rule
from imgbudget_rules import RULES
from tests.rule_runner import limits_of, rules

JUDGED = rules(pedantic=True).rules.image
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
    return ImageUse(Place(name), Origin.PATH, facts, declared, (facts.byte_size + 2) // 3 * 4)


@given(st.lists(st.tuples(changes, st.sampled_from(OFTEN)), min_size=20, max_size=60))
def test_a_file_is_judged_as_if_it_were_the_first(
    met: list[tuple[tuple[str, Any], Limits]],
) -> None:
    """The same findings in the same order, whatever came before it and for which model."""
    files = Images(JUDGED, NO_BUDGETS)
    facts, declared = ImageFacts(90_000, "jpeg", Size(500, 500)), "image/jpeg"
    for number, ((name, value), limits) in enumerate(met):
        if name == "declared":
            declared = value
        else:
            facts = facts._replace(**{name: value})
        # every third one is cut: nothing is to be remembered of it
        use = file_of(facts._replace(damage=None if number % 3 else "is cut"), declared, f"{number}.png")
        assert files.judge(use, limits) == list(run_rules(JUDGED, use, limits, NO_BUDGETS))


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
def test_an_image_of_a_request_is_judged_as_if_it_were_the_first(
    met: list[tuple[tuple[str, Any], str | None, str | None, tuple[str, ...], str, Limits]],
) -> None:
    """Whatever its block wishes, and whatever is wrong with its text."""
    blocks = Images(JUDGED, NO_BUDGETS)
    facts, declared = ImageFacts(90_000, "jpeg", Size(500, 500)), "image/jpeg"
    for number, ((name, value), oversized, toolset, flaws, role, limits) in enumerate(met):
        if name == "declared":
            declared = value
        else:
            facts = facts._replace(**{name: value})
        use = ImageUse(
            Place("a.json", ("messages", 0, "content", number, "source")),
            Origin.BASE64,
            facts,
            declared,
            facts.byte_size // 3 * 4 + 4,
            flaws,
            role=role,
            oversized=oversized,
            toolset=toolset,
        )
        assert blocks.judge(use, limits) == list(run_rules(JUDGED, use, limits, NO_BUDGETS))


def test_a_rule_that_fails_is_told_for_each_file_and_in_its_place() -> None:
    """A failure names its own file; the findings of the other rules stand around it as ever."""

    @image_rule("IB950", "fragile", severity=Severity.ERROR, since="1", by_kind=True)
    def fragile(_use: ImageUse, _ctx: Context) -> Iterator[Problem]:
        """It fails."""
        raise ValueError("no")
        yield

    judged = ((fragile, None), *JUDGED)
    files = Images(judged, NO_BUDGETS)
    for name, size in (
        ("a", Size(4000, 100)),
        ("b", Size(4000, 100)),
        ("c", Size(500, 500)),
        ("d", Size(500, 500)),
    ):
        use = file_of(ImageFacts(9, "png", size), name=name)
        found = files.judge(use, LIMITS[0])
        assert found == list(run_rules(judged, use, LIMITS[0], NO_BUDGETS))
        assert found[0].code == "IB003"
        assert {finding.place.path for finding in found} == {name}


def test_what_is_said_for_one_model_is_not_remembered_for_another() -> None:
    """Not even where one thread judges by other limits while another one is at it, as the guard's may."""
    use = file_of(ImageFacts(9, "png", Size(40, 40)))
    inside: list[Finding] = []

    @image_rule("IB952", "slow", severity=Severity.ERROR, since="1", by_size=True)
    def slow(_use: ImageUse, ctx: Context) -> Iterator[Problem]:
        """It takes long, and meanwhile the other one has come."""
        if ctx.limits is LIMITS[0] and not inside:
            inside.extend(files.judge(use, LIMITS[1]))
        yield Problem(message=ctx.limits.model)

    files = Images([(slow, None)], NO_BUDGETS)
    for limits in (LIMITS[0], LIMITS[1], LIMITS[0], LIMITS[1]):
        assert [finding.message for finding in files.judge(use, limits)] == [limits.model]
    assert [finding.message for finding in inside] == [LIMITS[1].model]


def test_what_a_rule_says_of_another_place_is_not_remembered() -> None:
    """Such a finding is made anew for the next file."""
    other = Place("other.json", ())

    @image_rule("IB951", "elsewhere", severity=Severity.ERROR, since="1", by_size=True)
    def elsewhere(use: ImageUse, _ctx: Context) -> Iterator[Problem]:
        """It looks elsewhere."""
        yield Problem(message=use.place.path, place=other)

    files = Images([(elsewhere, None)], NO_BUDGETS)
    found: list[Finding] = []
    for name in ("a.png", "b.png"):
        found += files.judge(file_of(ImageFacts(9, "png", Size(40, 40)), name=name), LIMITS[0])
    assert [(finding.message, finding.place) for finding in found] == [("a.png", other), ("b.png", other)]


def test_every_rule_on_images_says_what_it_looks_at_or_looks_at_bytes() -> None:
    """The few rules that are run on each file are those on bytes, base64 text and budgets."""
    every = {rule.code for rule in RULES if rule.level.name == "IMAGE" and not (rule.by_size or rule.by_kind)}
    assert every == {"IB103", "IB205", "IB206", "IB601", "IB605"}
