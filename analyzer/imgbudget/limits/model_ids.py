"""Model ids in the spellings of platforms and gateways (Bedrock, Google Cloud, routers)."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal

from imgbudget.namedtuples import NamedTuple

_PERCENT = (("%3a", ":"), ("%40", "@"), ("%2f", "/"))
_GATEWAYS = {
    "bedrock": "bedrock",
    "amazon-bedrock": "bedrock",
    "vertex": "google-cloud",
    "vertex-ai": "google-cloud",
    "google-vertex": "google-cloud",
    "publishers": "google-cloud",
    "azure": "azure-openai",
    "azure-ai": "foundry",
    "dashscope": "qwen",
    "openrouter": "openrouter",
}
"""Parts of a path before the id that name a platform; others (`anthropic/`, `google/`) are ignored."""

SISTERS = {
    "google-cloud": "vertex",
    "vertex": "google-cloud",
    "azure-openai": "foundry",
    "foundry": "azure-openai",
}
"""The platform of the same cloud for the models that a platform does not serve."""

_BEDROCK_VENDORS = (
    "anthropic.",
    "amazon.",
    "openai.",
    "qwen.",
    "meta.",
    "mistral.",
    "moonshotai.",
    "google.",
    "deepseek.",
    "minimax.",
)

_FAMILY_VENDORS = ("deepseek", "minimax")
"""Vendors whose name is the family of their models: `deepseek.r1-v1:0` is deepseek-r1."""

_TAGS = frozenset({"latest", "default", "beta", "thinking"})


ModelState = Literal["exact", "derived", "unknown"]
"""How the limits of a model are known: from the data, by the rule of its family, or not at all."""


class NormalizedModel(NamedTuple):
    """A model id as the limits data spells it.

    `platform` is the platform that the given spelling implies, bedrock or google-cloud, else None. For a
    model that is not in the data `id` is as given and `nearest` holds the most similar known ids, best first;
    `sibling` is then the known model of its family whose rule applies to it, None if it has no known family,
    and `text_only` the id under which it is listed as a model that takes no images.
    """

    id: str
    known: bool
    nearest: tuple[str, ...]
    platform: str | None
    sibling: str | None = None
    text_only: str | None = None

    @property
    def state(self) -> ModelState:
        """How its limits are known."""
        if self.known:
            return "exact"
        return "unknown" if self.sibling is None else "derived"


class IdReading(NamedTuple):
    """The bare name in a spelling, the ids that it may mean, and the platform that it implies."""

    name: str
    ids: tuple[str, ...]
    platform: str | None


def read_id(model: str) -> IdReading:
    """Parse a spelling: ARN, path, percent-encoding, region, vendor, version, date, tags, word order."""
    text = model.strip().lower()
    for escape, sign in _PERCENT:
        text = text.replace(escape, sign)
    platform = "bedrock" if text.startswith("arn:") else None
    *path, name = text.split("/")
    for part in path:
        platform = platform or _GATEWAYS.get(part.replace("_", "-"))
    name, at, _version = name.partition("@")
    if at:
        platform = "google-cloud"
    name = name.partition(":")[0].partition("[")[0]
    for maker in _BEDROCK_VENDORS:
        region, vendor, rest = name.rpartition(maker)
        if vendor and (not region or region.endswith(".")):
            platform, name = "bedrock", rest
            family = maker.removesuffix(".")
            if family in _FAMILY_VENDORS and not rest.startswith(family):
                name = f"{family}-{rest}"
    for sign in "._ ":
        name = name.replace(sign, "-")
    words = name.removeprefix("databricks-").split("-")
    whole = "-".join(words)
    while len(words) > 1 and _is_suffix(words[-1]):
        words.pop()
    if len(words) > 3 and [len(word) for word in words[-3:]] == [4, 2, 2] and "".join(words[-3:]).isdecimal():
        del words[-3:]  # 2024-08-06, as OpenAI dates its snapshots
    bare = "-".join(words)
    return IdReading(bare, (text, bare, whole, *_both_orders(words)), platform)


def _is_suffix(word: str) -> bool:
    """Whether a word is a date (20251101), a version (v1) or a tag (latest), which follow the id."""
    return (
        (len(word) == 8 and word.isdecimal()) or (word[:1] == "v" and word[1:].isdecimal()) or word in _TAGS
    )


def _both_orders(words: list[str]) -> tuple[str, ...]:
    """`claude-opus-4-5` and `claude-4-5-opus`, whichever is given; version 4-0 becomes 4."""
    numbers = [word for word in words[1:] if word.isdecimal()]
    families = [word for word in words[1:] if not word.isdecimal()]
    if words[0] != "claude" or len(families) != 1 or not numbers:
        return ()
    if len(numbers) > 1 and numbers[-1] == "0":
        numbers.pop()
    return "-".join(("claude", *families, *numbers)), "-".join(("claude", *numbers, *families))


_CLAUDE = ("claude", "anthropic", "opus", "sonnet", "haiku", "fable", "mythos")
_OTHERS = (
    r"(?:^|[/.:])(?:"
    r"gpt|chatgpt|o[1-9](?![a-z0-9])|gemini|gemma|grok|(?:meta-)?llama|mi[sx]tral|pixtral|qwen|deepseek|nova|titan"
    r"|kimi|glm|minimax|command|phi|jamba|internvl|llava"
    r")"
)
"""First characters of the ids of other vendors' model families, after a path, region or vendor."""


def is_other_vendors(model: str, dialect: str) -> bool:
    """Whether the id names a model of another vendor than Anthropic.

    In OpenAI's dialects that is any id that neither contains a Claude family nor has the spelling of Bedrock
    or Google Cloud, because such bodies reach Claude only through gateways. In other dialects the id has to
    contain another family.
    """
    text = model.lower()
    if any(word in text for word in _CLAUDE):
        return False
    if re.search(_OTHERS, text):
        return True
    return dialect.startswith("openai") and read_id(model).platform is None


_VARIANT = (
    r"\d+(?:x\d+)?[bkm]|[ae]\d+b|\d+e|it|instruct|chat|preview|hf|fp8|fp16|bf16|awq|gptq|gguf|mlx|nvfp4|w4a16"
    r"|int[48]|[48]bit|f16|f32|mxfp4|qat|dynamic|thinking|reasoning|non|2[3-9](?:0[1-9]|1[0-2])|0\d{3}"
)
"""Sizes, tunings, quantizations and months of released weights, which follow the name of a family."""

_QUANTIZED = re.compile(r"-(?:ud-)?(?:i?q\d\w*(?:-k|-[01])?(?:-(?:xxs|xs|s|m|l|xl|nl))?|tq[12]-0)(?=-|$)")
"""Quantizations of llama.cpp in the name of a file: Q8_0, Q4_K_M, IQ2_XXS, UD-Q4_K_XL."""

_MONTH_OF_YEAR = re.compile(r"-(?:0[1-9]|1[0-2])-20\d\d$")
"""How Cohere dates its models: command-a-vision-07-2025."""


def weights_of(name: str, index: Mapping[str, str]) -> str | None:
    """The model whose weights a bare name means, of `index`, in whatever way it divides words.

    `qwen3-vl-235b-a22b-instruct`, `llama4-scout-17b-instruct`, `gemma3` and `qwen3-vl-8b-q4-k-m-gguf` are the
    names of servers.
    """
    if name.startswith("claude") or len(name) > _LONGEST_ID:
        return None
    words = _MONTH_OF_YEAR.sub("", _QUANTIZED.sub("", name)).split("-")
    whole = {key.replace("-", "").replace(".", ""): model for key, model in index.items()}
    while words:
        if (found := whole.get("".join(words))) is not None:
            return found
        if len(words) == 1 or re.fullmatch(_VARIANT, words[-1]) is None:
            return None
        words.pop()
    return None


_FAMILIES = {"claude": (0,), "gemini": (3,)}
"""First words of ids whose family has one rule for all models of a version and later, and that version.

Claude: vision guide. Gemini 3 and later: recorded usage of 2026.
"""


def sibling_of(name: str, known: Iterable[str], *, latest: bool = False) -> str | None:
    """The known model of the same family whose version is the nearest that is not later; None without one.

    Where all known versions are later, the earliest of Claude. With `latest` a name without a version is the
    newest model with the same other words. Neither `name` nor any of `known` has suffixes.
    """
    family, version = _family_and_version(name)
    if family not in _FAMILIES or not (version or latest):
        return None
    spelled = {one: one.replace(".", "-") for one in known if one.startswith(f"{family}-")}
    ordered = sorted((_family_and_version(text)[1], one) for one, text in spelled.items())
    versioned = [(number, one) for number, one in ordered if number >= _FAMILIES[family] and number]
    if not version:
        alike = [one for _, one in versioned if _other_words(spelled[one]) == _other_words(name)]
        return alike[-1] if alike else None
    if version < _FAMILIES[family]:
        return None
    earlier = [one for number, one in versioned if number <= version]
    return earlier[-1] if earlier else next((one for _, one in versioned), None)


def _other_words(name: str) -> list[str]:
    """The words of a name after its family that are no numbers, nor say that it is a preview."""
    return sorted(word for word in name.split("-")[1:] if not word.isdecimal() and word != "preview")


def _family_and_version(name: str) -> tuple[str, tuple[int, ...]]:
    """The first word of a name and its numbers: claude and 4, 5 for `claude-opus-4-5`."""
    family, *words = name.split("-")
    return family, tuple(int(word) for word in words if word.isdecimal() and len(word) < 4)


_TEMPLATE_VARIABLE = (
    r"(?ai)[{}]|\$\w|\$[(\[]|<[%\w][^<>]*>|%(?!3a|40|2f)\w+%|%\(|%(?!3a|40|2f)[-+ #0-9.]*[cdfginorsux]\b"
    r"|@\w+@|__\w+__|\[\[?[a-z_ -]{3,}\]"
)
"""Shell, Mustache, Jinja, printf, Windows, ERB, make and others; `%3A` is percent-encoding, `[1m]` a suffix.

Compiled on first use.
"""

_REQUESTS_TO_FILL_IN = frozenset({"your", "insert", "enter", "replace", "change"})
_OWN = frozenset({"my", "the", "some", "a"})
_NOUNS = frozenset({"model", "models", "deployment", "engine", "name", "id", "here", "alias", "me"})
_EMPTY = frozenset({"todo", "tbd", "placeholder", "changeme", "xxx", "..."})


def looks_like_template(model: str) -> bool:
    """Whether an id looks like a template variable or a placeholder that was not filled in."""
    text = model[:_LONGEST_ID].strip()
    if re.search(_TEMPLATE_VARIABLE, text) or text.lower() in _EMPTY or ("MODEL" in text and text.isupper()):
        return True
    first, *words = re.split(r"[-_ ./]+", text.lower())
    if not words or words[-1] not in _NOUNS:
        return False
    return first in _REQUESTS_TO_FILL_IN or (
        first in {*_OWN, "model"} and all(word in _NOUNS for word in words)
    )


_LONGEST_ID = 200


@lru_cache(maxsize=256)
def nearest_names(name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Up to three known names that are similar to the name, best first."""
    if len(name) > _LONGEST_ID:  # no id is that long, and comparing takes quadratic time
        return ()
    import difflib  # noqa: PLC0415 - rare

    return tuple(difflib.get_close_matches(name, known))
