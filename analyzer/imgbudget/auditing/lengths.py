"""The rows of a training set whose images alone are longer than a sequence may be."""

from imgbudget.auditing.statistics import LongRow, LongRows, place_text
from imgbudget.auditing.store import Store

LISTED = 10_000
"""Rows in the statistics at most."""

_ROW = "source, case when row is null then member end, row"
"""All images of a row belong together, whatever files it names; those that are in no row do not."""


def long_rows(store: Store, max_length: int) -> LongRows:
    """The rows whose images have more tokens than this on the audit's model."""
    summed = f"""select source, case when row is null then member end as item, row, count(*) as images,
        sum({store.tier}tokens) as tokens from rows where subject = 'image'
        group by {_ROW}"""  # noqa: S608 - ours
    of, number = store.one(
        f"select count(*), count(case when tokens > {max_length} then 1 end) from ({summed}) as summed"  # noqa: S608 - ours
    )
    longest = store.all(
        f"""select source, item, row, images, tokens from ({summed}) as summed where tokens > {max_length}
        order by tokens desc, source, item, row limit {LISTED}"""  # noqa: S608 - ours
    )
    return LongRows(
        max_length=max_length,
        of=of,
        rows=number,
        longest=tuple(
            LongRow(place_text(source, item, row, None), images, int(tokens))
            for source, item, row, images, tokens in longest
        ),
    )
