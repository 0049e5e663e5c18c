"""When a fix counts: what it was to settle is gone, and nothing as bad has come for it."""

from imgbudget.fixing.strategy import STILL_THERE, failed_fixes, key_of
from imgbudget.model.location import Location
from imgbudget.model.subjects import Finding, Severity
from tests.findings import finding_of

IMAGE = Location("r.json", ("messages", 0, "content", 0, "source"))
OTHER = Location("r.json", ("messages", 0, "content", 1, "source"))
REQUEST = Location("r.json", ())
ELSEWHERE = Location("r.json", (), document=1)


def finding(code: str, location: Location = IMAGE, severity: Severity = Severity.WARNING) -> Finding:
    """Make a finding of a severity at a location."""
    return finding_of(code=code, name="a-name", location=location, severity=severity)


def failed(
    before: list[Finding], after: list[Finding], active: list[Finding], *, moved: bool = False
) -> dict[str, str]:
    """The codes of the fixes that failed, with the reasons."""
    return {
        f"{code} {location.pointer}": why
        for (code, location), why in failed_fixes(before, after, active, moved=moved).items()
    }


def test_what_is_gone_is_proven() -> None:
    """And what was not to be fixed may stay."""
    oversized, tiny = finding("IB201"), finding("IB301")
    assert failed([oversized, tiny], [tiny], [oversized]) == {}


def test_what_is_still_there_failed() -> None:
    """Each fix for itself."""
    one, two = finding("IB201"), finding("IB201", OTHER)
    assert failed([one, two], [two], [one, two]) == {"IB201 /messages/0/content/1/source": STILL_THERE}


def test_information_has_to_go_too() -> None:
    """A fixed finding of any severity."""
    info = finding("IB202", severity=Severity.INFO)
    assert failed([info], [info], [info]) == {"IB202 /messages/0/content/0/source": STILL_THERE}


def test_new_warning_fails_the_fix_at_its_place() -> None:
    """Not those of other images."""
    one, two = finding("IB201"), finding("IB201", OTHER)
    why = failed([one, two], [finding("IB304", OTHER)], [one, two])
    assert why == {
        "IB201 /messages/0/content/1/source": "it would cause IB304 a-name: what is wrong",
    }


def test_new_information_fails_nothing() -> None:
    """It is reported, no more."""
    one = finding("IB201")
    assert failed([one], [finding("IB304", severity=Severity.INFO)], [one]) == {}


def test_new_finding_on_the_request_fails_all_fixes_of_its_document() -> None:
    """No fix is at its location, and fixes on other lines are not affected."""
    one, two = finding("IB201"), finding("IB201", ELSEWHERE)
    why = failed([one, two], [finding("IB401", REQUEST, Severity.ERROR)], [one, two])
    assert list(why) == ["IB201 /messages/0/content/0/source"]


def test_finding_in_place_of_another_is_not_new() -> None:
    """The edge was to become tiny, and has."""
    one, tiny = finding("IB201"), finding("IB302")
    assert failed([one, tiny], [finding("IB301")], [one]) == {}


def test_lesser_finding_than_what_was_fixed_is_not_a_failure() -> None:
    """An image that was refused is now one that may be misread."""
    one = finding("IB104", severity=Severity.ERROR)
    assert failed([one], [finding("IB301")], [one]) == {}
    assert list(failed([one], [finding("IB103", severity=Severity.ERROR)], [one])) == [
        "IB104 /messages/0/content/0/source"
    ]


def test_moved_blocks_are_counted_by_document() -> None:
    """After a block is removed, the findings on later blocks have other locations."""
    empty, tiny = finding("IB407", IMAGE, Severity.ERROR), finding("IB301", OTHER)
    assert failed([empty, tiny], [finding("IB301")], [empty], moved=True) == {}
    both = [finding("IB301"), finding("IB301", OTHER)]
    assert failed([empty, tiny], both, [empty], moved=True) == {}
    worse = [finding("IB301"), finding("IB101", OTHER, Severity.ERROR)]
    assert list(failed([empty, tiny], worse, [empty], moved=True)) == ["IB407 /messages/0/content/0/source"]


def test_file_may_get_another_name() -> None:
    """Places compare without it."""
    before = finding("IB301", Location("a.bmp"))
    one = finding("IB104", Location("a.bmp"), Severity.ERROR)
    assert failed([one, before], [finding("IB301", Location("a.png"))], [one]) == {}
    assert key_of(finding("IB301", Location("a.bmp"))) == key_of(finding("IB301", Location("a.png")))
