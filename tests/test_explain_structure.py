"""`imgbudget explain`: errors about images in wordings of no list, and errors about other things."""

import json

import pytest

from imgbudget.explaining.match import Match, explain
from tests.conftest import Command

STRUCTURED = (
    ("too many images provided. This model supports up to 5 images", "IB402"),
    ("Maximum of 20 images per request exceeded", "IB402"),
    ("Only 1 image is supported per request", "IB402"),
    ("The number of images in the request exceeds the limit of 20", "IB402"),
    ("Request contains 31 images but the maximum allowed is 30", "IB402"),
    ("You have exceeded the maximum number of images (16) per message", "IB402"),
    ("image count exceeds the maximum of 250", "IB402"),
    ("This model supports at most 8 images", "IB402"),
    (
        (
            "The request contains too many images: 11 images were provided, but "
            "the model supports a maximum of 10 images."
        ),
        "IB402",
    ),
    ("image size 5.2 MB exceeds 5 MB limit", "IB103"),
    ("Image is too large: 12.3MB (max 10MB)", "IB103"),
    ("The image file is larger than 20MB", "IB103"),
    ("Image exceeds the size limit of 20971520 bytes", "IB103"),
    ("base64 image must be smaller than 4 MB", "IB103"),
    ("Image too large", "IB103"),
    ("Max image size is 4MB, got 6.1MB", "IB103"),
    (
        (
            "Invalid 'messages[1].content[1].image_url.url': string too long. Expected a "
            "string with maximum length 20971520, but got a string with length "
            "27000000 instead."
        ),
        "IB103",
    ),
    ("image exceeded 20 MB maximum: 21000000 bytes >= 20971520 bytes", "IB103"),
    ("Image dimensions 9000x12000 exceed maximum of 8000x8000 pixels", "IB101"),
    ("Image resolution is too high: maximum 4096 pixels", "IB101"),
    ("image width must be at most 8192 px", "IB101"),
    ("image dimensions exceed the maximum allowed (8000px)", "IB101"),
    ("absolute aspect ratio must be smaller than 200, got 240.0", "IB101"),
    ("The aspect ratio of the image is too large", "IB101"),
    (
        (
            "Unable to resize image — dimensions exceed the 2000x2000px limit and image processing "
            "failed. Please resize the image to reduce its pixel dimensions."
        ),
        "IB101",
    ),
    (
        (
            "Image size (181000000 pixels) exceeds limit of 178956970 pixels, "
            "could be decompression bomb DOS attack."
        ),
        "IB101",
    ),
    ("Unsupported image format: image/tiff", "IB104"),
    ("Image type image/bmp is not supported", "IB104"),
    ("image/heic is not supported. Supported formats: jpeg, png, gif, webp", "IB104"),
    ("invalid image format. Must be one of png, jpeg, webp", "IB104"),
    ("Invalid MIME type. Only image types are supported.", "IB104"),
    ("Unsupported content type 'image/svg+xml'", "IB104"),
    ("The media type image/png does not match the image data (image/jpeg)", "IB105"),
    ("Failed to decode base64 image", "IB106"),
    ("Invalid base64 image_url.", "IB106"),
    ("Incorrect padding in base64 data", "IB106"),
    ("base64 string of the image is malformed", "IB106"),
    ("Image data is empty", "IB106"),
    ("empty image", "IB106"),
    ("Failed to decode image", "IB001"),
    ("The image could not be decoded", "IB001"),
    ("image is corrupted", "IB001"),
    ("Cannot read image data", "IB001"),
    ("cannot identify image file <_io.BytesIO object at 0x7f>", "IB104"),
    ("image file is truncated (23 bytes not processed)", "IB001"),
    ("Image processing failed: could not open the image", "IB001"),
    ("invalid image data", "IB001"),
    ("Failed to download image from https://x.example/a.png: 404", None),
    ("Could not fetch image at https://x.example/a.png", None),
    ("Unable to access the image url", None),
    ("Cannot fetch content from the provided URL https://x/a.png image", None),
    ("Image URLs are not supported, send base64", "IB403"),
    ("Only base64 encoded images are supported", "IB403"),
    ("image_url must be a data URL", "IB403"),
    ("unsupported image url: https://x.example/a.png", "IB403"),
    ("This model does not support image inputs", "IB413"),
    ("Image inputs are not supported by this model", "IB413"),
    ("llama-3.1-8b is not a multimodal model", "IB413"),
    ("The model grok-3 doesn't support images", "IB413"),
    ("vision is not enabled for this model", "IB413"),
    ("this model is missing data required for image input", "IB413"),
    ("AI_UnsupportedFunctionalityError: 'image-part' functionality not supported.", "IB413"),
    ("unknown content type: image_url", "IB413"),
    ("'Image content parts in tool results' functionality not supported", "IB413"),
    ("Images are only allowed in user messages", "IB404"),
    ("image content is not allowed in assistant messages", "IB404"),
    ("System messages cannot contain images", "IB404"),
    ("tool messages do not support image_url content", "IB404"),
    ("Request payload size exceeds the limit of 20971520 bytes", "IB401"),
    ("request body too large: 45.2 MB exceeds 32 MB", "IB401"),
    ("HTTP 413: Payload Too Large", "IB401"),
    ("total size of images exceeds 50MB", "IB401"),
    ("Total image payload too large: 52 MB > 50 MB", "IB401"),
    ("messages.12.content.3.image.source.base64.data: the image is cursed", None),
    ("image dimensions exceed max allowed size for many-image requests: 2000 pixels", "IB102"),
    ("messages.5: 23 images in the request: with many images each dimension must be below 2000 px", "IB102"),
    ("Image size too large, limit is 5MB", "IB103"),
    ("The provided image exceeds the maximum resolution of 4096 x 4096", "IB101"),
    ("image width or height is too small, at least 28 px", None),
    ("Invalid image: The image is too small", None),
    ("OpenAIException - Image content is not supported for O-1 models.", "IB413"),
    ("The current model does not support vision.", "IB413"),
    ("image inputs are only valid for vision models", "IB413"),
    ("the model is not built with multimodal support", "IB413"),
    ("image=1 is set, but got 4 images", "IB402"),
    ("the image media type is missing", "IB105"),
    ("png: invalid format: not enough pixel data", "IB001"),
    ("invalid JPEG format: short Huffman data", "IB001"),
    (
        "{'error': {'message': 'Invalid image.', 'type': 'image_parse_error', 'param': None, 'code': None}}",
        "IB001",
    ),
    ("image_parse_error: unsupported image", "IB001"),
    ("Error processing image: invalid dimensions", "IB001"),
    ("Multimodal is not supported for this model", "IB413"),
    ('{"error":{"code":"invalid_image_url","message":"Unable to use the given url","param":"url"}}', "IB409"),
    ('{"error":{"code":"image_too_large","message":"x"}}', "IB101"),
    ('{"error":{"code":"invalid_image","message":"y"}}', "IB001"),
    ("Image exceeds maximum file size of 4 MB", "IB103"),
    ("Your image is bigger than the allowed 20 MB", "IB103"),
    ("The uploaded picture is too big (max. 10 MB)", "IB103"),
    ("file too large: image must be under 5242880 bytes", "IB103"),
    ("Image #3 is 6.2 MB; maximum is 5 MB", "IB103"),
    ("Base64 image data exceeds 10MB limit", "IB103"),
    ("image_url data exceeds maximum size", "IB103"),
    ("Image has too many pixels: 120000000 > 100000000", "IB101"),
    ("Image width 9000 exceeds limit 8192", "IB101"),
    ("The image's longest side must not exceed 8000 pixels", "IB101"),
    ("Image dimensions too large", "IB101"),
    ("Images must be at most 1568 px on the long edge", "IB101"),
    ("image height must be between 28 and 8192 pixels", "IB101"),
    ("Invalid image dimensions: 10000x10000", "IB101"),
    ("More than 20 images are not supported", "IB402"),
    ("You can only attach up to 10 images", "IB402"),
    ("Exceeded image limit: 100", "IB402"),
    ("Number of images (25) exceeds the maximum (20)", "IB402"),
    ("request has 120 image blocks, max is 100", "IB402"),
    ("Maximum number of images reached (16)", "IB402"),
    ("limit of 5 images per prompt exceeded", "IB402"),
    ("Model supports only one image per message", "IB402"),
    ("Unsupported image type: tiff", "IB104"),
    ("The image format 'HEIC' is not supported", "IB104"),
    ("Image must be a PNG or JPEG", "IB104"),
    ("Invalid file type: only PNG, JPEG, GIF and WebP are allowed", "IB104"),
    ("unrecognized image format", "IB104"),
    ("unknown image format", "IB104"),
    ("image: unknown format", "IB104"),
    ("Cannot determine image format", "IB104"),
    ("Unsupported mimeType image/x-icon", "IB104"),
    ("Declared media type image/png but image is image/webp", "IB105"),
    ("Image media type mismatch: expected image/png, got image/jpeg", "IB105"),
    ("mime type does not match image content", "IB105"),
    ("Invalid base64 encoding for image", "IB106"),
    ("image data is not valid base64", "IB106"),
    ("Base64 decoding failed", "IB106"),
    ("could not decode base64 string in image_url", "IB106"),
    ("The image is empty", "IB106"),
    ("image has zero bytes", "IB106"),
    ("Image could not be processed", "IB001"),
    ("unable to load image", "IB001"),
    ("Invalid or corrupted image", "IB001"),
    ("Image appears to be corrupt", "IB001"),
    ("Error decoding image", "IB001"),
    ("The provided image is not valid", "IB001"),
    ("failed to process image: unexpected EOF", "IB001"),
    ("OSError: broken data stream when reading image file", "IB001"),
    ("Error downloading image: HTTP 404", None),
    ("failed to fetch image_url: timeout", None),
    ("could not retrieve the image from the URL", None),
    ("Image URL is not accessible", None),
    ("Image fetch failed with status 403", None),
    ("model does not have vision capabilities", "IB413"),
    ("This model cannot process images", "IB413"),
    ("Image input is disabled for this model", "IB413"),
    ("model is text-only and cannot accept images", "IB413"),
    ("Vision is not supported", "IB413"),
    ("multimodal input not supported", "IB413"),
    ("'image_url' content type is not supported", "IB413"),
    ("content type 'image_url' is not supported by this model", "IB413"),
    ("Unexpected content type: image", "IB413"),
    ("input_image is not supported", "IB413"),
    ("images are not allowed in system prompts", "IB404"),
    ("image blocks may only appear in user turns", "IB404"),
    ("Invalid role for image: assistant", "IB404"),
    ("Only data URLs are supported for images", "IB403"),
    ("http image URLs are not allowed", "IB403"),
    ("image_url must start with data:image/", "IB403"),
    ("remote images are not supported; send base64", "IB403"),
    ("payload too large", "IB401"),
    ("Request body is too large. Max 4.5 MB", "IB401"),
    ("request exceeded the 32MB limit", "IB401"),
    ("the total size of all images is over 20 MB", "IB401"),
    ("messages.4.content.2.image.source: field required", None),
    ("FUNCTION_PAYLOAD_TOO_LARGE 413 Request Entity Too Large", "IB401"),
)
"""Wordings in the manner of many vendors, none of them in the list of texts, and the rule of each."""

UNRELATED = (
    "Rate limit reached for gpt-4o in organization org-x on input images per min (IPM): Limit 50, Used 50",
    "429 Too Many Requests: image requests per minute exceeded",
    "Request too large for gpt-4o in organization on tokens per min (TPM): Limit 30000, Requested 52000",
    "Incorrect API key provided: sk-xxx",
    "Overloaded",
    "529 overloaded_error: Overloaded",
    "Your credit balance is too low to access the Anthropic API.",
    "messages.1.content.0: Invalid `signature` in `thinking` block",
    "max_tokens: 128001 > 64000, which is the maximum allowed number of output tokens",
    "tool_use ids were found without tool_result blocks immediately after: toolu_01",
    "Error response from daemon: pull access denied, failed to pull image nginx:latest",
    'Failed to pull image "nginx:1.9": rpc error: code = Unknown desc = image not found',
    "invalid reference format: repository name must be lowercase; invalid image name",
    'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 3',
    "Authorization header: invalid base64 credentials",
    (
        "Your request was rejected as a result of our safety system. The image may contain "
        "content that is not allowed"
    ),
    "image generation is not supported for this model",
    "Image generation failed: internal error",
    "Container image size exceeds the limit of 10 GB",
    "no space left on device",
    "File content (29903 tokens) exceeds maximum allowed tokens (25000)",
    "git: fatal: pathspec 'images/a.png' did not match any files",
    "MIME type ('text/html') is not executable",
    "The response was aborted",
    "Connection error.",
    "ENOENT: no such file or directory, open 'image.png'",
    "Cannot find module './images/logo.png'",
    "upstream connect error or disconnect/reset before headers",
    "context deadline exceeded",
    "You have exceeded your current quota, please check your plan and billing details",
    "Invalid image tag: v1.0.0",
    "model: claude-3-opus not found",
    "This request would exceed your organization's rate limit of 40,000 input tokens per minute",
    "Unsupported parameter: 'max_tokens' is not supported with this model",
    "temperature is not supported with this model",
    "This model does not support tools",
    "does not support system messages",
    "Response stalled mid-stream",
    "recursion depth exceeded",
    "maximum number of tools exceeded: 128",
    "Timeout while waiting for response",
    "The vision of our company is not supported",
    "invalid_grant: token expired",
    "Error: image optimization failed: next/image hostname not configured",
    "Failed to load image: net::ERR_BLOCKED_BY_CLIENT",
    "Prompt exceeds max length of 1000 characters",
    "Tool result too large",
    "Stream ended without finishing",
    "Please run /login · API Error: 401 OAuth access token has expired",
    "PDF is password protected",
    "Audio input is not supported by this model",
    "video is not supported",
    "file type application/zip not supported",
    "image generated successfully",
    "Docker: no matching manifest for linux/arm64 in the manifest list entries, invalid image",
    "Failed to build image: exit code 1",
    "Error: Image 'foo' not found in namespace default (kubernetes)",
    "Invalid value for 'size': '4096x4096'. Supported values are '1024x1024' (images/generations)",
    "The request timed out",
    "The file could not be uploaded",
    "Video too large: max 2 GB",
    "Attachment exceeds 25 MB (Gmail)",
    "Max retries exceeded",
    "maximum recursion depth exceeded",
    "The prompt is empty",
    "stream disconnected before completion: idle timeout",
    "Unknown model: gpt-9",
    "Your organization must be verified to use the model",
    "Conversation not found",
    "tool `view_image` is not available",
    "Failed to read file: permission denied",
    "The server had an error while processing your request",
    "Cannot read properties of undefined (reading 'image')",
    "TypeError: image.map is not a function",
    "git lfs: file exceeds 100 MB",
    "JWT: illegal base64 data at input byte 0",
    "audio file too large: 26214400 bytes, max 25 MB",
    "Message too long: exceeds 4000 characters",
    "no endpoints found that support tool use",
    "this model does not support streaming",
    "Picture of the day failed to load in RSS",
    "Invalid payload: missing field 'name'",
    "Error 418",
    "fetch failed",
    "Service is at capacity for image requests",
    "Request rate exceeds limit",
    "Insufficient permissions to access image bucket: 403 AccessDenied",
    "ENOSPC: no space left on device, write",
    "exceeded maximum allowed number of tokens per minute for images",
    "WARNING: image tag missing alt attribute",
    "your prompt may contain prohibited image content",
    "heap out of memory",
    "No endpoints found that support the requested output modalities: image, text",
    "Segmentation fault (core dumped) while rendering image",
)
"""Errors that have words of the others."""


def only(text: str) -> Match:
    """The one error of a text."""
    (match,) = explain(text).matches
    return match


def in_a_log(text: str) -> str:
    """The text in a log between others, after the status of the API."""
    noise = [f"2026-11-29 10:00:0{i} INFO job {i} done" for i in range(6)]
    return "\n".join([*noise, f"2026-11-29 10:00:07 ERROR API Error: 400 {text}", *noise])


def in_json(text: str) -> str:
    """The text as the message of an error."""
    return json.dumps({"error": {"message": text, "type": "invalid_request_error", "code": None}}, indent=1)


@pytest.mark.parametrize(("text", "code"), STRUCTURED, ids=lambda value: str(value)[:40])
def test_errors_in_other_words(text: str, code: str | None) -> None:
    """The rule is known from the words, over several lines, in JSON, in a log and in capitals."""
    for words in (text.replace(" ", "\n  ", 2), in_json(text), in_a_log(text).upper()):
        found = only(words).pattern
        assert (found.rule.code if found.rule else None) == code, words
        assert found.remedy


@pytest.mark.parametrize("text", UNRELATED, ids=lambda value: value[:40])
def test_errors_about_other_things(text: str) -> None:
    """None is taken for an error about an image, in whatever it is wrapped."""
    for words in (text, in_a_log(text)):
        assert explain(words).matches == (), words


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("429 rate_limit_error: This request would exceed your rate limit", "a rate limit or quota"),
        (
            '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
            "an overloaded service",
        ),
        ("401 authentication_error: invalid x-api-key", "authentication"),
        ("Your credit balance is too low to access the API", "billing"),
        ("connect ECONNREFUSED 127.0.0.1:4000", "the connection"),
        ("messages.1: `tool_use` ids were found without `tool_result` blocks", "the order of turns"),
        ("Failed to pull image nginx: manifest for nginx:latest not found", "containers, disks or secrets"),
        ("nobody has seen this", None),
    ],
)
def test_what_other_errors_are_about(text: str, about: str | None, imgbudget: Command) -> None:
    """An error that is not about an image is named as such, and is no match: exit code 1."""
    (other,) = explain(text).unknown
    assert other.about == about
    run = imgbudget("explain", text)
    assert run.code == 1
    assert (f"not about an image, but {about}" in run.out) == (about is not None)
    assert imgbudget("explain", text, "--format", "json").json["unknown"][0]["about"] == about


@pytest.mark.parametrize(
    ("text", "measured", "limit"),
    [
        ("image size 5'242'881 bytes exceeds 5.242.880 bytes", 5_242_881, 5_242_880),
        ("Image is 12,5 MB, the maximum is 10 MB for an image", None, 10),
        ("image exceeds 5 MB maximum: 5 429 176 bytes > 5 242 880 bytes", 5_429_176, 5_242_880),
        ("image exceeds 5 MB maximum: 5_429_176 bytes > 5,242,880 bytes", 5_429_176, 5_242_880),
        ("Request contains 31 images but the maximum allowed is 30", 31, 30),
        ("Image is too large: 12.3MB (max 10MB)", 12.3, 10),
        ("Max image size is 4MB, got 6.1MB", 6.1, 4),
        ("This model supports at most one image", None, 1),
    ],
)
def test_numbers_in_any_writing(text: str, measured: float | None, limit: float) -> None:
    """Thousands may be separated by anything; the limit is not confused with what was measured."""
    match = only(text)
    assert (match.measured, match.limit) == (measured, limit)


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("messages.3.content.1: The provided image is corrupted", "messages.3.content.1"),
        (
            "messages.12.content.3.image.source.base64.data: the image is cursed",
            "messages.12.content.3.image.source.base64.data",
        ),
        ("contents[0].parts[1].inline_data: bad picture bytes", "contents[0].parts[1].inline_data"),
        ("The image at input[4].content[2].image_url could not be decoded", "input[4].content[2].image_url"),
        (
            "> messages.\n>   7.content.2.image.source.base64: Could not process image",
            "messages.7.content.2.image.source.base64",
        ),
        (
            "\u2502 messages.7.content.2.image: Could not \u2502\n\u2502 process image        \u2502",
            "messages.7.content.2.image",
        ),
        (
            (
                "messages.37.content.0.image.source.base64.data: At least one of the "
                "image dimen\nsions exceed max allowed size: 8000 pixels"
            ),
            "messages.37.content.0.image.source.base64.data",
        ),
    ],
)
def test_places_in_any_writing(text: str, location: str) -> None:
    """The place is found in the sentence, over the lines of a terminal, behind the marks of a quotation."""
    assert only(text).location == location


def test_lines_of_a_program_are_no_errors_of_an_api() -> None:
    """In a log, only a line that shows an API's error is read by its words."""
    log = "INFO start\nWARN Failed to load image logo.png\nINFO the image could not be read\ndone\nend"
    assert explain(log).matches == ()
