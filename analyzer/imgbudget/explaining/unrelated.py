"""What errors are about that are not about an image, and the words that show it."""

import re


def _words(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts))


_GUARDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "a rate limit or quota",
        _words(
            *(
                r"rate[ _-]?limit",
                r"\b[tr]pm\b",
                r"(?:tokens|requests|images) ?(?:per|/) ?(?:sec|min|hour|day)",
            ),
            *(r"\bquota", r"throttl", r"resource[ _]exhausted", r"too many requests", r"retry[ -]after"),
            *(r"(?:usage|session|weekly) limit", r"limit (?:will )?resets?\b"),
        ),
    ),
    (
        "an overloaded service",
        _words(r"overloaded", r"high demand", r"(?:at|over) capacity", r"temporarily unavailable"),
    ),
    (
        "authentication",
        _words(
            *(r"api[ _-]?key", r"authenticat", r"unauthori[sz]ed", r"credential", r"\bbearer\b", r"oauth"),
            *(r"\bjwt\b", r"(?:access|refresh|session) token", r"/login", r"permission[ _](?:error|denied)"),
            *(r"not logged in", r"insufficient permission", r"\bcertificate", r"\bsecret\b"),
        ),
    ),
    (
        "billing",
        _words(
            r"credit balance", r"insufficient (?:credit|fund|balance)", r"\bbilling\b", r"payment required"
        ),
    ),
    (
        "a content policy",
        _words(
            *(
                r"content[ _](?:policy|filter|management)",
                r"policy_violation",
                r"safety (?:system|polic|filter|setting)",
                r"moderation",
            ),
            *(r"responsible ai", r"\bnsfw\b", r"\bprohibited"),
        ),
    ),
    (
        "images that a model makes",
        _words(
            r"image[ _-]?generation",
            r"generat(?:e|ing) (?:an |the )?images?",
            r"text[ -]?to[ -]?image",
            r"images/(?:generations|edits)",
            r"output[ _]modalit",
        ),
    ),
    (
        "containers, disks or secrets",
        _words(
            *(
                r"docker",
                r"container",
                r"registr",
                r"\bkube",
                r"podman",
                r"\boci\b",
                r"\b[eag]cr\b",
                r"imagepull",
            ),
            *(r"pull(?:ing)? image", r"image pull", r"\bhelm\b", r"\bk8s\b", r"initramfs", r"bootloader"),
            *(
                r"disk image",
                r"\.iso\b",
                r"\bqcow",
                r"virtual machine",
                r"firmware",
                r":latest\b",
                r"image[ _]?tag",
                r"invalid reference format",
            ),
        ),
    ),
    (
        "a file on this machine",
        _words(
            r"no such file",
            r"\benoent\b",
            r"\beacces\b",
            r"\beisdir\b",
            r"did not match any file",
            r"cannot find module",
        ),
    ),
    (
        "a mistake in a program",
        _words(
            *(
                r"cannot read propert",
                r"is not a function",
                r"is not defined",
                r"referenceerror",
                r"nullpointer",
            ),
            *(r"segmentation fault", r"has no attribute", r"attributeerror", r"modulenotfound"),
        ),
    ),
    (
        "a web page",
        _words(
            r"net::err",
            r"favicon",
            r"<img\b",
            r"webpack",
            r"next/image",
            r"\.css\b",
            r"hostname .{0,60}not configured",
        ),
    ),
)
"""Kinds of errors that may have the words of others: an image is not what they are about."""

_KINDS = (
    *_GUARDS,
    (
        "an overloaded service",
        _words(
            r"internal server error",
            r"bad gateway",
            r"service unavailable",
            r"gateway time-?out",
            r"server_error",
            r"try again later",
        ),
    ),
    ("access", _words(r"\bforbidden\b", r"access denied", r"not allowed to")),
    (
        "the connection",
        _words(
            *(
                r"econn\w+",
                r"enotfound",
                r"etimedout",
                r"socket",
                r"connection (?:error|refused|reset|closed|aborted)",
            ),
            *(
                r"fetch failed",
                r"network",
                r"\bdns\b",
                r"timed? ?out\b",
                r"\btls\b",
                r"\bssl\b",
                r"proxy error",
            ),
        ),
    ),
    ("a stop by the user", _words(r"aborted", r"cancell?ed", r"interrupted")),
    (
        "the order of turns",
        _words(
            *(
                r"tool_use. ids",
                r"tool_result",
                r"tool_call_id",
                r"signature. in .thinking",
                r"thinking. block",
            ),
            *(r"roles must alternate", r"first message must", r"final assistant", r"prefill"),
        ),
    ),
    (
        "the model",
        _words(
            r"model[ _]not[ _]found",
            r"model .{0,80}(?:does not exist|not found|no longer)",
            r"no such model",
            r"deprecated",
            r"not a valid model",
        ),
    ),
    (
        "a parameter",
        _words(
            *(
                r"max_(?:completion_|output_)?tokens",
                r"temperature",
                r"top_[pk]\b",
                r"tool_choice",
                r"reasoning",
            ),
            *(
                r"response_format",
                r"budget_tokens",
                r"extra inputs are not permitted",
                r"cache_control",
                r"tools\.\d",
            ),
        ),
    ),
)


def subject_of(text: str) -> str | None:
    """What an error text is about if it is not about an image; None if nothing shows it."""
    return _first(_KINDS, text.lower())


def is_foreign(text: str) -> bool:
    """Whether a text in lower case is about something else, though it has words of errors about images."""
    return _first(_GUARDS, text) is not None


def _first(kinds: tuple[tuple[str, re.Pattern[str]], ...], text: str) -> str | None:
    return next((name for name, words in kinds if words.search(text)), None)
