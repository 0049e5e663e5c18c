"""The recipes: makes what each of them begins with, runs its commands, and puts their output into the page.

`python docs/recipes.py` after a change; `python docs/recipes.py --try FOLDER` leaves what they made there.
"""

import base64
import json
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from click.testing import CliRunner
from PIL import Image, ImageDraw

from imgbudget.cli.group import cli
from imgbudget.fixing import vips

RECIPES = Path(__file__).resolve().parent / "recipes"
DAY = "2026-11-28"
HOME = "/home/me"
"""What the pages call the folder in which a recipe is run."""

_AUTHOR = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STAMP = re.compile(r"20\d{6}T\d{6}Z(-[0-9a-f]{8})?")


def _png(name: Path, size: tuple[int, int], seed: int) -> None:
    """A screenshot: bars of text on a light ground."""
    rng = random.Random(seed)  # noqa: S311 - a picture
    picture = Image.new("RGB", size, "#f6f8fa")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, size[0], 60), fill="#24292f")
    for y in range(100, size[1] - 40, 34):
        x = 60
        while x < size[0] - 200 and rng.random() > 0.1:
            length = rng.randrange(30, 160)
            draw.rectangle((x, y, x + length, y + 14), fill=rng.choice(("#24292f", "#57606a", "#0969da")))
            x += length + 16
    name.parent.mkdir(parents=True, exist_ok=True)
    picture.save(name)


def _photo(name: Path, size: tuple[int, int], shade: int) -> None:
    """A photograph: a soft gradient, and a part that differs from that of others."""
    picture = Image.radial_gradient("L").resize(size).convert("RGB")
    ImageDraw.Draw(picture).rectangle((0, 0, size[0] // 3, size[1] // 3), fill=(shade, 90, 160))
    name.parent.mkdir(parents=True, exist_ok=True)
    picture.save(name, quality=88)


def broken_session(home: Path) -> Path:
    """A session of Claude Code: it read three images, of which one is a web page, and was refused."""
    _png(home / "app" / "before.png", (900, 600), 1)
    _png(home / "app" / "after.png", (900, 600), 2)
    page = b"<!DOCTYPE html><html><body>404 not found</body></html>"
    (home / "app" / "logo.png").write_bytes(page)
    lines: list[dict[str, object]] = []

    def add(kind: str, content: object, **more: object) -> None:
        number = len(lines)
        message: dict[str, object] = {"role": kind, "content": content}
        if kind == "assistant":
            message |= {"model": "claude-opus-4-8", "id": f"msg_{number}", "type": "message"}
        parent = f"u{number - 1}" if number else None
        place = {"uuid": f"u{number}", "parentUuid": parent, "sessionId": "0f3c9a52", "cwd": f"{HOME}/app"}
        stamp = f"2026-11-28T10:00:{number:02}.000Z"
        lines.append(
            place | {"type": kind, "version": "2.1.332", "timestamp": stamp, "message": message} | more
        )

    add("user", "Does the new page look right?")
    for number, name in enumerate(("before.png", "logo.png", "after.png")):
        call = {
            "type": "tool_use",
            "id": f"t{number}",
            "name": "Read",
            "input": {"file_path": f"{HOME}/app/{name}"},
        }
        add("assistant", [call])
        data = base64.b64encode((home / "app" / name).read_bytes()).decode()
        source = {"type": "base64", "media_type": "image/png", "data": data}
        result = {
            "type": "tool_result",
            "tool_use_id": f"t{number}",
            "content": [{"type": "image", "source": source}],
        }
        add("user", [result])
    add(
        "assistant",
        [{"type": "text", "text": "API Error: 400 Could not process image"}],
        isApiErrorMessage=True,
    )
    message = lines[-1]["message"]
    assert isinstance(message, dict)  # noqa: S101 - as added above
    message["model"] = "<synthetic>"
    path = home / ".claude" / "projects" / "-home-me-app" / "0f3c9a52.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    written = time.mktime((2026, 11, 28, 10, 0, 7, 0, 0, -1))
    os.utime(path, (written, written))
    return home


def large_screenshots(home: Path) -> Path:
    """A folder with screenshots of a desktop, a window and a whole page."""
    _photo(home / "screenshots" / "map.png", (2560, 1440), 200)
    _png(home / "screenshots" / "window.png", (1280, 720), 4)
    _png(home / "screenshots" / "page.png", (1280, 9200), 5)
    return home


def dataset_bill(home: Path) -> Path:
    """A folder of photographs, of which one was copied."""
    for number in range(6):
        size = (4032, 3024) if number % 3 else (1200, 900)
        _photo(home / "photos" / f"{number:03}.jpg", size, number * 20)
    (home / "photos" / "copy.jpg").write_bytes((home / "photos" / "001.jpg").read_bytes())
    return home


def wrong_token_estimate(home: Path) -> Path:
    """An image of the usual size of a screen."""
    _png(home / "screen.png", (1920, 1080), 6)
    return home


def repository_hook(home: Path) -> Path:
    """A repository with a photograph that is not committed yet, and the configuration of the hook."""
    project = home / "project"
    _photo(project / "assets" / "hero.jpg", (4000, 3000), 120)
    text = (RECIPES / "repository-hook.md").read_text("utf-8")
    found = re.search(r"^```yaml\n(repos:\n  - repo: local\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None  # noqa: S101 - the page shows it
    (project / ".pre-commit-config.yaml").write_text(found[1], encoding="utf-8")
    name = ("-c", "init.defaultBranch=main")
    subprocess.run(["git", *name, "init", "--quiet"], cwd=project, check=True)  # noqa: S603, S607 - git
    return project


SETUPS: dict[str, Callable[[Path], Path]] = {
    "broken-session": broken_session,
    "large-screenshots": large_screenshots,
    "dataset-bill": dataset_bill,
    "wrong-token-estimate": wrong_token_estimate,
    "repository-hook": repository_hook,
}
"""What makes the files that a recipe begins with, by its page; it returns the folder of its commands."""


def run(name: str, home: Path) -> str:
    """The page of a recipe with the output of its commands, which are run in a folder that is empty."""
    page = (RECIPES / f"{name}.md").read_text("utf-8")
    with _at(home):
        os.chdir(SETUPS[name](home))

        def filled(block: re.Match[str]) -> str:
            commands = re.findall(r"^\$ (.*)$", block[1], re.MULTILINE)
            shown = "\n".join(f"$ {command}\n{_output(command, home)}" for command in commands)
            return f"```console\n{shown}```"

        return _BLOCK.sub(filled, page)


def commands(name: str) -> list[str]:
    """The commands of a recipe, in order."""
    page = (RECIPES / f"{name}.md").read_text("utf-8")
    return [line for block in _BLOCK.findall(page) for line in re.findall(r"^\$ (.*)$", block, re.MULTILINE)]


@contextmanager
def _at(home: Path) -> Iterator[None]:
    """Run as someone whose home is this folder, on the day of the pages, and come back."""
    before = os.getcwd()
    tools = os.path.dirname(sys.executable)
    environment = {
        "HOME": str(home),
        "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "IMGBUDGET_DATE": DAY,
        "GIT_CONFIG_GLOBAL": os.devnull,
        **dict.fromkeys(_AUTHOR, "me@example.invalid"),
        "COLUMNS": "100",
        **{
            f"GIT_{who}_{what}": "me@example.invalid"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    # encoded bytes depend on the library that scales
    with patch.dict(os.environ, environment), patch.object(vips, "library", return_value=None):
        for variable in [one for one in os.environ if one.startswith(("XDG_", "CLAUDE_", "CODEX_"))]:
            del os.environ[variable]
        try:
            yield
        finally:
            os.chdir(before)


def _output(command: str, home: Path) -> str:
    """What a command prints, with the names of the pages for what differs from run to run."""
    if re.match(r"imgbudget [^|>&;]*$", command):
        words = [os.path.expanduser(word) for word in shlex.split(command)[1:]]
        done = CliRunner().invoke(cli, words, prog_name="imgbudget")
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        text = done.output
    else:
        text = subprocess.run(  # noqa: S602 - a command of our own page
            command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        ).stdout
    text = text.replace(str(home), HOME).strip("\n")
    text = f"{text}\n" if text else ""
    return _STAMP.sub(lambda found: "20261128T101500Z" + ("-9a4662e2" if found[1] else ""), text)


def main() -> int:
    """Run all recipes and write the pages that changed."""
    if sys.argv[1:2] == ["--try"]:
        for name in SETUPS:
            folder = Path(sys.argv[2]).resolve() / name
            folder.mkdir(parents=True)
            run(name, folder)
        return 0
    for name in SETUPS:
        path = RECIPES / f"{name}.md"
        with tempfile.TemporaryDirectory() as temporary:
            text = run(name, Path(temporary).resolve())
        if path.read_text("utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(RECIPES.parents[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
