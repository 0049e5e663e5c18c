"""No text from outside is ever a format string, a template or a replacement pattern.

The source is read for every place that formats; then text full of directives goes through the commands.
"""

import ast
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import imgbudget
from imgbudget.live.guard import RequestWarning
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for folder in ("analyzer", "rules") for path in (ROOT / folder).rglob("*.py"))

_FORMATTING = frozenset({"format", "format_map", "vformat", "substitute", "safe_substitute", "from_string"})
_LOGGING = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
_REPLACING = frozenset({"sub", "subn"})

_NOT_A_TEXT = {("live/client.py", "self._inner")}
"""Receivers whose `format` formats a log record, by file."""


def _is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))


def _is_replacement(node: ast.expr) -> bool:
    """A literal, a constant of the module in capitals, or a function."""
    constant = isinstance(node, ast.Name) and (node.id.isupper() or node.id.startswith("_"))
    return _is_literal(node) or constant or isinstance(node, ast.Lambda)


_LOOKED_AT = (ast.Call, ast.FormattedValue, ast.BinOp, ast.ImportFrom)
"""The kinds of syntax that the checks below know."""


def format_faults(source: str, name: str = "") -> Iterator[str]:
    """The places where a text that is not written in the source decides how values are formatted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _LOOKED_AT) and any(
            check(node, name) for check in (_by_method, _by_replacement, _by_logging, _by_operator, _by_name)
        ):
            yield f"{name}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)[:80]}"


def _by_method(node: ast.AST, name: str) -> bool:
    """`text.format()` and its like, but on a literal."""
    match node:
        case ast.Call(func=ast.Attribute(value=receiver, attr=attr)) if attr in _FORMATTING:
            return not _is_literal(receiver) and (name, ast.unparse(receiver)) not in _NOT_A_TEXT
        case ast.FormattedValue(format_spec=ast.JoinedStr(values=parts)):
            nested = [part.value for part in parts if isinstance(part, ast.FormattedValue)]
            return any(_may_be_text(value) for value in nested)
    return False


def _by_replacement(node: ast.AST, _name: str) -> bool:
    """`re.sub(pattern, replacement, text)`, `PATTERN.sub(replacement, text)`, without literals."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=attr), args=args) if (
            attr in _REPLACING
        ):
            return not (_is_replacement(args[0]) and _is_replacement(args[1]))
        case ast.Call(func=ast.Attribute(attr=attr), args=args) if attr in _REPLACING:
            return not _is_replacement(args[0])
    return False


def _by_logging(node: ast.AST, _name: str) -> bool:
    """A log message with arguments, but as a literal."""
    match node:
        case ast.Call(func=ast.Attribute(value=receiver, attr=attr), args=[first, _, *_]) if attr in _LOGGING:
            return "log" in ast.unparse(receiver) and not _is_literal(first)
    return False


def _by_operator(node: ast.AST, _name: str) -> bool:
    """`text % values`, but on a literal; whole numbers have neither tuples nor texts on the right."""
    match node:
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            formats = isinstance(right, (ast.Tuple, ast.Dict, ast.JoinedStr)) or _is_literal(right)
            return isinstance(left, ast.JoinedStr) or (formats and not _is_literal(left))
    return False


def _by_name(node: ast.AST, _name: str) -> bool:
    """`format(value, specification)`, but with a literal, and the classes of the module `string`."""
    match node:
        case ast.Call(func=ast.Name(id="format"), args=[_, specification]):
            return not _is_literal(specification)
        case ast.ImportFrom(module="string", names=names):
            return any(item.name in {"Template", "Formatter"} for item in names)
    return False


def _may_be_text(node: ast.expr) -> bool:
    """Whether a nested specification is more than a number that the program computed."""
    allowed = (ast.Name, ast.BinOp, ast.Constant, ast.Call, ast.Attribute, ast.UnaryOp)
    names = [item.id for item in ast.walk(node) if isinstance(item, ast.Name)]
    return not isinstance(node, allowed) or not all(item in _WIDTHS for item in names)


_WIDTHS = frozenset({"math", "amount_usd", "digits", "width"})
"""Names in nested specifications, all of numbers."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_format_string_is_written_in_the_source(path: Path) -> None:
    """Formats, templates, replacements and log messages are literals; what they are filled with is not."""
    name = path.relative_to(ROOT).as_posix().partition("imgbudget/")[2]
    assert list(format_faults(path.read_text(encoding="utf-8"), name)) == []


@pytest.mark.parametrize(
    "code",
    [
        "note = f'{model} is {{}}'\nnote.format('x')",
        "f'{model} {{}}'.format('x')",
        "TEXT.format(model=model)",
        "text.format_map(values)",
        "text % (model, 1)",
        "f'{model} %s' % model",
        "text % {'a': model}",
        "re.sub('a', model, text)",
        "re.sub(model, 'a', text)",
        "_PATTERN.sub(model, text)",
        "log.warning(model, 1)",
        "format(1, model)",
        "from string import Template",
        "env.from_string(model).render()",
        "f'{1:{model}}'",
        "f'{1:{request.model}}'",
    ],
)
def test_check_of_the_source_finds_each_kind(code: str) -> None:
    """Each way to use a text from outside as a format is found."""
    assert list(format_faults(code))


URL = "https://api.anthropic.com/v1/messages"

DIRECTIVES = (
    "${CLAUDE_MODEL}",
    "{{ model }}",
    "{0.__class__}",
    "{}",
    "{",
    "%s%n%(x)s",
    "{:>9999999999}",
    "%9999999999d",
    r"\g<9>\1",
    "{{ 7 * 7 }}{% for a in range(9**9) %}",
    "{0!r:>9999999999}",
    "$(id)`id`",
)


def hostile_requests(text: str) -> Iterator[dict[str, Any]]:
    """Requests with the text in every field that ends up in a message."""
    bmp = base64.b64encode(image_bytes(form="BMP")).decode()
    yield body(image_block(), model=text)
    yield body(image_block(media_type=text))
    yield body({"type": text, "text": "x"}, image_block())
    yield body({"type": "image", "source": {"type": text, "media_type": text, "data": bmp}})
    yield body({"type": "image", "source": {"type": "url", "url": text}})
    yield body({"type": "image", "source": {"type": "file", "file_id": text}})
    yield {**body(image_block()), "messages": [{"role": text, "content": [image_block()]}]}
    yield {"custom_id": text, "params": body(image_block(media_type="image/gif"), model=text)}
    yield body({"type": "tool_result", "tool_use_id": text, "content": [image_block(media_type=text)]})
    yield {**body(image_block()), text: 1, "tools": [{"type": text, "name": text}]}
    chat = [{"type": "image_url", "image_url": {"url": f"data:{text};base64,{bmp}", "detail": text}}]
    yield {"model": text, "messages": [{"role": "user", "content": chat}]}
    yield {"modelId": text, "messages": [{"role": "user", "content": [{"text": text}, _converse(bmp, text)]}]}
    inline = {"inlineData": {"mimeType": text, "data": bmp}}
    yield {"model": text, "contents": [{"role": text, "parts": [inline]}]}


def _converse(data: str, form: str) -> dict[str, Any]:
    return {"image": {"format": form, "source": {"bytes": data}}}


@pytest.mark.parametrize("text", DIRECTIVES)
@pytest.mark.parametrize("command", ["check", "plan"])
def test_directives_in_every_field(imgbudget: Command, tmp_path: Path, command: str, text: str) -> None:
    """They are reported as they are, or not at all; no rule fails."""
    for number, request in enumerate(hostile_requests(text)):
        write_json(tmp_path / f"r{number}.json", request)
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, hostile_requests(text))))
    forms = ("full", "json", *(("sarif", "markdown", "junit", "github") if command == "check" else ()))
    run = imgbudget(command, ".", "b.jsonl", *(f"--format={form}:out.{form}" for form in forms))
    assert run.code in (0, 1), run.err
    for form in forms:
        out = (tmp_path / f"out.{form}").read_text("utf-8")
        assert out
        assert " failed: " not in out
        assert len(out) + len(run.err) < 2_000_000


@pytest.mark.parametrize("text", DIRECTIVES)
def test_directives_in_a_request_that_is_split(imgbudget: Command, tmp_path: Path, text: str) -> None:
    """A request may be no request to `split`, but never ends it."""
    for request in hostile_requests(text):
        write_json(tmp_path / "r.json", request)
        run = imgbudget("split", "r.json", "--format", "json")
        assert run.code in (0, 1) or run.err.startswith("error: r.json: "), run.err


@pytest.mark.parametrize("text", DIRECTIVES)
def test_directives_as_the_model_of_a_run(imgbudget: Command, tmp_path: Path, text: str) -> None:
    """`--model` takes them as the name of a model that is not known."""
    (tmp_path / "a.png").write_bytes(image_bytes((1920, 1080)))
    forms = ("--format", "json", "--format", "full:out.txt")
    for command in (("check", "a.png"), ("plan", "a.png"), ("size", "640x480"), ("limits",)):
        run = imgbudget(*command, "--model", text, *forms)
        assert run.code in (0, 1), run.err
        assert repr(text) in run.err
        assert (tmp_path / "out.txt").read_text("utf-8")


def test_file_names_with_directives(imgbudget: Command, tmp_path: Path) -> None:
    """A file or folder may be named like a template."""
    for number, text in enumerate(DIRECTIVES):
        folder = tmp_path / text.replace("/", "_").replace("|", "_")
        folder.mkdir()
        (folder / f"{text.replace('/', '_')}.png").write_bytes(image_bytes((9000, 10 + number)))
    for command in ("check", "plan"):
        run = imgbudget(command, ".")
        assert run.code == (1 if command == "check" else 0)
        assert "{:>9999999999}.png" in run.out
    assert imgbudget("check", ".", "--format", "json").codes.count("IB101") == len(DIRECTIVES)


@pytest.mark.parametrize("text", DIRECTIVES)
def test_directives_in_a_request_of_the_sdk(text: str) -> None:
    """The guard checks the request and lets it through to its host."""
    seen: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.read())
        return httpx2.Response(200, json={})

    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    imgbudget.guard(client, mode="warn")
    with pytest.warns(RequestWarning, match="IB105"):
        client.post(URL, json=body(image_block(media_type="image/gif"), model=text))
    assert [json.loads(sent)["model"] for sent in seen] == [text]


@pytest.mark.parametrize("text", DIRECTIVES)
def test_directives_in_a_dataset(imgbudget: Command, tmp_path: Path, text: str) -> None:
    """An audit counts such requests, and such a name of a model."""
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, hostile_requests(text))))
    run = imgbudget("audit", "rows.jsonl", "--format", "json")
    assert run.code in (0, 1), run.err
    assert " failed: " not in run.out


def test_names_in_a_limits_file_are_no_part_of_sql(imgbudget: Command, tmp_path: Path) -> None:
    """A tier or media type of a user's limits may have any name: an audit quotes it."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    (tmp_path / "l.yaml").write_text(
        'tiers:\n  "a\') or 1 --": {tier_edge: {value: 100}, tier_tokens: {value: 10}}\n'
        'models:\n  own: {tier: {value: "a\') or 1 --"}, context_tokens: {value: 1000}}\n'
        "platforms:\n  anthropic: {media_types: {value: [\"image/x') or ('1' = '1\", image/png]}}\n"
    )
    run = imgbudget("audit", ".", "--limits", "l.yaml", "--model", "own", "--format", "json")
    assert run.code in (0, 1), run.err
    assert run.json["statistics"]["totals"]["images"] == 1
