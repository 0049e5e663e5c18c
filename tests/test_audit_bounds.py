"""The bounds that documentation promises are those of the code."""

import re
from pathlib import Path

import pytest

from imgbudget.auditing.inputs import foundlists, nested, parquets, unpacking

TEXT = re.sub(r"\s+", " ", (Path(__file__).parents[1] / "docs" / "audit.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "bound", "expected"),
    [
        ("A packed member unpacks to at most 512 MB", unpacking.MOST, 512 << 20),
        ("an archive to 1 GB and 200 times its packed size", unpacking.FREE, 1 << 30),
        ("a row of a Parquet file has at most 128 MB", parquets.MOST_ROW, 128 << 20),
        ("have two million members", nested.MOST_MEMBERS, 2_000_000),
        ("most rows of its beginning (4 MB;", foundlists._HEAD, 4 << 20),
        ("up to the first images in 64 MB", foundlists._MOST, 64 << 20),
    ],
)
def test_bounds_are_those_of_the_documentation(text: str, bound: int, expected: int) -> None:
    """A number in one place only is changed in one place only."""
    assert text in TEXT
    assert bound == expected


def test_answers_of_servers_are_bounded() -> None:
    """What is asked for has at most 8 MiB; 64 MiB are read before the server is given up."""
    https = pytest.importorskip("imgbudget.auditing.inputs.https")
    assert https.MOST_BYTES == 64 << 20
