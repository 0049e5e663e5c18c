"""Image files as agents send them: `--client`, `client` in the configuration, and what rules then find."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget import RunOptions, plan
from imgbudget.limits.clients import CLIENT_NAMES, CLIENTS
from imgbudget.limits.geometry import Size
from imgbudget.model.clients import as_sent, client_named
from imgbudget.model.location import Location
from imgbudget.model.subjects import ImageFacts, ImageUse, Origin
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

BIG, TALL, SMALL = (3000, 2000), (2000, 3000), (1000, 800)


def stored(form: str, size: tuple[int, int], orientation: int = 1, byte_size: int = 200_000) -> ImageUse:
    """An image file as it is stored."""
    facts = ImageFacts(
        byte_size, form, Size(*size), orientation, quality=90, metadata_bytes=5_000, has_location=True
    )
    return ImageUse(Location(f"a.{form}"), Origin.PATH, facts, f"image/{form}", 4 * byte_size // 3)


SENT = [
    # client, as stored, as sent: format, size, orientation; None for byte for byte
    ("claude-code", stored("png", BIG), ("png", (2000, 1333), 1)),
    ("claude-code", stored("jpeg", BIG, 6), ("jpeg", (1333, 2000), 1)),
    ("claude-code", stored("jpeg", BIG, 3), ("jpeg", (2000, 1333), 1)),
    ("claude-code", stored("jpeg", SMALL, 6), None),
    ("claude-code", stored("gif", SMALL), None),
    ("claude-code", stored("png", (2000, 2000)), None),
    ("codex", stored("png", BIG), ("png", (1920, 1280), 1)),
    ("codex", stored("jpeg", BIG, 6), ("jpeg", (1920, 1280), 6)),
    ("codex", stored("gif", SMALL), ("png", SMALL, 1)),
    ("codex", stored("gif", BIG), ("png", (1920, 1280), 1)),
    ("codex", stored("jpeg", SMALL, 6), None),
    ("codex", stored("png", (1920, 1280)), None),
    ("gemini-cli", stored("jpeg", BIG, 6), None),
    ("gemini-cli", stored("gif", SMALL), None),
    ("opencode", stored("jpeg", BIG, 6), ("png", (2000, 1333), 6)),
    ("opencode", stored("png", TALL), ("png", (1333, 2000), 1)),
    ("opencode", stored("jpeg", SMALL, 6), None),
    ("qwen-code", stored("png", BIG), ("jpeg", (1344, 896), 1)),
    ("qwen-code", stored("jpeg", BIG, 6), ("jpeg", (896, 1344), 1)),
    ("qwen-code", stored("png", SMALL), ("jpeg", SMALL, 1)),
    ("qwen-code", stored("webp", SMALL, 8), ("jpeg", (800, 1000), 1)),
    ("pi", stored("jpeg", BIG, 6), ("png", (1333, 2000), 1)),
    ("pi", stored("jpeg", SMALL, 6), None),
    ("pi", stored("webp", BIG), ("png", (2000, 1333), 1)),
    ("cline", stored("jpeg", BIG, 6), None),
]


@pytest.mark.parametrize(("name", "use", "expected"), SENT)
def test_an_image_becomes_what_the_client_was_seen_to_send(
    name: str, use: ImageUse, expected: tuple[str, tuple[int, int], int] | None
) -> None:
    """Format, size and orientation of what arrives; or the file itself."""
    profile = client_named(name)
    assert profile is not None
    sent = as_sent(use, profile)
    facts = sent.use.facts
    assert facts is not None
    if expected is None:
        assert not sent.encoded
        assert facts == use.facts
        assert sent.use.base64_size == use.base64_size
        assert sent.summary == ""
    else:
        assert (facts.format, facts.size, facts.orientation) == expected
        assert sent.summary.startswith(f"{profile.label} sends it as {facts.format} {facts.size}")


@pytest.mark.parametrize("profile", CLIENTS, ids=CLIENT_NAMES)
def test_no_bytes_are_invented_for_an_encoded_image(profile: Any) -> None:
    """An encoded image has no bytes, quality or metadata; a position stays, as it may have survived."""
    facts = as_sent(stored("gif" if profile.always_encoded else "png", BIG), profile)
    assert facts.use.facts is not None
    known = facts.use.facts.byte_size, facts.use.base64_size, facts.use.facts.quality
    if facts.encoded:
        assert known == (0, None, None)
        assert facts.use.facts.metadata_bytes is None
    else:
        assert known == (200_000, 266_666, 90)
    assert facts.use.facts.has_location


@pytest.mark.parametrize("profile", CLIENTS, ids=CLIENT_NAMES)
def test_what_is_not_known_is_checked_as_stored(profile: Any) -> None:
    """A format that no client was seen with, an image without a size, and a damaged one keep their facts."""
    heic = stored("heic", BIG, 6)
    assert as_sent(heic, profile).use.facts == heic.facts
    assert "of heic is not known" in as_sent(heic, profile).summary
    assert heic.facts is not None
    for facts in (
        heic.facts._replace(format="png", size=None),
        heic.facts._replace(damage="is cut off"),
        None,
    ):
        use = heic._replace(facts=facts)
        assert as_sent(use, profile).use == use
    animated = stored("webp", SMALL)
    assert animated.facts is not None
    animated = animated._replace(facts=animated.facts._replace(frames=3))
    assert as_sent(animated, profile).use.facts == animated.facts


@pytest.mark.parametrize("profile", CLIENTS, ids=CLIENT_NAMES)
def test_what_a_client_sends_it_would_not_scale_again(profile: Any) -> None:
    """Sizes as sent are within the bounds of the client, and never larger than the stored ones."""
    for width in (1, 31, 500, 1568, 1999, 2001, 4096, 9000):
        for height in (1, 28, 800, 1569, 2000, 7777):
            size = profile.size_of(Size(width, height))
            assert size.width <= width
            assert size.height <= height
            assert profile.size_of(size) == size


def test_codex_sends_at_most_2400_patches() -> None:
    """The bound that was observed, for any ratio."""
    profile = client_named("codex")
    assert profile is not None
    for size in ((3000, 2000), (9000, 300), (2431, 2557), (4000, 4000)):
        width, height = profile.size_of(Size(*size))
        assert -(-width // 32) * -(-height // 32) <= 2400


def test_claude_code_leaves_out_a_large_file(imgbudget: Command, tmp_path: Path) -> None:
    """A file over 262,144 bytes that is named with @ is an error that names client and limit; no fix."""
    data = image_bytes(SMALL)
    (tmp_path / "at.png").write_bytes(data + bytes(262_144 - len(data)))
    (tmp_path / "over.png").write_bytes(data + bytes(262_145 - len(data)))
    run = imgbudget("check", "--client", "claude-code", "--select", "IB103", "--format", "json", ".")
    assert run.code == 1
    (finding,) = run.json["findings"]
    assert finding["path"] == "over.png"
    assert (finding["measured"], finding["limit"]) == (262_145, 262_144)
    assert finding["fix"] == {"safety": "unsafe", "title": "encode within 262,144 bytes"}
    assert "claude-code 2.1.332 leaves out an image over 262,144 bytes" in finding["message"]
    records = {image["path"]: image["client"]["left_out"] for image in run.json["images"]}
    assert records == {"at.png": None, "over.png": {"named": "@", "limit": 262_144}}
    text = imgbudget("check", "--client", "claude-code", "--isolated", "over.png").out
    assert "sent over.png: claude-code 2.1.332 leaves it out without an error" in text
    assert imgbudget("check", "--client", "codex", "--select", "IB103", ".").code == 0
    fixed = ("check", "--client", "claude-code", "--select", "IB103", "--fix", "--unsafe-fixes", "over.png")
    assert imgbudget(*fixed).code == 0
    assert (tmp_path / "over.png").stat().st_size <= 262_144
    (tmp_path / "over.png").write_bytes(data + bytes(262_145 - len(data)))
    for_openai = ("--model", "gpt-5", "--select", "IB103", "--format", "json", ".")
    assert imgbudget("check", "--client", "claude-code", *for_openai).codes == ["IB103"]


def test_findings_are_those_of_what_arrives(imgbudget: Command, tmp_path: Path) -> None:
    """Sizes, tokens and rules follow the client; the record keeps the file, with what was sent beside it."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((9000, 6000), "JPEG", orientation=6))
    run = imgbudget("check", "--client", "qwen-code", "--format", "json", "a.jpg")
    assert run.codes == []
    (image,) = run.json["images"]
    assert (image["width"], image["height"], image["orientation"]) == (9000, 6000, 6)
    assert image["resized"] == [896, 1344]
    assert image["client"] == {
        "name": "qwen-code",
        "version": "0.24.4",
        "format": "jpeg",
        "width": 896,
        "height": 1344,
        "bytes": None,
        "changes": ["scaled from 9000x6000", "turned upright"],
        "left_out": None,
        "unknown": None,
    }
    assert "observed on 2026-11-28" in run.err
    assert imgbudget("check", "--client", "opencode", "--format", "json", "a.jpg").codes == ["IB201", "IB303"]
    assert "IB101" in imgbudget("check", "--client", "cline", "--format", "json", "a.jpg").codes


def test_the_media_type_is_that_of_the_client(imgbudget: Command, tmp_path: Path) -> None:
    """Gemini CLI declares the type of the extension, Claude Code that of the bytes; others are not known."""
    (tmp_path / "a.png").write_bytes(image_bytes(SMALL, "JPEG"))

    def severities(client: str) -> list[str]:
        run = imgbudget("check", "--client", client, "--select", "IB105", "--format", "json", "a.png")
        return [finding["severity"] for finding in run.json["findings"]]

    assert severities("gemini-cli") == ["error"]
    assert severities("claude-code") == []
    assert severities("qwen-code") == []
    assert severities("pi") == ["warning"]
    run = imgbudget("check", "--client", "gemini-cli", "--select", "IB105", "--fix", "a.png")
    assert run.code == 1
    assert (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("client", "orientation", "sent", "fixed"),
    [
        ("claude-code", 1, (2000, 1333), (1344, 896)),
        ("claude-code", 6, (1333, 2000), (896, 1344)),
        ("codex", 1, (1920, 1280), (1344, 896)),
        ("opencode", 3, (2000, 1333), (1344, 896)),
        ("pi", 8, (1333, 2000), (896, 1344)),
    ],
)
def test_a_fix_makes_a_file_that_the_client_sends_as_it_is(  # noqa: PLR0913, PLR0917 - one case
    imgbudget: Command,
    tmp_path: Path,
    client: str,
    orientation: int,
    sent: tuple[int, int],
    fixed: tuple[int, int],
) -> None:
    """The size is the one that the model uses, upright; the client then changes nothing."""
    (tmp_path / "a.jpg").write_bytes(image_bytes(BIG, "JPEG", orientation=orientation))
    call = ("check", "--client", client, "--select", "IB201", "--format", "json", "a.jpg")
    (image,) = imgbudget(*call).json["images"]
    assert (image["client"]["width"], image["client"]["height"]) == sent
    run = imgbudget(*call, "--fix")
    assert run.code == 0
    assert [one["code"] for one in run.json["fixed"]] == ["IB201"]
    (image,) = imgbudget(*call).json["images"]
    assert (image["width"], image["height"]) == fixed
    assert image["client"]["changes"] == []
    assert imgbudget(*call, "--fix").json["fixed"] == []


def test_a_fix_that_the_client_would_undo_is_not_offered(imgbudget: Command, tmp_path: Path) -> None:
    """Qwen Code encodes every image, Codex every GIF; turning what OpenCode scales is not offered either."""
    for name, form in (("a.png", "PNG"), ("a.gif", "GIF"), ("b.jpg", "JPEG")):
        (tmp_path / name).write_bytes(image_bytes(BIG, form, orientation=6 if form == "JPEG" else 1))

    def fixes(client: str, name: str, code: str) -> list[Any]:
        tokens = ("--budget", "image.tokens=300")
        run = imgbudget("check", "--client", client, *tokens, "--select", code, "--format", "json", name)
        return [finding["fix"] for finding in run.json["findings"]]

    assert fixes("qwen-code", "a.png", "IB601") == [None]
    assert fixes("codex", "a.gif", "IB601") == [None]
    assert fixes("codex", "a.png", "IB601") != [None]
    assert fixes("opencode", "b.jpg", "IB303") == [None]


def test_a_file_that_is_sent_as_it_is_has_all_fixes(imgbudget: Command, tmp_path: Path) -> None:
    """Its findings and fixes are those without a client."""
    (tmp_path / "a.png").write_bytes(image_bytes((1900, 1200)))
    call = ("check", "--format", "json", "a.png")
    plain = imgbudget(*call).json["findings"]
    assert plain[0]["fix"] is not None
    assert imgbudget(*call, "--client", "pi").json["findings"] == plain


def test_without_a_client_nothing_changes(imgbudget: Command, tmp_path: Path) -> None:
    """No record, line or note; `plan` and requests are the same with one in the configuration."""
    (tmp_path / "a.png").write_bytes(image_bytes(BIG))
    write_json(tmp_path / "r.json", body(image_block(image_bytes(BIG)), "What is this?"))
    plain = imgbudget("check", "--format", "json", ".")
    assert '"client"' not in plain.out
    before = (
        imgbudget("check", "a.png"),
        imgbudget("check", "--format", "json", "r.json"),
        imgbudget("plan", "a.png", "r.json"),
    )
    (tmp_path / ".imgbudget.yaml").write_text("client: codex\n")
    after = (
        imgbudget("check", "a.png"),
        imgbudget("check", "--format", "json", "r.json"),
        imgbudget("plan", "a.png", "r.json"),
    )
    assert before[1:] == after[1:]
    assert "sent a.png: codex 0.171.0 sends it as png 1920x1280" in after[0].out
    assert "sent a.png" not in before[0].out
    assert "sent a.png" not in imgbudget("check", "--quiet", "a.png").out
    assert imgbudget("check", "--isolated", "a.png") == before[0]
    assert plan("a.png") == plan("a.png", RunOptions(isolated=True))


def test_the_command_line_wins_over_the_configuration(imgbudget: Command, tmp_path: Path) -> None:
    """Also in `--show-settings`, which names the version."""
    (tmp_path / ".imgbudget.yaml").write_text("client: codex\n")
    (tmp_path / "a.png").write_bytes(image_bytes(BIG))
    run = imgbudget("check", "--client", "pi", "--format", "json", "a.png")
    assert run.json["images"][0]["client"]["name"] == "pi"
    assert "client         codex 0.171.0" in imgbudget("check", "--show-settings", "a.png").out


def test_several_processes_check_for_the_client(imgbudget: Command, tmp_path: Path, monkeypatch: Any) -> None:
    """Workers have the options of the run, and their notes reach it."""
    monkeypatch.setattr("imgbudget.linter.run.Session.pool_threshold", 4)
    for number in range(8):
        (tmp_path / f"{number}.png").write_bytes(image_bytes(BIG))
    one = imgbudget("check", "--client", "codex", "--no-cache", "-j", "1", ".")
    assert imgbudget("check", "--client", "codex", "--no-cache", "-j", "2", ".") == one
    assert one.out.count("sends it as png 1920x1280") == 8


def test_the_image_of_standard_input_is_checked_for_the_client(imgbudget: Command) -> None:
    """It has no name on disk, and is sent all the same."""
    run = imgbudget("check", "--client", "pi", "--format", "json", "-", stdin=image_bytes(BIG))
    assert run.json["images"][0]["client"]["width"] == 2000


def test_a_mistaken_client_is_refused_with_the_nearest_name(imgbudget: Command, tmp_path: Path) -> None:
    """On the command line and in the configuration, with exit code 2."""
    run = imgbudget("check", "--client", "claude-cod", ".")
    assert run.code == 2
    assert "unknown client 'claude-cod'; did you mean 'claude-code'?" in run.err
    (tmp_path / ".imgbudget.yaml").write_text("model: claude-opus-4-8\nclient: opencod\n")
    run = imgbudget("check", ".")
    assert run.code == 2
    assert '.imgbudget.yaml:2: client: "opencod" is not a client; did you mean "opencode"?' in run.err


def test_each_client_is_in_the_help_the_schema_and_the_docs(imgbudget: Command) -> None:
    """With the version that was observed."""
    root = Path(__file__).resolve().parents[1]
    schema = json.loads((root / "docs/imgbudget.schema.json").read_text(encoding="utf-8"))
    assert schema["properties"]["client"]["enum"] == list(CLIENT_NAMES)
    words = imgbudget("check", "--help").out.replace(",", " ").split()
    usage = (root / "docs/usage.md").read_text(encoding="utf-8")
    for client in CLIENTS:
        assert any(word.rstrip(".") == client.name for word in words)
        assert f"| `{client.name}` | {client.version} |" in usage
