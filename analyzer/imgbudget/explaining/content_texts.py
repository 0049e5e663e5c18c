"""Error texts of servers that take no image, or none in this form or at this place."""

from imgbudget.explaining.server_texts import AGAIN, OTHER_MODEL
from imgbudget.explaining.wording import (
    BASE64,
    CONTEXT,
    MALFORMED,
    MEDIA_COUNT,
    MEDIA_TYPE,
    MISPLACED,
    PAYLOAD,
    SHRINK_BODY,
    SOURCE,
    TEXT_ONLY,
    UNREADABLE,
    ErrorPattern,
)

_TEXT_CONTENT = (
    "the server takes the content of a message as text only: an image, or any list of parts, is refused"
)
_NO_VISION = "an image goes to a model that takes none; images of earlier turns count too"
_TOO_LONG = "the request, its images included, needs more tokens than the model's context window has"
_SHORTER = "send fewer or smaller images, drop those of earlier turns, or use a model with a longer context"
_TOO_LARGE = (
    "the whole request, with the images of earlier turns and tool results, is larger than the client sends"
)

_TEXT_ONLY = tuple(
    ErrorPattern(
        wording=wording,
        rule=TEXT_ONLY,
        meaning=meaning,
        remedy=remedy,
        source=source,
        date=date,
        status=status,
        loose=loose,
    )
    for wording, meaning, remedy, source, date, status, loose in (
        (
            "content must be a string",
            _TEXT_CONTENT,
            OTHER_MODEL,
            "vercel/ai#2837 (Groq, with an image)",
            "2024-08-29",
            400,
            True,
        ),
        (
            "content' : value must be a string",
            _TEXT_CONTENT,
            OTHER_MODEL,
            "the form of gptme/gptme#896 (Groq, with an image)",
            "2025-12-01",
            400,
            True,
        ),
        (
            "list[TextContentPart]{between}Input should be 'text'",
            _TEXT_CONTENT,
            OTHER_MODEL,
            "thinking-machines-lab/tinker-feedback#83",
            "2026-02-24",
            422,
            False,
        ),
        (
            "Unexpected item type in content",
            _TEXT_CONTENT,
            OTHER_MODEL,
            "NousResearch/hermes-agent#57948, #97075",
            "2026-07-04 to 2026-08-28",
            400,
            True,
        ),
        (
            "messages.content.type 参数非法，取值范围 ['text']",  # noqa: RUF001 - the text has this comma
            _TEXT_CONTENT,
            OTHER_MODEL,
            "TriDefender/zcode-api#26 (GLM)",
            "2026-07-13",
            400,
            False,
        ),
        (
            "Cannot preprocess image len(combined_imgs)",
            _NO_VISION,
            OTHER_MODEL,
            "pydantic/pydantic-ai#2424 (Fireworks)",
            "2025-08-05",
            400,
            False,
        ),
        (
            "'limit_mm_per_prompt' is only supported for multimodal models",
            "the server (vLLM) is started with a model that takes no images, and with a limit of images",
            "serve a model that takes images, or start the server without --limit-mm-per-prompt",
            "zai-org/GLM-V#15; zai-org/GLM-4#788; hiyouga/LlamaFactory#8022",
            "2025-05-12 to 2025-07-24",
            400,
            False,
        ),
        (
            "The server was not compiled for multimodal or the model projector can't be loaded",
            "the server (llama.cpp) runs without the projector that turns images into tokens",
            "start the server with --mmproj and the projector file of the model, or leave the images out",
            "ggml-org/llama.cpp#8595; mozilla-ai/llamafile#298",
            "2024-03-23 to 2024-07-19",
            500,
            False,
        ),
    )
)

_FORMS = (
    ErrorPattern(
        wording="prompting with images is incompatible with system messages",
        rule=None,
        meaning="the model takes no system message in a request with images",
        remedy="move the text of the system message into the user turn, or use another model",
        source="jakobdylanc/llmcord#66 (Groq)",
        date="2024-11-05",
        also=("IB413",),
    ),
    ErrorPattern(
        wording="Only string image_url content parts are supported",
        rule=SOURCE,
        meaning="this version of langchain-community takes image_url as a string only, not as an object",
        remedy="give image_url as a string, or use langchain-ollama",
        source="langchain-ai/langchain#22460",
        date="2024-06-04",
    ),
    ErrorPattern(
        wording="Invalid type for '{image_place}': expected an object, but got a string",
        rule=MALFORMED,
        meaning="image_url is a string here, and must be an object",
        remedy='write {"image_url": {"url": ...}}; a string is what the Responses API and Mistral take',
        source="openai-php/client#249",
        date="2024-10-17",
        also=("IB403",),
    ),
    ErrorPattern(
        wording="Param Incorrect{between}'text' is not set",
        rule=MISPLACED,
        meaning="the model takes images in user messages only; a tool's result must have text",
        remedy="move the image into a user turn, and leave its text in the result of the tool",
        source="NousResearch/hermes-agent#111210 (Xiaomi MiMo)",
        date="2026-09-14",
        also=("IB413",),
    ),
    ErrorPattern(
        wording="Image URL domain{between}is not allowed",
        rule=None,
        meaning="the service downloads images from domains that it allows only; this cannot be checked "
        "before sending",
        remedy="send the image as base64",
        source="Azure-Samples/azure-openai-responses-api-samples#19",
        date="2025-12-03",
        source_type="url",
    ),
    ErrorPattern(
        wording="image media type is required",
        rule=MEDIA_TYPE,
        meaning="the client sent an image without its type",
        remedy="attach the image again as PNG or JPEG, or update the client; in an older turn, remove it",
        source="microsoft/vscode#262825, #280839",
        date="2025-08-22 to 2025-12-03",
        also=("IB106",),
    ),
    ErrorPattern(
        wording="图片输入格式/解析错误",
        rule=UNREADABLE,
        meaning="the service could not read an image: its bytes, its base64 text, or the url that it is at",
        remedy=f"{AGAIN}; at a url, see that it can be downloaded without login",
        source="lobehub/lobehub#2945; gan/glm4v-assistant#3; vybestack/llxprt-code#3693 (GLM, code 1210)",
        date="2024-06-14 to 2026-09-16",
        also=(BASE64.code, "IB409"),
    ),
    ErrorPattern(
        wording="prepare image failed error{between}failed to decode image",
        rule=UNREADABLE,
        meaning="the bytes of an image cannot be decoded: truncated, damaged, or not an image",
        remedy=AGAIN,
        source="NousResearch/hermes-agent#81326 (Kimi)",
        date="2026-08-07",
        also=("IB104", "IB106"),
    ),
)

_SIZES = (
    ErrorPattern(
        wording="You set image={limit} (or defaulted to 1) in '--limit-mm-per-prompt', but passed {measured} "
        "image items",
        rule=MEDIA_COUNT,
        meaning="the server is started with a limit of images in one request (vLLM: --limit-mm-per-prompt)",
        remedy="send fewer images, or start the server with a higher limit",
        source="xorbitsai/inference#3054",
        date="2025-03-12",
        unit="images",
    ),
    *(
        ErrorPattern(
            wording=f"too large to send{{between}}through CAPI Responses{numbers}",
            rule=PAYLOAD,
            meaning=_TOO_LARGE,
            remedy=SHRINK_BODY,
            source="github/app#788, #2181",
            date="2026-06-05 to 2026-07-21",
            status=413,
            unit="MB",
        )
        for numbers in ("{between}({measured}{gap}MB request; {limit}{gap}MB limit)", "")
    ),
    ErrorPattern(
        wording="The input token count ({measured}) exceeds the maximum number of tokens allowed ({limit})",
        rule=CONTEXT,
        meaning=_TOO_LONG,
        remedy=_SHORTER,
        source="NeatChat/NeatChat#20 (with images)",
        date="2025-03-23",
        unit="tokens",
        also=("IB602", "IB408"),
    ),
    *(
        ErrorPattern(
            wording=wording,
            rule=CONTEXT,
            meaning=_TOO_LONG,
            remedy="send fewer or smaller images, or start the server with a larger --max-model-len",
            source=source,
            date=date,
            unit="tokens",
            also=("IB602", "IB408"),
        )
        for wording, source, date in (
            (
                "The decoder prompt (length {measured}) is longer than the maximum model length of {limit}",
                "EvolvingLMMs-Lab/lmms-eval#711, #988; linagora/openrag#128 (with images)",
                "2025-06-10 to 2026-01-12",
            ),
            (
                "The prompt (total length {measured}) is too long to fit into the model",
                "vllm-project/vllm#12165",
                "2025-01-21",
            ),
        )
    ),
)

CONTENT_TEXTS = (*_TEXT_ONLY, *_FORMS, *_SIZES)
"""Texts of issues of 2024-03 to 2026-09."""
