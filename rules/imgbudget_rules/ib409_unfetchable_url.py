"""IB409 unfetchable-url."""

import re
from collections.abc import Iterator

from imgbudget.rule import Context, Level, Origin, Problem, Request, Severity, rule

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*(?=:)"
_PLACEHOLDERS = ("{", "$", "<", "%", "[", "…", "...")
"""Beginnings of an address that a template fills in later."""

_LOCAL = ("file", "blob", "sandbox", "cid", "content", "about", "chrome", "filesystem", "ms-appx")
"""Schemes of addresses that mean something on one machine, or in one program, only."""

_KEPT_ELSEWHERE = ("attachment:", "mlflow-attachment:")
"""What logs of inspect_ai and MLflow have in place of an image whose bytes were sent, and are elsewhere."""


@rule(
    "IB409",
    "unfetchable-url",
    level=Level.REQUEST,
    severity=Severity.ERROR,
    since="0.2",
    traits=("addresses",),
)
def unfetchable_url(request: Request, ctx: Context) -> Iterator[Problem]:
    """The address of an image is one that the API cannot fetch.

    ## Why it matters
    The API fetches the image itself, so the address must be reachable from its servers. `file:`, `blob:` and
    `sandbox:` addresses and paths without a scheme exist only where the request was made. Claude's API takes
    only `https:` and answers `Only HTTPS URLs are supported.`; base64 belongs into a source of type base64
    there, not into an address. The request is rejected, and in a conversation every later one too.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": "http://example.com/a.png"}}]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": "file:///home/me/a.png"}}]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": "images/a.png"}}]}]}
    ```
    ```json
    {"model": "gpt-4o", "platform": "openai", "messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": "sandbox:/mnt/data/a.png"}}]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]}]}
    ```

    A name that a template fills in later is no address yet:
    ```json
    {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": "{{ image_url }}"}}]}]}
    ```

    ## Fix safety
    There is no fix: imgbudget downloads nothing and publishes nothing. Send the bytes as base64, or the
    address of a file on a public server.

    ## Source
    Error text `Only HTTPS URLs are supported.` of the Messages API, public reports, 2026-11.
    """
    for use in request.images:
        address = (use.reference or "").strip()
        if not _is_address(use.origin, address) or address.startswith(_PLACEHOLDERS):
            continue
        if ctx.limits.source_types and (use.source_type or "url") not in ctx.limits.source_types:
            continue  # IB403
        if why := _obstacle(address, is_messages_api=ctx.limits.is_messages_api):
            yield Problem(
                message=f"{ctx.limits.api} cannot fetch the address of the image: {why}",
                help="send the bytes as base64, or the https address of a public file",
                location=use.location,
            )


def _is_address(origin: Origin, address: str) -> bool:
    """Whether a source names an address: Gemini has addresses of files and of pages in the same place."""
    if origin is Origin.FILE_ID:
        return address.partition(":")[0].lower() in _LOCAL
    return origin is Origin.URL and bool(address) and not address.startswith(_KEPT_ELSEWHERE)


def _obstacle(address: str, *, is_messages_api: bool) -> str | None:
    """Why the API cannot fetch an address, as a clause; None if it may."""
    found = re.match(_SCHEME, address)
    scheme = found[0].lower() if found else ""
    if not scheme or len(scheme) == 1:  # a single letter is a drive of Windows
        return "it is a path, which exists only where the request was made"
    if scheme in _LOCAL:
        return f"{scheme}: exists only where the request was made"
    if is_messages_api and scheme == "data":
        return "it is a data URI; only a source of type base64 may hold the image"
    if is_messages_api and scheme != "https":
        return f"it is {scheme}:, and only https: is supported"
    return None
