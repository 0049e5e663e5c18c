"""Error texts about images of agents, gateways and the APIs of other vendors."""

from imgbudget.explaining.server_texts import FEWER, OTHER_MODEL, PUBLIC_URL, SUPPORTED
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
    UNREADABLE,
    ErrorPattern,
)

_AGENTS = (
    ErrorPattern(
        wording="An image in the conversation exceeds the dimension limit for many-image requests "
        "({limit}{gap}px)",
        rule=MANY_IMAGES,
        meaning="the conversation has more than 20 images, so each must be within this edge; the image stays "
        "in the history, and every later turn fails in the same way",
        remedy="resize the image in the session, or go back to a turn before it",
        source="claude-code#39185, #40570, #49537, #61284",
        date="2026-05-21",
        unit="px",
    ),
    ErrorPattern(
        wording="An image in the conversation exceeds the dimension limit ({limit}{gap}px)",
        rule=DIMENSION,
        also=("IB102",),
        meaning="an image of the conversation, perhaps one of an earlier turn, has an edge over this limit",
        remedy="resize the image in the session, or go back to a turn before it",
        source="the form of claude-code#39185 with the other limit",
        date="2026-05-21",
        unit="px",
        era="not seen verbatim",
    ),
    ErrorPattern(
        wording="Image base64 size ({measured}{gap}MB) exceeds API limit ({limit}{gap}MB)",
        rule=IMAGE_BYTES,
        meaning="the base64 text of an image is longer than the agent allows; base64 adds a third to it",
        remedy=SMALLER,
        source="claude-code#20021, #19701, #47526",
        date="2026-04-13",
        unit="MB",
    ),
    ErrorPattern(
        wording="Image base64 size ({measured}{gap}MB) exceeds API limit",
        rule=IMAGE_BYTES,
        meaning="the base64 text of an image is longer than the agent allows; base64 adds a third to it",
        remedy=SMALLER,
        source="claude-code#20021, shortened",
        date="2026-01-22",
        unit="MB",
    ),
    ErrorPattern(
        wording="{images} images exceed the API limit ({limit}{gap}MB)",
        rule=IMAGE_BYTES,
        meaning="the base64 texts of several images are longer than the agent allows",
        remedy=SMALLER,
        source="claude-code#30967",
        date="2026-03-05",
        unit="MB",
    ),
    ErrorPattern(
        wording="Image was too large. Double press esc",
        rule=IMAGE_BYTES,
        also=("IB101", "IB102"),
        meaning="the API refused an image of the conversation because of its bytes or its edges",
        remedy=SMALLER,
        source="claude-code#13450, #34488",
        date="2026-03-14",
    ),
    ErrorPattern(
        wording="Request too large (max {limit}{gap}MB)",
        rule=PAYLOAD,
        meaning="all images of the conversation together make the body larger than the endpoint accepts; the "
        "file that was read last is often small",
        remedy=SHRINK_BODY,
        source="claude-code#37418, #50327, #56674, #74048",
        date="2026-07-04",
        status=413,
        unit="MB",
    ),
    ErrorPattern(
        wording="contains {measured} images, exceeding the maximum of {limit}",
        rule=MEDIA_COUNT,
        meaning="the request has more images than the provider accepts, including those of earlier turns",
        remedy=FEWER,
        source="anomalyco/opencode#47721, #48647",
        date="2026-09-12",
        unit="images",
    ),
    ErrorPattern(
        wording="Too many images in request: {measured} images provided, but the model supports a maximum of "
        "{limit}",
        rule=MEDIA_COUNT,
        meaning="the request has more images than the provider accepts, including those of earlier turns",
        remedy=FEWER,
        source="microsoft/vscode#306919",
        date="2026-03-31",
        unit="images",
    ),
    ErrorPattern(
        wording="Image count {measured} exceeds limit {limit} per request",
        rule=MEDIA_COUNT,
        meaning="the request has more images than the server is configured for",
        remedy=FEWER,
        source="AgnesAI-Labs/AgnesCode#50",
        date="2026-07-21",
        unit="images",
    ),
)

_OPENAI = (
    ErrorPattern(
        wording="requires {measured} patches after processing, exceeding the limit of {limit}",
        rule=DIMENSION,
        meaning="the image takes more patches of 32 x 32 px than the model accepts; it is refused, not "
        "downscaled",
        remedy="make the image smaller, or set detail to high or low; `imgbudget plan` gives the size",
        source="OpenAI images and vision guide",
        date="2026-09",
        unit="patches",
    ),
    ErrorPattern(
        wording="patches after processing, exceeding the limit of {limit}",
        rule=DIMENSION,
        meaning="the image takes more patches of 32 x 32 px than the model accepts; it is refused, not "
        "downscaled",
        remedy="make the image smaller, or set detail to high or low; `imgbudget plan` gives the size",
        source="OpenAI images and vision guide, shortened",
        date="2026-09",
        unit="patches",
        loose=True,
    ),
    ErrorPattern(
        wording="Expected a base64-encoded data URL with an image MIME type{between}unsupported MIME type",
        rule=FORMAT,
        also=("IB105",),
        meaning="the data URL declares a type that the API does not take",
        remedy=SUPPORTED,
        source="OpenAI API; the form of openai/codex#32287",
        date="2026-07-10",
    ),
    ErrorPattern(
        wording="Expected a base64-encoded data URL with an image MIME type{between}but got {reason}",
        rule=BASE64,
        also=("IB001", "IB104", "IB105"),
        meaning="the data URL of an image is empty, cut off, not base64 or has no image type",
        remedy="encode the image again, as data:image/png;base64, followed by its base64 text",
        source="anomalyco/opencode#23983; Alibaba-NLP/OmniSearch#3; openai/codex#32287",
        date="2025-02-05 to 2026-07-10",
    ),
    ErrorPattern(
        wording="Invalid '{image_place}': string too long. Expected a string with maximum length {limit}, "
        "but got a string with length {measured}",
        rule=IMAGE_BYTES,
        also=("IB401",),
        meaning="the data URL of one image is longer than the API accepts; base64 adds a third to the file",
        remedy=SMALLER,
        source="OpenAI API, code string_above_max_length; the form of openai/codex#32287",
        date="2026-11",
        unit="characters",
        era="not seen verbatim",
    ),
    ErrorPattern(
        wording="Image URLs are only allowed for messages with role 'user'",
        rule=MISPLACED,
        meaning="an image is in a message of the assistant, of the system or of a tool",
        remedy="move the image to a user message that follows",
        source="openai/openai-node#1030; OpenHands#7700",
        date="2024-09-03 to 2025-04-22",
    ),
    ErrorPattern(
        wording="The image data you provided does not represent a valid image",
        rule=UNREADABLE,
        also=("IB104", "IB106"),
        meaning="the bytes are not an image that the API can decode",
        remedy="open the file in a viewer and save it again; a download may have saved a web page instead",
        source="openai/codex#7459; github/copilot-cli#4930",
        date="2025-12-01 to 2026-09-22",
    ),
    ErrorPattern(
        wording="You uploaded an unsupported image",
        rule=FORMAT,
        also=("IB001", "IB103", "IB105"),
        meaning="the bytes are in a format that the API does not take, or are no image",
        remedy=SUPPORTED,
        source="CosmosShadow/gptpdf#6; STranslate#277; OpenAdapt#853",
        date="2024-06-30 to 2024-12-09",
    ),
    ErrorPattern(
        wording="Error while downloading http",
        rule=None,
        meaning="the API could not download the image at a url; this cannot be checked before sending",
        remedy=PUBLIC_URL,
        source="a recorded answer (openinference)",
        date="undated",
        source_type="url",
    ),
    ErrorPattern(
        wording="Exceeded maximum number of images ({limit}) allowed in the request",
        rule=MEDIA_COUNT,
        meaning="the request has more images than Azure OpenAI accepts, including those of earlier turns",
        remedy=FEWER,
        source="anomalyco/opencode#39677; Azure/azure-rest-api-specs#46145",
        date="2026-09-06",
        unit="images",
    ),
    ErrorPattern(
        wording="image size must be over {between} at most {limit} bytes",
        rule=IMAGE_BYTES,
        meaning="one image has more bytes than the service accepts, or none",
        remedy=SMALLER,
        source="Azure OpenAI; its exact text is not known",
        date="2026-11",
        unit="bytes",
        loose=True,
        era="not seen verbatim",
    ),
    ErrorPattern(
        wording="{problem}'{place}'",
        rule=None,
        also=("IB002", "IB001", "IB104", "IB105", "IB106", "IB403", "IB404"),
        meaning="the API refuses the value at this place of the request",
        remedy="correct the value at this place; `imgbudget explain --request FILE` shows the block",
        source="the form of openai/codex#32287 and openai/openai-node#1030",
        date="2026-07-10",
        loose=True,
    ),
)

_GEMINI = (
    ErrorPattern(
        wording="Invalid value at '{place}' (TYPE_BYTES), Base64 decoding failed",
        rule=BASE64,
        also=("IB403",),
        meaning="the data of an image is not base64: a url, or a data URL with its prefix",
        remedy="send the base64 text alone in inline_data, a url in file_data",
        source="danny-avila/LibreChat#6593; musistudio/claude-code-router#845",
        date="2025-03-28 to 2026-02-23",
    ),
    ErrorPattern(
        wording="Provided image is not valid",
        rule=UNREADABLE,
        also=("IB104", "IB105"),
        meaning="the bytes are not an image that the API can decode",
        remedy="open the file in a viewer and save it again",
        source="AmberSahdev/Open-Interface#64",
        date="2025-08-31",
    ),
)

_BEDROCK = (
    ErrorPattern(
        wording="This model doesn't support the image field",
        rule=TEXT_ONLY,
        also=("IB404",),
        meaning="the model takes no images, or none at this place: some models refuse images inside a tool "
        "result that they take in a user message",
        remedy="move the image behind the tool result, or use a model that takes images",
        source="can1357/oh-my-pi#11685",
        date="2026-09-11",
    ),
    ErrorPattern(
        wording="This model doesn't support the {tag} field",
        rule=SOURCE,
        also=("IB404",),
        meaning="the model does not accept this field; an S3 location is for Amazon Nova models only",
        remedy="send the image as bytes, or use a Nova model",
        source="strands-agents/harness-sdk#3610 and reports",
        date="2026-08-03",
    ),
    ErrorPattern(
        wording="Input is too long",
        rule=CONTEXT,
        also=("IB401", "IB402"),
        meaning="the request, including its images, is longer than the model's context window",
        remedy="send fewer or smaller images, or use a model with a longer context",
        source="reports of Bedrock sessions",
        date="2026",
    ),
    ErrorPattern(
        wording="Value at '{place}' failed to satisfy constraint: Member must satisfy enum value set",
        rule=MEDIA_TYPE,
        also=("IB104",),
        meaning="the value is not one of those that the message lists; formats are lower case, and a JPEG is "
        "jpeg, not jpg",
        remedy="use one of the values that the message lists",
        source="NousResearch/hermes-agent#55429",
        date="2026-09-02",
    ),
    ErrorPattern(
        wording="The provided image does not match the specified image format",
        rule=MEDIA_TYPE,
        meaning="the declared format is not that of the bytes",
        remedy="declare the actual format of the image; `imgbudget check` names it",
        source="boto/boto3#4415",
        date="2025-01-29",
    ),
    ErrorPattern(
        wording="Value at 'body' failed to satisfy constraint: Member must have length less than or equal to "
        "{limit}",
        rule=PAYLOAD,
        meaning="the body of InvokeModel is longer than the service accepts",
        remedy=SHRINK_BODY,
        source="botocore 1.44.8, service model of bedrock-runtime; the form of hermes-agent#55429",
        date="2026-11",
        unit="bytes",
        era="not seen verbatim",
    ),
)

_NO_IMAGES = tuple(
    ErrorPattern(
        wording=wording,
        rule=TEXT_ONLY,
        meaning="an image goes to a model that takes none; images of earlier turns count too, so a session "
        "fails after a switch of model",
        remedy=OTHER_MODEL,
        source=source,
        date=date,
        status=status,
    )
    for wording, source, date, status in (
        (
            "No endpoints found that support image input",
            "HKUDS/OpenHarness#225; nexu-io/nexu#731",
            "2026-07",
            404,
        ),
        ("does not support image input", "open-webui#10592", "2025-02-22", 400),
        ("does not accept image input", "anywhere-labs/dsh-desktop#21", "2026-08-15", 400),
        ("image_url is only supported by certain models", "a public thread", "2023-11-21", 400),
        ("image input is not supported", "a recorded answer of llama.cpp (rig)", "undated", 500),
    )
)

_SERVERS = (
    ErrorPattern(
        wording="Failed to load image or audio file",
        rule=UNREADABLE,
        also=("IB106", "IB104"),
        meaning="the server cannot decode the bytes of an image",
        remedy="open the file in a viewer and save it again, and encode it again",
        source="a recorded answer of llama.cpp (rig)",
        date="undated",
    ),
    ErrorPattern(
        wording="error: cannot make GET request",
        rule=None,
        meaning="the server could not download the image at a url; this cannot be checked before sending",
        remedy=PUBLIC_URL,
        source="a recorded answer of llama.cpp (rig)",
        date="undated",
        status=500,
        source_type="url",
    ),
)

OTHER_TEXTS = (*_AGENTS, *_OPENAI, *_GEMINI, *_BEDROCK, *_NO_IMAGES, *_SERVERS)
"""Texts as recorded, reported (2023-11 to 2026-09) or, where marked, only described."""
