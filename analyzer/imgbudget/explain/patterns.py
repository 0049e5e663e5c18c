"""Every API error text that is known, with the rule it belongs to, its meaning, its source and date."""

import re
from functools import lru_cache
from typing import NamedTuple

FIELDS = {
    "maximum": r"[\d.]+",
    "measured": r"[\d,]+",
    "limit": r"[\d,]+",
    "pages": r"[\d,]+",
    "images": r"[\d,]+",
    "declared": r"[\w.+-]+/[\w.+-]+",
    "actual": r"[\w.+-]+/[\w.+-]+",
    "size": r"\d+x\d+",
    "target": r"\d+x\d+",
    "tag": r"\w+",
    "toolset": r"(?:computer|browser)_toolset_\d+",
    "too_large": r"(?:request entity|payload|content) too large",
    "undetermined": r"(?:could not|cannot|can ?not|couldn't|can't) be determined",
    "exceeds": r"(?:exceeds?|larger than|too large)",
    "between": r"[^\n]{0,120}?",
    "page": r"(?:(?:(?!</html>).){0,2000}?</html>)?",
}
"""The expression for each name in braces of a wording; sizes are px x px, numbers may have separators."""

_QUOTE = "['\"\u2018\u2019\u201c\u201d]?"  # shells and logs drop quotes, or change them
_PART = re.compile(r"\{(\w+)\}|(\s+)|(['\"])|([^{\s'\"]+)")


class RuleName(NamedTuple):
    """A rule's code and name."""

    code: str
    name: str


class ErrorPattern(NamedTuple):
    """An error message as the API, or a server in front of it, words it.

    `wording` is the message with names of FIELDS in braces. `rule` is None if no rule can find the cause
    before sending; `also` has the codes of other rules that may report it. `flat` marks messages whose
    location counts the blocks inside tool results as blocks of the turn. `source_type` is the only type of
    image source that can cause it. `loose` marks a wording that is not known verbatim: it matches only on a
    line without any other known message. `unit` is that of the numbers `measured` and `limit`.
    """

    wording: str
    rule: RuleName | None
    meaning: str
    remedy: str
    source: str
    date: str
    status: int = 400
    unit: str | None = None
    also: tuple[str, ...] = ()
    flat: bool = False
    source_type: str | None = None
    loose: bool = False
    era: str = "current"

    @property
    def codes(self) -> tuple[str, ...]:
        """The rules that may report the cause, the most likely first."""
        return (self.rule.code, *self.also) if self.rule else self.also

    @property
    def plain(self) -> str:
        """The wording with 0 for each number and name, for comparing other messages with it."""
        return re.sub(r"\{\w+\}", "0", self.wording)


@lru_cache(maxsize=64)
def pattern(wording: str) -> re.Pattern[str]:
    """A wording as an expression for text in lower case, with any white space and optional quotes.

    In lower case the search for its first word is ten times as fast as ignoring case, which matters for logs.
    """
    parts = []
    for found in _PART.finditer(wording.lower()):
        name, blank, quote, words = found.groups()
        if name:
            parts.append(f"(?P<{name}>{FIELDS[name]})")
        elif blank:
            parts.append(r"\s+")
        else:
            parts.append(_QUOTE if quote else re.escape(words))
    return re.compile("".join(parts), re.DOTALL)


_UNREADABLE = RuleName("IB001", "unreadable-image")
_DIMENSION = RuleName("IB101", "dimension-over-limit")
_MANY_IMAGES = RuleName("IB102", "many-image-dimension")
_IMAGE_BYTES = RuleName("IB103", "image-bytes-over-limit")
_MEDIA_TYPE = RuleName("IB105", "media-type-mismatch")
_BASE64 = RuleName("IB106", "malformed-base64")
_TOOLSET = RuleName("IB107", "toolset-screenshot-oversized")
_STRICT = RuleName("IB108", "oversized-and-strict")
_PAYLOAD = RuleName("IB401", "payload-over-limit")
_MEDIA_COUNT = RuleName("IB402", "too-many-images")
_SOURCE = RuleName("IB403", "source-not-supported")
_MISPLACED = RuleName("IB404", "misplaced-image")
_CONTEXT = RuleName("IB405", "context-overflow")
_EMPTY_TEXT = RuleName("IB407", "empty-text")

_SMALLER = "make the image smaller: fewer pixels, or JPEG; `imgbudget plan` gives the size"
_DECLARE = "declare the actual type of the image; `imgbudget check` names it"
_SHRINK_BODY = "shrink the images, drop those of earlier turns, or send them through the Files API"

ERROR_PATTERNS: tuple[ErrorPattern, ...] = (
    ErrorPattern(
        wording="image exceeds 5 MB maximum: {measured} bytes > {limit} bytes",
        rule=_IMAGE_BYTES,
        meaning="the base64 text of one image is longer than 5 MB, which is 3.75 MB of file: the limit of "
        "Bedrock and Google Cloud, and of the Claude API until the first half of 2026",
        remedy=_SMALLER,
        source="claude-code#11181, #2146, #2939; earendil-works/pi#824; mckaywrigley/chatbot-ui#1611",
        date="2024-03-26 to 2026-01-18",
        unit="bytes",
        era="earlier, and Bedrock and Google Cloud",
    ),
    ErrorPattern(
        wording="image exceeds {maximum} MB maximum: {measured} bytes > {limit} bytes",
        rule=_IMAGE_BYTES,
        meaning="the base64 text of one image is longer than the platform allows; base64 adds a third to the "
        "file, so a file well below the limit can exceed it",
        remedy=_SMALLER,
        source="gajae-code#934 and quotes of 2026-08 and 2026-09",
        date="2026-06-21",
        unit="bytes",
    ),
    ErrorPattern(
        wording="At least one of the image dimensions exceed max allowed size for many-image requests: "
        "{limit} pixels",
        rule=_MANY_IMAGES,
        meaning="the request has more than 20 images, including those of earlier turns and tool results, "
        "so every image must be within this edge; the message names only the first one that is not",
        remedy="resize every image over the limit, or send fewer images: drop those of earlier turns",
        source="claude-code#2664, #9375, #17513, #24630; microsoft/vscode#300407; earendil-works/pi#7337",
        date="2026-07-30",
        unit="px",
        flat=True,
    ),
    ErrorPattern(
        wording="At least one of the image dimensions exceed max allowed size: {limit} pixels",
        rule=_DIMENSION,
        meaning="an edge of one image is longer than the API accepts in any request",
        remedy="resize the image, or cut a long strip into tiles",
        source="claude-code#4778; oh-my-pi#10633",
        date="2025-08-04 to 2026-09-03",
        unit="px",
        flat=True,
    ),
    ErrorPattern(
        wording="Too much media: {pages} document pages + {images} images > {limit}",
        rule=_MEDIA_COUNT,
        meaning="the request, including earlier turns and tool results, has more images and document "
        "pages than the model allows: 100 with 200k tokens of context, 600 with more",
        remedy="drop images of earlier turns, or split the request",
        source="traceback of the computer-use demo; public notes on Bedrock (ValidationException)",
        date="undated",
        unit="images",
    ),
    ErrorPattern(
        wording="Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'",
        rule=_MEDIA_TYPE,
        also=("IB104",),
        meaning="media_type is not one of the four that the API accepts: image/jpg is refused, and so is a "
        "format such as HEIC or BMP",
        remedy="declare one of the four types, and convert an image of another format",
        source="claude-code#3073, #4661, #5955",
        date="2025-07 to 2025-08",
    ),
    ErrorPattern(
        wording="Image does not match the provided media type {declared}",
        rule=_MEDIA_TYPE,
        also=("IB104",),
        meaning="the image has a different type than media_type declares",
        remedy=_DECLARE,
        source="claude-code#6300, #18483",
        date="2025-08-22 to 2026-01-16",
        era="earlier",
    ),
    ErrorPattern(
        wording="The image was specified using the {declared} media type, but the image appears to be a "
        "{actual} image",
        rule=_MEDIA_TYPE,
        meaning="the image has a different type than media_type declares",
        remedy=_DECLARE,
        source="vybestack/llxprt-code#2130",
        date="2026-06-23",
    ),
    ErrorPattern(
        wording="Could not process image",
        rule=_UNREADABLE,
        also=("IB104", "IB106"),
        meaning="the bytes of one image cannot be decoded: truncated, damaged, or a web page saved as an "
        "image. The API does not say which one, and every later turn that includes it fails too",
        remedy="run `imgbudget check` on the request, then create or download that image again or drop it",
        source="claude-code#12616, #22351, #40583, #1747, #6175, #55492",
        date="2025 to 2026",
    ),
    ErrorPattern(
        wording="invalid base64 data",
        rule=_BASE64,
        meaning="the text in data is not plain base64: a data: prefix, line breaks, another alphabet, "
        "wrong padding",
        remedy="send standard base64 with padding and nothing else; `imgbudget check` shows what is wrong",
        source="HiveNexus/HiveChat#39; musistudio/claude-code-router#958",
        date="2025-03-06",
    ),
    ErrorPattern(
        wording="image cannot be empty",
        rule=_BASE64,
        also=("IB001",),
        meaning="data is an empty string, usually because a screenshot or download failed",
        remedy="send the image, or drop the block",
        source="claude-code#4534, #34338",
        date="undated",
    ),
    ErrorPattern(
        wording="text content blocks must be non-empty",
        rule=_EMPTY_TEXT,
        meaning="a text block, usually one next to an image, is empty",
        remedy="remove the empty block",
        source="claude-code#55645, #62150",
        date="undated",
    ),
    ErrorPattern(
        wording="'image' blocks are not permitted within assistant turns",
        rule=_MISPLACED,
        meaning="an image is in an assistant turn; images belong in user turns and tool results",
        remedy="move the image into a user turn",
        source="SEMOSS/Semoss#2323",
        date="2026-04-09",
    ),
    ErrorPattern(
        wording="Request exceeds the maximum size",
        rule=_PAYLOAD,
        meaning="the whole body is larger than the endpoint accepts (request_too_large); it was "
        "refused before any block was read",
        remedy=_SHRINK_BODY,
        source="claude-code#3335, #14567; anthropic-sdk-python#938",
        date="2026-08-05",
        status=413,
    ),
    ErrorPattern(
        wording="Request size exceeds model context window",
        rule=_CONTEXT,
        also=("IB401",),
        meaning="the request, including its images, needs more tokens than the model's context window has",
        remedy="send fewer or smaller images, or use a model with a longer context",
        source="claude-code#6380",
        date="undated",
        status=413,
    ),
    ErrorPattern(
        wording="Unable to download the file. Please verify the URL and try again",
        rule=None,
        meaning="the API could not download the image at a url; this cannot be checked before sending",
        remedy="open the url from another network, without login or cookies, or send the image as base64",
        source="public notes, and a recorded answer",
        date="undated",
        source_type="url",
    ),
    ErrorPattern(
        wording="This URL is disallowed by the website's robots.txt file",
        rule=None,
        meaning="the API respects robots.txt, and that site does not allow downloading the image",
        remedy="download the image yourself and send it as base64 or through the Files API",
        source="vercel/ai#6279",
        date="2025-05-12",
        source_type="url",
    ),
    ErrorPattern(
        wording="URL sources are not supported",
        rule=_SOURCE,
        meaning="this model or platform accepts images only as base64",
        remedy="send the image as base64",
        source="a recorded answer (chatlas)",
        date="undated",
        source_type="url",
        era="earlier",
    ),
    ErrorPattern(
        wording="Input tag '{tag}' found using 'type' does not match any of the expected tags:",
        rule=_SOURCE,
        also=("IB002", "IB404"),
        meaning="the block or source has a type that is not allowed there; for a file source, the "
        "platform has no Files API or the request lacked its beta header (needed until 2026-08-19)",
        remedy="use one of the types that the message lists",
        source="recorded answers (pydantic-ai)",
        date="undated",
    ),
    ErrorPattern(
        wording="image dimensions {size} exceed the maximum image size of a model named on this request "
        "and would be downsized to {target}",
        rule=_STRICT,
        meaning='the block asks for oversized_image: "error", and a model of the request would downscale '
        "the image; the target fits every model of the request",
        remedy='scale the image to the target, or set oversized_image to "downsize"',
        source="vision-coordinates guide; a live answer of 2026-09-30",
        date="2026-09-30",
    ),
    ErrorPattern(
        wording="dimensions{between}{undetermined}",
        rule=_STRICT,
        also=("IB001",),
        meaning='the block asks for oversized_image: "error", and the size of the image cannot be read',
        remedy='send the image as base64 in a valid file, or set oversized_image to "downsize"',
        source="vision-coordinates guide; its exact text is not known",
        date="2026-09",
        loose=True,
        era="not seen verbatim",
    ),
    ErrorPattern(
        wording="{toolset}{between}{exceeds}",
        rule=_TOOLSET,
        meaning="screenshots for the computer-use and browser toolsets must not exceed the model's native "
        "size; larger ones are refused, not resized",
        remedy="downscale the screenshot before sending, and map the coordinates back",
        source="vision guide; its exact text is not known",
        date="2026-09",
        loose=True,
        era="not seen verbatim",
    ),
    ErrorPattern(
        wording="413 {too_large}{page}",
        rule=_PAYLOAD,
        meaning="a server in front of the API (its edge, a gateway, your own proxy) refused the body "
        "because of its size, before it reached the API",
        remedy=_SHRINK_BODY + "; your own proxy may have a smaller limit than the API",
        source="RFC 9110 section 15.5.14 and its forerunners name the status; claude-code#3335",
        date="2022-06",
        status=413,
        loose=True,
    ),
    ErrorPattern(
        wording="request_too_large",
        rule=_PAYLOAD,
        meaning="the whole body is larger than the endpoint accepts",
        remedy=_SHRINK_BODY,
        source="API errors page",
        date="2026-06",
        status=413,
        loose=True,
    ),
)
"""Messages of the API from its guides and from reports (2024-03 to 2026-09), and of servers before it."""
