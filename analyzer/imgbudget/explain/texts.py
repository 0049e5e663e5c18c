"""Every error text that is known, each with its source and date; what stands first is tried first."""

from imgbudget.explain.known import Known, RuleName

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
_DECLARE = "declare the type of the bytes; `imgbudget check` names it"
_SHRINK_BODY = "shrink the images, leave out those of earlier turns, or send them by the Files API"

KNOWN: tuple[Known, ...] = (
    Known(
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
    Known(
        wording="image exceeds {maximum} MB maximum: {measured} bytes > {limit} bytes",
        rule=_IMAGE_BYTES,
        meaning="the base64 text of one image is longer than the platform takes; the text is 4/3 of the "
        "file, so a file well below the limit can be over it",
        remedy=_SMALLER,
        source="gajae-code#934 and quotes of 2026-08 and 2026-09",
        date="2026-06-21",
        unit="bytes",
    ),
    Known(
        wording="At least one of the image dimensions exceed max allowed size for many-image requests: "
        "{limit} pixels",
        rule=_MANY_IMAGES,
        meaning="the request holds more than 20 images, those of earlier turns and tool results counted, "
        "and then each of them must be within this edge; the first offender alone is named",
        remedy="resize every image over the limit, or send fewer images: drop those of earlier turns",
        source="claude-code#2664, #9375, #17513, #24630; microsoft/vscode#300407; earendil-works/pi#7337",
        date="2026-07-30",
        unit="px",
        flat=True,
    ),
    Known(
        wording="At least one of the image dimensions exceed max allowed size: {limit} pixels",
        rule=_DIMENSION,
        meaning="an edge of one image is longer than any request takes",
        remedy="resize the image, or cut a long strip into tiles",
        source="claude-code#4778; oh-my-pi#10633",
        date="2025-08-04 to 2026-09-03",
        unit="px",
        flat=True,
    ),
    Known(
        wording="Too much media: {pages} document pages + {images} images > {limit}",
        rule=_MEDIA_COUNT,
        meaning="images and document pages of the whole request are added up, earlier turns and tool "
        "results too, and are more than the model takes: 100 with 200k tokens of context, 600 with more",
        remedy="leave out images of earlier turns, or split the request",
        source="traceback of the computer-use demo; public notes on Bedrock (ValidationException)",
        date="undated",
        unit="images",
    ),
    Known(
        wording="Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'",
        rule=_MEDIA_TYPE,
        also=("IB104",),
        meaning="media_type is none of the four that the API takes: image/jpg is refused, and so is a "
        "format such as HEIC or BMP under its own name",
        remedy="declare one of the four types, and convert an image of another format",
        source="claude-code#3073, #4661, #5955",
        date="2025-07 to 2025-08",
    ),
    Known(
        wording="Image does not match the provided media type {declared}",
        rule=_MEDIA_TYPE,
        also=("IB104",),
        meaning="the bytes are of another type than the one that media_type declares",
        remedy=_DECLARE,
        source="claude-code#6300, #18483",
        date="2025-08-22 to 2026-01-16",
        era="earlier",
    ),
    Known(
        wording="The image was specified using the {declared} media type, but the image appears to be a "
        "{actual} image",
        rule=_MEDIA_TYPE,
        meaning="the bytes are of another type than the one that media_type declares",
        remedy=_DECLARE,
        source="vybestack/llxprt-code#2130",
        date="2026-06-23",
    ),
    Known(
        wording="Could not process image",
        rule=_UNREADABLE,
        also=("IB104", "IB106"),
        meaning="the bytes of one image cannot be decoded: cut short, damaged, or a web page saved as an "
        "image. The API says not which one, and every later turn that holds it fails too",
        remedy="run `imgbudget check` on the request, then make or fetch that image again or drop its block",
        source="claude-code#12616, #22351, #40583, #1747, #6175, #55492",
        date="2025 to 2026",
    ),
    Known(
        wording="invalid base64 data",
        rule=_BASE64,
        meaning="the text in data is not plain base64: a data: prefix, line breaks, another alphabet, "
        "wrong padding",
        remedy="send standard base64 with padding and nothing else; `imgbudget check` says what is wrong",
        source="HiveNexus/HiveChat#39; musistudio/claude-code-router#958",
        date="2025-03-06",
    ),
    Known(
        wording="image cannot be empty",
        rule=_BASE64,
        also=("IB001",),
        meaning="data is the empty string: the screenshot or download that should fill it failed",
        remedy="send the bytes, or leave the block out",
        source="claude-code#4534, #34338",
        date="undated",
    ),
    Known(
        wording="text content blocks must be non-empty",
        rule=_EMPTY_TEXT,
        meaning="a text block, usually the one beside an image, holds no text",
        remedy="take the empty block out",
        source="claude-code#55645, #62150",
        date="undated",
    ),
    Known(
        wording="'image' blocks are not permitted within assistant turns",
        rule=_MISPLACED,
        meaning="an image stands in a turn of the assistant; images belong into user turns and tool results",
        remedy="move the image into a user turn",
        source="SEMOSS/Semoss#2323",
        date="2026-04-09",
    ),
    Known(
        wording="Request exceeds the maximum size",
        rule=_PAYLOAD,
        meaning="the body as a whole is larger than the endpoint takes (request_too_large); it was "
        "refused before any block was looked at",
        remedy=_SHRINK_BODY,
        source="claude-code#3335, #14567; anthropic-sdk-python#938",
        date="2026-08-05",
        status=413,
    ),
    Known(
        wording="Request size exceeds model context window",
        rule=_CONTEXT,
        also=("IB401",),
        meaning="the request needs more tokens than the model's context holds, its images counted",
        remedy="send fewer or smaller images, or take a model with a longer context",
        source="claude-code#6380",
        date="undated",
        status=413,
    ),
    Known(
        wording="Unable to download the file. Please verify the URL and try again",
        rule=None,
        meaning="the API could not fetch the image behind a url; no check before sending can see that",
        remedy="open the url from another network, without login or cookies, or send the image as base64",
        source="public notes, and a recorded answer",
        date="undated",
        source_type="url",
    ),
    Known(
        wording="This URL is disallowed by the website's robots.txt file",
        rule=None,
        meaning="the API honours robots.txt, and that site forbids fetching the image",
        remedy="fetch the image yourself and send it as base64 or by the Files API",
        source="vercel/ai#6279",
        date="2025-05-12",
        source_type="url",
    ),
    Known(
        wording="URL sources are not supported",
        rule=_SOURCE,
        meaning="this model or platform takes images as base64 only",
        remedy="send the image as base64",
        source="a recorded answer (chatlas)",
        date="undated",
        source_type="url",
        era="earlier",
    ),
    Known(
        wording="Input tag '{tag}' found using 'type' does not match any of the expected tags:",
        rule=_SOURCE,
        also=("IB002", "IB404"),
        meaning="the block or source names a type that is not taken there; for a file source, the "
        "platform has no Files API or the request lacked its beta header (needed until 2026-08-19)",
        remedy="use one of the types that the message lists",
        source="recorded answers (pydantic-ai)",
        date="undated",
    ),
    Known(
        wording="image dimensions {size} exceed the maximum image size of a model named on this request "
        "and would be downsized to {target}",
        rule=_STRICT,
        meaning='the block asks for oversized_image: "error", and a model of the request would scale the '
        "image down; "
        "the target fits every model named",
        remedy='scale the image to the target, or set oversized_image to "downsize"',
        source="vision-coordinates guide; a live answer of 2026-09-30",
        date="2026-09-30",
    ),
    Known(
        wording="dimensions{between}{undetermined}",
        rule=_STRICT,
        also=("IB001",),
        meaning='the block asks for oversized_image: "error", and the size of the image cannot be read',
        remedy='send the image as base64 in a sound file, or set oversized_image to "downsize"',
        source="vision-coordinates guide; its exact text is not known",
        date="2026-09",
        loose=True,
        era="not seen verbatim",
    ),
    Known(
        wording="{toolset}{between}{exceeds}",
        rule=_TOOLSET,
        meaning="screenshots for the computer-use and browser toolsets must be within the model's native "
        "size; they are refused, not resized",
        remedy="scale the screenshot down before it is sent, and map the coordinates back",
        source="vision guide; its exact text is not known",
        date="2026-09",
        loose=True,
        era="not seen verbatim",
    ),
    Known(
        wording="413 {too_large}{page}",
        rule=_PAYLOAD,
        meaning="a server in front of the API (its edge, a gateway, a proxy of your own) refused the body "
        "for its size, before the API saw it",
        remedy=_SHRINK_BODY + "; a proxy of your own may have a smaller limit than the API",
        source="RFC 9110 section 15.5.14 and its forerunners name the status; claude-code#3335",
        date="2022-06",
        status=413,
        loose=True,
    ),
    Known(
        wording="request_too_large",
        rule=_PAYLOAD,
        meaning="the body as a whole is larger than the endpoint takes",
        remedy=_SHRINK_BODY,
        source="API errors page",
        date="2026-06",
        status=413,
        loose=True,
    ),
)
"""The API's texts from the guides and quoted reports (2024-03 to 2026-09), and those of servers before it."""
