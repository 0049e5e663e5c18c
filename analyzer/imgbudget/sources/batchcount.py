"""Counts the entries of a batch while they are read, and finds the ids that are missing or stand twice."""

from dataclasses import dataclass, field

from imgbudget.model import Batch, Place

MOST_IDS = 200_000
"""Entries whose ids are remembered: a batch of more is refused for its number, and memory stays bounded."""


@dataclass(slots=True)
class BatchCount:
    """What is known of a batch so far."""

    count: int = 0
    missing: list[Place] = field(default_factory=list)
    doubled: list[tuple[Place, str]] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def add(self, entry: Place, custom_id: str | None) -> Place | None:
        """Count the entry that stands at `entry`; the place of what is wrong with its id, if anything is."""
        self.count += 1
        if self.count > MOST_IDS:
            return None
        if not custom_id:
            self.missing.append(entry)
            return entry
        if custom_id not in self._seen:
            self._seen.add(custom_id)
            return None
        place = entry.at("custom_id")
        self.doubled.append((place, custom_id))
        return place

    def batch(self, place: Place, byte_size: int) -> Batch:
        """The batch that the file or body at `place` holds."""
        return Batch(
            place=place,
            byte_size=byte_size,
            request_count=self.count,
            missing=tuple(self.missing),
            doubled=tuple(self.doubled),
        )
