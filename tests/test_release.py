"""What a release publishes: recipes, metadata, image and workflow say what pyproject.toml says, and agree."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hatchling.metadata.core import ProjectMetadata
from hatchling.metadata.spec import construct_metadata_file_2_4
from hatchling.plugin.manager import PluginManager
from tools.release.metadata import AddressHook, with_addresses
from tools.release.packages import PLATFORMS, tags
from tools.release.recipes import Recipes, SourcePackage, recipes
from tools.release.state import Project, ReleaseError, faults, notes, project

from imgbudget import version

ROOT = Path(__file__).resolve().parents[1]
TABLE = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = TABLE["project"]
PYTHONS = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
WORKFLOW: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))
HOME = "https://forge.example/team/imgbudget"
LOCK = "".join(
    f'[[packages]]\nname = "{name}"\nversion = "1"\n'
    f'sdist = {{ url = "https://index.example/{name}-1.tar.gz", hashes = {{ sha256 = "{name * 3}" }} }}\n'
    for name in ("click", "pillow", "pybase64", "pyyaml")
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Recipes:
    """Both recipes for a wheel that has the metadata of this checkout."""
    wheel = tmp_path_factory.mktemp("wheel") / "imgbudget-0-py3-none-any.whl"
    text = construct_metadata_file_2_4(ProjectMetadata(str(ROOT), PluginManager()))
    points = "".join(f"{name} = {target}\n" for name, target in PROJECT["scripts"].items())
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("imgbudget-0.dist-info/METADATA", text)
        archive.writestr("imgbudget-0.dist-info/entry_points.txt", f"[console_scripts]\n{points}")
    source = SourcePackage("imgbudget", f"{HOME}/a.tar.gz", "5" * 64)
    return recipes(wheel, LOCK, home=HOME, source=source, python=PYTHONS[-1])


def test_conda_recipe_says_what_pyproject_says(made: Recipes) -> None:
    """Version, Python, requirements, entry point and source of the recipe."""
    recipe = yaml.safe_load(made.conda)
    assert recipe["context"] == {"version": version.__version__, "python_min": PYTHONS[0]}
    assert recipe["package"]["name"] == PROJECT["name"]
    assert recipe["source"] == {"url": f"{HOME}/a.tar.gz", "sha256": "5" * 64}
    wanted = [re.sub(r"(?=[><=])", " ", text, count=1).lower() for text in PROJECT["dependencies"]]
    assert sorted(recipe["requirements"]["run"][1:]) == sorted(wanted)
    assert recipe["build"]["python"]["entry_points"] == [
        f"{name} = {target}" for name, target in PROJECT["scripts"].items()
    ]
    assert recipe["requirements"]["host"][-1] == TABLE["build-system"]["requires"][0].replace(">=", " >=")
    assert recipe["about"]["license"] == PROJECT["license"]
    assert recipe["tests"][0]["python"]["imports"] == [
        path.rpartition("/")[2] for path in TABLE["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    ]


def test_formula_has_every_dependency_once(made: Recipes) -> None:
    """As a resource or as a formula of Homebrew, with the newest Python, and no placeholder is left."""
    resources = re.findall(r'resource "([\w-]+)" do\n    url "(\S+)"\n    sha256 "(\w+)"', made.formula)
    brewed = re.findall(r'depends_on "([\w@.-]+)"', made.formula)
    needed = {re.split("[><=]", text)[0].lower() for text in PROJECT["dependencies"]}
    assert {name for name, _, _ in resources} | (set(brewed) & needed) == needed
    assert brewed == ["libyaml", "pillow", f"python@{PYTHONS[-1]}"]
    assert resources[0] == ("click", "https://index.example/click-1.tar.gz", "click" * 3)
    assert f'url "{HOME}/a.tar.gz"\n  sha256 "{"5" * 64}"\n  license "MIT"' in made.formula
    assert not re.search(r"@\w+@", made.formula + made.conda)


@pytest.mark.skipif(shutil.which("ruby") is None, reason="needs Ruby")
def test_formula_is_ruby(made: Recipes, tmp_path: Path) -> None:
    """Ruby reads the formula."""
    (tmp_path / "imgbudget.rb").write_text(made.formula, "utf-8")
    assert subprocess.run(["ruby", "-c", str(tmp_path / "imgbudget.rb")], check=False).returncode == 0


def test_metadata_have_no_address_until_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """README is as it is, and there are no links; with an address every relative link becomes a whole one."""
    text = (ROOT / "README.md").read_text("utf-8")

    def filled() -> dict[str, Any]:
        values: dict[str, Any] = {}
        AddressHook(str(ROOT), {}).update(values)
        return values

    assert filled() == {"readme": {"content-type": "text/markdown", "text": text}}
    monkeypatch.setattr("runpy.run_path", lambda _: {"HOME": HOME, "__version__": version.__version__})
    values = filled()
    assert set(values["urls"]) == {"Homepage", "Source", "Documentation", "Changelog", "Issues"}
    assert all(address.startswith(HOME) for address in values["urls"].values())
    links = re.findall(r"\]\(([^)\s]+)\)", values["readme"]["text"])
    assert len(links) > 30
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    tag = f"v{version.__version__}"
    assert f"]({HOME}/blob/{tag}/docs/usage.md)" in values["readme"]["text"]
    assert with_addresses("![a](b.svg) [c](#d) [e](f.md#g)", HOME, "1") == (
        f"![a]({HOME}/raw/v1/b.svg) [c](#d) [e]({HOME}/blob/v1/f.md#g)"
    )


def git(folder: Path, *words: str) -> None:
    """Run git with a name and address that are not those of this machine."""
    name = ("-c", "user.name=A", "-c", "user.email=a@example.invalid")
    subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_only_a_clean_tagged_commit_with_date_and_address_is_released(tmp_path: Path) -> None:
    """Each thing that is missing is named with its remedy, until none is."""
    (tmp_path / "analyzer" / "imgbudget").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    module, changes = tmp_path / "analyzer" / "imgbudget" / "version.py", tmp_path / "CHANGELOG.md"
    module.write_text('__version__ = "0.7.0"\nHOME = None\n')
    changes.write_text("# Changelog\n\n## [0.7.0] - unreleased\n\n- A.\n\n## [0.6.0] - 2026-01-01\n\n- B.\n")
    git(tmp_path, "init", "--quiet")
    with pytest.raises(ReleaseError, match=r"git log .* a release is built from a commit: "):
        project(tmp_path)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "the first one")
    git(tmp_path, "tag", "v0.6.0")
    (tmp_path / "notes.txt").touch()
    release = project(tmp_path)
    assert (release.version, release.pythons) == ("0.7.0", tuple(PYTHONS))
    assert int(release.commit_time) > 1.7e9
    found = list(faults(release, tmp_path))
    for fault, words in zip(
        found,
        (
            "(notes.txt): commit or",
            "not tagged v0.7.0",
            "says 'unreleased' where 0.7.0",
            "HOME in analyzer/imgbudget/version.py is None: set it to the public address of the",
        ),
        strict=True,
    ):
        assert words in fault
    assert "it has v0.6.0): git tag v0.7.0" in found[1]
    assert notes("0.7.0", tmp_path) == "- A.\n"

    (tmp_path / "notes.txt").unlink()
    module.write_text(f'__version__ = "0.7.0"\nHOME = "{HOME}"\n')
    changes.write_text(changes.read_text().replace("unreleased", "2026-12-01"))
    git(tmp_path, "commit", "--quiet", "--all", "--message", "the release")
    git(tmp_path, "tag", "v0.7.0")
    assert list(faults(project(tmp_path), tmp_path)) == []
    for home in (f"{HOME}/", "forge.example/imgbudget", "http://forge.example/imgbudget", f"{HOME} "):
        (fault,) = faults(replace(project(tmp_path), home=home), tmp_path)
        assert fault.endswith("write it as in https://github.com/OWNER/imgbudget, with no slash behind it")
    lacking = Project(version="0.8.0", home=HOME, pythons=(), commit_time="0")
    assert [fault.partition(":")[0] for fault in faults(lacking, tmp_path)][1:] == [
        "CHANGELOG.md has no section ## [0.8.0] - DATE"
    ]
    shutil.copytree(tmp_path / "analyzer", tmp_path / "inner" / "analyzer")
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "inner")
    with pytest.raises(
        ReleaseError, match=r"inner is a folder of the repository .*: a release is built in a"
    ):
        project(tmp_path / "inner")


def test_command_writes_into_an_empty_folder_only(tmp_path: Path) -> None:
    """What is in the folder may be an earlier release: a usage error, and nothing is built."""
    (tmp_path / "imgbudget-0.0.1.tar.gz").touch()
    words = [sys.executable, "-m", "tools.release", "--trial", "--output", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not empty: remove what is in it, or name another folder with --output" in done.stderr
    words[-1] = str(tmp_path / "imgbudget-0.0.1.tar.gz")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "imgbudget-0.0.1.tar.gz is a file: name a folder with --output" in done.stderr


def test_page_on_installing_names_every_extra() -> None:
    """All but those of contributors, and none that does not exist."""
    page = (ROOT / "docs" / "install.md").read_text("utf-8")
    table = page[page.index("| extra | for |") : page.index("## Single file")]
    named = set(
        re.findall(r"`([\w-]+)`", "".join(line.split("|")[1] for line in table.splitlines() if "|" in line))
    )
    assert named == {name for name in PROJECT["optional-dependencies"] if not re.match("dev|docs", name)}


def test_tools_have_one_version() -> None:
    """What builds packages is fixed: another version may write other bytes."""
    lines = (ROOT / "tools" / "release" / "requirements.txt").read_text("utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w-]+==[\d.]+|#.*", line)] == []


def test_image_is_small_and_its_user_is_not_root() -> None:
    """Two stages on a slim base with the newest supported Python, labels, and the command as entry point."""
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert set(bases) == {f"python:{PYTHONS[-1]}-slim-trixie"}
    assert len(bases) == 2
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (.*)$", last, re.MULTILINE) == ["10001:10001"]
    assert f'ENTRYPOINT ["{next(iter(PROJECT["scripts"]))}"]' in last
    assert "pip" not in last
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", last))
    assert labels == {"title", "description", "licenses", "version", "revision", "source"}


def test_context_of_the_image_is_what_the_wheel_is_built_of() -> None:
    """All that pyproject.toml names is let in, and nothing that the wheel does not need."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    hatch = TABLE["tool"]["hatch"]
    needed = {path.partition("/")[0] for path in hatch["build"]["targets"]["wheel"]["packages"]}
    needed |= {"pyproject.toml", "README.md", hatch["metadata"]["hooks"]["custom"]["path"]}
    needed |= set(PROJECT["license-files"])
    assert {line[1:] for line in lines if line.startswith("!")} == needed
    assert lines[1] == "*"


def test_only_the_job_that_publishes_may_say_who_it_is() -> None:
    """It runs nothing of the repository, waits for every check, and only a tag starts it."""
    jobs = WORKFLOW["jobs"]
    assert WORKFLOW["permissions"] == {}
    assert [name for name, job in jobs.items() if "id-token" in job["permissions"]] == ["publish"]
    publish = jobs["publish"]
    assert publish["permissions"] == {"id-token": "write", "attestations": "write"}
    assert publish["environment"] == {"name": "pypi"}
    assert publish["if"] == "${{ github.ref_type == 'tag' }}"
    assert publish["needs"] == ["packages", "start", "image"]
    assert not any("actions/checkout@" in step.get("uses", "") for step in publish["steps"])
    for name, job in jobs.items():
        writes = {key for key, value in job["permissions"].items() if value == "write"}
        if name != "publish" and writes:
            assert job["needs"] == "publish", f"{name} runs before or without the tag's checks"
    assert "pull_request_target" not in WORKFLOW[True]


def test_actions_of_the_release_are_pinned_by_commit() -> None:
    """Each with its version behind it, so that a person sees what it is."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert len(used) > 10
    for line in used:
        assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_every_single_file_is_started_before_it_is_published() -> None:
    """The matrix has each platform, and each Python that the files are made for."""
    rows = WORKFLOW["jobs"]["start"]["strategy"]["matrix"]["include"]
    assert {row["platform"] for row in rows} == set(PLATFORMS)
    assert {row["python"] for row in rows} == set(PYTHONS)
    assert len(tags("macosx_11_0_arm64", PYTHONS)) == len(PYTHONS)


def test_no_page_installs_the_bare_name_from_a_registry() -> None:
    """Until it is published there, the name could be anyone's, and their code would run.

    A name with extras is that of messages: pip adds what they bring to the imgbudget that is installed.
    """
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"]
    install = re.compile(
        r"(?:(?:pip|pipx|uv|brew|conda|mamba|pixi)\b[^\n`]* (?:install|add|run|exec)|uvx)(?: -\S+)* "
        r"['\"]?imgbudget(?!-VERSION|/|\[)",
    )
    for page in pages:
        assert install.findall(page.read_text("utf-8")) == [], page.name
