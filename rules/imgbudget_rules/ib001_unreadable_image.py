"""IB001 unreadable-image."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule


@rule(
    "IB001",
    "unreadable-image",
    level=Level.IMAGE,
    severity=Severity.ERROR,
    since="0.1",
    needs=ProbeField.INTEGRITY,
)
def unreadable_image(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The bytes are not an image, or an image that cannot be decoded.

    ## Why it matters
    The API answers `Could not process image` and does not name the image. In a conversation the block is sent
    again with each turn, so one such image makes every later turn fail too. The usual causes are web pages
    saved under the name of an image, downloads that stopped early, pointers of Git LFS in place of the files,
    and images that were encoded twice: boto3 and google-genai encode the bytes that they get, and they take
    base64 for such.

    Decoders tolerate some damage (a few bytes missing after the image), and the API may accept it too. A file
    that ends early is reported nevertheless, because the model would see an image that is partly grey.

    Headers, tables and the ends of files are checked without decoding. `--decode` also decodes every image
    with Pillow, in a process that is bounded to 4 GiB of memory and 60 s an image, and reports what only that
    shows: broken picture data, wrong checksums of PNG, frames that cannot be decoded.

    ## Reports
    <html named=photo.png>
    <jpeg 4000x3000 damage="ends early">
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600 damage='ends early'>"]}]}
    ```

    ## Silent
    <jpeg 4000x3000>

    A known format that the API does not accept is IB104; base64 that is empty or cannot be decoded is IB106:
    <bmp 800x600>
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}]}]}
    ```

    ## Fix safety
    The missing data cannot be restored: create or download the file again. Only in the session of an agent
    is there a safe fix, because every later turn would be refused: the block gives way to a text that names
    the file, if the session does, and the reason.

    ## Source
    Error text: public issue reports of 2025 and 2026 (anthropics/claude-code#6175, #12616, #55492).
    """
    facts = use.facts
    if facts is None:
        return
    if facts.damage is not None:
        decoded = facts.damage.startswith("cannot be decoded")
        message = facts.damage if decoded else f"cannot be decoded: {facts.damage}"
    elif facts.format is None:
        message = f"is not an image but {facts.content or 'data of an unknown type'}"
    else:
        return
    if use.in_request and ctx.limits.is_messages_api:
        message += "; the API answers `Could not process image`"
    remedy = "create or download the image again, or leave it out"
    if facts.content == ENCODED:
        twice = "encode the bytes once; boto3 and google-genai encode them themselves"
        remedy = twice if use.in_request else "decode the base64 in it"
    elif facts.content == POINTER:
        remedy = "run `git lfs pull` in its repository, which downloads the image"
    yield Problem(message=message, help=remedy)


POINTER = "a Git LFS pointer (run `git lfs pull`)"
"""What the bytes are if the repository was cloned without its large files."""

ENCODED = "base64 text of an image"
"""What the bytes are if an image was encoded twice, or its base64 was written into a file."""
