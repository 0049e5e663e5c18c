"""Places told from the dataset's own folder on, where there is only one: the page's title names it."""

from imgbudget.audit.statistics import Row, Statistics


class Base:
    """What places of a dataset begin with and need not repeat; nothing, where there are several sources."""

    def __init__(self, sources: tuple[str, ...]) -> None:
        self._source = sources[0] if len(sources) == 1 else None
        self._start = f"{self._source.rstrip('/')}/" if self._source else ""

    def text(self, place: str) -> str:
        """A place, without the beginning."""
        return place[len(self._start) :] or place if place.startswith(self._start) else place

    def row(self, row: Row) -> Row:
        """A row whose place is told without the beginning."""
        return row._replace(source=".") if row.source == self._source and row.member is not None else row

    def statistics(self, whole: Statistics) -> Statistics:
        """Statistics whose places are told without the beginning."""
        copies = whole.duplicates
        return whole._replace(
            folders=tuple(row._replace(folder=self.text(row.folder)) for row in whole.folders),
            rules=tuple(row._replace(examples=self._texts(row.examples)) for row in whole.rules),
            duplicates=copies._replace(
                largest=tuple(group._replace(places=self._texts(group.places)) for group in copies.largest)
            ),
            skips=tuple(row._replace(examples=self._texts(row.examples)) for row in whole.skips),
        )

    def _texts(self, places: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(self.text, places))
