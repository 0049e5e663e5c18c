"""Validates limits data and converts it to typed values."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from imgbudget.errors import LimitsError
from imgbudget.limits.fields import SPECS, LimitSpec, Scope, rows_of
from imgbudget.limits.model_ids import nearest_names
from imgbudget.limits.values import Absent, Limit, Term, Value, Values
from imgbudget.namedtuples import NamedTuple

_SECTIONS = ("sources", "tiers", "images", "prices", "platforms", "models", "text_only")
_ORIGIN = ("source", "date", "status", "note", "first_seen")
_PLATFORM_KEYS = ("inherits", "inherited", "gateway")
_ABSENT = "absent"
"""The key under which a tier, platform or model lists the limits that do not exist."""
STATUSES = ("confirmed", "single source", "conflicting", "derived", "unknown")
_PUBLISHER = "anthropic"
"""Owner of the values in `images` and `prices`."""


class Platform(NamedTuple):
    """A platform's own values, and the platform that the others are inherited from.

    `inherited` is the status and the note for inherited values. A gateway passes requests on: it serves every
    model, and one that the inherited platform lacks keeps the limits of the platform that serves it. `stated`
    is what the user's configuration states, which takes precedence even over the values of a model.
    """

    values: Values
    inherits: str | None = None
    inherited: tuple[str, str] | None = None
    is_gateway: bool = False
    stated: Values = {}  # noqa: RUF012 - never changed


class Tree(NamedTuple):
    """Limits data as typed values, complete or partial."""

    shared: Values
    tiers: Mapping[str, Values]
    platforms: Mapping[str, Platform]
    models: Mapping[str, Values]
    ids: Mapping[str, str] | None = None
    """The model for every spelling, if it was found when the data was generated."""

    text_only: Mapping[str, Term] = {}
    """Models that take no images, by id, each with the source for it."""


class Checked(dict[str, Any]):
    """Complete data that was validated when it was generated, so that it need not be at each start.

    An item that is text instead of values is in the data of the provider of that name, which `provider`
    loads: a run needs few of them. `ids` has the model for every spelling of an id. `read` is the LimitsData
    that was made of it last.
    """

    read: object = None

    def __init__(
        self, data: Mapping[str, Any], provider: Callable[[str], Mapping[str, Any]], ids: Mapping[str, str]
    ) -> None:
        super().__init__(data)
        self.provider = provider
        self.ids = ids

    @property
    def whole(self) -> dict[str, Any]:
        """All of it, as one mapping."""
        return {
            section: {
                key: self.provider(item)[section][key] if isinstance(item, str) else item
                for key, item in items.items()
            }
            for section, items in self.items()
        }

    @property
    def changes(self) -> "list[dict[str, Any]]":
        """What was otherwise before the data changed, a mapping for each day; see `limits.history`."""
        recorded: list[dict[str, Any]] = self.provider("changes")["changes"]
        return recorded


T = TypeVar("T")


class OnDemand(Mapping[str, T]):
    """A section of valid data whose items are converted on first use.

    A run uses one model of a hundred; converting all of them takes 2.4 ms at every start.
    """

    __slots__ = ("_convert", "_converted", "_load", "_raw")

    def __init__(
        self,
        raw: Mapping[str, Any],
        convert: Callable[[str, Any], T],
        load: Callable[[str, Any], Any] | None = None,
    ) -> None:
        self._raw = raw
        self._convert = convert
        self._load: Callable[[str, Any], Any] = load or _as_loaded
        self._converted: dict[str, T] = {}

    def __getitem__(self, key: str) -> T:
        if key not in self._converted:
            self._converted[key] = self._convert(key, self._load(key, self._raw[key]))
        return self._converted[key]

    def states(self, key: str, name: str) -> bool:
        """Whether an item states a value; the item is not converted for it."""
        stated: Mapping[str, Any] = self._load(key, self._raw[key])
        return name in stated

    @property
    def raw(self) -> Mapping[str, Any]:
        """All items, loaded and not converted."""
        return {key: self._load(key, item) for key, item in self._raw.items()}

    def __contains__(self, key: object) -> bool:
        return key in self._raw

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __getstate__(self) -> tuple[Mapping[str, Any], Callable[[str, Any], T]]:
        """What is pickled: all items, loaded, and how they are converted."""
        return self.raw, self._convert

    def __setstate__(self, state: tuple[Mapping[str, Any], Callable[[str, Any], T]]) -> None:
        self._raw, self._convert = state
        self._load = _as_loaded
        self._converted = {}


def _as_loaded(_key: str, item: object) -> object:
    return item


def states(section: Mapping[str, Values], key: str, name: str) -> bool:
    """Whether an item of a section states a value of this name."""
    return section.states(key, name) if isinstance(section, OnDemand) else name in section[key]


def parse(mapping: Mapping[str, Any], name: str, defaults: Mapping[str, str]) -> Tree:
    """Convert parsed YAML, or a literal of the same shape, to typed values.

    `defaults` are the fields that a value may omit. Raises LimitsError with every mistake, each with `name`
    and the path of keys.
    """
    parser = _Parser(name, defaults)
    tree = parser.tree(mapping.whole if isinstance(mapping, Checked) else mapping)
    if parser.problems:
        raise LimitsError("\n".join(parser.problems))
    return tree


def parse_on_demand(data: Checked, name: str) -> Tree:
    """The same for complete, validated data; each item is loaded and converted on first use."""
    parser = _Parser(name, {})

    def loaded(section: str, convert: Callable[[str, object], T]) -> OnDemand[T]:
        def load(key: str, raw: object) -> object:
            return data.provider(raw)[section][key] if isinstance(raw, str) else raw

        return OnDemand(data[section], convert, load)

    return Tree(
        parser.shared(data),
        loaded("tiers", parser.tier),
        loaded("platforms", parser.platform),
        loaded("models", parser.model),
        data.ids,
        loaded("text_only", parser.text_only),
    )


class _Parser:
    """Converts the data and collects its mistakes."""

    def __init__(self, name: str, defaults: Mapping[str, str]) -> None:
        self.name = name
        self.defaults = defaults
        self.problems: list[str] = []

    def problem(self, path: str, text: str) -> None:
        self.problems.append(f"{self.name}: {path}: {text}" if path else f"{self.name}: {text}")

    def tree(self, mapping: object) -> Tree:
        sections = self.mapping("", mapping, _SECTIONS)
        tiers, platforms, models, text_only = (
            self.mapping(section, sections.get(section, {}), None)
            for section in ("tiers", "platforms", "models", "text_only")
        )
        return Tree(
            self.shared(sections),
            {key: self.tier(key, item) for key, item in tiers.items()},
            {key: self.platform(key, item) for key, item in platforms.items()},
            {key: self.model(key, item) for key, item in models.items()},
            text_only={key: self.text_only(key, item) for key, item in text_only.items()},
        )

    def shared(self, sections: Mapping[str, Any]) -> Values:
        shared = self.values("images", "images", sections.get("images", {}), _PUBLISHER)
        return shared | self.values("prices", "prices", sections.get("prices", {}), _PUBLISHER)

    def tier(self, key: str, item: object) -> Values:
        return self.values("tiers", f"tiers.{key}", item, f"{key} tier")

    def model(self, key: str, item: object) -> Values:
        return self.values("models", f"models.{key}", item, key)

    def text_only(self, key: str, item: object) -> Term:
        """Why it is known that a model takes no images."""
        path = f"text_only.{key}"
        fields = {**self.defaults, **self.mapping(path, item, _ORIGIN)}
        mistakes = list(self.origin_mistakes(fields))
        for mistake in mistakes:
            self.problem(path, mistake)
        origin = ("", "", "unknown", None, key) if mistakes else _origin(fields, key)
        return Term("text_only", (key,), *origin)

    def platform(self, key: str, item: object) -> Platform:
        path = f"platforms.{key}"
        entries = self.mapping(path, item, (*_PLATFORM_KEYS, _ABSENT, *rows_of("platforms")))
        gateway = entries.pop("gateway", False)
        if not isinstance(gateway, bool):
            self.problem(f"{path}.gateway", f"must be true or false, not {_kind(gateway)}")
        inherits = entries.pop("inherits", None)
        if inherits is not None and not isinstance(inherits, str):
            self.problem(f"{path}.inherits", "must be the name of a platform")
            inherits = None
        inherited = None
        if "inherited" in entries:
            stated = self.mapping(f"{path}.inherited", entries.pop("inherited"), ("status", "note"))
            status, note = stated.get("status"), stated.get("note")
            if status in STATUSES and isinstance(note, str):
                inherited = status, note
            else:
                self.problem(f"{path}.inherited", f"needs a note and a status of {', '.join(STATUSES)}")
        return Platform(self.values("platforms", path, entries, key), inherits, inherited, gateway is True)

    def values(self, section: Scope, path: str, item: object, owner: str) -> Values:
        rows = rows_of(section)
        entries = self.mapping(path, item, (*rows, _ABSENT))
        omittable = {key: row for key, row in rows.items() if row.absent and key not in entries}
        rest = () if section == "models" else tuple(omittable)  # the platform states the rest
        values: Values = {}
        for key, record in entries.items():
            here = f"{path}.{key}"
            if key == _ABSENT:
                values |= self.absent(here, omittable, rest, record, owner)
            elif (value := self.value(here, rows[key], record, owner)) is not None:
                values[key] = value
        return values

    def absent(
        self,
        path: str,
        omittable: Mapping[str, LimitSpec[Any]],
        rest: tuple[str, ...],
        item: object,
        owner: str,
    ) -> Values:
        """The limits that do not exist; an entry without names means `rest`."""
        if not isinstance(item, (list, tuple)):
            self.problem(path, f"must be a list, not {_kind(item)}")
            return {}
        found: Values = {}
        for number, entry in enumerate(item):
            here = f"{path}[{number}]"
            fields = {**self.defaults, **self.mapping(here, entry, ("names", *_ORIGIN))}
            names = fields.get("names", rest)
            mistakes = [*self.origin_mistakes(fields), *_name_mistakes(names)]
            for mistake in mistakes:
                self.problem(here, mistake)
            if not mistakes:
                stated = (name for name in names if name in omittable and name not in found)
                found |= {
                    name: Absent(name, omittable[name].unit, *_origin(fields, owner)) for name in stated
                }
        return found

    def mapping(
        self, path: str, item: object, allowed: "Mapping[str, str] | tuple[str, ...] | None"
    ) -> dict[str, Any]:
        """The item's entries with a valid key; if `allowed` is None any text is valid."""
        if not isinstance(item, dict):  # checking against an ABC takes 3 ms the first time
            self.problem(path, f"must be a mapping, not {_kind(item)}")
            return {}
        good = {}
        for key, value in item.items():
            if not isinstance(key, str) or not key:
                self.problem(path, f"the key {key!r} must be text")
            elif allowed is not None and key not in allowed:
                nearest = nearest_names(key, tuple(allowed))
                hint = f"; the nearest is {nearest[0]}" if nearest else ""
                self.problem(f"{path}.{key}" if path else key, f"unknown key{hint}")
            else:
                good[key] = value
        return good

    def value(self, path: str, row: LimitSpec[Any], record: object, owner: str) -> Value | None:
        if not isinstance(record, dict):
            self.problem(path, f"must be a mapping with a value, like {{value: ...}}, not {_kind(record)}")
            return None
        fields = {**self.defaults, **self.mapping(path, record, ("value", *_ORIGIN))}
        if "value" not in fields:
            self.problem(path, "needs a value")
            return None
        mistakes = [*self.origin_mistakes(fields), *_value_mistakes(fields["value"], row)]
        for mistake in mistakes:
            self.problem(path, mistake)
        if mistakes:
            return None
        return _typed(row, fields, owner)

    def origin_mistakes(self, fields: dict[str, Any]) -> Iterator[str]:
        if not isinstance(fields.get("source"), str) or not fields["source"]:
            yield "needs a source"
        date = fields.get("date")
        if not (_is_date(date) or (date is not None and date == self.defaults.get("date"))):
            yield f"needs a date like 2026-09-28, not {_kind(date)}"
        if fields.get("status") not in STATUSES:
            yield f"status must be one of {', '.join(STATUSES)}, not {_kind(fields.get('status'))}"
        note, first_seen = fields.get("note"), fields.get("first_seen")
        if note is not None and not isinstance(note, str):
            yield f"note must be text, not {_kind(note)}"
        if first_seen is not None and not _is_date(first_seen):
            yield f"first_seen must be a date like 2026-09-28, not {_kind(first_seen)}"


def _typed(row: LimitSpec[Any], fields: dict[str, Any], owner: str) -> Value:
    """The typed value of a record without mistakes."""
    raw, origin = fields["value"], _origin(fields, owner)
    if raw is None:
        return Absent(row.name, row.unit, *origin)
    if row.unit in {"names", "name", "date"}:
        return Term(row.name, tuple(raw) if row.unit == "names" else (raw,), *origin)
    return Limit(row.name, raw, row.unit, *origin)


def _origin(fields: dict[str, Any], owner: str) -> tuple[str, str, str, str | None, str, str | None]:
    """Source, date, status, note, owner and `first_seen`, in the order of the value types."""
    return (
        fields["source"],
        fields["date"],
        fields["status"],
        fields.get("note"),
        owner,
        fields.get("first_seen"),
    )


def _name_mistakes(names: object) -> Iterator[str]:
    """Mistakes in the names of absent limits."""
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
        yield f"names must be a list of limits, not {_kind(names)}"
        return
    known = tuple(name for name, row in SPECS.items() if row.absent)
    for name in names:
        if name not in known:
            nearest = nearest_names(name, known)
            hint = f"; the nearest is {nearest[0]}" if nearest else ""
            yield f"{name} is not a limit that may be absent{hint}"


def _value_mistakes(raw: object, row: LimitSpec[Any]) -> Iterator[str]:
    wrong = _mistake(raw, row)
    if wrong:
        yield f"value {wrong}, not {_kind(raw)}"


def _mistake(raw: object, row: LimitSpec[Any]) -> str | None:
    """What a value of this unit must be, as a clause; None if the value is valid."""
    unit = row.unit
    if raw is None:
        return None if row.absent and not row.required else "must not be empty"
    if unit == "name":
        return None if isinstance(raw, str) and raw else "must be a name"
    if unit == "names":
        good = isinstance(raw, (list, tuple)) and raw and all(isinstance(item, str) and item for item in raw)
        return None if good else "must be a list of names"
    if unit == "date":
        return None if raw == "unknown" or _is_date(raw) else "must be a date like 2026-09-28, or unknown"
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        return f"must be a number ({unit})"
    if unit == "USD/MTok":
        good = 0 <= raw < 1_000_000 and abs(raw * 1000 - round(raw * 1000)) < 1e-6
        return None if good else "must be dollars per million tokens with at most three decimals"
    if unit == "times":
        return None if 0 < raw <= 1000 else "must be a positive factor"
    return None if isinstance(raw, int) and raw > 0 else f"must be a whole number of {unit} above 0"


def _is_date(raw: object) -> bool:
    """Whether it is an ISO 8601 date: a day, a month or a year."""
    if not isinstance(raw, str):
        return False
    parts = raw.split("-")
    if [len(part) for part in parts] not in ([4, 2, 2], [4, 2], [4]) or not raw.replace("-", "").isdecimal():
        return False
    return all(1 <= int(part) <= most for part, most in zip(parts[1:], (12, 31), strict=False))


def _kind(item: object) -> str:
    if item is None:
        return "nothing"
    return f"{item!r}" if isinstance(item, (str, int, float)) else f"a {type(item).__name__}"
