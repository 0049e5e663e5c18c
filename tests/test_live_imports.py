"""Only live mode imports the SDK, on demand; and the message if it is not installed."""

import subprocess
import sys
from pathlib import Path

from tests.builders import body, image_block, image_bytes, write_json

HTTP = (
    "anthropic",
    "httpx",
    "httpx2",
    "pydantic",
    "anyio",
    "openai",
    "google",
    "litellm",
    "botocore",
    "aiohttp",
)
_WITHOUT = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("anthropic", "httpx", "httpx2"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""


def run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a separate process."""
    command = [sys.executable, "-I", "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def calling(*arguments: str, before: str = "", after: str = "") -> str:
    """The code that calls the command."""
    return (
        f"import sys\n{before}\nfrom imgbudget.cli import main\n"
        f"try:\n    main({list(arguments)!r})\nexcept SystemExit as stop:\n    code = stop.code\n"
        f"{after}\nsys.exit(code)"
    )


def test_check_fix_and_dry_run_never_import_the_sdk(tmp_path: Path) -> None:
    """Not for requests, not for fixes, not to show what would be sent."""
    (tmp_path / "a.png").write_bytes(image_bytes((4000, 300)))
    write_json(tmp_path / "r.json", body(image_block(), "what?"))
    loaded = f"assert not [name for name in {HTTP!r} if name in sys.modules], sys.modules.keys()"
    for arguments in (("check", "."), ("check", "--fix", "--diff", "a.png"), ("send", "r.json", "--dry-run")):
        done = run(tmp_path, calling(*arguments, after=loaded))
        assert "AssertionError" not in done.stderr
        assert done.returncode in (0, 1), done.stderr


def test_the_public_names_do_not_import_it(tmp_path: Path) -> None:
    """`import imgbudget` and the guard of any httpx client work without the SDK."""
    code = (
        _WITHOUT
        + "import imgbudget\n"
        + "imgbudget.check('.')\n"
        + f"assert not [name for name in {HTTP!r} if name in sys.modules], sys.modules.keys()\n"
        + "assert imgbudget.prune_conversation([]) == []\n"
        + "assert imgbudget.guard_transport() is not None\n"
        + "assert issubclass(imgbudget.GuardError, imgbudget.ImgbudgetError)\n"
    )
    done = run(tmp_path, code)
    assert done.returncode == 0, done.stderr


def test_without_the_extra_one_line_names_it(tmp_path: Path) -> None:
    """Exit 2 and one line that says what to install."""
    write_json(tmp_path / "r.json", body(image_block()))
    for command, arguments in (("send", ("r.json", "--yes")), ("verify", ())):
        done = run(tmp_path, calling(command, *arguments, before=_WITHOUT))
        assert done.returncode == 2
        assert done.stderr == (
            f"imgbudget: imgbudget {command} needs the official SDK, which is in the extra `live`: "
            "pip install 'imgbudget[live]'\n"
        )


def test_an_sdk_of_before_is_named(tmp_path: Path) -> None:
    """Version 1 has another HTTP layer."""
    write_json(tmp_path / "r.json", body(image_block()))
    old = "import types\nsys.modules['anthropic'] = types.ModuleType('anthropic')\n"
    old += "sys.modules['anthropic'].__version__ = '1.17.0'"
    done = run(tmp_path, calling("send", "r.json", "--yes", before=old))
    assert done.returncode == 2
    assert (
        "needs anthropic 2 or newer, 1.17.0 is installed: pip install 'imgbudget[live]' --upgrade"
        in done.stderr
    )


EXTRAS = (
    *(
        "numpy",
        "rapidocr",
        "onnxruntime",
        "cv2",
        "pyarrow",
        "duckdb",
        "fsspec",
        "jinja2",
        "ray",
        "pillow_heif",
    ),
    *("anthropic", "httpx", "httpx2", "mcp", "mcp_types", "pygls", "lsprotocol", "tomlkit", "openpyxl"),
)


def test_every_command_loads_without_any_extra(tmp_path: Path) -> None:
    """In an environment with the wheel alone: each shows its help, and `view` writes a page."""
    (tmp_path / "a.png").write_bytes(image_bytes((2000, 300)))
    code = (
        "import contextlib, io, sys\n"
        f"for name in {EXTRAS!r}: sys.modules[name] = None\n"
        "from imgbudget.cli.main import COMMANDS, main\n"
        "failed = []\n"
        "lines = [[name, '-h'] for name in COMMANDS]\n"
        "for line in (*lines, ['view', 'a.png', '-o', 'v.html', '--isolated']):\n"
        "    try:\n"
        "        with contextlib.redirect_stdout(io.StringIO()): main(line)\n"
        "    except SystemExit as stop:\n"
        "        if stop.code: failed.append(line)\n"
        "sys.exit(f'failed: {failed}' if failed else 0)"
    )
    done = run(tmp_path, code)
    assert (done.returncode, done.stderr.partition("Traceback")[1]) == (0, ""), done.stderr
    assert b"a.png" in (tmp_path / "v.html").read_bytes()
