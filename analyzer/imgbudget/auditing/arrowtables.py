"""Records as tables of Arrow."""

from collections.abc import Mapping, Sequence

import pyarrow as pa


def arrow_table(records: Sequence[Mapping[str, object]]) -> pa.Table:
    """A table with a column for each name that a record has, in the order of their first appearance."""
    names = dict.fromkeys(name for record in records for name in record)
    return pa.table({name: [record.get(name) for record in records] for name in names})
