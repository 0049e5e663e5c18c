"""Copies of files: the same bytes, found without reading files that cannot be equal."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.imageinfo import files
from imgbudget.imageinfo.files import content_hash, identical_files
from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import Size
from imgbudget.linter import copies, end_of_run
from imgbudget.linter.context import image_result
from imgbudget.linter.copies import copies_among
from imgbudget.linter.end_of_run import RunTotals
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.location import Location
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.subjects import ImageFacts, ImageUse, Origin, RunData
from imgbudget_rules.limits._generated import DATA
from tests.builders import image_bytes
from tests.conftest import Command

LIMITS = LimitsData.from_mapping(DATA).bind("claude-sonnet-4-6", "anthropic")


def test_different_files_of_one_length_are_no_copies(tmp_path: Path) -> None:
    """Whether they differ at the end, in the middle or only where the sample does not look."""
    base = bytes(100_000)
    texts = [base, base[:-1] + b"x", base[:50_000] + b"x" + base[50_001:], b"x" + base[1:], base]
    paths = [str(tmp_path / str(i)) for i in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        Path(path).write_bytes(text)
    assert list(identical_files([paths])) == [(100_000, (paths[0], paths[4]))]
    assert list(identical_files([paths[:4]])) == []


def test_a_file_that_is_gone_is_left_out(tmp_path: Path) -> None:
    """As is one that cannot be read."""
    paths = [str(tmp_path / name) for name in ("a", "b", "gone")]
    for path in paths[:2]:
        Path(path).write_bytes(b"same")
    assert list(identical_files([paths])) == [(4, tuple(paths[:2]))]
    assert content_hash(paths[2]) is None


def written(folder: Path, texts: list[bytes]) -> list[str]:
    """The paths of files with these contents."""
    paths = [str(folder / f"{i:02}") for i in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        Path(path).write_bytes(text)
    return paths


@given(st.lists(st.sampled_from([b"", b"a", b"b", b"aa", b"a" * 70_000, b"a" * 69_999 + b"b"]), max_size=9))
def test_groups_are_those_of_equal_bytes(texts: list[bytes]) -> None:
    """In the order of their first files, whether few are compared with each other or many are hashed."""
    expected: dict[bytes, list[str]] = {}
    with TemporaryDirectory() as folder:
        paths = written(Path(folder), texts)
        for path, text in zip(paths, texts, strict=True):
            expected.setdefault(text, []).append(path)
        groups = [(len(text), tuple(same)) for text, same in expected.items() if len(same) > 1]
        found = list(identical_files([paths] if paths else []))
    assert sorted(found) == sorted(groups)
    assert found == groups or len(texts) > 4  # the samples of many are compared first


def test_copies_are_compared_and_not_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing takes several times longer than reading."""
    few = written(tmp_path, [bytes(200_000), b"x" + bytes(199_999)] * 2)
    (tmp_path / "many").mkdir()
    many = written(tmp_path / "many", [bytes(200_000)] * 20)
    monkeypatch.setattr(files, "content_hash", None)
    assert list(identical_files([few, many])) == [
        (200_000, (few[0], few[2])),
        (200_000, (few[1], few[3])),
        (200_000, tuple(many)),
    ]


def test_many_files_that_differ_between_the_samples_are_read_twice_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not once for each other one, as if all were compared."""
    texts = [bytes(150_000) + b"%03d" % (i // 2) + bytes(50_000) for i in range(20)]
    paths = written(tmp_path, texts)
    hashed: list[str] = []
    compared: list[str] = []

    def counted_hash(path: str) -> str | None:
        hashed.append(path)
        return content_hash(path)

    def counted_equal(path: str, other: str) -> bool:
        compared.append(other)
        return is_equal(path, other)

    is_equal = files._is_equal
    monkeypatch.setattr(files, "content_hash", counted_hash)
    monkeypatch.setattr(files, "_is_equal", counted_equal)
    assert len(list(identical_files([paths]))) == 10
    assert compared == paths[1:]
    assert hashed == paths[2:]


def test_a_first_file_that_cannot_be_read_hides_no_copies(tmp_path: Path) -> None:
    """The others are compared with each other."""
    paths = [str(tmp_path / "gone"), *written(tmp_path, [b"same"] * 3)]
    assert list(identical_files([paths])) == [(4, tuple(paths[1:]))]
    assert list(identical_files([[str(tmp_path), *paths[1:3]]])) == [(4, tuple(paths[1:3]))]


def result(path: str, length: int, edge: int) -> FileResult:
    """The result of an image file with these facts."""
    facts = ImageFacts(byte_size=length, format="png", size=Size(edge, 300))
    use = ImageUse(location=Location(path), origin=Origin.PATH, facts=facts)
    return FileResult(path=path, images=(image_result(use, LIMITS, ()),))


@given(
    chunks=st.lists(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), max_size=5), max_size=5),
    split=st.booleans(),
    at_once=st.integers(1, 9),
)
def test_lookalikes_have_the_same_length_and_size(
    chunks: list[list[tuple[int, int]]], *, split: bool, at_once: int
) -> None:
    """However files are spread over processes, and groups over portions, they are those of equal facts."""
    whole = RunTotals(RunData.COPIES)
    expected: dict[tuple[int, int], list[str]] = {}
    for i, chunk in enumerate(chunks):
        part = RunTotals(RunData.COPIES) if split else whole
        for j, facts in enumerate(chunk):
            part.add(result(f"{i}/{j}", *facts))
            expected.setdefault(facts, []).append(f"{i}/{j}")
        if split:
            whole.merge(part.take())
    groups = [paths for paths in expected.values() if len(paths) > 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(end_of_run, "_AT_ONCE", at_once)
        assert list(whole.possible_copies()) == groups
        assert list(whole.possible_copies()) == groups  # a second rule may ask too


def test_copies_are_reported_as_they_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set of copies has as many findings as files; they are never all in memory."""
    for i in range(40):
        (tmp_path / f"{i:02}.png").write_bytes(image_bytes((300, 300), colour=i // 4))
    monkeypatch.setattr(end_of_run, "_AT_ONCE", 4)
    monkeypatch.setattr(end_of_run, "_PATHS_AT_ONCE", 3)
    session = Session(RunOptions(isolated=True))
    for _ in session.check([str(tmp_path)]):
        pass
    opened: list[str] = []
    really = os.open

    def counted(path: str, flags: int) -> int:
        opened.append(path)
        return really(path, flags)

    monkeypatch.setattr(os, "open", counted)
    results = session.finish(Summary())
    assert [os.path.basename(next(results).path) for _ in range(3)] == ["01.png", "02.png", "03.png"]
    assert len(set(opened)) < 12
    assert len(list(results)) == 27
    assert len(set(opened)) == 40


def test_copies_in_a_folder_are_reported_once_each(imgbudget: Command, tmp_path: Path) -> None:
    """At the later file, in the order of the run; a damaged image and a request are not copies."""
    data = image_bytes((300, 300))
    for name in ("b.png", "a.png"):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "c.png").write_bytes(image_bytes((300, 300), colour=1))
    for name in ("d.png", "e.png"):
        (tmp_path / name).write_bytes(b"")
    run = imgbudget("check", "--format", "json", "--select", "IB801")
    assert (run.code, run.codes) == (0, ["IB801"])
    [finding] = run.json["findings"]
    assert (finding["path"], finding["message"]) == (
        "b.png",
        f"same {len(data):,} bytes as a.png; the image is paid for and counted twice",
    )
    assert run.json["summary"]["findings"]["info"] == 1
    assert imgbudget("check", "--ignore", "IB801", "--format", "json", "a.png", "b.png").codes == []


def test_an_override_for_the_copy_holds(imgbudget: Command, tmp_path: Path) -> None:
    """Off under a path, another severity under a second one."""
    for name in ("a.png", "off/b.png", "bad/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(image_bytes((300, 300)))
    (tmp_path / "imgbudget.yaml").write_text(
        "overrides:\n  - {files: [off/**], ignore: [IB8]}\n  - {files: [bad/**], severity: {IB801: error}}\n"
    )
    found = imgbudget("check", "--format", "json").json["findings"]
    assert [(item["path"], item["severity"]) for item in found] == [("bad/c.png", "error")]


def test_copies_over_several_processes(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers have one copy each: the parent finds them, in the same order as alone."""
    for i in range(40):
        (tmp_path / f"{i:02}.png").write_bytes(image_bytes((300, 300), colour=i % 35 * 999))
    monkeypatch.setattr(Session, "pool_threshold", 10)
    monkeypatch.setattr(Session, "chunk_size", 4)
    alone, several = (imgbudget("check", "--format", "json", "-j", jobs) for jobs in ("1", "3"))
    assert [item["path"] for item in alone.json["findings"]] == [f"{i}.png" for i in range(35, 40)]
    assert alone.out == several.out


def _files(folder: Path, contents: Sequence[bytes], name: str) -> list[str]:
    paths = [folder / f"{name}-{number}" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return [str(path) for path in paths]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the workers have what the test replaced by forking")
def test_possible_copies_are_compared_by_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of one process, which compares only what is not enough for two, or was left by a crash."""
    groups = [_files(tmp_path, [b"%d" % (i % 7) * 9] * (2 + i % 3), f"{i:02}") for i in range(12)]
    expected = list(identical_files(groups))
    assert [len(paths) for _, paths in expected] == [2, 3, 4] * 4
    main, compared = os.getpid(), list[str]()

    def compare(candidates: Iterable[Sequence[str]]) -> Iterator[tuple[int, tuple[str, ...]]]:
        for group in candidates:
            if os.getpid() != main and group[0].endswith("05-0"):
                os._exit(1)
            compared.append(group[0])
            yield from identical_files([group])

    monkeypatch.setattr(copies, "identical_files", compare)
    monkeypatch.setattr(copies, "PATHS_AT_ONCE", 6)
    assert list(copies_among(iter(groups), 3)) == expected
    assert [path[-4:] for path in compared] == ["03-0", "04-0", "05-0"]
    assert list(copies_among(groups[:2], 3)) == expected[:2]
    assert len(compared) == 5
    assert list(copies_among([], 3)) == []


def test_a_link_to_a_file_is_no_copy(imgbudget: Command, tmp_path: Path) -> None:
    """It is the same file, and nothing is gained by removing either."""
    (tmp_path / "a.png").write_bytes(image_bytes((300, 300)))
    os.symlink("a.png", tmp_path / "b.png")
    os.link(tmp_path / "a.png", tmp_path / "c.png")
    assert imgbudget("check", "--format", "json").codes == []
