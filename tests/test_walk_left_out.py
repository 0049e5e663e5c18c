"""What a search skips (tool folders, excluded paths, what git ignores), and what it finds anyway."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from imgbudget.discovery.filetypes import DEFAULT_PRUNED, FileKind
from imgbudget.discovery.walk import FoundFile, SkippedFile, find_files
from imgbudget.editors.checks import EditorSessions, check_text
from imgbudget.editors.text import EditorText
from imgbudget.linter.options import RunOptions
from tests.builders import body, image_block, image_bytes, write_json
from tests.configs import write as configure
from tests.conftest import Command
from tests.trees import folder, make, names, search, write

__all__ = ["folder"]

pytestmark = pytest.mark.usefixtures("folder")
GIT = shutil.which("git")
needs_git = pytest.mark.skipif(GIT is None, reason="git is not installed")


def git(*arguments: str) -> str:
    """Run git in the working folder, without the user's or the system's configuration."""
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def excluding(
    *patterns: str, paths: tuple[str, ...] = (".",), root: str = ".", force: bool = False
) -> list[str]:
    """The paths that are looked at with these patterns."""
    entry = find_files(paths, exclude=patterns, exclude_root=root, force_exclude=force)
    return [item.path for item in entry if isinstance(item, FoundFile)]


@pytest.mark.parametrize("name", sorted(DEFAULT_PRUNED))
def test_folders_of_tools_are_searched_only_when_named(name: str) -> None:
    """Nobody's images lie in a package cache; who names the folder means it."""
    make(f"{name}/a.png", f"p/{name}/b.png", "p/c.png")
    assert names(".") == ["p/c.png"]
    assert names(name, f"p/{name}") == [f"{name}/a.png", f"p/{name}/b.png"]


def test_a_file_or_longer_name_like_a_tools_folder_is_kept() -> None:
    """Only a folder of exactly that name is left out."""
    make("venv", "venv2/a.png", "my.git/a.png")
    assert names(".") == ["venv", "my.git/a.png", "venv2/a.png"]


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        ([], ["a.png", "d/a.png", "d/e/a.png", "d/e/b.png"]),
        (["# a.png", "", "!a.png"], ["a.png", "d/a.png", "d/e/a.png", "d/e/b.png"]),
        (["a.png"], ["d/e/b.png"]),
        (["/a.png"], ["d/a.png", "d/e/a.png", "d/e/b.png"]),
        (["e/"], ["a.png", "d/a.png"]),
        (["d/e"], ["a.png", "d/a.png"]),
        (["d/**"], ["a.png"]),
        (["**/e/b.*"], ["a.png", "d/a.png", "d/e/a.png"]),
        (["*.png", "!b.png"], ["d/e/b.png"]),
        (["d", "!d/e/b.png"], ["a.png"]),
    ],
)
def test_excluded_paths_are_left_out(patterns: list[str], kept: list[str]) -> None:
    """Exclusion is written as in a .gitignore; below an excluded folder nothing comes back."""
    make("a.png", "d/a.png", "d/e/a.png", "d/e/b.png")
    assert excluding(*patterns) == kept


@pytest.mark.parametrize("path", [".", "p", "p/q", "..", "../work/p"])
def test_exclusion_is_relative_to_its_own_root(folder: Path, path: str) -> None:
    """The same file is left out from wherever the search starts."""
    make("p/q/a.png", "p/q/b.png", "q/a.png")
    found = excluding("/q/a.png", paths=(path,), root="p")
    entry = {(folder / name).resolve().relative_to(folder).as_posix() for name in found}
    assert "p/q/a.png" not in entry
    assert "p/q/b.png" in entry


def test_exclusion_applies_outside_of_its_root() -> None:
    """A pattern without a slash, or one that begins with .., applies to a folder beside the root."""
    make("p/x.png", "data/a.png", "data/b.png", "data/c.png")
    assert excluding("a.png", "../data/b.png", "/c.png", paths=("data",), root="p") == ["data/c.png"]


def test_exclusion_sees_the_path_that_the_user_wrote() -> None:
    """A link inside of the root is excluded by its own name."""
    make("p/real/a.png")
    Path("p/link").symlink_to("real")
    assert excluding("real/**", paths=("p/link",), root="p") == ["p/link/a.png"]
    assert excluding("link/**", paths=("p/link",), root="p") == []


def test_exclusion_knows_its_root_behind_a_link() -> None:
    """The root may be spelled through a link that the search does not pass, and the other way round."""
    make("p/q/a.png", "p/a.png")
    Path("link").symlink_to("p")
    assert excluding("/q", paths=("p",), root="link") == ["p/a.png"]
    assert excluding("/q", paths=("link",), root="p") == ["link/a.png"]


@pytest.mark.parametrize("path", ["d/a.png", "a.png", "node_modules/a.png"])
def test_a_named_file_is_looked_at_even_if_it_is_excluded(path: str) -> None:
    """Naming is stronger than leaving out."""
    make(path)
    assert list(find_files([path], exclude=["d/", "a.png"], exclude_root=".")) == [
        FoundFile(path, FileKind.IMAGE, explicit=True)
    ]


@pytest.mark.parametrize("path", ["d/a.png", "d/e/b.png", "c/a.png", "node_modules/b.png", "d"])
def test_forced_exclusion_passes_what_is_named(path: str) -> None:
    """A hook passes every changed file; with --force-exclude the configuration decides, and reports skips."""
    make("d/a.png", "d/e/b.png", "c/a.png", "c/b.png", "node_modules/b.png", ".git/HEAD")
    entry = find_files(["c/b.png", path], exclude=["d/", "a.png"], exclude_root=".", force_exclude=True)
    assert list(entry) == [
        FoundFile("c/b.png", FileKind.IMAGE, explicit=True),
        SkippedFile(path, "excluded, and exclusion is enforced"),
    ]


def test_forced_exclusion_asks_the_configuration_and_not_git() -> None:
    """A file that is tracked although it is ignored can be had from a hook, as with ruff."""
    make(".git/HEAD", "a.png")
    write(".gitignore", "a.png")
    entry = find_files(["a.png"], exclude_root=".", force_exclude=True)
    assert list(entry) == [FoundFile("a.png", FileKind.IMAGE, explicit=True)]


def test_forced_exclusion_keeps_the_root_itself() -> None:
    """A pattern that matches every name still means the entries of the root and not the root."""
    make("a.png", "b.jpg")
    assert excluding("*", "!*.jpg", force=True) == ["b.jpg"]
    assert excluding("*", "!*.jpg", paths=("..",), force=True) == ["../work/b.jpg"]


def test_outside_of_a_repository_gitignore_files_apply() -> None:
    """A copy of a repository without .git is searched the same way; files above the search do not count."""
    make("a.png", "p/a.png", "p/b.png")
    write(".gitignore", "a.png")
    assert names(".") == [".gitignore", "p/b.png"]
    assert names("p") == ["p/a.png", "p/b.png"]


def test_ignored_files_are_left_out_wherever_the_search_starts() -> None:
    """The .gitignore files from the root of the repository down to a file decide, the nearest first."""
    make(".git/HEAD", "a.png", "b.png", "p/a.png", "p/b.png", "p/q/a.png", "p/q/b.png", "p/q/c.png")
    write(".gitignore", "a.png", "/p/q/c.png")
    write("p/.gitignore", "b.png", "!a.png")
    write("p/q/.gitignore", "!b.png")
    kept = ["p/.gitignore", "p/a.png", "p/q/.gitignore", "p/q/a.png", "p/q/b.png"]
    assert names(".") == [".gitignore", "b.png", *kept]
    assert names("p") == kept
    assert names("p/q") == kept[2:]
    assert [entry.path for entry in find_files(["p/q"], exclude_root=".", respect_gitignore=False)] == [
        *("p/q/.gitignore", "p/q/a.png", "p/q/b.png", "p/q/c.png")
    ]


def test_what_git_ignores_is_looked_at_when_it_is_named() -> None:
    """A named file, and the files of a named folder, are asked for."""
    make(".git/HEAD", "build/a.png", "build/b.bak", "c.png")
    write(".gitignore", "build/", "*.bak")
    assert names(".") == [".gitignore", "c.png"]
    assert names("build/b.bak", "build") == ["build/b.bak", "build/a.png"]
    assert names(".", "build") == [".gitignore", "c.png", "build/a.png"]


def test_a_nested_repository_uses_its_own_rules() -> None:
    """The rules around it do not apply, as in a submodule."""
    make(".git/HEAD", "sub/a.png", "sub/b.png", "sub/deep/a.png")
    write("sub/.git", "gitdir: ../.git/modules/sub")
    write(".gitignore", "a.png")
    write("sub/.gitignore", "b.png")
    kept = ["sub/.git", "sub/.gitignore", "sub/a.png", "sub/deep/a.png"]
    assert names(".") == [".gitignore", *kept]
    assert names("sub") == kept
    assert names("sub/deep") == ["sub/deep/a.png"]


@pytest.mark.parametrize("kind", ["link", "folder", "another name", "too large"])
def test_an_ignore_file_that_git_would_not_read_is_none(kind: str) -> None:
    """A link or a folder of that name brings no rules in, and neither does a file beyond the bound."""
    make(".git/HEAD", "a.png")
    write("rules", "a.png")
    match kind:
        case "link":
            Path(".gitignore").symlink_to("rules")
        case "folder":
            Path(".gitignore").mkdir()
        case "too large":
            write(".gitignore", "a.png", "#" * (1 << 18))
        case _:
            write(".gitignore ", "a.png")
    make("p/a.png")
    assert "a.png" in names(".")
    assert names("p") == ["p/a.png"]


@pytest.mark.parametrize(
    ("file", "lines"),
    [
        (".git/info/exclude", ["a.png"]),
        ("../home/.config/git/ignore", ["a.png"]),
        ("../home/.gitconfig", ["[user]", "excludesFile = no", "[core]", "\tExcludesFile = ~/mine # all"]),
        ("../home/.gitconfig", ['[CORE] excludesfile = "~/mine"', '[core "x"]', "excludesfile = no"]),
        ("../home/.config/git/config", ["[core]", "excludesfile=~/mine"]),
        (".git/config", ["[core]", "excludesfile=../home/mine"]),
    ],
)
def test_the_repositorys_and_the_users_excludes_count(folder: Path, file: str, lines: list[str]) -> None:
    """What git reads beside .gitignore files: info/exclude and the excludes file, set or by default."""
    make("a.png", "b.png", "p/a.png", ".git/HEAD")
    write("../home/mine", "a.png")
    assert "a.png" in names(".")
    write(file, *lines)
    assert names(".") == ["b.png"]
    assert names("p") == []
    shutil.rmtree(folder / ".git")
    assert names(".") == ["a.png", "b.png", "p/a.png"]


def test_the_users_excludes_file_follows_the_xdg_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XDG_CONFIG_HOME moves the excludes file, and a setting puts another one in its place."""
    make("a.png", "b.png", ".git/HEAD")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder.parent / "xdg"))
    write("../xdg/git/ignore", "a.png")
    assert names(".") == ["b.png"]
    write("../home/.gitconfig", "[core]", "excludesfile =")
    assert names(".") == ["a.png", "b.png"]


def test_the_nearer_ignore_file_overrules_the_users(folder: Path) -> None:
    """.gitignore before info/exclude, info/exclude before the user's excludes file."""
    make("a.png", "b.png", "c.png", ".git/HEAD")
    write("../home/.config/git/ignore", "*.png")
    write(".git/info/exclude", "!a.png", "!b.png")
    write(".gitignore", "b.png")
    assert names(".") == [".gitignore", "a.png"]


@needs_git
def test_a_worktree_is_searched_as_git_lists_it(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """In a worktree `.git` is a file, and info/exclude is in the repository that it came from."""
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    git("init", "-q", "main")
    monkeypatch.chdir(folder / "main")
    git("commit", "-q", "--allow-empty", "-m", "first")
    write(".git/info/exclude", "a.png")
    git("worktree", "add", "-q", "../tree")
    monkeypatch.chdir(folder / "tree")
    make("a.png", "b.png", "p/a.png", "p/b.png")
    listed = git("ls-files", "-o", "--exclude-standard").split()
    assert listed == ["b.png", "p/b.png"]
    assert [path for path in names(".") if path != ".git"] == listed
    assert names("p") == ["p/b.png"]


@needs_git
def test_a_separate_git_folder_is_searched_as_git_lists_it(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """`.git` may name its folder absolutely, as `git init --separate-git-dir` and submodules write it."""
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    git("init", "-q", "--separate-git-dir", "store", "tree")
    write("store/info/exclude", "a.png")
    monkeypatch.chdir(folder / "tree")
    make("a.png", "b.png")
    assert git("ls-files", "-o", "--exclude-standard").split() == ["b.png"]
    assert [entry.path for entry in search(".")] == [".git", "b.png"]


@pytest.mark.parametrize("pattern", ["v/in", "in", "/v", "*.v"])
def test_a_folder_left_out_from_outside_is_left_out_everywhere(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    """A search never enters it, so a configuration in it changes nothing, for hooks and editors neither."""
    files = ["r.json", "v/r.json", "v/in/r.json", "v/in/deep/r.json", "v/in/x.v/r.json"]
    (tmp_path / "v/in/deep").mkdir(parents=True)
    (tmp_path / "v/in/x.v").mkdir()
    for name in files:
        write_json(tmp_path / name, body(image_block(image_bytes((8, 8)))))
    configure(tmp_path, f"exclude: ['{pattern}']")
    configure(tmp_path / "v/in", "exclude: [deep]")
    monkeypatch.chdir(tmp_path)
    shown = imgbudget("check", "--show-files", "--format", "json").json["files"]
    assert 0 < len(shown) < len(files)
    for paths in (files, [str(tmp_path / name) for name in files]):
        forced = imgbudget("check", "--force-exclude", "--show-files", "--format", "json", *paths).json
        assert sorted(os.path.relpath(path) for path in forced["files"]) == sorted(shown)
    monkeypatch.chdir(os.sep)
    sessions = EditorSessions(RunOptions(), roots=[str(tmp_path)])
    text = EditorText.of((tmp_path / "r.json").read_text("utf-8"))
    checked = [name for name in files if check_text(sessions, str(tmp_path / name), text).result is not None]
    assert sorted(checked) == sorted(shown)
