"""What a dialect is: a name, a test by shape, and a reader of one request body."""

from collections.abc import Callable
from typing import Any, NamedTuple

from imgbudget.model import Fact, Place, Request
from imgbudget.sources.jsonspans import Document


class Body(NamedTuple):
    """Where a request body stands: its place, its first line (1-based) and its length in bytes."""

    place: Place
    line: int
    byte_size: int


class Dialect(NamedTuple):
    """One shape of a request body.

    `recognises` looks at the JSON value alone. `read` makes the typed request of it: the document that the
    body stands in, the body, where it stands, and the facts that are wanted of its images.
    """

    name: str
    recognises: Callable[[Any], bool]
    read: Callable[[Document, Any, Body, Fact], Request]
