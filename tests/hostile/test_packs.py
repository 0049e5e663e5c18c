"""Rule packs are code: only installed ones run, whatever a repository's configuration and folders contain."""

import os
import subprocess
import sys
import threading
import venv
from pathlib import Path

import pytest

from imgbudget import RunOptions, Session, check, coordinate_map, coords, prune_conversation
from imgbudget.errors import PackError
from imgbudget.registry import load_packs
from tests.builders import image_bytes

RULES = """\
from pathlib import Path

from imgbudget.rule import Level, Problem, Severity, rule

Path({mark!r}).touch()


@rule("XX101", "local-rule", level=Level.IMAGE, severity=Severity.ERROR, since="1")
def local_rule(use, ctx):
    \"\"\"It reports every image.\"\"\"
    yield Problem("found")


RULES = (local_rule,)
"""

LOCAL = "--allow-local-packs"


class Checkout:
    """A folder with an image, a configuration, and a mark that local code leaves when it runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        self.mark = folder / "mark"
        self.folder.mkdir()
        (self.folder / "a.png").write_bytes(image_bytes())

    def pack(self, name: str, within: str = "") -> Path:
        """Write a module or, for a name with a slash at its end, a package."""
        path = self.folder / within / (f"{name}__init__.py" if name.endswith("/") else f"{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RULES.format(mark=str(self.mark)))
        return path

    def configure(self, *packs: str) -> None:
        """Name packs in the configuration."""
        (self.folder / ".imgbudget.yaml").write_text(f"packs: [{', '.join(packs)}]\nselect: [ALL]\n")

    def run(
        self, *arguments: str, path: str | None = "", module: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `imgbudget check` as a module, or from `''` on the path, with `PYTHONPATH`."""
        start = ["-m", "imgbudget"] if module else ["-c", "from imgbudget.cli import main; main()"]
        environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
        if path is not None:
            environment["PYTHONPATH"] = path
        return subprocess.run(
            [sys.executable, *start, "check", "a.png", "--format", "concise", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout without packs."""
    return Checkout(tmp_path)


WAYS = [(None, True), (".", True), (".", False), (None, False), ("", False)]
"""Values of PYTHONPATH, and whether Python runs a module or a text: each can put the folder on the path."""


@pytest.mark.parametrize(("path", "module"), WAYS)
def test_a_repository_cannot_run_its_own_code(checkout: Checkout, path: str | None, *, module: bool) -> None:
    """A module beside the configuration that names it is not imported, and the error gives the remedy."""
    checkout.pack("evil")
    checkout.configure("imgbudget_rules", "evil")
    done = checkout.run(path=path, module=module)
    assert (done.returncode, done.stdout, checkout.mark.exists()) == (2, "", False)
    assert ".imgbudget.yaml: packs: rule pack 'evil' is not installed; install the package" in done.stderr
    assert LOCAL in done.stderr


@pytest.mark.parametrize(("path", "module"), WAYS)
def test_the_command_line_can_allow_it(checkout: Checkout, path: str | None, *, module: bool) -> None:
    """With the option the pack is found in the working folder, however Python was started."""
    checkout.pack("friendly")
    checkout.configure("imgbudget_rules", "friendly")
    done = checkout.run(LOCAL, path=path, module=module)
    assert (done.returncode, done.stderr) == (1, "")
    assert "XX101" in done.stdout


def test_a_local_pack_is_found_beside_the_configuration_and_by_worker_processes(checkout: Checkout) -> None:
    """From a folder below the configuration, and in two processes."""
    checkout.pack("friendly")
    (checkout.folder / "helper.py").write_text("")
    (checkout.folder / "friendly.py").write_text("import helper\n" + checkout.pack("friendly").read_text())
    checkout.configure("imgbudget_rules", "friendly")
    inner = checkout.folder / "inner"
    inner.mkdir()
    (inner / "a.png").write_bytes(image_bytes())
    checkout.folder = inner
    done = checkout.run(LOCAL, "-j", "2")
    assert (done.returncode, done.stderr) == (1, "")
    assert "XX101" in done.stdout


@pytest.mark.parametrize("name", ["imgbudget_rules/", "imgbudget_rules", "yaml", "click", "json", "typing"])
@pytest.mark.parametrize(("path", "module"), [(None, True), (None, False), ("", False)])
def test_a_folder_cannot_stand_in_for_what_is_installed(
    checkout: Checkout,
    name: str,
    path: str | None,
    *,
    module: bool,
) -> None:
    """Neither for the shipped pack nor, where the module is started, for a library that is imported later."""
    if name in ("json", "typing", "yaml", "click") and (not module or name == "typing"):
        pytest.skip("loaded by Python itself from its path, before any line of imgbudget")
    checkout.pack(name)
    checkout.configure("imgbudget_rules")
    done = checkout.run("--select", "IB105", path=path, module=module)
    assert (done.returncode, done.stderr, checkout.mark.exists()) == (0, "", False)


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        ("os", "'os' is a module of Python itself, not a rule pack"),
        ("antigravity", "'antigravity' is a module of Python itself"),
        ("os.path", "'os.path' is a module of Python itself"),
        ("pip.__main__", "'pip.__main__' is a program, not a rule pack"),
        ("yaml", "rule pack 'yaml' has no RULES, a tuple of rules"),
        ("imgbudget_rules.evil", "cannot be imported: No module named 'imgbudget_rules.evil'"),
        ("evil.inner", "rule pack 'evil.inner' is not installed"),
        ("tests.evil", "rule pack 'tests.evil' is not installed"),
        (".evil", "is not the name of a Python package"),
        ('"../evil"', "is not the name of a Python package"),
    ],
)
def test_names_that_are_no_installed_pack(checkout: Checkout, pack: str, reason: str) -> None:
    """Each ends with exit code 2 and a reason, without running what lies in the folder."""
    for name in ("evil/", "imgbudget_rules/evil", "tests/evil", "os/", "pip/__main__"):
        checkout.pack(name)
    checkout.pack("inner", "evil")
    checkout.configure(pack)
    done = checkout.run()
    assert (done.returncode, checkout.mark.exists()) == (2, False)
    assert reason in done.stderr
    assert "internal error" not in done.stderr


@pytest.mark.parametrize("code", ["raise SystemExit(0)", "1/0", "def", "import not_there", "RULES = ('a',)"])
def test_a_pack_that_fails_or_ends_the_program_is_an_error(checkout: Checkout, code: str) -> None:
    """Even an exit with code 0, which would pass as clean."""
    (checkout.folder / "broken.py").write_text(code)
    checkout.configure("imgbudget_rules", "broken")
    done = checkout.run(LOCAL)
    assert (done.returncode, done.stdout) == (2, "")
    assert "rule pack 'broken'" in done.stderr
    assert "internal error" not in done.stderr


def test_installed_packs_run(checkout: Checkout, tmp_path: Path) -> None:
    """From site-packages, from a folder in a path file, and from an import hook as setuptools installs it."""
    home = tmp_path / "environment"
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    python = next(
        path for path in (home / "bin" / "python", home / "Scripts" / "python.exe") if path.exists()
    )
    asked = [str(python), "-c", "import site; print(site.getsitepackages()[-1])"]
    site = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    elsewhere = tmp_path / "developed"
    rules = RULES.format(mark=str(checkout.mark))
    for number, folder in enumerate((site, elsewhere / "src", elsewhere / "lib" / "odd"), 1):
        folder.mkdir(parents=True, exist_ok=True)
        text = rules.replace("XX101", f"XX10{number}").replace("local-rule", f"rule-{number}")
        (folder / f"pack{number}.py").write_text(text)
    (site / "a_editable.pth").write_text(f"# editable\n{elsewhere / 'src'}\nimport __editable___hook\n")
    (site / "b_this.pth").write_text("\n".join(sys.path))
    hook = (
        "import sys\nfrom importlib.util import spec_from_file_location\n"
        "class Finder:\n    @classmethod\n    def find_spec(cls, name, path=None, target=None):\n"
        f"        place = {str(elsewhere / 'lib' / 'odd' / 'pack3.py')!r}\n"
        "        return spec_from_file_location(name, place) if name == 'pack3' else None\n"
        "sys.meta_path.append(Finder)\n"
    )
    (site / "__editable___hook.py").write_text(hook)
    checkout.configure("imgbudget_rules", "pack1", "pack2", "pack3")
    command = [str(python), "-m", "imgbudget", "check", "a.png", "--format", "concise", "--select", "XX"]
    done = subprocess.run(command, cwd=checkout.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert [line.split()[1] for line in done.stdout.splitlines()[:3]] == ["XX101", "XX102", "XX103"]


def test_what_a_program_has_imported_does_not_stand_in_for_an_installed_pack(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module of the same name from elsewhere is refused, not used."""
    local = checkout.pack("imgbudget_rules/")
    module = type(sys)("imgbudget_rules")
    module.__spec__ = load_packs.__globals__["ModuleSpec"]("imgbudget_rules", None, origin=str(local))
    module.__file__ = str(local)
    monkeypatch.setitem(sys.modules, "imgbudget_rules", module)
    with pytest.raises(PackError, match="'imgbudget_rules' was imported from"):
        load_packs(["imgbudget_rules"])


def test_the_python_functions_have_the_same_door(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """`RunOptions(allow_local_packs=True)` is the option; without it the same error."""
    checkout.pack("friendly_to_python")
    checkout.configure("imgbudget_rules", "friendly_to_python")
    monkeypatch.chdir(checkout.folder)
    monkeypatch.syspath_prepend(str(checkout.folder))
    with pytest.raises(PackError, match=r"in Python: allow_local_packs=True"):
        check(["a.png"])
    refused = "in Python: allow_local_packs=True"
    with pytest.raises(PackError, match=refused):
        coords([(1, 1)], (10, 10))
    with pytest.raises(PackError, match=refused):
        coordinate_map((10, 10))
    with pytest.raises(PackError, match=refused):
        prune_conversation([])
    assert not checkout.mark.exists()
    assert coords([(1, 1)], (10, 10), allow_local_packs=True) == ((1, 1),)
    assert prune_conversation([], allow_local_packs=True) == []
    report = check(["a.png"], RunOptions(allow_local_packs=True, select=["XX"]))
    assert [finding.code for file in report.files for finding in file.findings] == ["XX101"]


def test_sessions_in_threads_import_a_pack_once(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that load the same pack at the same time all get its rules."""
    slow = checkout.pack("slow_pack")
    slow.write_text("import time\ntime.sleep(0.1)\n" + slow.read_text())
    checkout.configure("imgbudget_rules", "slow_pack")
    monkeypatch.chdir(checkout.folder)
    found: list[bool] = []

    def load() -> None:
        found.append(Session(RunOptions(allow_local_packs=True)).registry.find("XX101") is not None)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4


def test_a_list_without_the_shipped_pack_says_what_is_missing(checkout: Checkout) -> None:
    """A pack of rules alone has no limits; the message gives the list that works."""
    checkout.pack("rules_only")
    checkout.configure("rules_only")
    done = checkout.run(LOCAL)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "imgbudget: .imgbudget.yaml: packs: no pack in the list has limits of models; "
        "add imgbudget's own: packs: [imgbudget_rules, rules_only]\n"
    )
