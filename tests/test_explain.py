"""`imgbudget explain`: error texts in every wrapping are known, with rule, numbers, status and location."""

import csv
import json
import re
from collections.abc import Callable

import pytest

from imgbudget.explaining.match import explain
from imgbudget.explaining.patterns import ERROR_PATTERNS
from imgbudget.explaining.wording import pattern
from tests.builders import CORPUS
from tests.conftest import Command
from tests.errortexts import OTHERS, TEXTS, ErrorText
from tests.test_all_rules import CONTRACT

MANY = "At least one of the image dimensions exceed max allowed size for many-image requests: 2000 pixels"


def located(text: ErrorText) -> str:
    """The message as the API sends it: its location before it."""
    if text.path is None:
        return text.text
    return ".".join(part for part in ("messages.3.content.11", text.path) if part) + f": {text.text}"


def envelope(text: ErrorText) -> str:
    """The JSON body of the API's answer."""
    error = {"type": "invalid_request_error", "message": located(text)}
    return json.dumps({"type": "error", "error": error, "request_id": "req_011"})


def traceback(text: ErrorText) -> str:
    """What the Python SDK raises: the body as a dict's repr behind the status."""
    error = {"type": "invalid_request_error", "message": located(text)}
    head = "Traceback (most recent call last):\n  File 'agent.py', line 3, in <module>\n    run()\n"
    answer = {"type": "error", "error": error}
    return f"{head}anthropic.BadRequestError: Error code: {text.status} - {answer!r}\n"


def bedrock(text: ErrorText) -> str:
    """What boto3 raises."""
    return (
        "botocore.errorfactory.ValidationException: An error occurred (ValidationException) when calling the "
        f"InvokeModel operation: {located(text)}"
    )


def doubly_encoded(text: ErrorText) -> str:
    """An envelope as a string inside the JSON of a logger that writes > as an escape."""
    return json.dumps({"level": "error", "msg": envelope(text)}).replace(">", "\\u003e")


def shell_ate_quotes(text: ErrorText) -> str:
    """The message as it comes when a shell took its quotes away, in other letters."""
    return located(text).replace("'", "").replace('"', "").upper().replace("MESSAGES.", "messages.")


def wrapped_by_a_terminal(text: ErrorText) -> str:
    """The message in colour, with its last words on separate lines."""
    return f"\x1b[31m{located(text)}\x1b[0m".replace(" > ", " >\n    ").replace(" image", "\n  image")


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.text[:40])
@pytest.mark.parametrize(
    "wrap", [located, envelope, traceback, bedrock, doubly_encoded, wrapped_by_a_terminal]
)
def test_every_quoted_text_is_recognised(text: ErrorText, wrap: Callable[[ErrorText], str]) -> None:
    """Code, numbers, status and location are those of the text, whatever it is wrapped in."""
    explanation = explain(wrap(text))
    assert explanation.unknown == ()
    (match,) = explanation.matches
    assert (match.pattern.rule.code if match.pattern.rule else None) == text.code
    assert (match.measured, match.limit, match.values) == (text.measured, text.limit, text.values)
    assert match.status == text.status
    location = located(text).partition(": ")[0] if text.path is not None else None
    assert match.location == location


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.text[:40])
def test_quotes_and_case_do_not_matter(text: ErrorText) -> None:
    """A text that lost its quotes and its case is the same text."""
    (match,) = explain(shell_ate_quotes(text)).matches
    assert match.pattern == explain(text.text).matches[0].pattern


def test_every_known_text_is_quoted_or_marked_as_unquoted() -> None:
    """Each pattern matches a quoted or recorded text, or is marked as an unquoted wording."""
    entry = {explain(text.text).matches[0].pattern for text in (*TEXTS, *OTHERS)}
    unquoted = set(ERROR_PATTERNS) - entry
    left = {known.wording.partition("{")[0] for known in unquoted if not known.loose and not known.typed}
    assert left == {"URL sources are not supported", "Input tag '"}


def test_rules_are_those_of_the_contract() -> None:
    """Codes and names are those that the pack has promised."""
    assert all(CONTRACT[known.rule.code][0] == known.rule.name for known in ERROR_PATTERNS if known.rule)
    assert all(code in CONTRACT for known in ERROR_PATTERNS for code in known.codes)


def test_every_row_has_remedy_and_source() -> None:
    """Meaning, remedy, source and date are never empty, and no two rows share a wording."""
    assert all(known.meaning and known.remedy and known.source and known.date for known in ERROR_PATTERNS)
    assert len({known.wording for known in ERROR_PATTERNS}) == len(ERROR_PATTERNS)
    assert all(
        pattern(known.wording).groups == len(set(re.findall(r"\{\w+\}", known.wording)))
        for known in ERROR_PATTERNS
    )


def test_refusal_page_of_the_edge_is_one_error() -> None:
    """The 413 page of a proxy repeats its error but is reported once; a 404 page is not recognised."""
    page = (
        "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n<center><h1>413 "
        "Request Entity Too Large</h1></center>\r\n<hr><center>edge</center>\r\n</body>\r\n</html>\r\n"
    )
    (match,) = explain(page).matches
    assert (match.pattern.codes, match.status, match.occurrences) == (("IB401",), 413, 1)
    assert match.text == "413 Request Entity Too Large"
    assert explain(page.replace("413", "404")).matches == ()


def test_loose_texts_yield_to_the_verbatim_one_on_their_line() -> None:
    """An envelope with the type and the message is one error; with the type alone it is still recognised."""
    body = '{"error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}'
    assert [match.pattern.wording for match in explain(body).matches] == ["Request exceeds the maximum size"]
    alone = explain('{"error":{"type":"request_too_large","message":"Too big"}}')
    assert [match.pattern.codes for match in alone.matches] == [("IB401",)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("messages.0.content.0: image dimensions could not be determined", "IB108"),
        ("screenshot for computer_toolset_20260801 exceeds 1568 pixels", "IB107"),
    ],
)
def test_unquoted_texts_are_recognised_by_their_words(text: str, code: str) -> None:
    """Two refusals are documented without their text: likely wordings are recognised, and marked."""
    (match,) = explain(text).matches
    assert match.pattern.codes[0] == code
    assert match.pattern.era == "not seen verbatim"


def test_log_of_many_lines() -> None:
    """Each error once, with its first line and count; other lines are ignored, unknown errors reported."""
    noise = [f"INFO step {i} done\n" for i in range(5)]
    first, second = envelope(TEXTS[0]), envelope(TEXTS[11])
    unknown = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    log = "".join([*noise, f"API Error: 400 {first}\n", *noise, second + "\n", first + "\n", unknown + "\n"])
    explanation = explain(log)
    assert [(match.pattern.codes[0], match.line, match.occurrences) for match in explanation.matches] == [
        ("IB103", 6, 2),
        ("IB001", 12, 1),
    ]
    assert [(other.text, other.line, other.nearest) for other in explanation.unknown] == [
        ("Overloaded", 14, None)
    ]


def test_same_text_at_another_place_is_another_error() -> None:
    """Two blocks with the same refusal are two errors."""
    log = "\n".join(f"messages.{i}.content.0.image.source.base64: image cannot be empty" for i in (1, 3))
    assert [match.location for match in explain(log).matches] == [
        "messages.1.content.0.image.source.base64",
        "messages.3.content.0.image.source.base64",
    ]


def test_status_of_the_log_wins() -> None:
    """A gateway that answers with another status is believed; one on another line is not."""
    assert explain("HTTP/1.1 502\nHTTP 422: Could not process image").matches[0].status == 422
    assert explain("HTTP/1.1 502\nCould not process image").matches[0].status == 400


def test_letters_that_grow_in_lower_case_move_no_number() -> None:
    """A name with such a letter before the text leaves its numbers and location where they are."""
    error = "Image does not match the provided media type image/PNG"
    text = "\u0130" * 9 + f" messages.0.content.1.image.source.base64: {error}"
    (match,) = explain(text).matches
    assert match.location == "messages.0.content.1.image.source.base64"
    assert match.values == (("declared", "image/PNG"),)


def test_hostile_text_takes_no_time() -> None:
    """Runs of backslashes, blanks and beginnings without ends are read once, not again from each place."""
    for piece in ("\\", " ", "image ", '"error": {', "413 payload too large <", "messages."):
        assert explain(piece * 30_000 + ".").matches[1:] == ()


def test_unknown_text_names_the_nearest_only_when_close() -> None:
    """A text in other words is not taken for a known one; what is like it is named."""
    (close,) = explain(
        "Input tag 'foo' found using 'type' matches none of the expected tags: 'a', 'b'"
    ).unknown
    assert close.nearest
    assert close.nearest.codes == ("IB403", "IB002", "IB404")
    (far,) = explain("rate limit reached, try again later").unknown
    assert far.nearest is None


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this checkout")
def test_recorded_refusals() -> None:
    """The answers that recordings hold are all recognised, whoever sent them."""
    with (CORPUS / "requests" / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        errors = {row["path"]: row["recorded_error"] for row in csv.DictReader(file)}
    refused = {path: error for path, error in errors.items() if path.startswith("rejected/") and error}
    recognised = {
        path.partition("__")[0].removeprefix("rejected/")
        for path, error in refused.items()
        if explain(error).matches
    }
    assert recognised == {"chatlas", "openinference", "pydantic-ai", "rig", "ruby_llm"}
    assert len(refused) == 8


def test_command_shows_rule_meaning_and_remedy(imgbudget: Command) -> None:
    """The text has code, name, status, numbers and location; unquoted words are one text."""
    run = imgbudget("explain", f"messages.3.content.311.image.source.base64.data: {MANY}")
    assert (run.code, run.err) == (0, "")
    for said in ("IB102 many-image-dimension", "status 400", "messages.3.content.311", "limit 2000 px"):
        assert said in run.out
    assert "IB001 unreadable-image" in imgbudget("explain", "Could", "not", "process", "image").out


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_log_on_standard_input(imgbudget: Command, arguments: tuple[str, ...]) -> None:
    """A piped log is read with or without -, UTF-16 as Windows shells write it too."""
    log = envelope(TEXTS[0])
    for data in (log.encode(), log.encode("utf-16"), b"\xef\xbb\xbf" + log.encode()):
        document = imgbudget("explain", *arguments, "--format", "json", stdin=data).json
        (error,) = document["errors"]
        assert (error["code"], error["measured"], error["limit"]) == ("IB103", 12_504_100, 10_485_760)
        assert (error["unit"], error["blocks"], document["unknown"]) == ("bytes", None, [])


def test_exit_codes(imgbudget: Command) -> None:
    """0 when one text was recognised, 1 when none was, 2 for a call that cannot be answered."""
    assert imgbudget("explain", "Could not process image, and more").code == 0
    run = imgbudget("explain", "hello world")
    assert (run.code, "unknown error text" in run.out) == (1, True)
    for arguments in (("",), (), ("x", "--format", "sarif"), ("x", "--request", "gone.json")):
        run = imgbudget("explain", *arguments)
        assert (run.code, run.out) == (2, "")
        assert run.err.startswith("imgbudget: ")
