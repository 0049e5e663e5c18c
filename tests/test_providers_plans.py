"""Several providers from the command line: one plan for several models, coordinates, audits side by side."""

from pathlib import Path

import pytest

from tests.builders import image_bytes
from tests.conftest import Command


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo that every model which scales at all scales down."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(image_bytes((4000, 3000), "JPEG"))
    return path


# --- plans for several models ---


def test_largest_size_that_no_model_shrinks(imgbudget: Command, photo: Path) -> None:
    """The strictest model decides and is named; each model's size, tokens and cost are shown."""
    names = "gpt-4o,claude-sonnet-4-6,gemini-2.5-flash"
    document = imgbudget("plan", str(photo), "--model", names, "--format", "json").json
    (plan,) = document["plans"]
    assert (plan["to"], plan["reason"]) == ([1024, 768], "gpt-4o downscales anything larger")
    views = {view["model"]: view for view in plan["models"]}
    assert list(views) == names.split(",")
    assert views["gpt-4o"]["before"]["resized"] == views["gpt-4o"]["after"]["resized"] == [1024, 768]
    assert (
        views["claude-sonnet-4-6"]["before"]["tokens"],
        views["claude-sonnet-4-6"]["after"]["tokens"],
    ) == (
        1564,
        1036,
    )
    assert views["gemini-2.5-flash"]["after"]["resized"] is None
    text = imgbudget("plan", str(photo), "--model", names).out
    assert "4000x3000  1024x768  gpt-4o" in text
    assert "1270x952 → 1024x768" in text
    assert "tokens of all images" in text


def test_cheapest_size_within_a_tenth(imgbudget: Command, photo: Path) -> None:
    """No tile of GPT-4o is saved within a tenth, some of Claude's patches are."""
    arguments = ("plan", str(photo), "--model", "gpt-4o,claude-sonnet-4-6", "--format", "json")
    (large,) = imgbudget(*arguments).json["plans"]
    (cheap,) = imgbudget(*arguments, "--cheapest").json["plans"]
    assert large["to"][0] * 0.9 <= cheap["to"][0] < large["to"][0]
    costs = [sum(view["after"]["cost_usd"] for view in plan["models"]) for plan in (large, cheap)]
    assert costs[1] < costs[0]
    for view in cheap["models"]:
        assert view["after"]["resized"] == cheap["to"]


def test_plan_for_several_is_applied(imgbudget: Command, photo: Path) -> None:
    """--apply writes the size that suits them all, and then there is nothing left to do."""
    assert imgbudget("plan", str(photo), "--model", "gpt-4o,claude-opus-5-5", "--apply").code == 0
    document = imgbudget("plan", str(photo), "--model", "gpt-4o,claude-opus-5-5", "--format", "json").json
    assert (document["plans"][0]["from"], document["plans"][0]["changes"]) == ([1024, 768], False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--cheapest",), "the cheapest size needs the models to compare"),
        (
            ("--model", "gpt-4o,nova-lite", "--target", "native"),
            "a size for several models is chosen by their limits",
        ),
    ],
)
def test_plans_for_several_that_make_no_sense(
    imgbudget: Command, photo: Path, arguments: tuple[str, ...], message: str
) -> None:
    """They are mistakes of use."""
    run = imgbudget("plan", str(photo), *arguments)
    assert (run.code, message in run.err) == (2, True)


@pytest.mark.parametrize(
    "case",
    [
        ("gpt-4o", 500, [683, 512], 425),
        ("gpt-5.6-sol", 1000, [1056, 792], 990),
        ("gemini-2.5-flash", 500, [4000, 3000], 258),
        ("gemini-3-pro-preview", 500, [4000, 3000], 1064),
    ],
)
def test_token_targets_of_others(
    imgbudget: Command, photo: Path, case: tuple[str, int, list[int], int]
) -> None:
    """A token target uses the provider's own steps; with flat counts no size can reach it."""
    model, target, to, tokens = case
    arguments = ("--model", model, "--target", f"tokens:{target}", "--format", "json")
    (plan,) = imgbudget("plan", str(photo), *arguments).json["plans"]
    assert (plan["to"], plan["row"]) == (to, None)
    assert (plan["after"]["tokens"], plan["after"]["tokens_area"]) == (tokens, None)


def test_coordinates_of_others(imgbudget: Command) -> None:
    """Mapped if the effective size is published, otherwise refused."""
    out = imgbudget("coords", "--original", "4032x3024", "512,384", "--model", "gpt-4o").out
    assert "gpt-4o sees 4032x3024 as 1024x768" in out
    assert "2016,1512" in out
    run = imgbudget("coords", "--original", "4032x3024", "512,384", "--model", "gemini-2.5-flash")
    assert run.code == 2
    assert "the size that gemini-2.5-flash downscales images to is not published" in run.err


# --- audit ---


def test_audit_shows_models_side_by_side(imgbudget: Command, photo: Path) -> None:
    """In text, Markdown and JSON: each model by its own rule."""
    for form in ("full", "markdown"):
        out = imgbudget(
            "audit", str(photo), "--model", "claude-sonnet-4-6,gpt-4o,gemini-2.5-flash", "--format", form
        ).out
        assert "Models side by side" in out
        assert "$0.0019" in out
    document = imgbudget(
        "audit", str(photo), "--model", "claude-sonnet-4-6,gpt-4o,gemini-2.5-flash", "--format", "json"
    ).json
    imgbudget("audit", str(photo), "--model", "claude-sonnet-4-6,gpt-4o,nova-lite", "--html", "out.html")
    page = (photo.parent / "out.html").read_text(encoding="utf-8")
    assert "for the models to compare" in page
    assert "nova-lite" in page
    found = [(row["model"], row["platform"], row["tokens"]) for row in document["statistics"]["models"]]
    assert found[1:] == [("gpt-4o", "openai", 765), ("gemini-2.5-flash", "gemini", 258)]
    assert found[0] == ("claude-sonnet-4-6", "anthropic", 1564)


def test_audit_for_another_provider(imgbudget: Command, photo: Path) -> None:
    """The headline counts as the model of the audit does."""
    out = imgbudget("audit", str(photo), "--model", "gpt-5-mini").out
    assert "1743 visual tokens on gpt-5-mini (openai)" in out
