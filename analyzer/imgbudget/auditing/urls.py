"""URLs of stores: which protocols there are, how a URL is read, and which hosts are private."""

import ipaddress
import posixpath
import re
from urllib.parse import unquote

from imgbudget.namedtuples import NamedTuple

PROTOCOLS = ("s3", "gs", "hf", "az", "https")
"""The protocols of URLs that are opened; fsspec has many more, and some of them run code."""

LISTED = f"{', '.join(PROTOCOLS[:-1])} and {PROTOCOLS[-1]}"

CHAIN = "::"
"""What joins the URLs of a chain in fsspec: each opens what the next one names."""

_STORE = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?")
_AZURE_STORE = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9._-]+")
_CONTROL = re.compile(r"[\0-\x1f\x7f]")
_DOTS = re.compile(r"(?:^|[/\\])\.\.?(?:[/\\?#]|$)")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_PRIVATE_NAMES = (".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home.arpa")
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


def is_url(text: str) -> bool:
    """Whether a dataset or a container is named by a URL."""
    return "://" in text


_SECRET = re.compile(
    r"(\b[A-Za-z][A-Za-z0-9+.-]{1,20}://)(?:[^\s/?#'\"]*@)?([^\s?#'\"]*)(?:[?#][^\s'\"<>)]*)?"
)


def without_secrets(text: str) -> str:
    """A text with the URLs in it, each without user name, query and fragment, which may have keys."""
    return _SECRET.sub(r"\1\2", text) if "://" in text else text


def shown_name(name: str | None) -> str | None:
    """The name of an image in a row as reports have it: that of a URL without what may be a key."""
    if name is None or "://" not in name:
        return name
    protocol, _, rest = name.partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    store, slash, path = rest.partition("/")
    return f"{protocol}://{store.rpartition('@')[2]}{slash}{path}"


class StoreUrl(NamedTuple):
    """A URL of a listed protocol: the protocol, the bucket or host, the path without its first slash."""

    protocol: str
    store: str
    path: str

    def __str__(self) -> str:
        return (
            f"{self.protocol}://{self.store}/{self.path}" if self.path else f"{self.protocol}://{self.store}"
        )

    @property
    def host(self) -> str:
        """The host without its port."""
        return self.store.partition(":")[0]

    def holds(self, other: "StoreUrl") -> bool:
        """Whether the other URL is this one or lies below it."""
        if (self.protocol, self.store) != (other.protocol, other.store):
            return False
        path = self.path.rstrip("/")
        return not path or other.path == path or other.path.startswith(f"{path}/")

    def joined(self, name: str) -> "StoreUrl":
        """The URL of a name relative to this one as a folder; it may lie elsewhere in the store."""
        path = f"{self.path.rstrip('/')}/{name}".lstrip("/")
        if _DOTS.search(path):
            path = posixpath.normpath(f"/{path}").lstrip("/")
        return self._replace(path=path)

    @property
    def folder(self) -> "StoreUrl":
        """The URL without its last step."""
        return self._replace(path=re.split(r"[?#]", self.path)[0].rpartition("/")[0])


def parse_url(text: str) -> StoreUrl | None:
    """The URL as the store will be asked for it; None if servers and clients might read it in several ways.

    A path has no control characters and no `.` or `..` steps, not even percent-encoded ones: a client or
    server that resolves them would leave the folder which the URL is compared with.
    """
    protocol, separator, rest = text.partition("://")
    protocol = protocol.lower()
    store, _, path = rest.partition("/")
    if not separator or protocol not in PROTOCOLS:
        return None
    pattern = _AZURE_STORE if protocol == "az" and "@" in store else _STORE
    if not pattern.fullmatch(store) or not is_plain_path(path):
        return None
    if protocol == "https":
        store = store.lower().removesuffix(":443")
    return StoreUrl(protocol, store, path)


def is_plain_path(path: str) -> bool:
    """Whether a path has no control characters and no dot steps, also after it is decoded."""
    decoded = path
    for _ in range(3):
        if _CONTROL.search(decoded) or _DOTS.search(decoded):
            return False
        decoded = unquote(decoded)
    return not _CONTROL.search(decoded) and not _DOTS.search(decoded)


def is_private_host(host: str) -> bool:
    """Whether a host belongs to a private network by its name: to this machine, a local network, or a cloud.

    A name that is not private may still have a private address, which the connection checks.
    """
    name = host.lower().rstrip(".")
    last = name.rpartition(".")[2]
    if _NUMBER.fullmatch(last):
        try:
            return not is_public_address(name)
        except ValueError:  # 127.1, 2130706433 and 0x7f000001 are addresses to some resolvers
            return True
    return "." not in name or name.endswith(_PRIVATE_NAMES)


def is_public_address(text: str) -> bool:
    """Whether an IP address can be reached over the internet.

    Raises:
        ValueError: the text is not an address.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            address = inner
    return address.is_global and not address.is_multicast
