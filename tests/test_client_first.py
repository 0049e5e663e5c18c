"""`--client` of `size` and `plan`: what the agent makes of an image, then what the API makes of that."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.builders import image_bytes
from tests.conftest import Command

JSON = ("--format", "json")


def photo(path: Path, size: tuple[int, int] = (3000, 2000), **options: Any) -> None:
    """A photograph in a file."""
    path.write_bytes(image_bytes(size, "JPEG", **options))


def turned(path: Path) -> None:
    """A photograph of 3000x2000 that is to be shown upright, as 2000x3000."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (3000, 2000)).save(path, exif=exif.tobytes())


@pytest.mark.parametrize(
    ("client", "sent", "resized", "tokens"),
    [
        ("codex", [1920, 1280], [1344, 896], 1536),
        ("claude-code", [2000, 1333], [1345, 896], 1568),
        ("qwen-code", [1344, 896], [1344, 896], 1536),
        ("cline", [3000, 2000], [1344, 896], 1536),
    ],
)
def test_size_of_what_arrives(  # noqa: PLR0913, PLR0917 - one case
    imgbudget: Command, tmp_path: Path, client: str, sent: list[int], resized: list[int], tokens: int
) -> None:
    """The file's size, the one that is sent, and what the model makes of it; the scale is over both."""
    photo(tmp_path / "a.jpg")
    for what in ("a.jpg", "3000x2000"):
        [row] = imgbudget("size", "--client", client, *JSON, what).json["sizes"]
        assert (row["size"], row["resized"], row["tokens"]) == ([3000, 2000], resized, tokens)
        assert [row["client"]["width"], row["client"]["height"]] == sent
        assert row["scale"][0] == pytest.approx(3000 / resized[0])
        assert row["fits"] is (sent == resized)


def test_size_as_text(imgbudget: Command, tmp_path: Path) -> None:
    """A column and a note; none without a client, nor by the configuration."""
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "b.jpg", (300, 200))
    run = imgbudget("size", "--client", "qwen-code", "a.jpg", "b.jpg")
    first, second = run.out.splitlines()[2:4]
    assert first.split()[:5] == ["a.jpg", "3000x2000", "1344x896", "unchanged", "1344x896"]
    assert "qwen-code 0.24.4 sends it as jpeg 1344x896, scaled from 3000x2000" in first
    assert "2.2321, 2.2321" in first
    assert "sends it as jpeg 300x200, encoded again" in second
    plain = imgbudget("size", "a.jpg", "b.jpg").out
    assert "as sent" not in plain
    (tmp_path / ".imgbudget.yaml").write_text("client: codex\n")
    assert imgbudget("size", "a.jpg", "b.jpg").out == plain


def test_orientation_on_its_way(imgbudget: Command, tmp_path: Path) -> None:
    """Turned by the client, left to the API by its tag, or lost with the tag."""
    turned(tmp_path / "a.jpg")
    found = {
        client: imgbudget("size", "--client", client, *JSON, "a.jpg").json["sizes"][0]["resized"]
        for client in ("claude-code", "codex", "opencode")
    }
    assert found == {"claude-code": [896, 1345], "codex": [896, 1344], "opencode": [1345, 896]}


def test_several_models(imgbudget: Command, tmp_path: Path) -> None:
    """Each model gets what the client sends."""
    photo(tmp_path / "a.jpg")
    models = ("--model", "gpt-5.6-sol,claude-opus-5-5")
    document = imgbudget("size", "--client", "codex", *models, *JSON, "a.jpg").json
    assert [row["tokens"] for row in document["sizes"]] == [2880, 3174]
    assert all(group["client"]["width"] == 1920 for group in document["groups"])
    assert "1920x1280" in imgbudget("size", "--client", "codex", *models, "a.jpg").out


def plans(imgbudget: Command, *args: str) -> list[dict[str, Any]]:
    """The plans of a run."""
    found: list[dict[str, Any]] = imgbudget("plan", *JSON, *args).json["plans"]
    return found


def test_plan_of_what_arrives(imgbudget: Command, tmp_path: Path) -> None:
    """A file is resized if the API would scale what arrives, and stays if the client has done that."""
    photo(tmp_path / "a.jpg")
    [codex] = plans(imgbudget, "--client", "codex", "a.jpg")
    assert (codex["from"], codex["to"], codex["before"]["tokens"]) == ([3000, 2000], [1344, 896], 1536)
    assert codex["reason"].startswith("codex 0.171.0 sends it as jpeg 1920x1280, scaled from 3000x2000; ")
    [code] = plans(imgbudget, "--client", "claude-code", "a.jpg")
    assert (code["before"]["tokens"], code["after"]["tokens"]) == (1568, 1536)
    [qwen] = plans(imgbudget, "--client", "qwen-code", "a.jpg")
    assert (qwen["to"], qwen["changes"], qwen["before"]["tokens"]) == ([3000, 2000], False, 1536)
    assert qwen["client"]["height"] == 896
    [large] = plans(imgbudget, "--client", "codex", "--model", "gpt-5.6-sol", "a.jpg")
    assert (large["changes"], large["before"]["tokens"], large["after"]["tokens"]) == (False, 2880, 2880)
    [without] = plans(imgbudget, "a.jpg")
    assert "client" not in without


def test_applied_plan(imgbudget: Command, tmp_path: Path) -> None:
    """The file gets the planned size, upright; a second plan changes nothing."""
    turned(tmp_path / "a.jpg")
    call = ("plan", "--client", "claude-code", "--apply", "a.jpg")
    assert imgbudget(*call).code == 0
    with Image.open(tmp_path / "a.jpg") as image:
        assert (image.size, image.getexif().get(0x0112, 1)) == ((896, 1344), 1)
    after = (tmp_path / "a.jpg").read_bytes()
    imgbudget(*call)
    assert (tmp_path / "a.jpg").read_bytes() == after
    photo(tmp_path / "b.jpg")
    before = (tmp_path / "b.jpg").read_bytes()
    imgbudget("plan", "--client", "qwen-code", "--apply", "b.jpg")
    assert (tmp_path / "b.jpg").read_bytes() == before


def test_unknown_client(imgbudget: Command) -> None:
    """The nearest name, and the exit code of a usage error."""
    for call in (("size", "3x3"), ("plan", ".")):
        run = imgbudget(*call, "--client", "codecs")
        assert (run.code, "did you mean 'codex'?" in run.err) == (2, True)


def test_the_table_of_sizes_is_not_of_files(imgbudget: Command) -> None:
    """A table shows what the API does with what it receives; a note says that a client changes nothing."""
    plain, run = imgbudget("size", "--table"), imgbudget("size", "--table", "--client", "codex")
    assert (plain.out, plain.err) == (run.out, "")
    assert "sizes as the API receives them, whatever codex sends" in run.err
