"""The table of limits: every name that limits data may use, declared once with its unit and scope.

`LimitFields` declares those that a model on a platform has; `Limits` inherits from it, so each row is an
accessor too.
"""

from typing import Any, Generic, Literal, TypeVar, overload

from imgbudget.limits.values import Limit, Term, Value

Scope = Literal["images", "prices", "tiers", "platforms", "models"]
"""The section of limits data that states a value.

What `images` and `prices` state holds everywhere unless a platform or a model states its own.
"""

Absence = Literal["unlimited", "unavailable", "estimated"]
"""What null means.

Nothing is too much; there is no such thing, or it is not known; another value is assumed.
"""

T_co = TypeVar("T_co", covariant=True)
_Whole = Literal["px", "pixels", "bytes", "images", "tokens", "patches", "requests", "messages"]
_Decimal = Literal["times", "USD/MTok"]


class LimitSpec(Generic[T_co]):
    """A row of the table, and the accessor of its value on `Limits`.

    `unit` is that of a number; `name`, `names` and `date` are facts that are not numbers. `required` means
    that the section must state it, `absent` what null means, None where a value must be stated.
    """

    __slots__ = ("absent", "name", "required", "scope", "unit")

    def __init__(
        self,
        unit: str,
        scope: Scope,
        *,
        required: bool = False,
        absent: Absence | None = None,
        name: str = "",
    ) -> None:
        self.name = name
        self.unit = unit
        self.scope: Scope = scope
        self.required = required
        self.absent: Absence | None = absent

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, limits: None, owner: type) -> "LimitSpec[T_co]": ...

    @overload
    def __get__(self, limits: object, owner: type) -> T_co: ...

    def __get__(self, limits: object, owner: type) -> Any:
        """The row itself; `Limits` keeps the values in its `__dict__`, which is looked up first."""
        if limits is None:
            return self
        raise AttributeError(self.name)

    def read(self, value: Value | None) -> Any:
        """A stated value as the accessor returns it."""
        if self.unit == "names":
            return value.values if isinstance(value, Term) else ()
        if self.unit in _SINGLE:
            return value.values[0] if isinstance(value, Term) else None
        return value if isinstance(value, Limit) else None


_SINGLE = frozenset({"name", "date"})


@overload
def number(unit: _Whole, scope: Scope) -> LimitSpec[Limit[int]]: ...
@overload
def number(unit: _Decimal, scope: Scope) -> LimitSpec[Limit[float]]: ...
@overload
def number(unit: _Decimal, scope: Scope, *, absent: Literal["estimated"]) -> LimitSpec[Limit[float]]: ...
@overload
def number(
    unit: _Whole, scope: Scope, *, absent: Literal["unlimited", "unavailable"]
) -> LimitSpec[Limit[int] | None]: ...
@overload
def number(
    unit: _Decimal, scope: Scope, *, absent: Literal["unavailable"]
) -> LimitSpec[Limit[float] | None]: ...
@overload
def number(unit: _Whole, scope: Scope, *, required: Literal[False]) -> LimitSpec[Limit[int] | None]: ...
@overload
def number(unit: _Decimal, scope: Scope, *, required: Literal[False]) -> LimitSpec[Limit[float] | None]: ...
def number(
    unit: str, scope: Scope, *, required: bool = True, absent: Absence | None = None
) -> LimitSpec[Any]:
    """Declare a number; without `absent` and `required=False` every model has it."""
    return LimitSpec(unit, scope, required=required and absent is None, absent=absent)


def names(scope: Scope, *, required: bool = True) -> LimitSpec[tuple[str, ...]]:
    """Declare a list of names, empty where none are stated."""
    return LimitSpec("names", scope, required=required)


def date(scope: Scope) -> LimitSpec[str | None]:
    """Declare an ISO date that need not be stated."""
    return LimitSpec("date", scope, required=False)


class LimitFields:
    """What a model on a platform allows, asks for and costs; `imgbudget limits` lists it in this order."""

    max_edge = number("px", "images", absent="unlimited")
    many_image_count = number("images", "images", absent="unlimited")
    many_image_edge = number("px", "images", absent="unlimited")
    image_base64_bytes = number("bytes", "platforms", absent="unlimited")
    request_bytes = number("bytes", "platforms", absent="unlimited")
    request_bytes_doubt = number("bytes", "platforms", absent="unlimited")
    request_media = number("images", "platforms", absent="unlimited")
    request_messages = number("messages", "platforms", absent="unlimited")
    count_request_bytes = number("bytes", "platforms", absent="unlimited")
    batch_bytes = number("bytes", "platforms", absent="unavailable")
    batch_bytes_doubt = number("bytes", "platforms", absent="unavailable")
    batch_requests = number("requests", "platforms", absent="unavailable")
    file_bytes = number("bytes", "platforms", absent="unavailable")
    file_storage_bytes = number("bytes", "platforms", absent="unavailable")
    tier_edge = number("px", "tiers", absent="unlimited")
    tier_tokens = number("tokens", "tiers", absent="unlimited")
    patch = number("px", "images")
    context_tokens = number("tokens", "models")
    page_text_tokens_low = number("tokens", "images")
    page_text_tokens_high = number("tokens", "images")
    min_edge = number("px", "images", absent="unlimited")
    latency_pixels = number("pixels", "images", absent="unlimited")
    latency_edge = number("px", "images", absent="unlimited")
    input_price = number("USD/MTok", "models", absent="estimated")
    output_price = number("USD/MTok", "models", absent="unavailable")
    long_prompt_tokens = number("tokens", "models", required=False)
    long_input_price = number("USD/MTok", "models", required=False)
    long_output_price = number("USD/MTok", "models", required=False)
    batch_factor = number("times", "platforms", absent="unavailable")
    cache_write_5m_factor = number("times", "prices")
    cache_write_1h_factor = number("times", "prices")
    cache_read_factor = number("times", "prices")
    us_inference_factor = number("times", "platforms", absent="unavailable")
    regional_factor = number("times", "platforms", absent="unavailable")
    many_image_blocks = names("images")
    media_types = names("images")
    source_types = names("platforms")
    still_types = names("platforms", required=False)
    retired = date("models")


FIELDS: dict[str, LimitSpec[Any]] = {
    name: row for name, row in vars(LimitFields).items() if isinstance(row, LimitSpec)
}
"""The rows that are accessors of `Limits`, by name."""

DETAILS = ("low", "medium", "high", "ultra_high", "original", "auto")
"""What a block may ask for: OpenAI's `detail`, Gemini's media resolution."""

TIER_BOUNDS = ("tier_edge", "tier_tokens")
"""The bounds of a tier; one without a strategy, which is Claude's, must state both."""

_INPUTS: tuple[LimitSpec[Any], ...] = (
    LimitSpec("images", "platforms", absent="unlimited", name="request_media_short_context"),
    LimitSpec("tokens", "platforms", name="long_context"),
    LimitSpec("name", "platforms", name="default_model"),
    LimitSpec("name", "models", required=True, name="tier"),
    LimitSpec("names", "models", name="platforms"),
    LimitSpec("names", "models", name="snapshots"),
    LimitSpec("date", "models", name="first_seen"),
    LimitSpec("date", "models", name="retirement_not_before"),
    *(LimitSpec("name", "models", name=f"detail_{detail}") for detail in DETAILS),
    LimitSpec("name", "tiers", name="strategy"),
    LimitSpec("tokens", "tiers", name="base_tokens"),
    LimitSpec("tokens", "tiers", name="tile_tokens"),
    LimitSpec("px", "tiers", name="tile_edge"),
    LimitSpec("px", "tiers", name="short_edge"),
    LimitSpec("px", "tiers", name="small_edge"),
    LimitSpec("px", "tiers", name="patch_edge"),
    LimitSpec("patches", "tiers", name="patch_budget"),
    LimitSpec("patches", "tiers", name="refused_patches"),
    LimitSpec("times", "tiers", name="refused_ratio"),
    LimitSpec("times", "tiers", name="multiplier"),
    LimitSpec("pixels", "tiers", name="min_pixels"),
    LimitSpec("pixels", "tiers", name="max_pixels"),
)
"""What the limits in force are chosen by, and the numbers that strategies calculate with.

A platform with a `default_model` serves only models that name it. `tier` is that of an image which asks for
no level of detail, `detail_low` and its like those of one that does. `strategy` is a name in
`imgbudget.limits.strategies.STRATEGIES`.
"""

SPECS: dict[str, LimitSpec[Any]] = {row.name: row for row in _INPUTS} | FIELDS
"""The whole table, by name."""

_EVERYWHERE: tuple[Scope, Scope] = ("images", "prices")
_SCOPES: dict[str, tuple[Scope, ...]] = {
    "images": ("images",),
    "prices": ("prices",),
    "tiers": ("tiers",),
    "platforms": (*_EVERYWHERE, "platforms"),
    "models": (*_EVERYWHERE, "models"),
}


def rows_of(section: Scope) -> dict[str, LimitSpec[Any]]:
    """What may be stated in a section, by name, in the order of the table."""
    return {name: row for name, row in SPECS.items() if row.scope in _SCOPES[section]}


def required_in(section: Scope) -> tuple[str, ...]:
    """What must be stated in a section."""
    return tuple(name for name, row in SPECS.items() if row.required and row.scope == section)
