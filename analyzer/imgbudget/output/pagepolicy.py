"""What all HTML pages have in common: their style, and a policy by which they load and run nothing else."""

import base64
import hashlib
from functools import cache
from importlib.resources import files


@cache
def packaged(name: str) -> str:
    """A part of pages in this package, such as `page.css`, with which the style of every page begins."""
    return "\n" + files("imgbudget.output").joinpath(name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """The content security policy, which allows only this style and this script."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
