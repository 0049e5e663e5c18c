"""The documentation site: its navigation and links, and the answers of its page, without a browser."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tools.site import build, replacing
from tools.site.cost import Answers
from tools.site.replacing import PlaceError

import imgbudget
from tests.builders import body, image_block, image_bytes, write_json

PAGES = build.site_pages()


def leaves(value: Any) -> list[str]:
    """The pages of a part of the navigation."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return [page for part in parts for page in leaves(part)]


@pytest.fixture(scope="module")
def answers() -> Answers:
    """The answers of the page, as the browser makes them."""
    return Answers()


def test_each_page_is_in_the_navigation_once() -> None:
    """A page of docs/ that no navigation names would be found by search only."""
    found = leaves(tomllib.loads(build.configuration(PAGES))["project"]["nav"])
    assert sorted(found) == sorted(PAGES.values())
    assert {
        f"docs/{path.relative_to(build.ROOT / 'docs').as_posix()}"
        for path in (build.ROOT / "docs").rglob("*.md")
    } <= set(PAGES)


def test_rules_are_in_groups_with_the_titles_of_readme() -> None:
    """Each group has a title, and no rule is outside one."""
    lines = build.rule_navigation(PAGES, (build.ROOT / "README.md").read_text("utf-8")).splitlines()
    assert len(lines) == 10
    assert lines[1].startswith('    { "IB1xx: images that the API rejects" = ["rules/ib101.md", ')


def test_pages_keep_their_links_on_the_site(tmp_path: Path) -> None:
    """A link leads to the page as it is named there; a file that is no page goes along."""
    pages = {"README.md": "index.md", "docs/a.md": "a.md", "docs/rules/README.md": "rules/index.md"}
    wanted: set[str] = set()
    text = "[a](docs/a.md#x), [b](docs/rules/README.md), [c](https://example.com), [d](#here), `[e](no.md)`\n"
    assert build.with_site_links(text, "README.md", pages, wanted) == (
        "[a](a.md#x), [b](rules/index.md), [c](https://example.com), [d](#here), `[e](no.md)`\n"
    )
    assert build.with_site_links("[`a`](../a.md)", "docs/rules/README.md", pages, wanted) == "[`a`](../a.md)"
    assert wanted == set()
    assert build.with_site_links("[f](../action.yml)", "docs/a.md", pages, wanted) == "[f](files/action.yml)"
    assert build.with_site_links("[g](../fuzz)", "docs/a.md", pages, wanted) == "[g](files/fuzz.txt)"
    assert wanted == {"action.yml", "fuzz"}
    build.add_files(tmp_path, wanted)
    assert (tmp_path / "files" / "fuzz.txt").read_text("utf-8").startswith("fuzz/\n")
    with pytest.raises(build.BuildError, match=r"docs/a\.md: the link no\.md leads to no file"):
        build.with_site_links("[h](no.md)", "docs/a.md", pages, wanted)


def test_all_pages_are_staged(tmp_path: Path) -> None:
    """Every link of every page leads to a file of the repository, and the page of costs has its form."""
    wanted = build.stage(tmp_path, PAGES)
    assert "action.yml" in wanted
    assert {
        path.relative_to(tmp_path / "docs").as_posix() for path in (tmp_path / "docs").rglob("*.md")
    } == set(PAGES.values())
    page = (tmp_path / "docs" / "cost.md").read_text("utf-8")
    assert 'id="cost-size"' in page
    assert build.COST_MARK not in page


def test_faults_of_a_built_site_are_found(tmp_path: Path) -> None:
    """A link to no file or heading, and whatever is loaded from elsewhere."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "index.html").write_text('<h1 id="x">b</h1><a href="../index.html#y">a</a>')
    sound = '<h1 id="y">a</h1><a href="b/">b</a><a href="b/#x">b</a><a href="https://example.com/">c</a>'
    (tmp_path / "index.html").write_text(f'{sound}<link rel="canonical" href="https://example.com/">')
    assert list(build.faults(tmp_path)) == []
    bad = '<script src="https://cdn.example/a.js"></script><img src="//e/f">'
    bad += '<a href="c.html">c</a><a href="b/#z">z</a>'
    (tmp_path / "index.html").write_text(sound + bad)
    assert list(build.faults(tmp_path)) == [
        "index.html loads https://cdn.example/a.js from elsewhere",
        "index.html loads //e/f from elsewhere",
        "index.html: c.html leads to no file",
        "index.html: b/#z leads to no heading",
    ]


def test_policy_allows_scripts_of_the_page_only() -> None:
    """Scripts inside the page are named by their hashes; only the page that runs Python may compile."""
    page = '<head><script>go()</script><script src="a.js"></script></head>'
    policed = build.with_policy(page, runs_python=False)
    assert policed.startswith(
        '<head><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    )
    found = re.search(r"script-src ([^;]*);", policed)
    assert found is not None
    assert re.fullmatch(r"'self' 'sha256-[\w+/]{43}='", found[1])
    assert "http" not in policed.replace("http-equiv", "")
    assert "'wasm-unsafe-eval'" in build.policy(page, runs_python=True)
    assert "'unsafe-eval'" not in build.policy(page, runs_python=True)


def test_what_is_not_a_site_is_never_replaced(tmp_path: Path) -> None:
    """A folder with files of someone else, and a file."""
    (tmp_path / "mine").write_text("x")
    for out in (tmp_path, tmp_path / "mine"):
        with pytest.raises(PlaceError, match="is no earlier site"):
            build.build(out, None, None, print)
    assert (tmp_path / "mine").read_text() == "x"


def site_of(folder: Path, **files: str) -> Path:
    """A built site."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_later_site_replaces_the_files_of_an_earlier_one_only(tmp_path: Path) -> None:
    """What was added stays, such as the .git of a branch; what was changed, or is in the way, is refused."""
    out, inside = tmp_path / "out", tmp_path / "inside"
    replacing.replace(out, site_of(tmp_path / "1", index="one", old__page="old", b="b"), set())
    site_of(out, CNAME="example.org", old__mine="mine", b="b")
    marker = out / replacing.MARKER
    marker.write_text(f"{marker.read_text()}{'0' * 64}  ../inside\n")
    inside.write_text("not of the site")
    earlier = replacing.earlier_files(out)
    assert earlier == {"index", "old/page", "b"}
    new = site_of(tmp_path / "2", index="two", new__page="new")
    replacing.replace(out, new, earlier)
    found = {path.relative_to(out).as_posix(): path.read_text() for path in out.rglob("*") if path.is_file()}
    sums = found.pop(replacing.MARKER)
    assert found == {"index": "two", "new/page": "new", "CNAME": "example.org", "old/mine": "mine"}
    assert [line[66:] for line in sums.splitlines()] == ["index", "new/page"]
    assert inside.exists()

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with pytest.raises(PlaceError, match=r"\(CNAME\) that no build has made"):
        replacing.replace(out, site_of(tmp_path / "3", CNAME="c"), replacing.earlier_files(out))
    (out / "index").write_text("by hand")
    with pytest.raises(PlaceError, match=r"\(index\) that were changed since .*: move them away"):
        build.build(out, None, None, print)
    del before[out / "index"]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_folders_that_are_left_empty_are_removed(tmp_path: Path) -> None:
    """Those of the earlier site alone."""
    out = tmp_path / "out"
    replacing.replace(out, site_of(tmp_path / "1", a__b__c="c"), set())
    (out / "mine").mkdir()
    replacing.replace(out, site_of(tmp_path / "2", d="d"), replacing.earlier_files(out))
    assert sorted(path.name for path in out.iterdir()) == [replacing.MARKER, "d", "mine"]


def test_another_pyodide_is_refused(tmp_path: Path) -> None:
    """The package must have the hash that is pinned."""
    other = tmp_path / "pyodide-314.0.7.tgz"
    other.write_bytes(b"other")
    with pytest.raises(build.BuildError, match=r"pyodide-314\.0\.7\.tgz is not pyodide@314\.0\.7"):
        build.add_cost_page(tmp_path, tmp_path / "a.whl", other)


def rows(image: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of an image by model."""
    return {row["model"]: row for row in image["rows"]}


def test_sizes_are_answered_as_the_product_does(answers: Answers) -> None:
    """Each model's row has the numbers of `imgbudget.size`; what is no size has the command's message."""
    found = json.loads(answers.size("1920x1080, 4032 x 3024 wide"))
    assert [image["name"] for image in found["images"]] == ["1920x1080", "4032x3024"]
    assert [error["name"] for error in found["errors"]] == ["wide"]
    assert "is no size; write width x height in px" in found["errors"][0]["text"]
    first = rows(found["images"][0])
    assert len(first) > 100
    for model in ("claude-sonnet-4-6", "claude-opus-4-8", "gpt-5.4", "gemini-3.5-flash", "nova-pro"):
        (own,) = imgbudget.size((1920, 1080), model=model, isolated=True)
        row = first[model]
        assert row["ends"] == list(own.tokens_range or (own.tokens, own.tokens))
        seen = "unchanged" if own.fits else str(own.resized)
        assert row["seen"] == (seen if own.resized else "not published")
    assert first["claude-sonnet-4-6"]["per"] == "$4.68"
    assert [finding["code"] for finding in first["claude-sonnet-4-6"]["findings"]] == ["IB201"]
    assert first["claude-opus-4-8"]["findings"] == []
    assert "sources contradict each other" in first["nova-pro"]["notes"][0]


def test_warnings_are_findings_of_the_rules(answers: Answers) -> None:
    """Rejected sizes, small edges, and edges that become small."""
    found = json.loads(answers.size("9000x600 190x800"))
    large, small = (rows(image)["claude-sonnet-4-6"]["findings"] for image in found["images"])
    assert [finding["code"] for finding in large] == ["IB101", "IB302"]
    assert [finding["code"] for finding in small] == ["IB301"]
    assert found["sum"][0]["notes"] == ["2 images with findings"]


def test_files_are_answered_with_their_names_only(answers: Answers, tmp_path: Path) -> None:
    """An upright size by EXIF, the bytes, the images of a request, and clear words for what is no image."""
    (tmp_path / "turned.jpg").write_bytes(image_bytes((800, 600), "JPEG", orientation=6))
    (tmp_path / "cut.png").write_bytes(image_bytes((400, 300))[:40])
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "bytes.bin").write_bytes(bytes(range(256)))
    write_json(tmp_path / "request.json", body(image_block()))
    names = ("turned.jpg", "cut.png", "notes.txt", "bytes.bin", "request.json", "gone.png")
    text = answers.files([str(tmp_path / name) for name in names])
    found = json.loads(text)
    turned, block = found["images"]
    assert turned["size"] == "600x800"
    assert "stored 800x600, shown by its EXIF orientation 6" in turned["facts"]
    assert "IB303" in [finding["code"] for finding in rows(turned)["claude-opus-4-8"]["findings"]]
    assert block["name"] == "request.json: messages.0.content.0"
    assert {error["name"]: error["text"] for error in found["errors"]}.keys() == {
        *("cut.png", "notes.txt", "bytes.bin", "gone.png")
    }
    assert "cannot be decoded: ends before its image data" in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize(("orientation", "size"), [(4, "800x600"), (5, "600x800"), (8, "600x800")])
def test_sizes_are_those_of_upright_images(
    answers: Answers, tmp_path: Path, orientation: int, size: str
) -> None:
    """Orientations from 5 on turn an image on its side."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((800, 600), "JPEG", orientation=orientation))
    (image,) = json.loads(answers.files([str(tmp_path / "a.jpg")]))["images"]
    assert image["size"] == size


def test_several_images_are_added_up(answers: Answers) -> None:
    """Tokens and cost of all images together, on each model whose tokens are known."""
    found = json.loads(answers.size("1920x1080 1092x1092"))
    total = {row["model"]: row for row in found["sum"]}
    assert total["claude-sonnet-4-6"]["tokens"] == "3081"
    assert total["claude-sonnet-4-6"]["cost"] == "$0.009243"
    assert total["nova-pro"]["tokens"].count(" to ") == 1
    assert total["grok-4.5"]["tokens"] == total["grok-4.5"]["cost"] == "unknown"


def test_page_needs_no_other_package(tmp_path: Path) -> None:
    """The browser has the wheel and the standard library: no Pillow, click or PyYAML."""
    (tmp_path / "a.webp").write_bytes(image_bytes((640, 480), "WEBP"))
    (tmp_path / "b.bin").write_bytes(bytes(range(256)))
    (tmp_path / "c.txt").write_text("hello")
    write_json(tmp_path / "d.json", body(image_block()))
    names = [str(tmp_path / name) for name in ("a.webp", "b.bin", "c.txt", "d.json")]
    program = (
        "import sys, time\n"
        "del time.thread_time\n"
        "for name in ('PIL', 'click', 'yaml', 'numpy', 'pyarrow', 'pillow_heif'): sys.modules[name] = None\n"
        f"sys.path.insert(0, {str(build.HERE)!r})\n"
        "import cost\n"
        "answers = cost.Answers()\n"
        "print(answers.files(sys.argv[1:]), answers.size('10x10'), answers.about(), sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    files, size, about = map(json.loads, done.stdout.splitlines())
    assert [image["name"] for image in files["images"]] == ["a.webp", "d.json: messages.0.content.0"]
    none = "no image: neither an image nor a request"
    assert files["errors"] == [
        {"name": "b.bin", "text": f"{none}: unknown bytes"},
        {"name": "c.txt", "text": f"{none}: plain text"},
    ]
    assert len(size["images"][0]["rows"]) == about["models"] > 100
