"""The expected content of a file by its name: an image, a request, or neither.

Files with a suffix that is known to be neither are never opened, which keeps source trees fast; files with an
unknown suffix are identified by their bytes.
"""

from enum import Enum


class FileKind(Enum):
    """The expected content of a file, by its suffix."""

    IMAGE = "image"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
    """Only checked if it is a recording of requests, or for the images in it."""
    TEXT = "text"
    """Logs and scripts, which are only checked for the images in them."""
    DATABASE = "database"
    """Only checked if it is an SQLite database with the sessions of an agent."""
    UNKNOWN = "unknown"
    """No suffix or an unknown one: identified by its bytes."""


DEFAULT_PRUNED = frozenset(
    {
        *(".git", ".hg", ".svn", ".bzr"),
        *(".venv", "venv", ".direnv", ".pyenv", ".tox", ".nox", ".eggs", "site-packages", "__pypackages__"),
        *("__pycache__", ".mypy_cache", ".pytest_cache", ".pytype", ".ruff_cache", ".ipynb_checkpoints"),
        "node_modules",
    }
)
"""Folders of tools, which are only searched if named explicitly."""

_IMAGES = """
jpg jpeg jpe jfif png apng gif webp
bmp dib tif tiff ico cur avif avifs heic heics heif heifs hif jxl jp2 j2k j2c jpc jpf jpx jpm jxr wdp hdp
psd psb svg svgz icns dds qoi tga hdr exr eps mpo pcx sgi wbmp xbm xpm jng mng emf wmf fli flc
pnm ppm pgm pbm pam pfm
dng cr2 cr3 crw nef nrw arw srf sr2 raf orf rw2 rwl pef srw x3f 3fr erf kdc dcr mrw iiq
"""
"""Raster and vector formats; unsupported ones are reported."""

_NEITHER = """
txt text md markdown mdx rst adoc asciidoc org tex bib sty cls out diff patch po pot mo nfo rtf
htm html xhtml shtml css scss sass less xml xsl xslt xsd dtd rss atom
toml ini cfg conf cnf properties env editorconfig plist tf tfvars hcl
geojson topojson webmanifest map csv tsv psv sql proto thrift avsc graphql gql
py pyi pyx pxd pyw c h cc cpp cxx hh hpp hxx inl m mm cs java kt kts scala groovy gradle clj cljs cljc
go rs swift dart zig nim d v f f90 f95 for pas adb ads jl r rmd rb erb rake gemspec pl pm t php phtml lua tcl
js jsx mjs cjs ts tsx mts cts vue svelte astro coffee elm ex exs erl hrl hs lhs ml mli fs fsx fsi lisp el scm
bash zsh fish ksh csh bat cmd ps1 psm1 psd1 awk sed vim asm s nix cmake mk mak am ac in m4 bzl bazel
j2 jinja jinja2 tmpl tpl mustache hbs ejs liquid pug haml
git gitignore gitattributes gitmodules gitkeep keep dockerignore npmignore npmrc nvmrc prettierrc eslintrc
babelrc bashrc zshrc profile mailmap lock sum mod sha1 sha256 sha512 md5 sig asc pem crt cer key pub
zip gz tgz bz2 tbz tbz2 xz txz zst tzst lz4 lzma 7z rar tar jar war ear whl egg apk ipa deb rpm dmg iso cab
pyc pyo pyd so o a lo la lib dll exe obj class wasm pdb dylib ko elc beam
npy npz pkl pickle joblib h5 hdf5 hdf mat rds rda rdata parquet arrow feather orc avro tfrecord tfrecords mdb
lmdb duckdb dbf shp shx prj pt pth ckpt safetensors onnx pb tflite gguf ggml
mlmodel caffemodel db-wal db-shm db-journal sqlite-wal sqlite-shm sqlite3-wal sqlite3-shm
mp3 wav flac ogg oga opus m4a aac aif aiff wma mid midi
mp4 m4v mov avi mkv webm mpg mpeg wmv flv ogv 3gp m2ts
ttf otf woff woff2 eot
pdf doc docx dot dotx xls xlsx xlsm ppt pptx odt ods odp pages numbers epub mobi azw3 djvu ps
glb gltf stl ply fbx blend dae 3ds usd usdz las laz pcd
tmp temp bak orig swp
"""
"""Text, code, data, archives, audio, video, fonts, office documents, geometry, and temporary and backup files
of any content: neither image nor request.
"""

KINDS: dict[str, FileKind | None] = {
    **dict.fromkeys((f".{suffix}" for suffix in _NEITHER.split()), None),
    **dict.fromkeys((f".{suffix}" for suffix in _IMAGES.split()), FileKind.IMAGE),
    ".json": FileKind.JSON,
    ".jsonl": FileKind.JSONL,
    ".ndjson": FileKind.JSONL,
    ".ipynb": FileKind.JSON,
    ".har": FileKind.JSON,
    ".yaml": FileKind.YAML,
    ".yml": FileKind.YAML,
    ".db": FileKind.DATABASE,
    ".sqlite": FileKind.DATABASE,
    ".sqlite3": FileKind.DATABASE,
    **dict.fromkeys((".log", ".http", ".rest", ".bru", ".sh", ".jsonc", ".json5"), FileKind.TEXT),
}
"""The kind by suffix, in lower case with its dot; None if it is neither image nor request."""

HOOK_KINDS = {
    "imgbudget": (FileKind.IMAGE, FileKind.JSON, FileKind.JSONL),
    "imgbudget-fix": (FileKind.IMAGE, FileKind.JSON, FileKind.JSONL),
    "imgbudget-recordings": (FileKind.YAML, FileKind.TEXT, FileKind.DATABASE),
}
"""The kinds of files that each hook of .pre-commit-hooks.yaml is given, all that a check reads.

Recordings have a hook for themselves: 21 public repositories have 0.7 times as many of its files as of the
other one, and in most of them these are settings of tools (2026-11-29).
"""


def hook_pattern(hook: str) -> str:
    """The regular expression of pre-commit's `files` for a hook."""
    suffixes = sorted(suffix[1:] for suffix, kind in KINDS.items() if kind in HOOK_KINDS[hook])
    return rf"(?i)\.({'|'.join(suffixes)})$"


def is_hook_file(name: str) -> bool:
    """Whether a hook of .pre-commit-hooks.yaml passes files of this name."""
    kind = kind_of(name)
    return kind is not None and kind is not FileKind.UNKNOWN


_UNOPENED = (
    *(".zip", ".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".zst", ".tzst", ".lz4", ".lzma"),
    *(".7z", ".rar", ".tar", ".parquet", ".arrow", ".feather"),
)


def may_hold_requests(name: str) -> bool:
    """Whether the name is that of an archive, packed data or a table, which a check does not open."""
    return name.lower().endswith(_UNOPENED)


def kind_of(name: str) -> FileKind | None:
    """The kind of a file of this name, from KINDS."""
    return KINDS.get(name[name.rfind(".") :].lower(), FileKind.UNKNOWN)
