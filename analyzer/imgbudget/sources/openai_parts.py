"""Content parts of OpenAI's two APIs as typed subjects, as gateways accept them for Claude models."""

from typing import Any

from imgbudget.model import Block, DocumentUse, ImageUse, Origin, Other, Place
from imgbudget.sources.reading import Reading, kind_of

_TEXTS = ("text", "input_text", "output_text")
_IMAGES = ("image_url", "input_image", "computer_screenshot")
_FILES = ("file", "input_file")
_SCHEME = 16
"""Characters at the beginning of an image's address that tell a data URI from a URL."""


def part_payload(item: dict[str, Any]) -> Any:
    """The data URI, or the URL, of an image part; None for any other object."""
    image = item.get("image_url")
    return image.get("url") if isinstance(image, dict) else image


def _detail(item: dict[str, Any]) -> str | None:
    """The `detail` of an image part, which stands beside the address in either API."""
    image = item.get("image_url")
    detail = image.get("detail") if isinstance(image, dict) else item.get("detail")
    return detail if isinstance(detail, str) else None


class PartReader(Reading):
    """Reads the content parts of one request."""

    __slots__ = ()

    def content(self, value: Any, place: Place, inside: tuple[str, ...]) -> tuple[Block, ...]:
        """The blocks of a `content`: a string, an array of parts, or nothing."""
        if value is None:
            return ()
        if isinstance(value, str):
            return (self.text(value, place),)
        if not isinstance(value, list):
            self.flaw(place, f"content is {kind_of(value)}, not a string or an array of parts")
            return ()
        return tuple(self.part(item, place.at(i), inside) for i, item in enumerate(value))

    def part(self, value: Any, place: Place, inside: tuple[str, ...]) -> Block:
        """One part."""
        if not isinstance(value, dict):
            self.flaw(place, f"a content part is {kind_of(value)}, not an object")
            return Other(place, kind_of(value))
        kind = value.get("type")
        if kind in _TEXTS and isinstance(value.get("text"), str):
            return self.text(value["text"], place)
        if kind in _IMAGES:
            return self._image(value, place, inside)
        if kind in _FILES:
            inner = value.get("file") if kind == "file" else value
            return self._file(inner if isinstance(inner, dict) else {}, place)
        return Other(place, kind if isinstance(kind, str) else "")

    def _image(self, value: dict[str, Any], place: Place, inside: tuple[str, ...]) -> ImageUse:
        if identity := self.reference(value.get("file_id")):
            return self.image(place, Origin.FILE_ID, inside, reference=identity, detail=_detail(value))
        place, address = place.at("image_url"), part_payload(value)
        if not isinstance(address, str):
            self.flaw(place, f"image_url is {kind_of(address)}, not a data URI or a URL")
            return self.image(place, Origin.UNKNOWN, inside)
        scheme, colon, _ = self.document.payload(address).text(_SCHEME).partition(":")
        detail = _detail(value)
        if scheme.lower() == "data":
            return self.base64_image(address, place, inside, prefixed=True, detail=detail)
        if not colon:
            remedy = 'begin it with "data:image/png;base64," or "https://"'
            self.flaw(place, "image_url is neither a data URI nor a URL", remedy)
            return self.image(place, Origin.UNKNOWN, inside)
        # the gateway may fetch it and send its bytes, so that no source type is claimed here
        return self.image(place, Origin.URL, inside, reference=self.reference(address), detail=detail)

    def _file(self, value: dict[str, Any], place: Place) -> DocumentUse:
        data = value.get("file_data")
        pages, size = self.pdf(data, prefixed=True) if isinstance(data, str) else (None, None)
        use = DocumentUse(
            place=place,
            origin=Origin.BASE64 if isinstance(data, str) else Origin.FILE_ID,
            pages=pages,
            byte_size=size,
        )
        self.documents.append(use)
        return use
