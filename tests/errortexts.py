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
    ErrorText("Only HTTPS URLs are supported.", None),
    ErrorText("str is not valid UTF-8: surrogates not allowed: line 1 column 1 (char 0)", None),
    ErrorText("The request body is not valid JSON: no low surrogate in string: line 1 column 9", None),
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
    ErrorText("This model doesn't support the image field for user messages.", None),
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
    ErrorText("No endpoints found that support image input", None, status=404),
    ErrorText("The model does not support image input but some images are present in the request.", None),
    ErrorText('Model "deepseek-v4-flash" does not accept image input', None),
    ErrorText("Invalid content type. image_url is only supported by certain models.", None),
    ErrorText("image input is not supported - hint: you may need the mmproj", None, status=500),
    ErrorText("Failed to load image or audio file", "IB001"),
    ErrorText("error: cannot make GET request", None, status=500),
    ErrorText("image size must be over 0 and at most 20971520 bytes", "IB103", limit=20_971_520),
)
"""Texts of agents, gateways and other vendors, from public reports of 2023-11 to 2026-09 and recordings."""
