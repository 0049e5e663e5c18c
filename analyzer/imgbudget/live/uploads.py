"""Images of a request in the Files API: uploaded once each, named by id in the body, deleted on request."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

from imgbudget.errors import UsageError
from imgbudget.jsontext.base64text import inspect
from imgbudget.limits.bound import Limits
from imgbudget.live.answers import ApiError, answering, json_answer
from imgbudget.live.client import Connection
from imgbudget.live.outgoing import OutgoingBody
from imgbudget.model.subjects import ImageUse, Origin

FILES = "/v1/files"


class Uploads:
    """The files of a run. `ids` are those that were uploaded and not deleted, in order."""

    def __init__(self, connection: Connection, say: Callable[[str], None]) -> None:
        """Upload through a connection; `say` is told of each file."""
        self._connection = connection
        self._say = say
        self._known: dict[bytes, str] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the files."""
        return tuple(self._known.values())

    def put(self, body: OutgoingBody) -> int:
        """Upload the base64 images of a body and write file ids in their place; how many were replaced.

        Raises:
            ApiError: an upload failed.
            UsageError: the platform takes no file ids.
        """
        require_files(body.one.limits)
        count = 0
        for use, data in _images(body):
            file_id = self._upload(data, use)
            body.put(use.location.keys or (), {"type": "file", "file_id": file_id})
            count += 1
        return count

    def delete(self) -> tuple[str, ...]:
        """Delete what was uploaded; the ids that could not be deleted."""
        left = []
        for digest, file_id in list(self._known.items()):
            try:
                with answering(self._connection):
                    self._connection.client.files.delete(file_id)
            except (ApiError, UsageError):
                left.append(file_id)
            else:
                del self._known[digest]
        return tuple(left)

    def _upload(self, data: bytes, use: ImageUse) -> str:
        import httpx2  # noqa: PLC0415 - the SDK's own HTTP layer, loaded with it

        digest = sha256(data).digest()
        if digest not in self._known:
            form = (use.facts and use.facts.format) or "png"
            name = f"image-{len(self._known) + 1}.{form}"
            with answering(self._connection):
                response = self._connection.client.post(
                    FILES,
                    cast_to=httpx2.Response,
                    files=[("file", (name, data, f"image/{form}"))],
                    options={"headers": {"Content-Type": "multipart/form-data"}},
                )
            answer: Any = json_answer(response, self._connection, "id")
            self._known[digest] = str(answer["id"])
            self._say(f"uploaded {use.location.location} as {answer['id']} ({len(data):,} bytes)")
        return self._known[digest]


def require_files(limits: Limits) -> None:
    """Make sure that the platform takes file ids. Raises UsageError."""
    if "file" not in limits.source_types:
        raise UsageError(
            f"--upload: {limits.platform} takes no file ids in requests; it takes "
            f"{' and '.join(limits.source_types)} (platform limits)"
        )


def _images(body: OutgoingBody) -> Iterator[tuple[ImageUse, bytes]]:
    """The sound base64 images of a body with their bytes."""
    for use in body.request.images:
        if use.origin is not Origin.BASE64 or use.flaws:
            continue
        value: Any = body.document.value
        for key in use.location.keys or ():
            value = value[key]
        text = inspect(body.document.payload(value["data"]))
        yield use, text.read(text.byte_size, 0)
