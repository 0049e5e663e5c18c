"""Model ids in the spellings of platforms and gateways (Bedrock, Google Cloud, routers)."""

from imgbudget.namedtuples import NamedTuple

_PERCENT = (("%3a", ":"), ("%40", "@"), ("%2f", "/"))
_GATEWAYS = {
    "bedrock": "bedrock",
    "amazon-bedrock": "bedrock",
    "vertex": "google-cloud",
    "vertex-ai": "google-cloud",
    "google-vertex": "google-cloud",
    "publishers": "google-cloud",
}
"""Parts of a path before the id that name a platform; others (`openrouter/anthropic/`) are ignored."""

_BEDROCK_VENDORS = ("anthropic.", "amazon.", "openai.", "qwen.")

_TAGS = frozenset({"latest", "default", "beta", "thinking"})


class NormalizedModel(NamedTuple):
    """A model id as the limits data spells it.

    `platform` is the platform that the given spelling implies, bedrock or google-cloud, else None. For an
    unknown model `id` is as given and `nearest` holds the most similar known ids, best first.
    """

    id: str
    known: bool
    nearest: tuple[str, ...]
    platform: str | None


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
    for sign in "._ ":
        name = name.replace(sign, "-")
    words = name.removeprefix("databricks-").split("-")
    while len(words) > 1 and _is_suffix(words[-1]):
        words.pop()
    if len(words) > 3 and [len(word) for word in words[-3:]] == [4, 2, 2] and "".join(words[-3:]).isdecimal():
        del words[-3:]  # 2024-08-06, as OpenAI dates its snapshots
    bare = "-".join(words)
    return IdReading(bare, (text, bare, *_both_orders(words)), platform)


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


def nearest_names(name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Up to three known names that are similar to the name, best first."""
    if len(name) > 200:  # no id is that long, and comparing takes quadratic time
        return ()
    import difflib  # noqa: PLC0415 - rare

    return tuple(difflib.get_close_matches(name, known))
