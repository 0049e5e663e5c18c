"""Rules run only on requests that have what they look for: that is all requests on which they report."""

from collections.abc import Iterator
from typing import Any

import pytest

from imgbudget.linter.options import RunOptions
from imgbudget.linter.rule_sets import RuleRunner
from imgbudget.linter.run import Session
from imgbudget.model.budgets import NO_BUDGETS
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import TRAITS, RequestUnderTest, bits_of, traits_of, traits_of_model
from imgbudget.model.subjects import ImageUse, Level, Nested, Request, Severity, ShapeFlaw, Turn
from imgbudget.rule import Context, Problem, rule
from imgbudget.testing import image
from imgbudget_rules import RULES
from tests.builders import body, image_block, image_bytes, text_block
from tests.requestreading import request_of as request
from tests.rule_runner import limits_of

PICTURE = image_block(image_bytes((300, 300)))
NOTE = "[Image: original 3000x3000, displayed at 1500x1500. Multiply coordinates by 2.00]"
URL = {"type": "image", "source": {"type": "url", "url": "file:///a.png"}}
SHOT = {"type": "tool_result", "tool_use_id": "t", "content": [text_block(NOTE), PICTURE]}

BODIES: dict[str, dict[str, Any]] = {
    "flaws": body(PICTURE, {"source": 1}),
    "images": body(PICTURE, text_block("What is it?")),
    "addresses": body(URL, text_block("What is it?")),
    "alike_images": body(PICTURE, PICTURE),
    "images_elsewhere": body(SHOT),
    "answers": {
        "model": "claude-sonnet-4-6",
        "messages": [*body(PICTURE)["messages"], {"role": "assistant", "content": "A cat."}]
        + body(text_block("And now?"))["messages"],
    },
    "text_before_image": body(text_block("What is in this picture of mine?"), PICTURE),
    "empty_text": body(PICTURE, text_block("")),
    "surrogate": body(PICTURE, text_block("half \ud83d")),
    "image_text": body(text_block("data:image/png;base64," + PICTURE["source"]["data"] * 40)),
    "stated_size": body(PICTURE, text_block(NOTE)),
}


def traits(found: int) -> set[str]:
    """The names of bits."""
    return {name for name in TRAITS if found & bits_of([name])}


@pytest.mark.parametrize("name", BODIES)
def test_a_request_has_the_trait(name: str) -> None:
    """Each trait is found in a request that has it, and not in a plain one."""
    assert name in traits(traits_of(request(BODIES[name])))
    plain = traits(traits_of(request(body(PICTURE, text_block("What is it?")))))
    assert plain == {"images"}
    assert traits(traits_of(request(body(text_block("Hello."))))) == set()


def test_models_have_traits() -> None:
    """A model that is not known, that has been retired, or that reads text only."""
    assert traits(traits_of_model(limits_of())) == set()
    assert traits(traits_of_model(limits_of("unheard-of-1"))) == {"unknown_model"}
    assert "ending_model" in traits(traits_of_model(limits_of("claude-3-opus-20240229")))


def requests() -> Iterator[Request]:
    """The requests above, each also as a record, a session, and with a model that is not known."""
    for value in BODIES.values():
        made = request(value)
        yield from (made, made._replace(model="unheard-of-1"), made._replace(dialect="transcript"))
        yield made._replace(model="claude-3-opus-20240229", is_record=True)
    nowhere = Location("request.json", ())
    yield Request(nowhere, "unknown", 0, flaws=(ShapeFlaw(nowhere, "is no request"),))
    use: ImageUse = image("<png 3000x300>")
    here = use.location._replace(keys=("messages", 0))
    yield Request(here, "messages", 9, turns=(Turn(here, "user", (Nested(here, "tool_result", (use,)),)),))


@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "gpt-4o", "unheard-of-1"])
def test_traits_leave_out_no_finding(model: str) -> None:
    """The shipped rules find the same with and without their traits, on Claude and elsewhere."""
    options = RunOptions(isolated=True, model=model, pedantic=True, preview=True)
    context = Session(options).context
    chosen = context.paths.runner("request.json").rules
    everywhere = chosen._replace(
        request=tuple((rule._replace(traits=()), severity) for rule, severity in chosen.request)
    )
    reported: set[str] = set()
    for made in requests():
        test = context.bind(made)
        found = RuleRunner(chosen).check_request(test)
        assert (
            found
            == RuleRunner.of(chosen, NO_BUDGETS).check_request(test)
            == RuleRunner(everywhere).check_request(test)
        )
        reported |= {finding.code for finding in found}
    assert {"IB002", "IB409", "IB410", "IB408"} <= reported


def test_rules_that_cannot_report_are_not_called() -> None:
    """A rule gets only requests that have all of its traits, also where the next request has them."""
    called: list[RequestUnderTest | Request] = []

    @rule(
        "XX901", "seen", level=Level.REQUEST, severity=Severity.INFO, since="1", traits=("images", "answers")
    )
    def seen(subject: Request, _ctx: Context) -> Iterator[Problem]:
        """Keeps what it gets."""
        called.append(subject)
        yield Problem("seen")

    rules = Session(RunOptions(isolated=True)).context.paths.runner("request.json").rules
    runner = RuleRunner.of(rules._replace(image=(), request=((seen, None),)), NO_BUDGETS)
    limits = limits_of()
    made = [request(BODIES[name]) for name in ("images", "answers", "images", "answers")]
    for one in made:
        runner.check_request(RequestUnderTest(one, limits))
    assert called == [made[1], made[3]]


def test_mistyped_traits_are_refused() -> None:
    """A name that is no trait, and a text instead of a tuple, are mistakes of the author of a rule."""
    with pytest.raises(ValueError, match=r"traits: unknown 'image'; there are flaws, images"):
        rule("XX902", "no", level=Level.REQUEST, severity=Severity.INFO, since="1", traits=("image",))
    with pytest.raises(TypeError, match=r"traits: expected a tuple of names, found the text 'images'"):
        rule("XX902", "no", level=Level.REQUEST, severity=Severity.INFO, since="1", traits="images")  # type: ignore[call-overload]


def test_shipped_traits_are_on_rules_for_requests() -> None:
    """Rules on images and runs have none: they would have no effect."""
    assert {rule.level for rule in RULES if rule.traits} == {Level.REQUEST}
    assert all(rule.traits == rule.loaded.traits for rule in RULES)
