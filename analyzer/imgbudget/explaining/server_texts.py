"""Error texts about images of gateways, servers of open models, and further vendors and agents."""

from typing import NamedTuple

from imgbudget.explaining.wording import (
    BASE64,
    CONTEXT,
    DIMENSION,
    FORMAT,
    IMAGE_BYTES,
    MANY_IMAGES,
    MEDIA_COUNT,
    MEDIA_TYPE,
    MISPLACED,
    PAYLOAD,
    SHRINK_BODY,
    SMALLER,
    SOURCE,
    TEXT_ONLY,
    UNFETCHABLE,
    UNREADABLE,
    ErrorPattern,
    RuleName,
)

FEWER = "send fewer images: drop those of earlier turns and tool results, or split the request"
SUPPORTED = "convert the image to PNG, JPEG, WebP or a GIF without animation"
PUBLIC_URL = "open the url from another network, without login or cookies, or send the image as base64"
OTHER_MODEL = (
    "use a model that takes images, or remove every image from the conversation, also from earlier turns"
)
AGAIN = "open the file in a viewer and save it again, or leave the image out"
ENCODE = "send the base64 text of the file alone: no data: prefix where the API wants none, no line breaks"

_TOO_LONG = "the request, its images included, needs more tokens than the model's context window has"
_SHORTER = "send fewer or smaller images, drop those of earlier turns, or use a model with a longer context"
_NO_VISION = "an image goes to a model that takes none; images of earlier turns count too"
_MANY = "the request has more images than the server accepts, including those of earlier turns"
_UNDECODED = "the bytes of an image cannot be decoded: truncated, damaged, or not an image"
_UNREACHED = "the API could not download the image at a url; this cannot be checked before sending"
_TEXT_CONTENT = (
    "the server takes the content of a message as text only: an image, or any list of parts, is refused"
)


class _Text(NamedTuple):
    """An error text as one row; its other fields are in `more` of `_rows`."""

    wording: str
    rule: RuleName | None
    meaning: str
    remedy: str
    source: str
    date: str
    status: int = 400
    unit: str | None = None
    also: tuple[str, ...] = ()
    source_type: str | None = None
    loose: bool = False


_AGENTS = (
    _Text(
        "an image in the conversation could not be processed and was removed",
        UNREADABLE,
        f"{_UNDECODED}; the agent took it out of the conversation itself",
        f"{AGAIN}, then name it again",
        "claude-code#60601",
        "2026-05-19",
        also=("IB104", "IB106"),
    ),
    _Text(
        "exceed max allowed size for many-image requests: {limit} pixels",
        MANY_IMAGES,
        "the request has more than 20 images, so every image must be within this edge",
        "resize every image over the limit, or send fewer images: drop those of earlier turns",
        "claude-code#34566; accelerated-intelligent-document-processing-on-aws#998, shortened",
        "2026-03-15 to 2026-09-18",
        unit="px",
        loose=True,
    ),
    _Text(
        "Image format {declared} not supported",
        FORMAT,
        "the API does not decode an image of this kind, or the bytes are not of the type that is declared",
        SUPPORTED,
        "claude-code#28485",
        "2026-02-25",
        also=("IB105", "IB001"),
    ),
    _Text(
        "too many images and documents: {images} + {pages} > {limit}",
        MEDIA_COUNT,
        "the request has more images and documents than Bedrock accepts, including those of earlier turns",
        FEWER,
        "cline/cline#1844",
        "2025-03-25",
        unit="images",
    ),
    _Text(
        "missing required Copilot-Vision-Request header",
        None,
        "the client did not announce the images of the request; a model or plan without vision, or an old "
        "client, sends no such header, and images of earlier turns need it too",
        "update the client, allow vision in its settings, or remove the images from the conversation",
        "microsoft/vscode#292901, #265992; earendil-works/pi#222",
        "2025-06-19 to 2026-02-04",
    ),
    _Text(
        "Only PNG images are supported in assistant messages",
        MISPLACED,
        "an image that is no PNG is in a turn of the model",
        "move the image to a user message, or convert it to PNG",
        "chatboxai/chatbox#2755; NextChat#6670",
        "2025-11-30",
    ),
    _Text(
        "file size exceeds maximum allowed size: {limit}{gap}MB",
        IMAGE_BYTES,
        "the gateway fetches each image to send it as base64, and takes no larger ones",
        SMALLER,
        "QuantumNous/new-api#958",
        "2025-04-11",
        unit="MB",
    ),
)

_LIMITS = (
    _Text(
        "prompt is too long: {measured} tokens > {limit} maximum",
        CONTEXT,
        _TOO_LONG,
        _SHORTER,
        "kodu-ai/claude-coder#64; BeiPoer/claude-api-2-cursor#3 (with an image)",
        "2024-10-28 to 2026-02-09",
        unit="tokens",
        also=("IB602",),
    ),
    _Text(
        "maximum context length is {limit} tokens. However, your messages resulted in {measured} tokens",
        CONTEXT,
        _TOO_LONG,
        _SHORTER,
        "jonogon/jonogon-mono#62 (with several images)",
        "2024-09-12",
        unit="tokens",
        also=("IB602", "IB408"),
    ),
    _Text(
        "Request payload size exceeds the limit: {limit} bytes",
        PAYLOAD,
        "the whole body, base64 included, is larger than the endpoint accepts",
        SHRINK_BODY,
        "google-gemini/deprecated-generative-ai-android#26",
        "2023-12-21",
        unit="bytes",
    ),
    _Text(
        "Too many images in request. Max is {limit}",
        MEDIA_COUNT,
        _MANY,
        FEWER,
        "the-open-agent/openagent#874",
        "2024-06-27",
        unit="images",
    ),
    _Text(
        "too many images in the message, max allowed is {limit}",
        MEDIA_COUNT,
        _MANY,
        FEWER,
        "QuantumNous/new-api#1233",
        "2025-06-16",
        status=500,
        unit="images",
    ),
    _Text(
        "At most {limit} image(s) may be provided in one",
        MEDIA_COUNT,
        "the server is started with a limit of images in one request (vLLM: --limit-mm-per-prompt)",
        "send fewer images, or start the server with a higher limit",
        "vllm-project/vllm#13513, #13397, #17757",
        "2025-02-17 to 2025-05-07",
        unit="images",
    ),
    _Text(
        "Image exceeds the maximum allowed total pixels. Current dimensions: {size} = {measured} pixels. "
        "Maximum allowed: {limit} pixels",
        DIMENSION,
        "the image has more pixels than the model accepts; it is refused, not downscaled",
        "make the image smaller, or cut it into tiles; `imgbudget plan` gives the size",
        "infiniflow/ragflow#13063",
        "2026-02-09",
        unit="pixels",
    ),
    _Text(
        "Image exceeds max pixels allowed",
        DIMENSION,
        "the image has more pixels than the model accepts; it is refused, not downscaled",
        "make the image smaller, or cut it into tiles; `imgbudget plan` gives the size",
        "aws-samples/video-semantic-search-with-aws-ai-ml-services#4",
        "2025-02-17",
    ),
    _Text(
        "The image length and width do not meet the model restrictions. [height:{height} or width:{width} "
        "must be larger than {limit}]",
        None,
        "an edge of the image is shorter than the model takes",
        "enlarge the image, put it on a larger canvas, or leave it out",
        "QwenLM/qwen-code#2505",
        "2026-03-19",
        unit="px",
        also=("IB301",),
    ),
    _Text(
        "Failed to download image from {between} Image size exceeds the limit",
        IMAGE_BYTES,
        "the image at a url has more bytes than the API downloads",
        SMALLER,
        "riverscuomo/cuomputer#95",
        "2025-05-05",
        source_type="url",
    ),
)

_CONTENT = (
    _Text(
        "Unable to process input image",
        UNREADABLE,
        _UNDECODED,
        AGAIN,
        "browser-use/browser-use#3740; pollinations/pollinations#4157",
        "2025-09-24",
        also=("IB104", "IB105"),
    ),
    _Text(
        "Unsupported MIME type: {picture}",
        FORMAT,
        "the declared type is none that the API takes; it must be whole, as image/png, and JPEG is "
        "image/jpeg",
        "declare a supported type, and convert an image of another format",
        "charmbracelet/crush#995; brianpetro/obsidian-smart-connections#1238",
        "2025-09-08",
        also=("IB105",),
    ),
    _Text(
        "inline_data.mime_type: MIME type must be image/png",
        MEDIA_TYPE,
        "the declared type is none that the API takes, or is missing",
        "declare one of the types that the message lists",
        "EvanZhouDev/gemini-ai#3",
        "2023-12-31",
        also=("IB104",),
    ),
    _Text(
        "Unhandled generated data mime type: {declared}",
        MEDIA_TYPE,
        "the declared type is not that of the bytes",
        "declare the actual type of the image; `imgbudget check` names it",
        "open-webui/open-webui#25127",
        "2026-05-28",
    ),
    _Text(
        "illegal base64 data at input byte {measured}",
        BASE64,
        "the data of an image is not plain base64: Ollama takes no data: prefix",
        ENCODE,
        "ollama/ollama-js#68; BerriAI/litellm#18338, #1427",
        "2024-01-12 to 2025-12-22",
        unit="bytes",
        loose=True,
    ),
    _Text(
        "invalid image input",
        BASE64,
        "the url of an image is no data URL: Ollama's endpoint for OpenAI clients takes data:image/png;"
        "base64, followed by the text",
        "send the image as a data URL",
        "ollama/ollama#7247",
        "2024-10-17",
        also=("IB403",),
    ),
    _Text(
        "'url' field must be a base64 encoded image",
        SOURCE,
        "the server takes no url but a data URL, and decodes no WebP",
        "send a PNG or JPEG as a data URL",
        "lmstudio-ai/lmstudio-bug-tracker#1027, #1752; cline/cline#9902",
        "2025-09-25 to 2026-09-13",
        also=("IB104", "IB106"),
    ),
    _Text(
        "Unsupported image format: {tag}. Supported formats",
        FORMAT,
        "the gateway passes no image of this format on",
        SUPPORTED,
        "BerriAI/litellm#6204",
        "2024-10-13",
        status=500,
    ),
    _Text(
        "Image url not in expected format",
        SOURCE,
        "the gateway cannot read the url of an image: it takes https, or a data URL with type and base64",
        "send the image as data:image/png;base64, followed by its base64 text",
        "OpenHands/OpenHands#9026; litellm_core_utils/prompt_templates in litellm",
        "2025-06-09",
        also=("IB106", "IB104"),
    ),
    _Text(
        "Anthropic only supports base64-encoded images currently",
        SOURCE,
        "this version of langchain-anthropic sends an image as a data URL only",
        "send the image as a data URL, or update langchain-anthropic",
        "mifunedev/orchestra#279",
        "2025-05-03",
        status=500,
        source_type="url",
    ),
    _Text(
        "'data:image/{between}is not a valid absolute URI",
        None,
        "the service reads a data URL as a URI of at most 65,519 characters; a longer one is refused",
        "make the image smaller than 48 kB, send it by url, or use another endpoint",
        "openai/openai-python#3551; Azure/azure-sdk-for-python#48364",
        "2026-07-30",
        also=("IB103",),
    ),
)

_URLS = tuple(
    _Text(wording, None, _UNREACHED, PUBLIC_URL, source, date, source_type="url")
    for wording, source, date in (
        (
            "Timeout while downloading {resource}",
            "vercel/ai#8857; danny-avila/LibreChat#5101; crmne/ruby_llm#135",
            "2024-12-25 to 2025-09-24",
        ),
        ("Failed to download image from", "riverscuomo/cuomputer#95", "2025-05-05"),
    )
)

_NO_IMAGES = tuple(
    _Text(wording, rule, meaning, OTHER_MODEL, source, date, status=status, also=also)
    for wording, rule, meaning, source, date, status, also in (
        (
            "unknown variant 'image_url', expected 'text'",
            TEXT_ONLY,
            _TEXT_CONTENT,
            "the form of zhukunpenglinyutong/jetbrains-cc-gui#591 with an image",
            "2026-03-06",
            400,
            (),
        ),
        (
            "did not match any variant of untagged enum ChatCompletionRequestContent",
            TEXT_ONLY,
            _TEXT_CONTENT,
            "browser-use/browser-use#159, #175; browser-use/web-ui#17",
            "2025-01-05",
            422,
            (),
        ),
        (
            "invalid type: sequence, expected a string",
            TEXT_ONLY,
            _TEXT_CONTENT,
            "cline/cline#230; chatboxai/chatbox#1740 (with an image)",
            "2024-09-05 to 2025-11-27",
            422,
            (),
        ),
        (
            "Image input modality is not enabled for",
            TEXT_ONLY,
            _NO_VISION,
            "big-AGI and others, who look for this text of the Gemini API",
            "2026-06",
            400,
            (),
        ),
        (
            "Model does not support images",
            TEXT_ONLY,
            _NO_VISION,
            "lmstudio-ai/lmstudio-bug-tracker#362",
            "2025-02-10",
            400,
            (),
        ),
    )
)

_CODES = tuple(
    ErrorPattern(
        wording=code,
        rule=rule,
        also=also,
        meaning=meaning,
        remedy=remedy,
        source="ResponseError in openai 3.57.0 (Python SDK)",
        date="2026-11-29",
        source_type=source_type,
        typed=True,
    )
    # a code that begins another one comes after it
    for code, rule, also, source_type, meaning, remedy in (
        (
            "invalid_image_format",
            FORMAT,
            ("IB105",),
            None,
            "the format of an image is not accepted",
            SUPPORTED,
        ),
        ("invalid_image_url", UNFETCHABLE, ("IB403",), "url", "the url of an image is not valid", PUBLIC_URL),
        (
            "invalid_image_mode",
            None,
            ("IB104",),
            None,
            "the colours of an image are in a mode that is not accepted, such as CMYK or 16 bits",
            "convert the image to RGB with 8 bits a channel",
        ),
        ("invalid_image", UNREADABLE, ("IB104", "IB106"), None, _UNDECODED, AGAIN),
        ("image_parse_error", UNREADABLE, ("IB104", "IB106"), None, _UNDECODED, AGAIN),
        ("invalid_base64_image", BASE64, ("IB001",), None, "the data of an image is not base64", ENCODE),
        ("empty_image_file", BASE64, ("IB001",), None, "an image has no bytes", AGAIN),
        ("image_file_too_large", IMAGE_BYTES, (), None, "an image has more bytes than is accepted", SMALLER),
        (
            "image_too_large",
            DIMENSION,
            ("IB103",),
            None,
            "an image is larger than the model accepts",
            SMALLER,
        ),
        (
            "image_too_small",
            None,
            ("IB301",),
            None,
            "an image is smaller than the model accepts",
            "enlarge the image, put it on a larger canvas, or leave it out",
        ),
        (
            "unsupported_image_media_type",
            FORMAT,
            ("IB105",),
            None,
            "the media type of an image is not accepted",
            SUPPORTED,
        ),
        ("failed_to_download_image", None, ("IB409",), "url", _UNREACHED, PUBLIC_URL),
        (
            "image_file_not_found",
            None,
            (),
            "file",
            "the file of an image does not exist: it was deleted, has expired or is of another project",
            "upload the image again, and use its new id",
        ),
    )
)

SERVER_TEXTS = (
    *(ErrorPattern(**row._asdict()) for row in (*_AGENTS, *_LIMITS, *_CONTENT, *_URLS, *_NO_IMAGES)),
    *_CODES,
)
"""Texts as reported from 2023-12 to 2026-09, and codes of OpenAI's API."""
