"""A lone string is one path or one rule, never a list of letters: `fix("./")` walked the whole disk."""

import inspect
import os
import sys
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import imgbudget
from imgbudget.auditing.partition import Naming
from imgbudget.auditing.run import plan as plan_audit
from imgbudget.discovery.walk import Paths, StrPath
from imgbudget.linter.options import Words
from imgbudget.rule import Level, Severity, rule
from tests.builders import image_bytes

Call = Callable[[Any], Any]


class Outside(BaseException):
    """A folder outside the test's own was listed."""


class Watch:
    """The folders that are searched while it is on; one outside `allowed` stops the caller at once."""

    def __init__(self) -> None:
        self.allowed: str | None = None
        self.listed: list[str] = []

    def __call__(self, event: str, details: tuple[Any, ...]) -> None:
        """Receive an event of the interpreter."""
        if self.allowed is None or event != "os.scandir":
            return
        folder = os.path.realpath(details[0] or ".")
        self.listed.append(folder)
        if os.path.commonpath([folder, self.allowed]) != self.allowed:
            raise Outside(folder)


WATCH = Watch()
_hooked: list[Watch] = []


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """What is listed, in a working folder with `photos/a.jpg`, an image that has a fix."""
    if not _hooked:
        sys.addaudithook(WATCH)  # cannot be removed; off outside these tests
        _hooked.append(WATCH)
    work = tmp_path / "work"
    (work / "photos").mkdir(parents=True)
    (work / "photos" / "a.jpg").write_bytes(image_bytes((1700, 300), "JPEG"))
    (work / ".git").mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(tmp_path))
    imgbudget.check(["photos"])  # packages are loaded, which lists folders of Python
    WATCH.listed.clear()
    WATCH.allowed = str(work)
    yield WATCH
    WATCH.allowed = None


def session() -> imgbudget.Session:
    """A session with the defaults."""
    return imgbudget.Session(imgbudget.RunOptions(isolated=True))


def audited(paths: Any) -> list[Any]:
    """The partitions of an audit."""
    return list(plan_audit(paths, session(), Naming("")))


PATH_FUNCTIONS: dict[str, Call] = {
    "check": imgbudget.check,
    "plan": imgbudget.plan,
    "fix": lambda paths: imgbudget.fix(paths, dry_run=True),
    "Session.check": lambda paths: list(session().check(paths)),
    "Session.files": lambda paths: list(session().files(paths)),
    "Session.walk": lambda paths: list(session().walk(paths)),
    "audit": audited,
}


@pytest.mark.parametrize("given", ["./", "photos/", "photos", Path("photos"), ("photos",), iter(["photos"])])
@pytest.mark.parametrize("name", PATH_FUNCTIONS)
def test_one_path_is_one_path(watch: Watch, name: str, given: Any) -> None:
    """Only the named folder is listed, whether it is a string, a Path, a sequence or an iterator."""
    if not isinstance(given, str | os.PathLike | tuple):
        given = iter(["photos"])
    assert PATH_FUNCTIONS[name](given)
    assert os.path.realpath("photos") in watch.listed


@pytest.mark.parametrize("name", PATH_FUNCTIONS)
def test_a_path_that_does_not_exist_is_named_whole(watch: Watch, name: str) -> None:
    """The error names the path as given, not its letters."""
    with pytest.raises(imgbudget.ImgbudgetError, match=r"^nowhere/: no such file or folder$"):
        PATH_FUNCTIONS[name]("nowhere/")
    assert watch.listed == []


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (b"./", "found bytes"),
        ([b"photos"], "found bytes"),
        (bytearray(b"/"), "found bytearray"),
        (None, "found None"),
        (7, "found int"),
        ([7], "found int"),
        (["photos", None], "found None"),
        ({"photos": 1}, "found dict"),
    ],
)
@pytest.mark.parametrize("name", PATH_FUNCTIONS)
def test_what_is_no_path_is_refused_in_words(watch: Watch, name: str, given: Any, found: str) -> None:
    """Bytes would be numbers, and a number a file descriptor: neither is searched."""
    with pytest.raises(imgbudget.ImgbudgetError, match=found):
        PATH_FUNCTIONS[name](given)
    assert watch.listed == []


def test_fix_of_a_lone_string_writes_only_below_it(watch: Watch) -> None:
    """`fix("photos/")` fixes photos; the output folder may be a Path."""
    outside = Path("b.jpg")
    outside.write_bytes(image_bytes((1700, 300), "JPEG"))
    before = outside.read_bytes()
    report = imgbudget.fix("photos/", imgbudget.RunOptions(isolated=True), output_dir=Path("out"))
    assert [file.path for file in report.files] == ["photos/a.jpg"]
    assert outside.read_bytes() == before
    assert os.listdir("out") == ["a.jpg"]
    assert set(watch.listed) <= {os.path.realpath(name) for name in ("photos", "out", ".")}


def codes(**options: Any) -> set[str]:
    """The codes that a check of photos reports."""
    options = {"isolated": True, **options}
    return {finding.code for finding in imgbudget.check("photos", imgbudget.RunOptions(**options)).findings}


def test_one_selector_is_one_selector(watch: Watch) -> None:
    """`select="IB201"` is that rule; its letters would be the prefixes I and B of all rules."""
    del watch
    assert codes(select="IB201") == codes(select=["IB201"]) == {"IB201"}
    assert codes(select="IB2") == codes(select=("IB2",))
    assert "IB201" not in codes(ignore="IB201")
    assert codes(ignore="IB201") == codes(ignore=iter(["IB201"]))
    assert codes(select="IB104", extend_select="IB201") == {"IB201"}


@pytest.mark.parametrize("name", ["select", "extend_select", "ignore"])
@pytest.mark.parametrize(("given", "found"), [(b"IB201", "bytes"), ([201], "int"), (201, "int")])
def test_a_selector_that_is_no_text_is_refused(watch: Watch, name: str, given: Any, found: str) -> None:
    """The message names the option."""
    del watch
    with pytest.raises(imgbudget.ImgbudgetError, match=f"^{name}: .*found {found}"):
        codes(**{name: given})


@pytest.mark.parametrize("name", ["config", "limits", "baseline"])
def test_options_that_are_one_file_take_a_path(watch: Watch, name: str) -> None:
    """A Path is as good as a string; bytes and lists are refused."""
    del watch
    texts = {
        "config": "ignore: [IB201]\n",
        "limits": "version: 1\n",
        "baseline": '{"version": 1, "findings": []}',
    }
    Path("given.yaml").write_text(texts[name], encoding="utf-8")
    for given in ("given.yaml", Path("given.yaml")):
        try:
            outcome: object = codes(**{name: given, "isolated": False})
        except imgbudget.ImgbudgetError as error:
            outcome = str(error)
        assert "PosixPath" not in str(outcome)
        assert "given.yaml" in str(outcome) or isinstance(outcome, set)
    for wrong in (b"given.yaml", ["given.yaml"], 3):
        with pytest.raises(imgbudget.ImgbudgetError, match=f"^{name}: expected a path"):
            codes(**{name: wrong})


def test_rules_refuse_a_lone_string_for_a_list() -> None:
    """`limits="min_edge"` would be eight fields of one letter."""
    for name in ("limits", "budgets"):
        wrong: Any = {name: "min_edge"}
        with pytest.raises(TypeError, match=f"{name}: expected a tuple of names"):
            rule("XX001", "x", level=Level.IMAGE, severity=Severity.ERROR, since="1", **wrong)


@pytest.mark.parametrize("wrong", ["hello", b"hello", {"role": "user", "content": []}])
def test_a_conversation_is_a_list_of_messages(wrong: Any) -> None:
    """A lone message or text is refused, not returned as letters or keys."""
    with pytest.raises(imgbudget.ImgbudgetError, match="expected a list of messages"):
        imgbudget.prune_conversation(wrong)


def test_a_lone_word_is_one_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model, a field of rows and a target are not lists of letters."""
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(image_bytes())
    Path("rows.jsonl").write_text('{"p": "a.png"}\n')
    report = imgbudget.audit("rows.jsonl", model="gpt-5.6", image_fields="p", isolated=True)
    assert report.statistics is not None
    assert report.statistics.totals.images == 1
    assert "gpt-5.6" in repr(report.to_dict())
    assert len(imgbudget.plan("a.png", target="native", isolated=True)) == 1
    assert [one.model for one in imgbudget.size("9x9", model="gpt-5.6")] == ["gpt-5.6"]
    with pytest.raises(imgbudget.UsageError, match='"tokens=5" is not a budget'):
        imgbudget.plan("a.png", budget="tokens=5", isolated=True)


def public_annotations() -> Iterator[tuple[str, Any]]:
    """The annotation of each parameter of each public function, method and option."""
    for name in imgbudget.__all__:
        value = getattr(imgbudget, name)
        if inspect.isfunction(value):
            yield from _annotations(name, value)
        elif inspect.isclass(value) and not issubclass(value, Exception):
            for method_name, method in vars(value).items():
                if inspect.isfunction(method) and not method_name.startswith("_"):
                    yield from _annotations(f"{name}.{method_name}", method)
    for field, annotation in imgbudget.RunOptions.__annotations__.items():
        yield f"RunOptions.{field}", annotation


def _annotations(name: str, function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    function = inspect.unwrap(function)
    for parameter, annotation in function.__annotations__.items():
        if parameter != "return":
            yield f"{name}.{parameter}", annotation


def _is_list_of_text(annotation: Any) -> bool:
    """Whether a type accepts a sequence of strings, and so a lone string by accident."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return any(map(_is_list_of_text, typing.get_args(annotation)))
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is os.PathLike:
        return False
    return str in arguments or any(str in typing.get_args(one) for one in arguments)


def test_every_list_of_strings_in_the_public_functions_is_known() -> None:
    """A new parameter that takes several strings uses `Paths` or `Words`, and is tested above."""
    found = {name: it for name, it in public_annotations() if _is_list_of_text(it)}
    paths = {name for name, it in found.items() if it == Paths}
    words = {name for name, it in found.items() if it in (Words, Words | None)}
    assert paths == {
        *(f"{name}.paths" for name in ("check", "plan", "fix")),
        *(f"Session.{name}.paths" for name in ("check", "files", "walk")),
        *("audit.datasets", "audit.against", "split.requests", "legible.paths"),
    }
    assert words == {f"RunOptions.{name}" for name in ("select", "extend_select", "ignore")}
    # a body, whose keys are text, and lists of words for which a lone one is one
    bodies = {"check_request.request", "explain.request"}
    names = {f"{name}.model" for name in ("plan", "audit", "size", "legible")} | {"audit.models"}
    names |= {"plan.budget", "split.budget", "plan.target", "audit.image_fields"}
    names |= {"plan.select", "plan.ignore", "plan.extend_select"}
    assert set(found) == paths | words | bodies | names


def test_type_checkers_accept_what_works(watch: Watch) -> None:
    """Mypy reads this file in strict mode: a string, a Path and lists of both need no cast."""
    one: StrPath = Path("photos")
    mixed: list[str | Path] = ["photos", Path("photos")]
    reports = [imgbudget.check(given) for given in ("photos", one, [one], ("photos",), mixed)]
    assert len({tuple(file.path for file in report.files) for report in reports}) == 1
    assert watch.listed
