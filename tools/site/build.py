"""Build the documentation site: the pages of the repository, their search, and the page that answers costs.

`python tools/site/build.py OUT` needs the extra `docs` and npm, which fetches Pyodide: the page "What does
this image cost?" runs the wheel of this checkout in the browser. Any static server can serve OUT; nothing of
it is loaded from elsewhere, which the content security policy of each page enforces.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from tools.site.replacing import PlaceError, earlier_files, replace  # noqa: E402 - the path first

HERE = ROOT / "tools" / "site"

PYODIDE = "pyodide@314.0.7"
INTEGRITY = "sha512-0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A=="
"""The hash that the npm registry publishes of this version (`npm view pyodide@314.0.7 dist.integrity`)."""

PYODIDE_FILES = (
    "pyodide.mjs",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
)
"""What the page loads of the package."""

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' "
    "stroke='%234f5bd5' stroke-width='2'%3E%3Crect x='3' y='3' width='18' height='18' rx='2'/%3E"
    "%3Ccircle cx='9' cy='9' r='2'/%3E%3Cpath d='m21 15-3-3-9 9'/%3E%3C/svg%3E"
)
"""The icon in tabs, inside each page: browsers ask for an icon again whenever the address changes."""

OTHER_PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "ARCHITECTURE.md": "architecture.md",
    ".github/CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
    "examples/rule-pack/README.md": "rule-pack.md",
}
"""Pages of the site that are not in docs/."""

COST_MARK = "<!-- the site has the page here -->"
"""The line of docs/cost.md where the page is on the site."""

_CODE = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ABSOLUTE = re.compile(r"[a-z]+:|#")


class BuildError(Exception):
    """The site cannot be built; the text says why, and what to do."""


def site_pages() -> dict[str, str]:
    """The path of each page on the site, by its path in the repository."""
    pages = dict(OTHER_PAGES)
    for path in sorted((ROOT / "docs").rglob("*.md")):
        name = path.relative_to(ROOT / "docs").as_posix()
        pages[f"docs/{name}"] = re.sub(r"README\.md$", "index.md", name)
    return pages


def rule_navigation(pages: dict[str, str], readme: str) -> str:
    """The rules as lines of the navigation, in groups with the titles of README's table."""
    titles = dict(re.findall(r"^\| (IB\d)xx \| ([^:;|]+)", readme, re.MULTILINE))
    groups: dict[str, list[str]] = {}
    for page in sorted(pages.values()):
        if found := re.fullmatch(r"rules/(ib\d)\d+\.md", page):
            groups.setdefault(found[1].upper(), []).append(page)
    lines = []
    for group, members in groups.items():
        title = f"{group}xx: {titles[group].strip()}"
        lines.append(f"    {{ {json.dumps(title)} = {json.dumps(members)} }},")
    return "\n".join(lines)


def configuration(pages: dict[str, str]) -> str:
    """The configuration of the site."""
    readme = (ROOT / "README.md").read_text("utf-8")
    text = (HERE / "zensical.toml").read_text("utf-8")
    return text.replace("$rules$", rule_navigation(pages, readme))


def with_site_links(text: str, source: str, pages: dict[str, str], wanted: set[str]) -> str:
    """A page with links as they are on the site; `wanted` receives linked files that are no pages."""

    def moved(found: re.Match[str]) -> str:
        target, mark, heading = found[1].partition("#")
        if _ABSOLUTE.match(found[1]):
            return found[0]
        path = os.path.normpath(os.path.join(os.path.dirname(source), target)).replace(os.sep, "/")
        to = pages.get(path) or pages.get(f"{path}/README.md")
        if to is None:
            if not (ROOT / path).exists():
                raise BuildError(f"{source}: the link {found[1]} leads to no file")
            wanted.add(path)
            to = _file_place(path)
        relative = os.path.relpath(to, os.path.dirname(pages[source]) or ".").replace(os.sep, "/")
        return f"]({relative}{mark}{heading})"

    parts = _CODE.split(text)
    parts[::2] = [_LINK.sub(moved, part) for part in parts[::2]]
    return "".join(parts)


def _file_place(path: str) -> str:
    """Where a file of the repository that is no page is on the site; a folder is its listing."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"files/{path}.txt" if (ROOT / path).is_dir() else f"files/{path}"


def stage(folder: Path, pages: dict[str, str]) -> set[str]:
    """Write the pages and the configuration into a folder; returns the linked files that are no pages."""
    wanted: set[str] = set()
    for source, place in pages.items():
        text = with_site_links((ROOT / source).read_text("utf-8"), source, pages, wanted)
        if source == "docs/cost.md":
            if COST_MARK not in text:
                raise BuildError(f"docs/cost.md: the line {COST_MARK} is missing")
            page = (HERE / "cost.html").read_text("utf-8").replace("\n\n", "\n")
            text = "---\nhide:\n  - navigation\n  - toc\n---\n\n" + text.replace(COST_MARK, page)
        target = folder / "docs" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    (folder / "docs" / "assets").mkdir()
    shutil.copy(HERE / "site.css", folder / "docs" / "assets" / "site.css")
    (folder / "zensical.toml").write_text(configuration(pages), encoding="utf-8")
    return wanted


def add_files(site: Path, paths: set[str]) -> None:
    """Copy linked files of the repository that are no pages into the site; of a folder, its listing."""
    for path in sorted(paths):
        target = site / _file_place(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_dir():
            names = sorted(one.name for one in (ROOT / path).iterdir() if not one.name.startswith("_"))
            target.write_text("\n".join([f"{path}/", *names, ""]), encoding="utf-8")
        else:
            shutil.copy(ROOT / path, target)


def run_zensical(folder: Path) -> None:
    """Build the staged pages; a link to no page or heading fails."""
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        if "--strict flag" in said:
            said = said.partition("Traceback")[0]
        if "No module named zensical" in said:
            raise BuildError("zensical is not installed: pip install '.[docs]' in the checkout")
        raise BuildError(f"zensical refuses the pages:\n{said.strip()}")


def built_wheel(folder: Path) -> Path:
    """The wheel of this checkout."""
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"the wheel cannot be built:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def fetched_pyodide(folder: Path) -> Path:
    """Pyodide's package, as npm fetches it, if it has the pinned hash."""
    npm = shutil.which("npm")
    if npm is None:
        raise BuildError(
            "npm is not installed; it fetches Pyodide (--pyodide FILE takes a package from `npm pack`)"
        )
    command = [npm, "pack", PYODIDE, "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"npm cannot fetch {PYODIDE}:\n{done.stderr.strip()}")
    return folder / done.stdout.strip().splitlines()[-1]


def add_cost_page(site: Path, wheel: Path, package: Path) -> None:
    """Add what the page "What does this image cost?" loads: its program, the wheel, and Pyodide."""
    digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise BuildError(f"{package.name} is not {PYODIDE}: its hash is sha512-{digest}, not {INTEGRITY}")
    folder = site / "cost"
    (folder / "pyodide").mkdir(parents=True)
    for name in ("cost.js", "worker.js", "cost.py"):
        shutil.copy(HERE / name, folder / name)
    shutil.copy(wheel, folder / wheel.name)
    with tarfile.open(package) as archive:
        for name in PYODIDE_FILES:
            member = archive.extractfile(f"package/{name}")
            if member is None:
                raise BuildError(f"{package.name} has no {name}")
            (folder / "pyodide" / name).write_bytes(member.read())
    page = site / "cost.html"
    script = f'<script type="module" src="cost/cost.js?wheel={wheel.name}"></script>'
    page.write_text(page.read_text("utf-8").replace("</body>", f"{script}</body>"), encoding="utf-8")


def policy(page: str, *, runs_python: bool) -> str:
    """The content security policy of a page: nothing from elsewhere, and no script but those of the site."""
    inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inline]
    scripts = ["'self'", *(f"'sha256-{one}'" for one in dict.fromkeys(hashes))]
    workers = ["'self'"]
    if runs_python:
        scripts.append("'wasm-unsafe-eval'")
        workers.append("blob:")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(scripts)}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            f"worker-src {' '.join(workers)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def with_policy(page: str, *, runs_python: bool) -> str:
    """A page with its content security policy, which comes before all that it governs, and its icon."""
    page = re.sub(r'<link rel="icon"[^>]*>', f'<link rel="icon" href="{ICON}">', page)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy(page, runs_python=runs_python)}">'
    return re.sub(r"(<head>)", lambda found: found[1] + meta, page, count=1)


class Links(HTMLParser):
    """The links, the files that a page loads, and its anchors."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element refers to."""
        values = {name: value for name, value in attrs if value}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        if tag in ("a", "area") and "href" in values:
            self.links.append(values["href"])
        elif tag == "link" and values.get("rel") not in ("canonical", "prev", "next"):
            self.loaded.append(values.get("href", ""))
        self.loaded += [values["src"]] if "src" in values else []


def faults(site: Path) -> Iterator[str]:
    """What is wrong with a built site: links that lead nowhere, and what is loaded from elsewhere."""
    pages = {path: Links(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, found in pages.items():
        name = path.relative_to(site).as_posix()
        for url in found.loaded:
            if urlsplit(url).scheme not in ("", "data") or url.startswith("//"):
                yield f"{name} loads {url} from elsewhere"
        for url in (*found.links, *found.loaded):
            parts = urlsplit(url)
            if parts.scheme or parts.netloc or name == "404.html":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{name}: {url} leads to no file"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{name}: {url} leads to no heading"


def build(out: Path, wheel: Path | None, package: Path | None, say: Callable[[str], None]) -> None:
    """Build the site into a folder that is new, empty or an earlier site.

    Raises:
        BuildError: it cannot be built.
        PlaceError: the folder has something else, of which nothing is changed.
    """
    earlier = earlier_files(out)
    pages = site_pages()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wanted = stage(folder, pages)
        for source in sorted((ROOT / "docs").iterdir()):
            if source.suffix in (".svg", ".webp", ".json"):
                shutil.copy(source, folder / "docs" / source.name)
        say(f"{len(pages)} pages")
        run_zensical(folder)
        site = folder / "site"
        add_files(site, {path for path in wanted if not path.startswith("docs/")})
        add_cost_page(site, wheel or built_wheel(folder / "wheel"), package or fetched_pyodide(folder))
        for page in site.rglob("*.html"):
            text = with_policy(page.read_text("utf-8"), runs_python=page.name == "cost.html")
            page.write_text(text, encoding="utf-8")
        if found := list(faults(site)):
            raise BuildError("the built site has faults:\n" + "\n".join(found))
        replace(out, site, earlier)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    say(f"{out}: {size / 1e6:.1f} MB; python -m http.server -d {out} shows it")


def main() -> int:
    """Build the site; 2 with a message if it cannot be built."""
    parser = argparse.ArgumentParser(description="Build the documentation site.")
    parser.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder, or an earlier site")
    parser.add_argument("--wheel", type=Path, metavar="FILE", help="a wheel that is built already")
    parser.add_argument("--pyodide", type=Path, metavar="FILE", help=f"the package of `npm pack {PYODIDE}`")
    options = parser.parse_args()
    try:
        build(options.out, options.wheel, options.pyodide, print)
    except (BuildError, PlaceError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
