"""IB0: what cannot be read, as an image or as a request."""

from imgbudget.testing import image, request, run_rule
from imgbudget_rules.ib001_unreadable_image import unreadable_image
from imgbudget_rules.ib002_malformed_request import malformed_request
from imgbudget_rules.ib003_rule_failed import rule_failed

TURN = {"role": "user"}


def test_valid_image_is_readable() -> None:
    """A format, a size and no damage: silent."""
    assert run_rule(unreadable_image, image("<jpeg 800x600>")) == []


def test_known_format_that_the_api_refuses_is_readable() -> None:
    """A BMP is another rule's business."""
    assert run_rule(unreadable_image, image("<bmp 800x600>")) == []


def test_image_without_bytes_is_not_checked() -> None:
    """A URL has no facts."""
    source = {"type": "url", "url": "https://example.com/a.png"}
    assert (
        run_rule(
            unreadable_image,
            request({"messages": [TURN | {"content": [{"type": "image", "source": source}]}]}),
        )
        == []
    )


def test_base64_that_cannot_be_decoded_is_not_reported_twice() -> None:
    """Unrepairable and empty base64 texts are IB106 alone."""
    empty = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
    content = [empty, "<png 800x600 flaw='has a wrong alphabet' unrepairable>"]
    assert run_rule(unreadable_image, request({"messages": [TURN | {"content": content}]})) == []


def test_page_saved_as_an_image_is_named() -> None:
    """HTML under an image's name: the message says what it is."""
    [problem] = run_rule(unreadable_image, image("<html named=photo.jpg>"))
    assert problem.message == "is not an image but HTML"


def test_damage_is_reported_in_the_message() -> None:
    """The message contains the description of the damage."""
    [problem] = run_rule(unreadable_image, image('<jpeg 800x600 damage="ends early">'))
    assert problem.message == "cannot be decoded: ends early"


def test_damage_in_a_request_names_the_answer_of_the_api() -> None:
    """For a block the message quotes what the API will say."""
    [problem] = run_rule(
        unreadable_image, request({"messages": [TURN | {"content": ["<png damage='ends early'>"]}]})
    )
    assert "`Could not process image`" in problem.message


def test_valid_request_has_no_flaw() -> None:
    """A body with turns: silent."""
    assert run_rule(malformed_request, request({"messages": [TURN | {"content": "hello"}]})) == []


def test_each_flaw_is_a_problem_at_its_location() -> None:
    """A `messages` that is not an array is reported at its location."""
    [problem] = run_rule(malformed_request, request({"messages": "hello"}))
    assert problem.message == "messages is a string, not an array"
    assert problem.location is not None
    assert problem.location.pointer == "/messages"


def test_text_that_is_no_json_is_a_malformed_request() -> None:
    """A body cut off is one flaw at the request itself."""
    [problem] = run_rule(malformed_request, request('{"messages": ['))
    assert problem.message.startswith("is not JSON: ")


def test_rule_failed_reports_nothing_by_itself() -> None:
    """Only the engine reports it."""
    assert run_rule(rule_failed, image('<jpeg 9000x9000 damage="ends early">')) == []
