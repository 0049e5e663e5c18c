"""Ignores: what they suppress, by which property, what is refused, and those that suppress nothing."""

import hashlib
import json
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.discovery.gitignore import covered
from imgbudget.errors import ConfigError
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from tests.builders import body, image_block, image_bytes
from tests.configs import mistakes_in
from tests.conftest import Command

TINY = image_bytes((150, 300))  # IB301
CONFIG = ".imgbudget.yaml"


def ignore(folder: Path, *entries: str) -> Path:
    """A configuration with these ignore entries."""
    path = folder / CONFIG
    path.write_text("ignores:\n" + "".join(f"  - {{{entry}, reason: expected}}\n" for entry in entries))
    return path


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def test_another_rule_or_file_is_not_suppressed(imgbudget: Command, tmp_path: Path) -> None:
    """An entry for IB3 in other files, and one for other rules here."""
    (tmp_path / "a.png").write_bytes(TINY)
    ignore(tmp_path, "rules: [IB3], files: [b.png]", "rules: [IB2], files: [a.png]")
    assert imgbudget("check", "a.png", "--format", "json").codes == ["IB301"]
    assert imgbudget("check", "--format", "json").codes == ["IB301", "IB004", "IB004"]


def test_the_last_line_counts_suppressed_findings(imgbudget: Command, tmp_path: Path) -> None:
    """By ignores, in text and in JSON; --no-ignores reports them, and no entry is then called unused."""
    (tmp_path / "a.png").write_bytes(TINY)
    ignore(tmp_path, "rules: [tiny-edge]")
    run = imgbudget("check")
    assert (run.code, run.out) == (
        0,
        (
            "no findings in 1 checked file (1 image, 0 requests); 1 skipped; 1 suppressed by ignores; "
            "66 visual tokens, $0.000198\n"
        ),
    )
    assert imgbudget("check", "--format", "json").json["summary"]["silenced"] == {"ignores": 1, "baseline": 0}
    assert imgbudget("check", "--no-ignores", "--format", "json").codes == ["IB301"]


def test_an_image_is_suppressed_by_its_content_wherever_it_is(imgbudget: Command, tmp_path: Path) -> None:
    """By the beginning of its SHA-256: moved it stays silent, changed it is reported."""
    (tmp_path / "a.png").write_bytes(TINY)
    ignore(tmp_path, f'rules: [IB301], sha256: "{digest(TINY)[:12].upper()}"')
    assert imgbudget("check").code == 0
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.png").rename(tmp_path / "deep" / "b.png")
    assert imgbudget("check").code == 0
    (tmp_path / "deep" / "b.png").write_bytes(image_bytes((151, 300)))
    assert imgbudget("check", "--format", "json").codes == ["IB301", "IB004"]


def test_content_on_standard_input_is_in_no_file(imgbudget: Command, tmp_path: Path) -> None:
    """The file of that name is another image: its hash is not that of standard input."""
    (tmp_path / "a.png").write_bytes(TINY)
    ignore(tmp_path, f'rules: [IB301], sha256: "{digest(TINY)}"')
    other = image_bytes((140, 300))
    run = imgbudget("check", "-", "--stdin-filename", "a.png", "--format", "json", stdin=other)
    assert run.codes == ["IB301"]


def test_a_row_is_suppressed_by_its_custom_id(imgbudget: Command, tmp_path: Path) -> None:
    """Only that row and its images, at any position in the file."""
    rows = [
        {"custom_id": name, "params": body(image_block(TINY), "what?", image_block(TINY))} for name in "abc"
    ]
    (tmp_path / "batch.jsonl").write_text("".join(json.dumps(row) + "\n" for row in reversed(rows)))
    ignore(tmp_path, "rules: [IB301, IB504], files: ['*.jsonl'], custom_id: b")
    found = imgbudget("check", "--format", "json").json["findings"]
    assert {item["line"] for item in found if item["code"] in ("IB301", "IB504")} == {1, 3}
    assert sum(item["code"] == "IB301" for item in found) == 4


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("- rules: [IB301]", '2: ignores[0]: missing key "reason"; say why these findings are expected'),
        (
            "- {rules: [IB301], reason: x, sha256: abc}",
            (
                '2: ignores[0].sha256: expected a SHA-256, but "abc" is not one; '
                "give at least the first 8 of its 64 hexadecimal digits"
            ),
        ),
        (
            "- {rules: [IB301], reason: x, sha256: 12345678}",
            (
                "2: ignores[0].sha256: expected a SHA-256, but 12345678 without quotes is a number; "
                'quote it: "12345678"'
            ),
        ),
        (
            "- {rules: [IB301], reason: x, custom-id: b}",
            '2: unknown key "ignores[0].custom-id"; did you mean "custom_id"?',
        ),
    ],
)
def test_an_entry_that_cannot_be_taken_is_refused(tmp_path: Path, text: str, mistake: str) -> None:
    """With its line and the remedy."""
    assert mistakes_in(tmp_path, f"ignores:\n  {text}\n") == [mistake]


def test_an_entry_that_suppresses_nothing_is_reported_at_its_line(imgbudget: Command, tmp_path: Path) -> None:
    """The file is the configuration, the place the entry."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    ignore(tmp_path, "rules: [IB301]", "rules: [IB2], files: ['gone/*']")
    run = imgbudget("check", "--format", "json")
    assert run.code == 1
    assert [(item["code"], item["path"], item["pointer"], item["line"]) for item in run.json["findings"]] == [
        ("IB004", CONFIG, "/ignores/0", 2),
        ("IB004", CONFIG, "/ignores/1", 3),
    ]
    assert f"--> {CONFIG}:2:3\n" in imgbudget("check").out


def test_a_run_over_a_few_files_does_not_report_other_ignores(imgbudget: Command, tmp_path: Path) -> None:
    """For hooks: an ignore can only be unused if the run covered all its files."""
    (tmp_path / "sub").mkdir()
    for colour, name in enumerate(("a.png", "b.png", "sub/c.png")):
        (tmp_path / name).write_bytes(image_bytes(colour=colour))
    ignore(
        tmp_path,
        "rules: [IB301], files: ['*.png']",
        "rules: [IB301], files: [sub/**]",
        "rules: [IB301], files: [b.png]",
        "rules: [IB301], files: [/b.png]",
    )

    def unused(*paths: str) -> list[str]:
        run = imgbudget("check", *paths, "--select", "IB", "--format", "json")
        return [item["pointer"] for item in run.json["findings"]]

    assert unused("a.png") == []
    assert unused("b.png") == ["/ignores/3"]
    assert unused("sub") == ["/ignores/1"]
    assert unused(".") == [f"/ignores/{i}" for i in range(4)]
    assert unused(str(tmp_path)) == [f"/ignores/{i}" for i in range(4)]


def test_a_rule_that_did_not_run_leaves_its_entry_alone(imgbudget: Command, tmp_path: Path) -> None:
    """Switched off on the command line; pedantic; without its budget."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    ignore(tmp_path, "rules: [IB301]", "rules: [IB203]", "rules: [IB601]")
    assert imgbudget("check", "--ignore", "IB3", "--format", "json").codes == []
    assert imgbudget("check", "--format", "json", "--ignore", "IB004").codes == []
    assert imgbudget("check", "--format", "json", "--pedantic").codes == ["IB004", "IB004"]


def test_use_is_remembered_over_several_processes(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that suppresses something in one worker only is used."""
    for i in range(30):
        (tmp_path / f"{i:02}.png").write_bytes(image_bytes((300, 300), colour=i * 999))
    (tmp_path / "17.png").write_bytes(TINY)
    ignore(tmp_path, "rules: [IB301]", "rules: [IB303]")
    monkeypatch.setattr(Session, "pool_threshold", 10)
    monkeypatch.setattr(Session, "chunk_size", 4)
    run = imgbudget("check", "-j", "3", "--format", "json")
    assert [item["pointer"] for item in run.json["findings"]] == ["/ignores/1"]
    assert run.json["summary"]["silenced"]["ignores"] == 1


def test_the_fix_takes_unused_entries_out(imgbudget: Command, tmp_path: Path) -> None:
    """Used entries and every other byte stay; a second run is clean."""
    (tmp_path / "a.png").write_bytes(TINY)
    path = ignore(tmp_path, "rules: [IB2]", "rules: [IB301]", "rules: [IB303]")
    path.write_text("# why\n" + path.read_text() + "model: claude-sonnet-4-6  # ours\n")
    shown = imgbudget("check", "--diff")
    assert shown.code == 1
    assert "-  - {rules: [IB2], reason: expected}\n" in shown.out
    assert len(path.read_text().splitlines()) == 6
    run = imgbudget("check", "--fix")
    assert (run.code, "2 fixes made in 1 file" in run.err) == (0, True)
    assert path.read_text() == (
        "# why\nignores:\n  - {rules: [IB301], reason: expected}\nmodel: claude-sonnet-4-6  # ours\n"
    )
    assert imgbudget("check").code == 0


TOML = (
    '[tool.imgbudget]\n\n[[tool.imgbudget.ignores]]\nrules = ["IB2"]\nreason = "x"\n'
    '[[tool.imgbudget.ignores]]\nrules = ["IB301"]\nreason = "y"\n'
)


def test_the_fix_removes_unused_entries_from_a_pyproject(imgbudget: Command, tmp_path: Path) -> None:
    """With tomlkit, the table of the entry goes and every other byte stays."""
    pytest.importorskip("tomlkit")
    (tmp_path / "a.png").write_bytes(TINY)
    path = tmp_path / "pyproject.toml"
    path.write_text(TOML)
    assert imgbudget("check", "--fix").code == 0
    assert path.read_text() == (
        '[tool.imgbudget]\n\n[[tool.imgbudget.ignores]]\nrules = ["IB301"]\nreason = "y"\n'
    )


def test_without_tomlkit_an_unused_entry_in_toml_has_no_fix(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The help says what to install, and --fix leaves the file and the finding."""
    monkeypatch.setitem(sys.modules, "tomlkit", None)
    (tmp_path / "a.png").write_bytes(TINY)
    path = tmp_path / "pyproject.toml"
    path.write_text(TOML)
    [finding] = imgbudget("check", "--format", "json").json["findings"]
    assert (finding["code"], finding["fix"]) == ("IB004", None)
    assert finding["help"] == (
        "remove the entry, or correct its rules, files or pointer; "
        "--fix needs tomlkit to edit TOML files: pip install 'imgbudget[toml]'"
    )
    assert imgbudget("check", "--fix").code == 1
    assert path.read_text() == TOML


def test_an_entry_that_cannot_be_removed_alone_is_reported(imgbudget: Command, tmp_path: Path) -> None:
    """Its anchor is used by the next one: the file is unchanged."""
    (tmp_path / "a.png").write_bytes(TINY)
    text = (
        "ignores:\n  - {rules: [IB2], files: &all ['**'], reason: x}\n"
        "  - {rules: [IB301], files: *all, reason: y}\n"
    )
    (tmp_path / CONFIG).write_text(text)
    run = imgbudget("check", "--fix")
    assert run.code == 1
    assert "the entry cannot be removed automatically; remove it by hand" in run.err
    assert (tmp_path / CONFIG).read_text() == text


steps = st.text("ab*", min_size=1, max_size=3)


@given(folders=st.lists(steps, max_size=3), named=st.lists(st.sampled_from("ab"), max_size=3))
def test_covered_patterns_are_inside_the_checked_paths(folders: list[str], named: list[str]) -> None:
    """A pattern is covered only if its part without wildcards is inside a checked path."""
    pattern = "/" + "/".join(folders)
    plain = []
    for step in folders:
        if "*" in step:
            break
        plain.append(step)
    assert covered(pattern, "/root", ["/" + "/".join(["root", *named])]) == (plain[: len(named)] == named)


def test_five_mistakes_are_reported_together(imgbudget: Command, tmp_path: Path) -> None:
    """Each with its line and the closest name; nothing is checked, exit 2."""
    (tmp_path / "a.png").write_bytes(TINY)
    (tmp_path / CONFIG).write_text(
        "baselin: known.json\npreview: on please\nbudgets: {image: {token: 5}}\n"
        "ignores:\n  - {rules: [IB301]}\nselect: [tiny-egde]\n"
    )
    run = imgbudget("check")
    assert (run.code, run.out) == (2, "")
    assert run.err.splitlines() == [
        f'imgbudget: {CONFIG}:1: unknown key "baselin"; did you mean "baseline"?',
        f'imgbudget: {CONFIG}:2: preview: expected true or false, found "on please"',
        f'imgbudget: {CONFIG}:3: unknown key "budgets.image.token"; did you mean "tokens"?',
        f'imgbudget: {CONFIG}:5: ignores[0]: missing key "reason"; say why these findings are expected',
        f'imgbudget: {CONFIG}:6: select[0]: unknown rule "tiny-egde"; did you mean "tiny-edge"?',
    ]


def test_a_configuration_of_unknown_names_is_refused_in_time(tmp_path: Path) -> None:
    """A megabyte of them: the nearest names are looked for as long as that can help."""
    text = "ignore:\n" + "".join(f"- tiny-egde{number:05}\n" for number in range(60_000))
    path = tmp_path / "imgbudget.yaml"
    path.write_text(text)
    begin = time.process_time()
    with pytest.raises(ConfigError) as refused:
        Session(RunOptions(config=str(path)))
    assert time.process_time() - begin < 30
    problems = refused.value.problems
    assert len(problems) == 60_000
    assert 'did you mean "tiny-edge"?' in problems[0].message
    assert "imgbudget rule --all lists the rules" in problems[-1].message
