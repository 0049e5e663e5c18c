"""What an earlier run counted and wrote for image files that have not changed since.

A verdict is kept beside the facts, and counts only where all that it depends on is the same: the stamp of the
file, its path as results spell it, the settings, overrides and limits that hold for it, the options of the
run, the baseline, the formats of its output, and the code of imgbudget and of all rule packs. Files of which
anything was left out, suppressed, not read or unexpected are checked each time.
"""

import hashlib
import json
import os
import sys
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate, chain, groupby, islice, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from imgbudget.config.settings import Settings
from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import FoundFile, SkippedFile
from imgbudget.imageinfo.cache import FactsCache
from imgbudget.imageinfo.cachefiles import (
    FileStamp,
    FolderCache,
    are_within,
    cache_folder,
    is_settled,
    stamp_of,
    stamps_are_right,
)
from imgbudget.limits.geometry import Size
from imgbudget.linter.reporting import Fragment, Reporter, merge
from imgbudget.model.results import FileResult, Summary
from imgbudget.programs import jpegtran
from imgbudget.version import __version__

if TYPE_CHECKING:
    from imgbudget.linter.context import LintContext
    from imgbudget.linter.rows import PartReceiver
    from imgbudget.linter.run import Session

_TOGETHER = 200
"""Files that are looked up before those of them that are not known are checked."""

_SAVED_TOGETHER = 1000
"""Files whose verdicts are written at once."""

_MAX_NUMBER = 1 << 64
_MAX_TEXT = 1 << 26
"""Bytes of the entries of one folder from which on they are ignored, so that memory stays bounded."""

_MAX_ENTRIES = 1 << 17
"""Entries of one folder from which on they are ignored: a file of verdicts has no space for as many."""


class Verdict(NamedTuple):
    """What one or more files add to the summary, and their output in each format."""

    counts: Sequence[float]
    fragments: tuple[Fragment, ...]


_Kept = tuple[int, int, int, int, str, Size | None, Sequence[float], Sequence[str]]
"""What is kept of an image file: its stamp, the hash of all else that matters, its size in px as stored if it
can be a copy, what it adds to the summary, and its output in all sections of all formats."""


class _FoundImage(NamedTuple):
    """An image file of the run, with what is kept of it if that counts."""

    context: "LintContext"
    stamp: FileStamp
    key: str
    kept: _Kept | None


_Pair = tuple[FoundFile | SkippedFile, _FoundImage | None]


def _is_known(pair: _Pair) -> bool:
    return pair[1] is not None and pair[1].kept is not None


class RunCache(FactsCache):
    """What is known of files from earlier runs: facts, comparisons and verdicts."""

    @classmethod
    def open(cls, on_ignored: Callable[[str], None] | None) -> "RunCache":
        """The cache of the user; `on_ignored` receives a note on each part of it that is ignored."""
        return cls(cache_folder(), on_ignored)

    def verdicts(self, session: "Session", reporters: Sequence[Reporter]) -> "VerdictCache | None":
        """The verdicts for the output of a run; None for one that needs more of a file than they have."""
        options = session.options
        is_plain = not (options.statistics or options.compare or options.collect or options.raise_errors)
        if not is_plain or not reporters or not all(one.key for one in reporters):
            return None
        state = tuple(_code_state(session.settings))
        return VerdictCache(self.folder, session, reporters, state) if state else None


def _code_state(settings: Settings) -> Iterator[tuple[str, FileStamp]]:
    """The files of the code that a run executes; none if they are no files."""
    packs = {name.partition(".")[0] for name in settings.packs}
    modules = [sys.modules[name] for name in ("imgbudget", *sorted(packs))]
    if settings.packs != Settings().packs:  # what a pack imports is part of it
        modules += [module for _, module in sorted(sys.modules.items())]
    for path in dict.fromkeys(getattr(module, "__file__", None) for module in modules):
        if path is not None:
            with suppress(OSError):
                yield path, stamp_of(path)
    for folder in chain.from_iterable(
        getattr(module, "__path__", ()) for module in modules[: len(packs) + 1]
    ):
        for place, _, names in os.walk(folder):
            if os.path.basename(place) != "__pycache__":
                for name in sorted(names):
                    path = os.path.join(place, name)
                    yield path, stamp_of(path)


def _digest(*values: object) -> str:
    return hashlib.sha256("\n".join(map(repr, values)).encode("utf-8", "surrogatepass")).hexdigest()


class VerdictCache(FolderCache[_Kept]):
    """The verdicts of a run, in a file for each folder and choice of formats.

    The version of a file is all that the verdicts of the run have in common.
    """

    _kind = "verdicts"
    _max_bytes = 1 << 22

    def __init__(
        self,
        folder: str,
        session: "Session",
        reporters: Sequence[Reporter],
        code: Sequence[tuple[str, FileStamp]],
    ) -> None:
        """Use the cache in a folder for files of this session; `code` are the files of its code."""
        self._session, self._reporters = session, tuple(reporters)
        self._suffix = "\0".join(("", self._kind, *(type(one).__name__ for one in reporters))).encode()
        options, paths = session.options, session.context.paths
        if session.settings.packs == Settings().packs:
            options = options._replace(date=None)  # its rules read of the day what the limits say
        suppressor = paths.suppressor
        known = suppressor and suppressor.baseline and (suppressor.baseline.text(), suppressor.base)
        formats = [one.key for one in reporters]
        version = _digest(__version__, sys.version, code, options, formats, known, jpegtran())
        super().__init__(folder, version)
        self._keys: dict[tuple[int, str], str] = {}
        self.rest: Sequence[FoundFile | SkippedFile] = ()
        self._location: str | None = None
        self._entries: dict[str, _Kept] = {}
        self._new: dict[str, dict[str, _Kept]] = {}
        self._separators = tuple(chain.from_iterable(one.separators for one in reporters))
        ends = accumulate(len(one.separators) for one in reporters)
        self._sections = [slice(start, end) for start, end in pairwise((0, *ends))]

    def checked(
        self,
        files: Iterable[FoundFile | SkippedFile],
        parts: "PartReceiver | None" = None,
    ) -> Iterator[FileResult | Verdict]:
        """The verdicts on files, in order, and the results of those that can have none.

        See Session.check_all; files that have not changed are not read.
        """
        source = iter(files)
        while group := list(islice(source, _TOGETHER)):
            found = zip(group, map(self._find, group), strict=True)
            for is_known, those in groupby(found, _is_known):
                if is_known:
                    yield self._verdict(those)
                    continue
                unknown = list(those)
                results = self._session.check_all([file for file, _ in unknown], parts)
                for (_, its), result in zip(unknown, results, strict=True):
                    yield result if its is None else self._keep(result, its)
            if sum(map(len, self._new.values())) >= _SAVED_TOGETHER:
                self._save_all()
        self._save_all()

    def leading(self, files: Iterator[FoundFile | SkippedFile]) -> Iterator[Verdict]:
        """The verdicts on the first files, up to some of which one has none: `rest` has those."""
        while group := list(islice(files, _TOGETHER)):
            found = list(zip(group, map(self._find, group), strict=True))
            if not all(map(_is_known, found)):
                self.rest = group
                return
            yield self._verdict(found)

    def _save_all(self) -> None:
        for location, entries in self._new.items():
            self._save(location, entries)
        self._new = {}

    def _find(self, file: FoundFile | SkippedFile) -> _FoundImage | None:
        """What is known of a file; None if nothing is kept of it."""
        if not isinstance(file, FoundFile) or file.kind is not FileKind.IMAGE:
            return None
        location, slash, name = file.path.rpartition("/")
        context = self._session.context.at(file.path)
        key = self._keys.get((id(context), location))
        if key is None:
            key = self._make_key(context, location, slash)
        if not key:
            return None
        try:
            stamp = stamp_of(file.path)
        except OSError:
            return None
        if context.paths.settings.overrides:
            context.paths.runner(file.path)  # which records those that hold for the file
        if location != self._location:
            self._location, self._entries = location, self._load(location)
        kept = self._entries.get(name)
        if kept is not None and (kept[:4] != stamp or kept[4] != key):
            kept = None
        return _FoundImage(context, stamp, key, kept)

    def _verdict(self, files: Iterable[_Pair]) -> Verdict:
        """The verdict on consecutive files that have not changed."""
        kept: list[_Kept] = []
        add = self._session.totals.add_unchanged
        last: LintContext | None = None
        for file, found in files:
            its = found.kept if found is not None else None
            if found is not None and its is not None:
                if found.context is not last:
                    last = found.context
                    last.limits()  # notes what is assumed
                add(file.path, its[0], its[5])
                kept.append(its)
        texts = merge(self._separators, [tuple(texts) for *_, texts in kept])
        counts = tuple(map(sum, zip(*[its[6] for its in kept], strict=True)))
        return Verdict(counts, tuple([texts[section] for section in self._sections]))

    def _make_key(self, context: "LintContext", location: str, slash: str) -> str:
        """The hash of what the verdicts of a folder depend on that other files of the run need not share.

        Empty if files of this context have no verdicts.
        """
        if context.needs_pixels or context.needs_text or context.client is not None:
            self._keys[id(context), location] = ""
            return ""
        limits = context.data.bind(context.model, context.platform)
        named = context.model, context.platform, context.explicit_model, context.explicit_platform
        place = limits.at_maker, limits.is_gateway, limits.text_only
        key = _digest(location, slash, context.paths.settings, named, limits, place)[:32]
        self._keys[id(context), location] = key
        return key

    def _keep(self, result: FileResult, found: _FoundImage) -> FileResult | Verdict:
        """The verdict on a file, which the next run can use; its result if it cannot."""
        image, stamp = result.images[0] if result.images else None, found.stamp
        facts = image.use.facts if image else None
        if (
            (image is None or facts is None or facts.unread or facts.byte_size != stamp[0])
            or (result.suppressed or result.baselined or result.caveats or result.missed)
            or any(finding.internal for finding in result.findings)
        ):
            return result
        summary = Summary()
        summary.add(result)
        verdict = Verdict(summary.counts, tuple([one.render(result) for one in self._reporters]))
        if is_settled(stamp):
            location, _, name = result.path.rpartition("/")
            texts = tuple(chain.from_iterable(verdict.fragments))
            size = facts.size if image.resized is not None else None
            self._new.setdefault(location, {})[name] = *stamp, found.key, size, verdict.counts, texts
        return verdict

    def _encoded(self, entries: Mapping[str, _Kept]) -> bytes:
        *stamps, keys, sizes, counts, texts = zip(*entries.values(), strict=True)
        edges = zip(*[size or (None, None) for size in sizes], strict=True)
        columns = [*stamps, keys, *edges, *zip(*counts, strict=True)]
        head = json.dumps([list(entries), list(map(_packed, columns))], separators=(",", ":"))
        whole = "\n".join((head, "\0".join(chain.from_iterable(texts))))
        # a tenth: the output of one file is like that of another
        return b64encode(zlib.compress(whole.encode("utf-8", "surrogatepass"), 1))

    def _entries_in(self, text: bytes) -> dict[str, _Kept] | None:
        unpacker = zlib.decompressobj()
        try:
            whole = unpacker.decompress(b64decode(text, validate=True), _MAX_TEXT)
            head, _, texts = whole.decode("utf-8", "surrogatepass").partition("\n")
            names, packed = json.loads(head)
            are_names = type(names) is list and {str}.issuperset(map(type, names))
            columns = _unpacked(packed, len(names)) if unpacker.eof and are_names else None
            if columns is None:
                return None
            *stamps, keys, widths, heights = columns[: -len(_COUNTS)]
            sizes = [w and h and Size(w, h) for w, h in zip(widths, heights, strict=True)]
            parts = zip(*[iter(texts.split("\0"))] * len(self._separators), strict=True)
            counts = zip(*columns[-len(_COUNTS) :], strict=True)
            return dict(zip(names, zip(*stamps, keys, sizes, counts, parts, strict=True), strict=True))
        except (ValueError, TypeError, RecursionError, zlib.error):
            return None


def _packed(column: Sequence[Any]) -> Sequence[Any]:
    """A column, or its only value if all are equal."""
    return column[:1] if column.count(column[0]) == len(column) else column


def _unpacked(packed: Any, length: int) -> list[Sequence[Any]] | None:
    """The columns of `length` entries, None unless each has values that a run keeps."""
    if type(packed) is not list or len(packed) != len(_TYPES) or not {list}.issuperset(map(type, packed)):
        return None
    is_right = (
        0 < length <= _MAX_ENTRIES
        and all(types.issuperset(map(type, column)) for column, types in zip(packed, _TYPES, strict=True))
        and all(len(column) in (1, length) for column in packed)
        and stamps_are_right(packed[:4])
        and are_within(chain(*packed[5:7]), 1, _MAX_NUMBER)
        and all(-_MAX_NUMBER < number < _MAX_NUMBER for column in packed[7:] for number in column)
    )
    return [column * (length // len(column)) for column in packed] if is_right else None


_INT, _STR, _NUMBER = (frozenset(kinds) for kinds in ((int,), (str,), (int, float)))
_COUNTS = [_NUMBER] * len(Summary().counts)
_TYPES = [*[_INT] * 4, _STR, *[_INT | {type(None)}] * 2, *_COUNTS]
"""The types of the columns: stamp, key, width and height in px, and counts."""
