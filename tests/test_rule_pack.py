"""Rules of other packs: the example pack is found, runs beside the shipped rules, and its own tests pass."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgbudget.limits.geometry import Size
from imgbudget.model.fixes import Resize
from imgbudget.model.subjects import FixSafety, ImageUse, Level, Problem, RunData, Severity
from imgbudget.registry import load_packs
from imgbudget.rule import Context, batch_rule, image_rule, request_rule, rule, whole_run_rule
from imgbudget.testing import check_page
from tests.builders import image_bytes

PACK = Path(__file__).resolve().parents[1] / "examples" / "rule-pack"
CONFIG = "packs: [imgbudget_rules, imgbudget_house_rules]\n"
LOCAL_CHECK = ("-m", "imgbudget", "check", "--allow-local-packs")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in a folder, with the example pack on its path."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PACK)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_pack_runs_where_configuration_names_it(tmp_path: Path) -> None:
    """Named under `packs`, its rule reports beside the shipped ones; unnamed, it is not there."""
    (tmp_path / "screen.jpg").write_bytes(image_bytes((1920, 1080), "JPEG"))
    check = (*LOCAL_CHECK, "--format", "concise")
    assert "HR101" not in run(tmp_path, *check).stdout
    (tmp_path / ".imgbudget.yaml").write_text(CONFIG)
    done = run(tmp_path, *check)
    assert (done.returncode, done.stderr) == (1, "")
    assert "screen.jpg: HR101 warning: a screenshot of 1920x1080 is a JPEG" in done.stdout
    assert "screen.jpg: IB201 warning" in done.stdout


def test_pack_can_be_selected_suppressed_and_shown(tmp_path: Path) -> None:
    """Its codes and names work as those of any rule, its page and its address too."""
    (tmp_path / "screen.jpg").write_bytes(image_bytes((1280, 720), "JPEG"))
    (tmp_path / ".imgbudget.yaml").write_text(CONFIG + "ignore: [screenshot-as-jpeg]\n")
    assert run(tmp_path, *LOCAL_CHECK).returncode == 0
    json = run(tmp_path, *LOCAL_CHECK, "--select", "HR1", "--format", "json").stdout
    assert '"url": "https://example.com/house-rules/hr101"' in json
    assert run(tmp_path, "-m", "imgbudget", "rule", "HR101", "--allow-local-packs").stdout.startswith(
        "# HR101 screenshot-as-jpeg"
    )


def test_its_own_tests_pass() -> None:
    """The tests that a reader copies with it are right."""
    done = run(PACK, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "tests")
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_pages_of_shipped_rules_hold() -> None:
    """What a pack's author is asked to keep is kept here too."""
    for shipped in load_packs(["imgbudget_rules"]).rules:
        if shipped.code != "IB003":
            check_page(shipped)


PAGE = """One sentence.

## Why it matters
It does.

## Reports
{reports}

## Silent
{silent}

## Fix safety
None.

## Source
Us.
"""


@pytest.mark.parametrize(
    ("reports", "silent", "problem", "flaw"),
    [
        ("<png 10x10>", "<png 10x10>", Problem("m"), "reports an example under Silent"),
        ("<png 9x9>", "<gif 9x9>", Problem("m"), "does not report an example under Reports"),
        ("<png 10x10>", "<gif 9x9>", Problem("m", measured=1), "gives a number without a unit"),
        ("<png 10x10>", "<gif 9x9>", Problem("m", fix=Resize(Size(1, 1))), "declares the fix None"),
    ],
)
def test_page_that_the_rule_contradicts_is_reported(
    reports: str, silent: str, problem: Problem, flaw: str
) -> None:
    """Each statement of a page that its rule contradicts is named, with the rule."""

    def checker(use: ImageUse, _ctx: Context):  # type: ignore[no-untyped-def]  # noqa: ANN202
        if use.size == (10, 10):
            yield problem

    checker.__doc__ = PAGE.format(reports=reports, silent=silent)
    broken = rule("HR199", "broken-page", level=Level.IMAGE, severity=Severity.INFO, since="0.1")(checker)
    with pytest.raises(AssertionError, match=f"HR199 broken-page {flaw}"):
        check_page(broken)


def test_page_without_its_headings_is_reported() -> None:
    """A docstring of one line is no page."""

    def checker(use: ImageUse, _ctx: Context):  # type: ignore[no-untyped-def]  # noqa: ANN202
        """One sentence."""
        yield Problem("m")

    make = rule(
        "HR199", "no-page", level=Level.IMAGE, severity=Severity.INFO, fix=FixSafety.SAFE, since="0.1"
    )
    with pytest.raises(AssertionError, match="HR199 no-page has the headings"):
        check_page(make(checker))


def test_page_of_ten_steps_shows_the_pack_that_is_there() -> None:
    """The steps, the file and the import line on the page are those of the example."""
    page = (PACK.parents[1] / "docs" / "how-to-add-a-rule.md").read_text("utf-8")
    assert re.findall(r"^(\d+)\. \*\*", page, re.MULTILINE) == [str(i) for i in range(1, 11)]
    rule = PACK / "imgbudget_house_rules" / "hr101_screenshot_as_jpeg.py"
    assert rule.name in page
    (line,) = re.findall(r"^ *(from imgbudget\.rule import .*)$", page, re.MULTILINE)
    assert line in rule.read_text("utf-8")
    assert CONFIG.strip() in page


def test_decorators_of_0_1_work_for_one_more_release() -> None:
    """Each makes the same rule as `rule`, with a warning that names the replacement."""
    with pytest.warns(DeprecationWarning, match=r"rule HR101: use @rule\(\.\.\., level=Level.IMAGE\)"):
        decorate = image_rule("HR101", "old", severity=Severity.INFO, since="0.1", by_size=True, by_kind=True)
    with pytest.warns(DeprecationWarning, match="Level.REQUEST"):
        of_request = request_rule("HR102", "old-too", severity=Severity.INFO, since="0.1")
    with pytest.warns(DeprecationWarning, match="Level.BATCH"):
        of_batch = batch_rule("HR103", "old-as-well", severity=Severity.INFO, since="0.1")
    with pytest.warns(DeprecationWarning, match="Level.RUN"):
        of_run = whole_run_rule("HR104", "oldest", severity=Severity.INFO, since="0.1", watch=RunData.TOTALS)

    def check(*_: object) -> Iterator[Problem]:
        yield from ()

    assert decorate(check) == rule("HR101", "old", level=Level.IMAGE, severity=Severity.INFO, since="0.1")(
        check
    )
    assert of_request(check).level is Level.REQUEST
    assert of_batch(check).level is Level.BATCH
    assert (of_run(check).level, of_run(check).run_data) == (Level.RUN, RunData.TOTALS)


def test_an_unknown_option_of_a_rule_is_an_error() -> None:
    """A misspelt option ends the import of the pack."""
    options = {"severity": Severity.INFO, "since": "0.1", "fixs": FixSafety.SAFE}
    make = rule("HR101", "a", level=Level.IMAGE, **options)  # type: ignore[call-overload]  # the point
    with pytest.raises(TypeError, match="fixs"):
        make(lambda _use, _ctx: iter(()))
