"""The public function `crop`."""

from typing import Unpack

from imgbudget.api.settings import ModelSettings, run_options
from imgbudget.discovery.walk import StrPath, one_path
from imgbudget.fixing.cropping import Crop, crop_image, format_named, target_of, write_crop
from imgbudget.linter.arguments import box_of, names_arguments, size_of
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.views import checked_box


@names_arguments
def crop(  # noqa: PLR0913 - keyword options
    image: StrPath,
    box: tuple[float, float, float, float],
    options: RunOptions | None = None,
    *,
    output: StrPath | None = None,
    sent: tuple[int, int] | None = None,
    client: str | None = None,
    **settings: Unpack[ModelSettings],
) -> Crop:
    """Cut a part out of an image file, at full resolution as far as the model keeps it.

    `box` is left, top, right and bottom in px of the image that the model saw: in the size that the API makes
    of the file, of the size `sent`, or of what the `client` (an agent) sends. What it cuts is turned upright
    by the EXIF orientation. The result has the bytes, the part in px of the original, and `to_original` for
    points that the model returns of it. It is written to `output` if that is given, which must not exist
    yet; its extension chooses the format.

    Raises:
        UsageError: a file that is no image, an empty box or one outside the image, an unknown client or
            platform, or a provider that does not publish how it downscales images.
        WriteError: `output` exists or cannot be written.
        ConfigError: an invalid configuration.
    """
    seen_in = None if sent is None else size_of(sent, "sent")
    path = one_path(image, "image")
    file = None if output is None else one_path(output, "output")
    asked = run_options(options, settings)
    if client is not None:
        asked = asked._replace(client=client)
    session = Session(asked._replace(pixels=False, text=False, nested=True))
    found = crop_image(
        path,
        checked_box(*box_of(box, "box")),
        target_of(session, path),
        sent=seen_in,
        form=None if file is None else format_named(file),
    )
    return found if file is None else write_crop(found, file)
