"""Whether the file or URL that a row names may be opened: the one place that decides it for all readers.

Rows are data that others wrote. What the command line names is allowed: its folders, files and URLs, and
`--image-root`. So is what lies below the folder of the list or table. Everything else needs `--allow-remote`
or `--allow-outside`; what is refused becomes a row with the reason.
"""

import os
from collections.abc import Sequence
from functools import lru_cache

from imgbudget.auditing.urls import (
    CHAIN,
    LISTED,
    PROTOCOLS,
    StoreUrl,
    is_plain_path,
    is_private_host,
    is_url,
    parse_url,
)
from imgbudget.discovery.walk import Paths, path_list
from imgbudget.errors import UsageError
from imgbudget.namedtuples import NamedTuple

MOST_CHARACTERS = 8192
"""Length above which a reference is refused: no system has longer paths, no store longer keys."""

CHAINED = f"a chained URL ({CHAIN}) is never opened"
UNLISTED = f"only URLs of {LISTED} are opened"
MALFORMED = "not a plain URL: expected a host or bucket, and a path without dot steps or control characters"
TOO_LONG = "too long for a path or URL"
REMOTE = "a URL outside those of the command line; --allow-remote opens it"
PRIVATE = "a URL of a private host; only the command line may name one"
OUTSIDE = "outside the named folders; --allow-outside opens it"
MISSING = "no such file"
NOT_BELOW = f"named in the list: {MISSING}"
"""The reason of a path of a list that leads to nothing."""


class LocalFile(NamedTuple):
    """A reference to a path on this machine. It may be opened; whether it exists is not known."""

    path: str


class RemoteFile(NamedTuple):
    """A reference to a URL that may be opened; `named` if the command line names its store."""

    url: StoreUrl
    named: bool


class RefusedReference(NamedTuple):
    """A reference that may not be opened, with the reason as a clause."""

    reason: str


Target = LocalFile | RemoteFile | RefusedReference


class Access(NamedTuple):
    """What the command line allows rows to name: `named` are its datasets and the image root."""

    named: tuple[str, ...] = ()
    remote: bool = False
    outside: bool = False

    @classmethod
    def of(
        cls, datasets: Paths, root: str | None = None, *, remote: bool = False, outside: bool = False
    ) -> "Access":
        """The access that arguments give; local paths become absolute, as workers may run elsewhere.

        Raises:
            UsageError: an argument is a URL that is never opened.
        """
        names = [named(text) for text in (*path_list(datasets), *([] if root is None else [root]))]
        return cls(tuple(name if is_url(name) else os.path.abspath(name) for name in names), remote, outside)


def named(text: str) -> str:
    """The path or URL that an argument means.

    Raises:
        UsageError: it is a URL that is never opened.
    """
    if not is_url(text):
        return text
    if text[:5].lower() == "file:":
        path = _path_of(text)
        if path is None:
            raise UsageError(f"{text}: a file URL of another host; name a path")
        return path
    if CHAIN in text:
        raise UsageError(
            f"{text}: chained URLs ({CHAIN}) are not supported; name the file that holds the data"
        )
    if text.partition("://")[0].lower() not in PROTOCOLS:
        raise UsageError(f"{text}: unsupported protocol; expected a path, or a URL of {LISTED}")
    url = parse_url(text)
    if url is None:
        raise UsageError(f"{text}: {MALFORMED}")
    return str(url)


def _path_of(url: str) -> str | None:
    """The path of a `file:` URL, without decoding; None if it names another host."""
    path = url[5:]
    if path.startswith("//"):
        host, slash, path = path[2:].partition("/")
        if not slash or host.lower() not in ("", "localhost"):
            return None
        path = f"/{path}"
    return path[1:] if os.name == "nt" and path[2:3] == ":" else path


def folder_of(where: str) -> str:
    """The folder of a file that holds references, a path or URL."""
    if is_url(where):
        url = parse_url(where)
        return where.rpartition("/")[0] if url is None else str(url.folder)
    return os.path.dirname(where) or "."


def listed(url: str, store: StoreUrl | None) -> RefusedReference | None:
    """Why a URL that was found by listing another one is not opened; None if it may be.

    The listing of an https server is a page whose links name anything; stores list their own objects.
    """
    if store is None or store.protocol != "https":
        return None
    found = parse_url(url)
    return None if found and store.holds(found) else RefusedReference("outside the URL that was listed")


class _Place(NamedTuple):
    """A local file or folder that rows may name: its absolute path as spelled, and without links."""

    spelled: str
    real: str


class RowReferences:
    """Decides about references; one for each partition, as it remembers the folders that it resolved."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._place = lru_cache(maxsize=64)(_place)
        self._real_folder = lru_cache(maxsize=1024)(os.path.realpath)
        self._named = tuple(self._place(name) for name in access.named if not is_url(name))
        self._stores = tuple(url for name in access.named if (url := parse_url(name)))

    def resolve(self, name: str, folder: str, *more: str) -> Target:
        """What the reference `name` means where relative ones begin in `folder`, a path or URL.

        Rows may name what lies below `folder` and `more` folders.
        """
        if len(name) > MOST_CHARACTERS:
            return RefusedReference(TOO_LONG)
        if name[:6].lower() == "file:/":
            path = _path_of(name)
            return RefusedReference(MALFORMED) if path is None else self._local(path, folder, more)
        if is_url(name):
            return self._absolute_url(name, (folder, *more))
        if is_url(folder) and not os.path.isabs(name):
            base = parse_url(folder)
            if CHAIN in name:
                return RefusedReference(CHAINED)
            if base is None or not is_plain_path(base.joined(name).path):
                return RefusedReference(MALFORMED)
            return self._remote(base.joined(name), (folder, *more))
        return self._local(name, folder, more)

    def _absolute_url(self, text: str, folders: Sequence[str]) -> Target:
        if CHAIN in text:
            return RefusedReference(CHAINED)
        if text.partition("://")[0].lower() not in PROTOCOLS:
            return RefusedReference(UNLISTED)
        url = parse_url(text)
        return RefusedReference(MALFORMED) if url is None else self._remote(url, folders)

    def _remote(self, url: StoreUrl, folders: Sequence[str]) -> Target:
        stores = (*self._stores, *(store for folder in folders if (store := parse_url(folder))))
        if any(store.holds(url) for store in stores):
            return RemoteFile(url, named=True)
        if not self.access.remote:
            return RefusedReference(REMOTE)
        if "@" in url.store:  # an account that others chose, with the credentials of the user
            return RefusedReference(MALFORMED)
        if url.protocol == "https" and is_private_host(url.host):
            return RefusedReference(PRIVATE)
        return RemoteFile(url, named=False)

    def _local(self, name: str, folder: str, more: Sequence[str]) -> Target:
        folders = [one for one in (folder, *more) if not is_url(one)]
        path = name if folder == "." or is_url(folder) else os.path.join(folder, name)
        if self.access.outside:
            return LocalFile(path)
        places = [*self._named, *map(self._place, folders)]
        try:
            # by spelling first: to resolve a path is to look at it, and some paths are mounted when looked at
            absolute = os.path.abspath(path)
            if not any(_holds(place.spelled, absolute) or _holds(place.real, absolute) for place in places):
                return RefusedReference(OUTSIDE)
            real = self._real(path)
        except (OSError, ValueError):  # a null character, or text that no file name can be
            return RefusedReference(MISSING)
        return (
            LocalFile(path)
            if any(_holds(place.real, real) for place in places)
            else RefusedReference(OUTSIDE)
        )

    def _real(self, path: str) -> str:
        """The path without links; that of its folder is remembered."""
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        real = os.path.join(self._real_folder(folder or "."), name)
        return os.path.realpath(path) if os.path.islink(real) else real


def _place(path: str) -> _Place:
    return _Place(os.path.abspath(path), os.path.realpath(path))


def _holds(place: str, path: str) -> bool:
    """Whether a path is the place or lies below it; both are absolute and normalised."""
    place, path = os.path.normcase(place), os.path.normcase(path)
    return path == place or path.startswith(place if place.endswith(os.sep) else place + os.sep)
