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
    measured: int | None = None
    limit: int | None = None
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
