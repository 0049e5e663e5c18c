"""`imgbudget init`: a configuration from what is there, that its own reader takes and its own run passes."""

from io import BytesIO
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgbudget.cli.init import Proposal, rounded_up, starter
from imgbudget.config import load
from imgbudget.model.budgets import Budget, Budgets
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command


def test_empty_folder_gets_the_defaults(imgbudget: Command, tmp_path: Path) -> None:
    """With nothing to measure: default model and platform, budgets as a comment."""
    run = imgbudget("init")
    assert (run.code, run.err) == (0, "")
    settings = load(str(tmp_path))
    assert (settings.model, settings.platform) == ("claude-sonnet-4-6", "anthropic")
    assert settings.budgets == Budgets()
    assert settings.notes == ()


def test_model_platform_and_budgets_are_those_of_the_tree(imgbudget: Command, tmp_path: Path) -> None:
    """Two requests name one model, one another: the first is proposed, and measured for."""
    for i, model in enumerate(("claude-opus-4-8", "claude-opus-4-8", "claude-haiku-4-5")):
        write_json(tmp_path / f"{i}.json", body(image_block(), model=model))
    (tmp_path / "a.png").write_bytes(image_bytes((2000, 1500)))
    assert imgbudget("init").code == 0
    text = (tmp_path / ".imgbudget.yaml").read_text()
    assert "# used by 2 requests; others: claude-haiku-4-5 (1)" in text
    settings = load(str(tmp_path))
    assert settings.model == "claude-opus-4-8"
    assert settings.budgets.image.tokens == 4900  # 72 x 54 patches are 3888; a quarter more is 4860


def test_run_is_within_its_own_proposal(imgbudget: Command, tmp_path: Path) -> None:
    """Right after init no budget is exceeded."""
    write_json(tmp_path / "r.json", body(image_block(), image_block(image_bytes((900, 700)))))
    (tmp_path / "a.jpg").write_bytes(image_bytes((1500, 1000), "JPEG"))
    imgbudget("init")
    run = imgbudget("check", "--select", "IB6")
    assert (run.code, run.err) == (0, "")


def test_bedrock_is_proposed_by_the_dialect(imgbudget: Command, tmp_path: Path) -> None:
    """A Converse body can only go to Bedrock."""
    image = {"image": {"format": "png", "source": {"bytes": image_block()["source"]["data"]}}}
    converse = {"modelId": "anthropic.claude-sonnet-4-6", "messages": [{"role": "user", "content": [image]}]}
    write_json(tmp_path / "r.json", converse)
    imgbudget("init")
    assert load(str(tmp_path)).platform == "bedrock"


def test_folders_of_others_are_excluded(imgbudget: Command, tmp_path: Path) -> None:
    """Files under vendor are left out of the budgets and of the next run, whatever the folder's name."""
    foreign = tmp_path / "a[1] ü" / "vendor" / "deep"
    foreign.mkdir(parents=True)
    (foreign / "big.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    (tmp_path / "a.png").write_bytes(image_bytes((100, 300)))
    imgbudget("init")
    settings = load(str(tmp_path))
    assert len(settings.exclude) == 1
    assert settings.budgets.image.tokens is not None
    assert settings.budgets.image.tokens < 100
    listed = imgbudget("check", "--show-files").out
    assert "a.png\n" in listed
    assert "big.jpg\n" not in listed


def test_folder_of_others_without_anything_to_check_is_not_excluded(
    imgbudget: Command, tmp_path: Path
) -> None:
    """JSON that is not a request is skipped, and gives no reason for an exclude."""
    (tmp_path / "vendor").mkdir()
    write_json(tmp_path / "vendor" / "package.json", {"name": "a"})
    (tmp_path / "a.png").write_bytes(image_bytes())
    imgbudget("init")
    assert load(str(tmp_path)).exclude == ()


def test_dry_run_prints_and_writes_nothing(imgbudget: Command, tmp_path: Path) -> None:
    """What is printed is what would be written."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    printed = imgbudget("init", "--dry-run").out
    assert not (tmp_path / ".imgbudget.yaml").exists()
    imgbudget("init")
    assert (tmp_path / ".imgbudget.yaml").read_text() == printed


@pytest.mark.parametrize("name", [".imgbudget.yaml", "imgbudget.yaml", "pyproject.toml"])
def test_configuration_that_is_there_is_never_touched(imgbudget: Command, tmp_path: Path, name: str) -> None:
    """Whatever its name, init refuses and says what it can do instead."""
    text = "[tool.imgbudget]\n" if name == "pyproject.toml" else "model: claude-opus-4-8\n"
    (tmp_path / name).write_text(text)
    run = imgbudget("init")
    assert (run.code, run.out) == (2, "")
    assert f"{name} already exists; --dry-run shows" in run.err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == text


def test_configuration_above_is_reported(imgbudget: Command, tmp_path: Path) -> None:
    """A nearer configuration hides the one above, and a note says so, and what keeps its settings."""
    (tmp_path / "imgbudget.yaml").write_text("model: claude-opus-4-8\nignore: [IB301]\n")
    (tmp_path / "inner").mkdir()
    run = imgbudget("init", "inner")
    assert run.code == 0
    advice = "to keep its settings, add `inherit: true`"
    assert f"imgbudget.yaml no longer applies in inner; {advice}\n" in run.err
    with (tmp_path / "inner/.imgbudget.yaml").open("a", encoding="utf-8") as file:
        file.write("inherit: true\n")
    (record,) = imgbudget("check", "--show-settings", "inner", "--format", "json").json["settings"]
    assert record["inherited"] == ["imgbudget.yaml"]
    assert next(rule["reason"] for rule in record["rules"] if rule["code"] == "IB301").startswith("ignored")


def test_folder_that_is_not_there(imgbudget: Command) -> None:
    """A slip in the name is a mistake of use."""
    run = imgbudget("init", "nowhere")
    assert (run.code, run.err) == (2, "imgbudget: nowhere: no such file or folder\n")


def test_snippet_is_the_hook_that_exists(imgbudget: Command) -> None:
    """The printed snippet is YAML for pre-commit, and its hook is one of ours."""
    snippet = imgbudget("init").out.partition(".pre-commit-config.yaml:\n\n")[2].partition("\nNext")[0]
    hooks = yaml.safe_load((Path(__file__).parents[1] / ".pre-commit-hooks.yaml").read_text())
    (repo,) = yaml.safe_load(snippet)["repos"]
    assert {hook["id"] for hook in repo["hooks"]} <= {hook["id"] for hook in hooks}


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_rounding_up_never_falls_short(amount: float) -> None:
    """Two digits, never below, at most a tenth above."""
    rounded = rounded_up(amount)
    assert amount * (1 - 1e-9) <= rounded <= amount * 1.1


@given(
    st.integers(1, 10**7),
    st.integers(1, 10**10),
    st.floats(min_value=1e-6, max_value=1e5),
    st.text(min_size=1).filter(
        lambda text: text.isprintable() and not {"", ".", ".."} & set(text.split("/"))
    ),
)
def test_whatever_is_measured_can_be_read_back(
    tmp_path_factory: pytest.TempPathFactory, tokens: int, size: int, cost: float, folder: str
) -> None:
    """Any amounts and any folder's name give a configuration that allows at least what was measured."""
    budget = Budget(tokens, size, cost)
    text = starter(
        Proposal("claude-opus-4-8", "bedrock", excluded={folder: 3}, measured=Budgets(budget, budget, budget))
    )
    path = tmp_path_factory.mktemp("c") / ".imgbudget.yaml"
    path.write_text(text, encoding="utf-8")
    read = load(str(path.parent), explicit=str(path))
    assert (read.model, read.platform, len(read.exclude)) == ("claude-opus-4-8", "bedrock", 1)
    for found in read.budgets:
        assert found.tokens is not None
        assert found.tokens >= tokens
        assert found.bytes is not None
        assert found.bytes >= size
        assert found.cost is not None
        assert found.cost >= cost


def lined(size: tuple[int, int]) -> bytes:
    """A PNG file of thin lines, which takes many times its bytes once it is scaled."""
    image = Image.new("P", size, 0)
    image.putpalette((255, 255, 255, 20, 30, 40))
    for at in range(0, size[1], 7):
        image.paste(1, (0, at, size[0], at + 1))
    for at in range(0, size[0], 5):
        image.paste(1, (at, 0, at + 1, size[1]))
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def as_format(data: bytes, form: str) -> bytes:
    """A picture in another format."""
    out = BytesIO()
    with Image.open(BytesIO(data)) as image:
        image.convert("RGB").save(out, form, compression="tiff_deflate")
    return out.getvalue()


@pytest.mark.parametrize("flags", [(), ("--unsafe-fixes",)])
def test_budgets_leave_room_for_the_repair_of_what_the_api_refuses(
    imgbudget: Command, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    """Of an edge in a request of many images, and of a format: the repaired images take more bytes."""
    small = [image_block(image_bytes((40, 30), colour=at)) for at in range(21)]
    path = write_json(tmp_path / "many.json", body(image_block(lined((2100, 420))), *small))
    (tmp_path / "scan.tif").write_bytes(as_format(lined((1400, 900)), "TIFF"))
    before = path.stat().st_size
    assert imgbudget("init").code == 0
    text = (tmp_path / ".imgbudget.yaml").read_text()
    assert "once errors are fixed" in text
    assert {finding["code"] for finding in imgbudget("check", ".", "--format", "json").json["findings"]} >= {
        "IB102",
        "IB104",
    }
    run = imgbudget("check", ".", "--fix", *flags, "--fail-on", "error")
    assert (run.code, "error" in run.err, "warning" in run.err) == (0, False, False)
    assert path.stat().st_size > 1.25 * before
    assert imgbudget("check", ".", "--select", "IB1,IB6").code == 0
