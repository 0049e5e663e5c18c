"""The table of limits: every name that limits data may use, declared once with its unit and scope.

`LimitFields` declares the limits of a model on a platform; `Limits` inherits from it, so each row is also an
accessor.
"""

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, overload

from imgbudget.limits.values import Limit, Term, Value

Scope = Literal["images", "prices", "tiers", "platforms", "models"]
"""The section of limits data that states a value.

Values of `images` and `prices` apply everywhere unless a platform or a model overrides them.
"""

Absence = Literal["unlimited", "unavailable", "estimated"]
"""What null means: no limit; the feature is missing or unknown; another value is assumed.
"""

T_co = TypeVar("T_co", covariant=True)
_Whole = Literal["px", "pixels", "bytes", "images", "tokens", "patches", "tiles", "requests", "messages"]
_Decimal = Literal["times", "USD/MTok"]


class LimitSpec(Generic[T_co]):
    """A row of the table, and the accessor of its value on `Limits`.

    `unit` is the unit of a number, or `name`, `names` or `date`. `required` means that the section must state
    the value. `absent` is what null means; None if null is not allowed. With `by_model` a model may state
    another value than its platform.
    """

    __slots__ = ("absent", "by_model", "name", "required", "scope", "unit")

    def __init__(  # noqa: PLR0913 - keyword arguments with defaults
        self,
        unit: str,
        scope: Scope,
        *,
        required: bool = False,
        absent: Absence | None = None,
        name: str = "",
        by_model: bool = False,
    ) -> None:
        self.name: str = name
        self.unit: str = unit
        self.by_model: bool = by_model
        self.scope: Scope = scope
        self.required: bool = required
        self.absent: Absence | None = absent

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, limits: None, owner: type) -> "LimitSpec[T_co]": ...

    @overload
    def __get__(self, limits: object, owner: type) -> T_co: ...

    def __get__(self, limits: object, owner: type) -> Any:
        """The row itself, on the class; on an instance, the value in its `__dict__` takes precedence."""
        if limits is None:
            return self
        raise AttributeError(self.name)

    def read(self, value: Value | None) -> Any:
        """The value as the accessor returns it."""
        if self.unit == "names":
            return value.values if isinstance(value, Term) else ()
        if self.unit in _SINGLE:
            return value.values[0] if isinstance(value, Term) else None
        return value if isinstance(value, Limit) else None


WholeLimit: TypeAlias = "LimitSpec[Limit[int] | None]"
DecimalLimit: TypeAlias = "LimitSpec[Limit[float] | None]"
RequiredWhole: TypeAlias = "LimitSpec[Limit[int]]"
RequiredDecimal: TypeAlias = "LimitSpec[Limit[float]]"
Names: TypeAlias = "LimitSpec[tuple[str, ...]]"
OneName: TypeAlias = "LimitSpec[str | None]"
"""The kinds of rows by what their accessor returns: None where there is no such value."""

_SINGLE = frozenset({"name", "date"})


if TYPE_CHECKING:

    @overload
    def number(unit: _Whole, scope: Scope) -> "LimitSpec[Limit[int]]": ...
    @overload
    def number(unit: _Decimal, scope: Scope) -> "LimitSpec[Limit[float]]": ...
    @overload
    def number(
        unit: _Whole, scope: Scope, *, absent: Literal["unlimited", "unavailable"]
    ) -> "LimitSpec[Limit[int] | None]": ...
    @overload
    def number(
        unit: _Decimal, scope: Scope, *, absent: Literal["unavailable"]
    ) -> "LimitSpec[Limit[float] | None]": ...
    @overload
    def number(unit: _Whole, scope: Scope, *, required: Literal[False]) -> "LimitSpec[Limit[int] | None]": ...
    @overload
    def number(
        unit: _Decimal, scope: Scope, *, required: Literal[False]
    ) -> "LimitSpec[Limit[float] | None]": ...


def number(
    unit: str, scope: Scope, *, required: bool = True, absent: Absence | None = None
) -> "LimitSpec[Any]":
    """Declare a number; every model has it unless `absent` or `required=False` is given."""
    return LimitSpec(unit, scope, required=required and absent is None, absent=absent)


if TYPE_CHECKING:

    @overload
    def of_known_models(unit: _Whole) -> "LimitSpec[Limit[int] | None]": ...
    @overload
    def of_known_models(
        unit: _Decimal, *, absent: Literal["estimated"]
    ) -> "LimitSpec[Limit[float] | None]": ...


def of_known_models(unit: str, *, absent: Literal["estimated"] | None = None) -> "LimitSpec[Any]":
    """Declare a number that every model in the data has or is said to lack, and other models lack."""
    return LimitSpec(unit, "models", required=absent is None, absent=absent or "unavailable")


def names(scope: Scope, *, required: bool = True, by_model: bool = False) -> "LimitSpec[tuple[str, ...]]":
    """Declare a list of names, empty if none are stated."""
    return LimitSpec("names", scope, required=required, by_model=by_model)


def date(scope: Scope) -> "LimitSpec[str | None]":
    """Declare an optional ISO date."""
    return LimitSpec("date", scope, required=False)


def name(scope: Scope) -> "LimitSpec[str | None]":
    """Declare an optional name."""
    return LimitSpec("name", scope, required=False)


class LimitFields:
    """The limits and prices of a model on a platform; `imgbudget limits` lists them in this order."""

    max_edge: WholeLimit = number("px", "images", absent="unlimited")
    many_image_count: WholeLimit = number("images", "images", absent="unlimited")
    many_image_edge: WholeLimit = number("px", "images", absent="unlimited")
    image_base64_bytes: WholeLimit = number("bytes", "platforms", absent="unlimited")
    image_base64_bytes_doubt: WholeLimit = number("bytes", "platforms", required=False)
    request_bytes: WholeLimit = number("bytes", "platforms", absent="unlimited")
    request_bytes_doubt: WholeLimit = number("bytes", "platforms", absent="unlimited")
    chat_request_bytes: WholeLimit = number("bytes", "platforms", required=False)
    request_media: WholeLimit = number("images", "platforms", absent="unlimited")
    request_media_doubt: WholeLimit = number("images", "platforms", required=False)
    request_messages: WholeLimit = number("messages", "platforms", absent="unlimited")
    count_request_bytes: WholeLimit = number("bytes", "platforms", absent="unlimited")
    batch_bytes: WholeLimit = number("bytes", "platforms", absent="unavailable")
    batch_bytes_doubt: WholeLimit = number("bytes", "platforms", absent="unavailable")
    batch_requests: WholeLimit = number("requests", "platforms", absent="unavailable")
    file_bytes: WholeLimit = number("bytes", "platforms", absent="unavailable")
    file_storage_bytes: WholeLimit = number("bytes", "platforms", absent="unavailable")
    tier_edge: WholeLimit = number("px", "tiers", absent="unlimited")
    tier_tokens: WholeLimit = number("tokens", "tiers", absent="unlimited")
    patch: RequiredWhole = number("px", "images")
    context_tokens: WholeLimit = of_known_models("tokens")
    max_input_tokens: WholeLimit = number("tokens", "models", required=False)
    page_text_tokens_low: RequiredWhole = number("tokens", "images")
    page_text_tokens_high: RequiredWhole = number("tokens", "images")
    min_edge: WholeLimit = number("px", "images", absent="unlimited")
    latency_pixels: WholeLimit = number("pixels", "images", absent="unlimited")
    latency_edge: WholeLimit = number("px", "images", absent="unlimited")
    input_price: DecimalLimit = of_known_models("USD/MTok", absent="estimated")
    output_price: DecimalLimit = number("USD/MTok", "models", absent="unavailable")
    next_input_price: DecimalLimit = number("USD/MTok", "models", required=False)
    next_output_price: DecimalLimit = number("USD/MTok", "models", required=False)
    long_prompt_tokens: WholeLimit = number("tokens", "models", required=False)
    long_input_price: DecimalLimit = number("USD/MTok", "models", required=False)
    long_output_price: DecimalLimit = number("USD/MTok", "models", required=False)
    batch_factor: DecimalLimit = number("times", "platforms", absent="unavailable")
    cache_write_5m_factor: RequiredDecimal = number("times", "prices")
    cache_write_1h_factor: RequiredDecimal = number("times", "prices")
    cache_read_factor: RequiredDecimal = number("times", "prices")
    cache_min_tokens: WholeLimit = number("tokens", "prices", required=False)
    us_inference_factor: DecimalLimit = number("times", "platforms", absent="unavailable")
    regional_factor: DecimalLimit = number("times", "platforms", absent="unavailable")
    many_image_blocks: Names = names("images")
    media_types: Names = names("images")
    source_types: Names = names("platforms", by_model=True)
    still_types: Names = names("platforms", required=False)
    colour_modes: Names = names("platforms", required=False)
    block_order: OneName = name("platforms")
    caching: OneName = name("platforms")
    retired: OneName = date("models")
    ends: OneName = date("models")
    successor: OneName = name("models")
    answered_by: OneName = name("models")
    price_changes: OneName = date("models")


FIELDS: dict[str, LimitSpec[Any]] = {
    name: row for name, row in vars(LimitFields).items() if isinstance(row, LimitSpec)
}
"""The rows that are accessors of `Limits`, by name."""

DETAILS = ("low", "medium", "high", "ultra_high", "original", "auto")
"""Levels that a block may request: OpenAI's `detail`, Gemini's media resolution."""

SERVICES = ("mistral", "qwen")
"""Platforms that may count the images of a model otherwise than the released weights do."""

_ON_VERTEX = (("images", "request_media"), ("bytes", "image_base64_bytes"))
"""Limits, with their units, that Vertex has for some models only."""

TIER_BOUNDS = ("tier_edge", "tier_tokens")
"""The bounds of a tier; a tier without a strategy (one of Claude) must state both."""

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
    *(LimitSpec("name", "models", name=f"tier_on_{platform}") for platform in SERVICES),
    *(LimitSpec(unit, "models", name=f"{limit}_on_vertex") for unit, limit in _ON_VERTEX),
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
    LimitSpec("px", "tiers", name="refused_edge"),
    LimitSpec("times", "tiers", name="multiplier"),
    LimitSpec("pixels", "tiers", name="min_pixels"),
    LimitSpec("pixels", "tiers", name="max_pixels"),
    LimitSpec("tokens", "tiers", name="min_tokens"),
    LimitSpec("tokens", "tiers", name="max_tokens"),
    LimitSpec("tokens", "tiers", name="max_soft_tokens"),
    LimitSpec("tokens", "tiers", name="mark_tokens"),
    LimitSpec("tokens", "tiers", name="ratio_tokens"),
    LimitSpec("times", "tiers", name="ratio_long"),
    LimitSpec("times", "tiers", name="ratio_short"),
    LimitSpec("times", "tiers", name="frames"),
    LimitSpec("patches", "tiers", name="merge"),
    LimitSpec("patches", "tiers", name="max_patches"),
    LimitSpec("patches", "tiers", name="max_patches_edge"),
    LimitSpec("patches", "tiers", name="tile_patches"),
    LimitSpec("patches", "tiers", name="margin_patches"),
    LimitSpec("px", "tiers", name="least_tile_edge"),
    LimitSpec("px", "tiers", name="longest_edge"),
    LimitSpec("px", "tiers", name="known_edge"),
    LimitSpec("tiles", "tiers", name="min_tiles"),
    LimitSpec("tiles", "tiers", name="max_tiles"),
    LimitSpec("tiles", "tiers", name="max_tiles_edge"),
    LimitSpec("names", "tiers", name="alternatives"),
)
"""Values that select the limits in force, and the numbers that strategies calculate with.

A platform with a `default_model` serves only models that list it, or that list the platform from which it
inherits the default. A value `NAME_on_PLATFORM` of a model is its NAME on that platform. `tier` applies to
images that request no level of detail, `detail_low` and so on to those that do. `strategy` is a name in
`imgbudget.limits.strategies` or `processors`, and `alternatives` are the tiers that other sources state.
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
    """The values that a section may state, by name, in the order of the table."""
    return {
        name: row
        for name, row in SPECS.items()
        if row.scope in _SCOPES[section] or (section == "models" and row.by_model)
    }


def required_in(section: Scope) -> tuple[str, ...]:
    """The values that a section must state."""
    return tuple(name for name, row in SPECS.items() if row.required and row.scope == section)
