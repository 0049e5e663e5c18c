"""The tools of the MCP server: what they return, and that nothing outside the root is read or written."""

import json
import os
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgbudget.agents.roots import Root
from imgbudget.agents.tools import ToolResult
from imgbudget.cli import mcp_tools
from imgbudget.cli.mcp_tools import Tools
from imgbudget.cli.options import ModelOptions
from imgbudget.discovery.links import confine
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command, posix

Call = Callable[..., ToolResult]

LARGE = image_bytes((3000, 600), "JPEG")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The root of a server: a folder in a repository, with a large image; what is outside stays out."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "secret.jpg").write_bytes(LARGE)
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(LARGE)
    monkeypatch.chdir(folder)
    confine(str(folder.resolve()))
    yield folder
    confine(None)


def tools(*, allow_write: bool = False, model: str | None = None, config: str | None = None) -> Tools:
    """The tools of a server in the working folder."""
    return Tools(Root("."), allow_write=allow_write, provider=ModelOptions(model=model), config=config)


def called(name: str, *, writing: bool = False, **given: Any) -> ToolResult:
    """The result of a tool, which is no error."""
    result = tools(allow_write=writing).call(name, given)
    assert not result.is_error, result.texts
    return result


def refused(name: str, *, writing: bool = False, **given: Any) -> str:
    """The text of a tool's error."""
    result = tools(allow_write=writing).call(name, given)
    assert result.is_error
    assert result.document is None
    (text,) = result.texts
    return text


def document(result: ToolResult) -> dict[str, Any]:
    """The JSON of a result, which is also its last text."""
    assert result.document is not None
    assert json.loads(result.texts[-1]) == result.document
    return result.document


def test_check_returns_the_findings(root: Path) -> None:
    """As the command does, with the number of findings in short."""
    result = called("check", paths=["a.jpg"], model="gpt-4o", select=["IB2"])
    assert {finding["model"] for finding in document(result)["findings"]} == {"gpt-4o"}
    result = called("check", paths=["."])
    assert [finding["code"] for finding in document(result)["findings"]] == ["IB201"]
    assert result.texts[0].startswith("0 errors, 1 warning, 0 info in 1 checked file (1 image, 0 requests)")


def test_plan_returns_the_sizes(root: Path) -> None:
    """Under the limits of several models, too."""
    given: dict[str, Any] = {"paths": "a.jpg", "for": ["claude-sonnet-4-6", "gpt-4o"]}
    result = called("plan", **given, target=["dimension:700"])
    (plan,) = document(result)["plans"]
    assert max(plan["to"]) <= 700
    assert result.texts[0].startswith("1 of 1 image to change: ")


def test_size_and_tiles_take_sizes_and_images(root: Path) -> None:
    """A file that is named as a size is a file if it is named as a path."""
    (root / "30x20").write_bytes(image_bytes((40, 30)))
    sizes = document(called("size", sizes=["1920x1080", "a.jpg", "./30x20"]))["sizes"]
    assert [row["size"] for row in sizes] == [[1920, 1080], [3000, 600], [40, 30]]
    result = called("tiles", sizes=["a.jpg"], overlap=10)
    assert len(document(result)["tilings"][0]["tiles"]) > 1
    assert "a.jpg: 3000x600 for claude-sonnet-4-6: " in result.texts[0]


def test_many_rows_are_shortened_in_the_text_alone(root: Path) -> None:
    """The JSON has all."""
    result = called("size", sizes=[f"{edge}x{edge}" for edge in range(100, 130)])
    assert len(document(result)["sizes"]) == 30
    assert result.texts[0].splitlines()[-1] == "and 10 more"


def test_crop_returns_the_part_as_an_image(root: Path) -> None:
    """And writes nothing."""
    before = sorted(os.listdir(root))
    result = called("crop", image="a.jpg", box=[100, 100, 400, 310])
    assert result.image is not None
    with Image.open(BytesIO(result.image)) as part:
        assert list(part.size) == document(result)["size"]
        assert part.format == "JPEG"
    assert document(result)["written"] is None
    assert sorted(os.listdir(root)) == before


def test_warnings_are_in_the_json(root: Path) -> None:
    """Some clients show a model nothing else."""
    cut = document(called("crop", image="a.jpg", box=[-9, 100, 400, 310]))
    assert [note for note in cut["notes"] if "was cut off at the border" in note]
    lines = called("crop", image="a.jpg", box=[-9, 100, 400, 310]).texts[0].splitlines()
    assert lines[-len(cut["notes"]) :] == cut["notes"]
    (root / "b.xyz").write_bytes(b"x")
    (root / "out.jpg").symlink_to("../secret.jpg")
    checked = called("check", paths=["."])
    (note,) = document(checked)["notes"]
    assert note.startswith("warning: not checked: out.jpg")
    assert note in checked.texts[0]


def test_crop_writes_a_new_file_where_it_may(root: Path) -> None:
    """And never over another one, or through a link out."""
    given: dict[str, Any] = {"image": "a.jpg", "box": [100, 100, 400, 310]}
    assert "unknown option 'output'" in refused("crop", **given, output="b.png")
    result = called("crop", writing=True, **given, output="b.png")
    assert (root / "b.png").read_bytes() == result.image
    assert "exists already" in refused("crop", writing=True, **given, output="b.png")
    (root / "out").symlink_to("..")
    for output in ("../c.png", "out/c.png", "/c.png", str(root.parent / "c.png")):
        assert refused("crop", writing=True, **given, output=output)
    assert not (root.parent / "c.png").exists()


def test_fix_returns_the_difference_and_writes_nothing(root: Path) -> None:
    """Unless the server may write."""
    before = (root / "a.jpg").read_bytes()
    result = called("fix", paths=["a.jpg"])
    assert (root / "a.jpg").read_bytes() == before
    assert document(result)["written"] is False
    assert "a.jpg" in document(result)["difference"]
    assert "unknown option 'dry_run'" in refused("fix", paths=["a.jpg"], dry_run=True)
    called("fix", writing=True, paths=["a.jpg"], dry_run=True)
    assert (root / "a.jpg").read_bytes() == before


def test_fix_writes_where_it_may(root: Path) -> None:
    """In place, with the result of the command."""
    result = called("fix", writing=True, paths=["a.jpg"])
    assert [one["code"] for one in document(result)["fixed"]] == ["IB201"]
    with Image.open(root / "a.jpg") as image:
        assert max(image.size) <= 1568


def test_requests_are_fixed_from_the_severity_that_is_asked_for(root: Path) -> None:
    """An option with choices takes no others."""
    write_json(root / "r.json", body(image_block(image_bytes((1700, 200)))))
    assert document(called("fix", paths=["r.json"]))["difference"] == ""
    assert document(called("fix", paths=["r.json"], level="warning"))["difference"]
    assert "level of fix is none of error, warning, info" in refused("fix", paths=["r.json"], level="all")


def test_rescue_shows_and_mends_a_session(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only below the root; the old bytes go to the user's state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(root.parent / "state"))
    session = root / "session.jsonl"
    broken: dict[str, Any] = {
        "uuid": "1",
        "parentUuid": None,
        "type": "user",
        "sessionId": "s",
        "version": "2.1.332",
    }
    broken["message"] = {"role": "user", "content": [image_block(b"not an image")]}
    session.write_text(json.dumps(broken) + "\n")
    os.utime(session, (1, 1))  # its agent is not at work
    before = session.read_bytes()
    state = called("status", session="session.jsonl")
    assert document(state)["conversations"][0]["refused"]
    assert "1 image, " in state.texts[0]
    assert "the next turn will be refused" in state.texts[0]
    result = called("rescue", session="session.jsonl")
    (found,) = document(result)["sessions"]
    assert found["state"] == "pending"
    assert result.texts[0].startswith("session.jsonl: pending; errors before: 1, remaining: 0")
    assert session.read_bytes() == before
    result = called("rescue", writing=True, session="session.jsonl")
    assert document(result)["sessions"][0]["state"] == "mended"
    assert session.read_bytes() != before
    for path in ("../secret.jpg", "/etc/hostname", ".."):
        assert refused("rescue", writing=True, session=path)
        assert refused("status", session=path)


OUTSIDE: tuple[str, ...] = (
    "../secret.jpg",
    "..",
    "a/../../secret.jpg",
    "/etc/hostname",
    "link.jpg",
    "folder/secret.jpg",
)


@posix
@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize(
    ("tool", "name"),
    [("check", "paths"), ("plan", "paths"), ("fix", "paths"), ("size", "sizes"), ("tiles", "sizes")],
)
def test_paths_outside_the_root_are_refused(root: Path, tool: str, name: str, path: str) -> None:
    """By their text, by a link, and by a folder that is a link."""
    (root / "link.jpg").symlink_to("../secret.jpg")
    (root / "folder").symlink_to("..")
    before = (root.parent / "secret.jpg").read_bytes()
    text = refused(tool, writing=True, **{name: ["a.jpg", path]})
    assert "is outside" in text or "paths with .. are refused" in text
    assert refused("crop", image=path, box=[1, 1, 30, 30]) == text
    assert (root.parent / "secret.jpg").read_bytes() == before


@posix
def test_links_in_folders_lead_nowhere_outside(root: Path) -> None:
    """Neither into the repository around the root, nor to a file that is named by a hash."""
    store = root.parent / "store"
    store.mkdir()
    digest = store / ("ab" * 32)
    digest.write_bytes(LARGE)
    (root / "sub").mkdir()
    (root / "sub" / "in.jpg").symlink_to("../a.jpg")
    for name, target in (("near.jpg", "../../secret.jpg"), ("hash.jpg", str(digest)), ("dir", "../..")):
        (root / "sub" / name).symlink_to(target)
    found = document(called("check", paths=["sub"]))
    assert [image["path"] for image in found["images"]] == ["sub/in.jpg"]
    assert found["summary"]["skipped"]
    before = (root.parent / "secret.jpg").read_bytes(), digest.read_bytes()
    called("fix", writing=True, paths=["."])
    assert ((root.parent / "secret.jpg").read_bytes(), digest.read_bytes()) == before


def test_absolute_paths_below_the_root_are_read(root: Path) -> None:
    """Agents name files so; the result has the path from the root."""
    found = document(called("check", paths=[str(root / "a.jpg")]))
    assert [image["path"] for image in found["images"]] == ["a.jpg"]


def test_names_that_look_like_options_are_files(root: Path) -> None:
    """Also the one of standard input."""
    for name in ("-", "--fix", "-q"):
        (root / name).write_bytes(image_bytes((40, 30)))
        assert document(called("check", paths=[name]))["summary"]["images"] == 1


@pytest.mark.parametrize(
    ("tool", "given", "message"),
    [
        (
            "check",
            {"paths": ["a.jpg"], "output_dir": "x"},
            "unknown option 'output_dir' of check; known are paths",
        ),
        ("check", {}, "check needs paths"),
        ("check", {"paths": []}, "check needs paths"),
        ("check", {"paths": [1]}, "paths of check is not a list of paths"),
        ("check", {"paths": [""]}, "is no path"),
        ("check", {"paths": ["a\0b"]}, "is no path"),
        ("check", {"paths": ["none.png"]}, "none.png"),
        ("check", {"paths": ["a.jpg"], "pedantic": "yes"}, "pedantic of check is not true or false"),
        ("check", {"paths": ["a.jpg"], "select": ["IB999"]}, "IB999"),
        ("check", {"paths": ["a.jpg"], "platform": "nowhere"}, "nowhere"),
        ("size", {"sizes": ["0x5"]}, "0x5"),
        ("tiles", {"sizes": ["9x9"], "overlap": -1}, "overlap of tiles is not a whole number"),
        ("tiles", {"sizes": ["9x9"], "overlap": True}, "overlap of tiles is not a whole number"),
        ("plan", {"paths": ["a.jpg"], "target": ["huge"]}, "huge"),
        ("plan", {"paths": ["a.jpg"], "budget_cost": "--apply"}, "--budget-cost"),
        ("crop", {"image": "a.jpg", "box": [1, 2, 3]}, "box of crop is not four numbers"),
        ("crop", {"image": "a.jpg", "box": [1, 2, 3, "4"]}, "box of crop is not four numbers"),
        ("crop", {"image": "a.jpg", "box": [9, 9, 1, 1]}, "wrong order"),
        ("crop", {"image": "a.jpg", "box": [0, 0, 10**400, 5]}, "no number of at most nine digits"),
        ("crop", {"image": "a.jpg", "box": [-1e300, 0, 5, 5]}, "no number of at most nine digits"),
        ("crop", {"image": "a.jpg", "box": [1, 1, 5, 5], "sent": "x"}, "is no size"),
        ("crop", {"box": [1, 1, 5, 5]}, "crop needs image"),
        ("send", {}, "unknown tool 'send'; known are check, plan, fix, size, tiles, crop, status, rescue"),
    ],
)
def test_mistakes_of_a_client_are_named(root: Path, tool: str, given: dict[str, Any], message: str) -> None:
    """With what is right, and without a traceback."""
    assert message in tools().call(tool, given).texts[0]
    assert tools().call(tool, given).is_error


def test_options_of_the_server_are_defaults(root: Path) -> None:
    """A call names another model; the configuration of the root is read only if the server was given it."""
    (root / "imgbudget.yaml").write_text("ignore: [IB201]\n")
    assert document(called("check", paths=["a.jpg"]))["findings"]
    configured = tools(config=str(root / "imgbudget.yaml")).call("check", {"paths": ["a.jpg"]})
    assert document(configured)["findings"] == []
    mine = tools(model="gpt-4o")
    for given, model in (({}, "gpt-4o"), ({"model": "claude-opus-4-8"}, "claude-opus-4-8")):
        assert document(mine.call("size", {"sizes": ["9x9"], **given}))["sizes"][0]["model"] == model
        cut = mine.call("crop", {"image": "a.jpg", "box": [1, 1, 300, 300], **given})
        assert document(cut)["model"] == model


def test_no_configuration_of_the_data_counts(root: Path) -> None:
    """Neither that of the root nor one in a folder, in any tool, though the commands take the nearest one."""
    (root / "sub").mkdir()
    (root / "sub" / "b.jpg").write_bytes((root / "a.jpg").read_bytes())
    (root / "imgbudget.yaml").write_text("model: claude-haiku-4-5\n")
    (root / "sub" / "imgbudget.yaml").write_text("model: claude-opus-4-8\nplatform: bedrock\n")
    ours = ("claude-sonnet-4-6", "anthropic")
    plan = document(called("plan", paths=["sub/b.jpg"]))
    sizes, tilings = (document(called(name, sizes=["sub/b.jpg"])) for name in ("size", "tiles"))
    crop = document(called("crop", image="sub/b.jpg", box=[0, 0, 300, 300]))
    for record in (plan["plans"][0], sizes["sizes"][0], tilings["tilings"][0], crop):
        assert (record["model"], record["platform"]) == ours
    configured = tools(config=str(root / "imgbudget.yaml")).call("size", {"sizes": ["sub/b.jpg"]})
    assert document(configured)["sizes"][0]["model"] == "claude-haiku-4-5"


def test_a_result_that_is_too_long_is_refused_with_its_summary(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model would have to read all of it."""
    monkeypatch.setattr(mcp_tools, "MOST_CHARACTERS", 100)
    text = refused("check", paths=["a.jpg"])
    assert "name fewer paths" in text
    assert "0 errors, 1 warning" in text


def test_a_failure_is_a_result(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server goes on."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("of a test")

    monkeypatch.setattr(mcp_tools, "load", fail)
    assert refused("size", sizes=["9x9"]) == "internal error: ZeroDivisionError: of a test"


@posix
def test_files_that_are_not_read_are_counted_as_skipped(root: Path) -> None:
    """And not as checked."""
    os.mkfifo(root / "b.jpg")
    assert "in 1 checked file (1 image, 0 requests); 1 file skipped" in called("check", paths=["."]).texts[0]
    planned = called("plan", paths=["."])
    assert "bytes; 1 file skipped" in planned.texts[0]
    assert planned.document is not None
    assert [one["path"] for one in planned.document["plans"]] != []
    assert "error: b.jpg: not planned: not a regular file (FIFO)" in planned.document["notes"]


@posix
def test_pipes_and_devices_are_not_cut(root: Path) -> None:
    """They may have no end, or no content yet."""
    os.mkfifo(root / "b.jpg")
    writer = os.open(root / "b.jpg", os.O_RDWR)
    try:
        assert refused("crop", image="b.jpg", box=[1, 1, 30, 30]).strip() == "b.jpg: not a regular file"
    finally:
        os.close(writer)


def test_tokens_are_counted_in_words(root: Path) -> None:
    """One is one token, and none that are known are no number."""
    assert called("size", sizes=["1x1"]).texts[0].rstrip().endswith(" 1 token")
    assert called("size", sizes=["1x1"], model="nobody").texts[0].splitlines()[0].endswith(", tokens unknown")


def test_schemas_are_closed(root: Path) -> None:
    """And each tool says what it does, and whether it writes."""
    for writing in (False, True):
        for spec in tools(allow_write=writing).specs:
            schema = spec.schema
            assert schema["additionalProperties"] is False
            assert set(schema["required"]) <= set(schema["properties"])
            assert all(one["description"] for one in schema["properties"].values())
            assert spec.description.endswith((".", "original."))
            assert spec.writes == (writing and spec.name in {"fix", "crop", "rescue"})


def test_the_command_names_a_missing_extra_and_a_missing_root(imgbudget: Command, tmp_path: Path) -> None:
    """Before anything is read."""
    run = imgbudget("mcp", "--root", "nowhere")
    assert run.code == 2
    assert "--root nowhere: no such file or folder" in run.err
    (tmp_path / "file").write_text("")
    assert "is not a folder" in imgbudget("mcp", "--root", "file").err
