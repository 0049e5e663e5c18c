"""Error texts as worded by the API and by servers in front of it, with the numbers of the reports."""

from typing import NamedTuple


class ErrorText(NamedTuple):
    """A text as it was seen, without envelope and location, and what it is known to say.

    `path` is the rest of the location behind `messages.<i>.content.<j>`, None for a text that has none.
    """

    text: str
    code: str | None
    path: str | None = None
    status: int = 400
    measured: float | None = None
    limit: float | None = None
    values: tuple[tuple[str, str], ...] = ()


_B64 = "image.source.base64"

TEXTS = (
    ErrorText(
        "image exceeds 10 MB maximum: 12504100 bytes > 10485760 bytes",
        "IB103",
        f"tool_result.content.1.{_B64}",
        measured=12_504_100,
        limit=10_485_760,
    ),
    ErrorText(
        "image exceeds 10 MB maximum: 13588412 bytes > 10485760 bytes",
        "IB103",
        _B64,
        measured=13_588_412,
        limit=10_485_760,
    ),
    ErrorText(
        "image exceeds 5 MB maximum: 5429176 bytes > 5242880 bytes",
        "IB103",
        _B64,
        measured=5_429_176,
        limit=5_242_880,
    ),
    ErrorText(
        "At least one of the image dimensions exceed max allowed size: 8000 pixels",
        "IB101",
        f"{_B64}.data",
        limit=8000,
    ),
    ErrorText(
        "At least one of the image dimensions exceed max allowed size: 8000 pixels",
        "IB101",
        "image.source.url",
        limit=8000,
    ),
    ErrorText(
        "At least one of the image dimensions exceed max allowed size for many-image requests: 2000 pixels",
        "IB102",
        f"{_B64}.data",
        limit=2000,
    ),
    ErrorText(
        "Too much media: 80 document pages + 21 images > 100",
        "IB402",
        measured=101,
        limit=100,
        values=(("pages", "80"), ("images", "21")),
    ),
    ErrorText(
        "Too much media: 0 document pages + 601 images > 600",
        "IB402",
        measured=601,
        limit=600,
        values=(("pages", "0"), ("images", "601")),
    ),
    ErrorText(
        "Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'",
        "IB105",
        f"{_B64}.media_type",
    ),
    ErrorText(
        "Image does not match the provided media type image/png",
        "IB105",
        f"{_B64}.data",
        values=(("declared", "image/png"),),
    ),
    ErrorText(
        "The image was specified using the image/jpeg media type, but the image appears to be a image/png "
        "image",
        "IB105",
        _B64,
        values=(("declared", "image/jpeg"), ("actual", "image/png")),
    ),
    ErrorText("Could not process image", "IB001"),
    ErrorText("invalid base64 data", "IB106", _B64),
    ErrorText("image cannot be empty", "IB106", _B64),
    ErrorText("text content blocks must be non-empty", "IB407"),
    ErrorText("'image' blocks are not permitted within assistant turns", "IB404"),
    ErrorText("Request exceeds the maximum size", "IB401", status=413),
    ErrorText("Request size exceeds model context window", "IB405", status=413),
    ErrorText("Unable to download the file. Please verify the URL and try again.", None, "image.source.url"),
    ErrorText("This URL is disallowed by the website's robots.txt file", None),
    ErrorText(
        "image dimensions 1920x1080 exceed the maximum image size of a model named on this request and would "
        "be downsized to 1456x819; scale the image to at most 1456x819 or set the image's oversized_image "
        'setting to "downsize"',
        "IB108",
        "",
        values=(("size", "1920x1080"), ("target", "1456x819")),
    ),
)
"""Every text that is quoted in public reports and guides, 2024-03 to 2026-09, in the old and new wording."""

OTHERS = (
    ErrorText(
        "An image in the conversation exceeds the dimension limit for many-image requests (2000px)",
        "IB102",
        limit=2000,
    ),
    ErrorText("An image in the conversation exceeds the dimension limit (8000 px)", "IB101", limit=8000),
    ErrorText("Image base64 size (8.4 MB) exceeds API limit (5.0 MB)", "IB103", measured=8.4, limit=5),
    ErrorText("Image base64 size (5.1MB) exceeds API limit", "IB103", measured=5.1),
    ErrorText("3 images exceed the API limit (5MB)", "IB103", limit=5, values=(("images", "3"),)),
    ErrorText("Image was too large. Double press esc to go back", "IB103"),
    ErrorText("Request too large (max 20MB)", "IB401", status=413, limit=20),
    ErrorText("Request too large (max 32 MB)", "IB401", status=413, limit=32),
    ErrorText(
        "request contains 52 images, exceeding the maximum of 50 allowed per request",
        "IB402",
        measured=52,
        limit=50,
    ),
    ErrorText(
        "Too many images in request: 11 images provided, but the model supports a maximum of 10 images.",
        "IB402",
        measured=11,
        limit=10,
    ),
    ErrorText("Image count 5 exceeds limit 4 per request.", "IB402", measured=5, limit=4),
    ErrorText("Exceeded maximum number of images (50) allowed in the request.", "IB402", limit=50),
    ErrorText("A maximum of 100 PDF pages may be provided.", "IB402", limit=100),
    ErrorText("Only HTTPS URLs are supported.", "IB409"),
    ErrorText("str is not valid UTF-8: surrogates not allowed: line 1 column 1 (char 0)", "IB410"),
    ErrorText("The request body is not valid JSON: no low surrogate in string: line 1 column 9", "IB410"),
    ErrorText(
        "The image you provided requires 30,420 patches after processing, exceeding the limit of 30000.",
        "IB101",
        measured=30_420,
        limit=30_000,
    ),
    ErrorText(
        "Expected a base64-encoded data URL with an image MIME type (e.g. 'data:image/png;base64,aW1n'), but "
        "got empty base64-encoded bytes.",
        "IB106",
    ),
    ErrorText(
        "Expected a base64-encoded data URL with an image MIME type (e.g. 'data:image/png;base64,aW1n'), but "
        "got unsupported MIME type 'image/svg+xml'.",
        "IB104",
    ),
    ErrorText("Image URLs are only allowed for messages with role 'user', but this message has one", "IB404"),
    ErrorText("The image data you provided does not represent a valid image.", "IB001"),
    ErrorText("You uploaded an unsupported image. Please make sure your image is valid.", "IB104"),
    ErrorText("Error while downloading https://example.com/test-image.jpg.", None),
    ErrorText(
        "Invalid value at 'contents[0].parts[2].inline_data.data' (TYPE_BYTES), Base64 decoding failed for x",
        "IB106",
    ),
    ErrorText("Provided image is not valid", "IB001"),
    ErrorText("This model doesn't support the image field for user messages.", "IB413"),
    ErrorText("This model doesn't support the s3Uri field", "IB403", values=(("tag", "s3Uri"),)),
    ErrorText("Input is too long for requested model.", "IB405"),
    ErrorText(
        "Value at 'messages.1.member.content.2.member.image.format' failed to satisfy constraint: Member "
        "must satisfy enum value set: [gif, jpeg, png, webp]",
        "IB105",
    ),
    ErrorText("The provided image does not match the specified image format.", "IB105"),
    ErrorText(
        "Value at 'body' failed to satisfy constraint: Member must have length less than or equal to "
        "25000000",
        "IB401",
        limit=25_000_000,
    ),
    ErrorText("No endpoints found that support image input", "IB413", status=404),
    ErrorText("The model does not support image input but some images are present in the request.", "IB413"),
    ErrorText('Model "deepseek-v4-flash" does not accept image input', "IB413"),
    ErrorText("Invalid content type. image_url is only supported by certain models.", "IB413"),
    ErrorText("image input is not supported - hint: you may need the mmproj", "IB413", status=500),
    ErrorText("Failed to load image or audio file", "IB001"),
    ErrorText("error: cannot make GET request", None, status=500),
    ErrorText("image size must be over 0 and at most 20971520 bytes", "IB103", limit=20_971_520),
    ErrorText("API Error: an image in the conversation could not be processed and was removed.", "IB001"),
    ErrorText(
        "image exceed max allowed size for many-image requests: 2000 pixels",
        "IB102",
        limit=2000,
    ),
    ErrorText("Image format image/png not supported", "IB104", values=(("declared", "image/png"),)),
    ErrorText(
        "too many images and documents: 21 + 0 > 20",
        "IB402",
        measured=21,
        limit=20,
        values=(("images", "21"), ("pages", "0")),
    ),
    ErrorText("missing required Copilot-Vision-Request header for vision requests", None),
    ErrorText("'Only PNG images are supported in assistant messages' functionality not supported.", "IB404"),
    ErrorText(
        "get file base64 from url failed: file size exceeds maximum allowed size: 20MB", "IB103", limit=20
    ),
    ErrorText("prompt is too long: 207944 tokens > 200000 maximum", "IB405", measured=207_944, limit=200_000),
    ErrorText(
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 144641 "
        "tokens. Please reduce the length of the messages.",
        "IB405",
        measured=144_641,
        limit=128_000,
    ),
    ErrorText("Request payload size exceeds the limit: 20971520 bytes.", "IB401", limit=20_971_520),
    ErrorText("Too many images in request. Max is 10.", "IB402", limit=10),
    ErrorText("too many images in the message, max allowed is 16", "IB402", status=500, limit=16),
    ErrorText("At most 1 image(s) may be provided in one request.", "IB402", limit=1),
    ErrorText("At most 4 image(s) may be provided in one prompt.", "IB402", limit=4),
    ErrorText(
        "Image 0 failed: Image exceeds the maximum allowed total pixels. Current dimensions: 4634x12324 = "
        "57109416 pixels. Maximum allowed: 36000000 pixels.",
        "IB101",
        measured=57_109_416,
        limit=36_000_000,
        values=(("size", "4634x12324"),),
    ),
    ErrorText("400 Bad Request: Image exceeds max pixels allowed. ", "IB101"),
    ErrorText(
        "InternalError.Algo.InvalidParameter: The image length and width do not meet the model restrictions. "
        "[height:1 or width:1 must be larger than 10]",
        None,
        limit=10,
    ),
    ErrorText("Failed to download image from IMG_9660.gif. Image size exceeds the limit.", "IB103"),
    ErrorText("Failed to download image from IMG_9660.gif.", None),
    ErrorText("Timeout while downloading https://x.example/app/a.png.", None),
    ErrorText("Timeout while downloading 20250503_162129.jpg.", None),
    ErrorText(
        "Unable to process input image. Please retry or report in https://developers.generativeai.google",
        "IB001",
    ),
    ErrorText("Unsupported MIME type: image/jpg", "IB104"),
    ErrorText("Unsupported MIME type: png", "IB104"),
    ErrorText(
        "* GenerateContentRequest.contents[0].parts[1].inline_data.mime_type: MIME type must be image/png, "
        "image/jpeg, image/webp, image/heic, or image/heif.",
        "IB105",
    ),
    ErrorText(
        "Unhandled generated data mime type: image/jpeg", "IB105", values=(("declared", "image/jpeg"),)
    ),
    ErrorText("illegal base64 data at input byte 4", "IB106", measured=4),
    ErrorText("invalid image input", "IB106"),
    ErrorText("'url' field must be a base64 encoded image.", "IB403"),
    ErrorText(
        "Unsupported image format: pdf. Supported formats: ['png', 'jpeg', 'gif', 'webp']",
        "IB104",
        status=500,
        values=(("tag", "pdf"),),
    ),
    ErrorText(
        "litellm.BadRequestError: AnthropicException - Image url not in expected format.",
        "IB403",
    ),
    ErrorText("Anthropic only supports base64-encoded images currently.", "IB403", status=500),
    ErrorText("'data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQ...' is not a valid absolute URI", None),
    ErrorText(
        "Failed to deserialize the JSON body into the target type: messages[0]: unknown variant `image_url`, "
        "expected `text` at line 1 column 18254",
        "IB413",
    ),
    ErrorText(
        "messages[2]: data did not match any variant of untagged enum ChatCompletionRequestContent at line 1",
        "IB413",
        status=422,
    ),
    ErrorText("messages[1]: invalid type: sequence, expected a string at line 17", "IB413", status=422),
    ErrorText("Image input modality is not enabled for models/gemma-3-27b-it", "IB413"),
    ErrorText("Model does not support images. Please use a model that does.", "IB413"),
    ErrorText(
        "Invalid 'messages[1].content[1].image_url.url': string too long. Expected a string with maximum "
        "length 20971520, but got a string with length 27000000 instead.",
        "IB103",
        measured=27_000_000,
        limit=20_971_520,
    ),
    ErrorText("messages[1].content must be a string", "IB413"),
    ErrorText("'messages.0.content' : value must be a string", "IB413"),
    ErrorText(
        "body -> messages -> 0 -> content -> list[TextContentPart] -> 0 -> type: Input should be 'text'",
        "IB413",
        status=422,
    ),
    ErrorText("<400> [Unexpected item type in content]", "IB413"),
    ErrorText("Cannot preprocess image len(combined_imgs) = 1, len(image_ranges) = 0", "IB413"),
    ErrorText("Value error, `limit_mm_per_prompt` is only supported for multimodal models.", "IB413"),
    ErrorText(
        "The server was not compiled for multimodal or the model projector can't be loaded.",
        "IB413",
        status=500,
    ),
    ErrorText("prompting with images is incompatible with system messages", None),
    ErrorText("ValueError: Only string image_url content parts are supported.", "IB403"),
    ErrorText(
        '"message":"Param Incorrect","param":"`text` is not set"',
        "IB404",
    ),
    ErrorText("Image URL domain 'upload.wikimedia.org' is not allowed.", None),
    ErrorText("image media type is required", "IB105"),
    ErrorText("图片输入格式/解析错误", "IB001"),
    ErrorText(
        "prepare image failed error, status code: 400, message: failed to decode image: invalid or "
        "unsupported image format",
        "IB001",
    ),
    ErrorText(
        "You set image=2 (or defaulted to 1) in `--limit-mm-per-prompt`, but passed 3 image items in the "
        "same prompt.",
        "IB402",
        measured=3,
        limit=2,
    ),
    ErrorText(
        "The attached image or document is too large to send natively through CAPI Responses. Try a smaller "
        "attachment or fewer attachments. (9.1 MB request; 5.0 MB limit)",
        "IB401",
        status=413,
        measured=9.1,
        limit=5,
    ),
    ErrorText("The request is too large to send through CAPI Responses.", "IB401", status=413),
    ErrorText(
        "The input token count (1050890) exceeds the maximum number of tokens allowed (32768).",
        "IB405",
        measured=1_050_890,
        limit=32_768,
    ),
    ErrorText(
        "The decoder prompt (length 337896) is longer than the maximum model length of 128000. Make sure "
        "that `max_model_len` is no smaller than the number of text tokens plus multimodal tokens.",
        "IB405",
        measured=337_896,
        limit=128_000,
    ),
    ErrorText(
        "The prompt (total length 25938) is too long to fit into the model (context length 4096).",
        "IB405",
        measured=25_938,
    ),
    ErrorText("messages.content.type 参数非法，取值范围 ['text']", "IB413"),  # noqa: RUF001 - quoted
    ErrorText(
        "Invalid type for 'messages[0].content[1].image_url': expected an object, but got a string", "IB002"
    ),
)
"""Texts of agents, gateways and other vendors, from public reports of 2023-11 to 2026-09 and recordings."""
