"""IB404 misplaced-image."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, Problem, Request, Severity, rule


@rule(
    "IB404",
    "misplaced-image",
    level=Level.REQUEST,
    severity=Severity.ERROR,
    since="0.1",
    traits=("images_elsewhere",),
)
def misplaced_image(request: Request, ctx: Context) -> Iterator[Problem]:
    """An image is in a part of the request where the API accepts none.

    ## Why it matters
    Claude's API accepts images in user turns, in tool results and in the content of documents. With an image
    in an assistant turn the request is rejected: `'image' blocks are not permitted within assistant turns`.
    The system prompt, search results and results of MCP tools may contain only text. An image in a `system`
    turn in the middle of a conversation is rejected too: such a turn is text.

    OpenAI's chat completions and training examples accept images in user messages only: `Image URLs are only
    allowed for messages with role 'user'`. The result of a tool is text there. OpenAI's responses accept them
    in user, system and developer messages and in the output of tools; what an assistant message may hold is
    text: `Supported values are: 'output_text' and 'refusal'`. An image in a file part is rejected by both:
    `Expected file type to be a supported format: .pdf but got .png`.

    ## Reports
    ```json
    {"system": ["<png 800x600>"], "messages": [{"role": "user", "content": "hello"}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": "draw a cat"},
        {"role": "assistant", "content": ["<png 800x600>"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "search_result", "source": "notes", "title": "a", "content": ["<png 800x600>"]}]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_01", "content": ["<png 800x600>"]}]}]}
    ```

    ## Silent
    ```json
    {"system": "be short", "messages": [{"role": "user", "content": ["<png 800x600>",
        {"type": "tool_result", "tool_use_id": "toolu_01", "content": ["<png 800x600>"]},
        {"type": "document", "source": {"type": "content", "content": ["<png 800x600>"]}}]}]}
    ```

    ## Fix safety
    There is no fix: the image has to move to another turn or part, and the text around it with it.

    ## Source
    SDK types, 2026-08 and 2026-11 (a system turn and the result of an MCP tool are a string or text blocks).
    Error texts: SEMOSS/Semoss#2323, 2026-04, a single report; OpenAI's, public reports, 2026-11. That of
    OpenAI's responses is from reports on `input_text` in an assistant message, 2026; of file parts,
    openai/openai-dotnet#709, 2025-09. AI SDK 6.0.326 sends `file-data` of tool results so.
    """
    if ctx.limits.is_messages_api:
        forbidden_part = _forbidden_part
    elif ctx.limits.platform in OPENAI and request.dialect in _OF_OPENAI:
        forbidden_part = _OF_OPENAI[request.dialect]
    else:
        return
    for use in request.images:
        if part := forbidden_part(use):
            yield Problem(
                message=f"image is in {part}",
                help="send it as an image part" if "file" in use.inside else "move it into a user turn",
                location=use.location,
            )


OPENAI = ("openai", "azure-openai", "openai-fine-tuning", "azure-openai-fine-tuning")
"""Platforms whose chat completions take images from the user only; servers of others may take them."""


def _forbidden_part(use: ImageUse) -> str | None:
    """The part of the request that must hold no image, with the API's reaction; None for an allowed part."""
    if "search_result" in use.inside:
        return "a search result; the API accepts only text there"
    if "mcp_tool_result" in use.inside:
        return "the result of an MCP tool; the API accepts only text there"
    if use.role == "assistant":
        return "an assistant turn; the API answers `'image' blocks are not permitted within assistant turns`"
    keys = use.location.keys or ()
    if keys[use.location.root : use.location.root + 1] == ("system",):
        return "the system prompt; the API accepts only text there"
    if use.role == "system":
        return "a system turn; the API accepts only text there"
    return None


def _forbidden_file(use: ImageUse) -> str | None:
    """As `_forbidden_part`, for a file part of either of OpenAI's APIs."""
    answer = "the API answers `Expected file type to be a supported format: .pdf`"
    return f"a file part; {answer}" if "file" in use.inside else None


def _forbidden_message(use: ImageUse) -> str | None:
    """As `_forbidden_part`, in a body of OpenAI's chat completions."""
    if part := _forbidden_file(use):
        return part
    answer = "the API answers `Image URLs are only allowed for messages with role 'user'`"
    if "tool_result" in use.inside:
        return f"a tool message; {answer}"
    return None if use.role == "user" else f"a message of role {use.role}; {answer}"


def _forbidden_output(use: ImageUse) -> str | None:
    """As `_forbidden_part`, in a body of OpenAI's responses, or in a session that is sent as one."""
    if part := _forbidden_file(use):
        return part
    keys = use.location.keys or ()
    where = use.location.prefix or keys[use.location.root :]
    if use.role != "assistant" or where[:1] != ("input",):
        return None
    return "an assistant message; the API answers `Supported values are: 'output_text' and 'refusal'`"


_OF_OPENAI = {
    "openai-chat": _forbidden_message,
    "openai-responses": _forbidden_output,
    "transcript": _forbidden_output,
}
"""By the dialect of a request."""
