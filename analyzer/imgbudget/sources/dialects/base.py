"""What a dialect is: a name, a test by shape, and a reader of one request body."""

from collections.abc import Callable
from typing import Any, NamedTuple

from imgbudget.model import Fact, Request
from imgbudget.sources.dialects.outline import Outline
from imgbudget.sources.jsonspans import Document
from imgbudget.sources.reading import Body

__all__ = ["Body", "Dialect"]


class Dialect(NamedTuple):
    """One shape of a request body.

    `recognises` looks at the JSON value and the outline of its turns alone. `read` makes the typed request
    of it: the document that the body stands in, the body, where it stands, and the facts that are wanted of
    its images. `model_key` is where the body names its model, if it does, `turns_key` where its turns stand:
    a body without it is none of the dialect.
    """

    name: str
    recognises: Callable[[Any, Outline], bool]
    read: Callable[[Document, Any, Body, Fact], Request]
    model_key: str = "model"
    turns_key: str = "messages"
