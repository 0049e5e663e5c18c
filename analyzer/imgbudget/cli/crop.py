"""`imgbudget crop`: a part of an image at full resolution, by the coordinates that the model saw."""

import os
import re
from typing import Annotated, NamedTuple

from imgbudget.api.measuring import parse_size
from imgbudget.cli.command import Command, argument, option, written_files
from imgbudget.cli.completion import files, one_of
from imgbudget.cli.options import CLIENTS, ConfigOptions, ModelOptions, OutputOptions, run_options
from imgbudget.cli.output import chosen_formats, say_warnings, write_formats
from imgbudget.errors import UsageError
from imgbudget.fixing.cropping import Crop, beside, crop_image, format_named, target_of, write_crop
from imgbudget.linter.run import Session
from imgbudget.model.views import SeenBox, checked_box
from imgbudget.output.base import count, money
from imgbudget.printable import joined

FORMATS = ("full", "json")
_NUMBER = r"[+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})"
_BOX = re.compile(rf"({_NUMBER}),({_NUMBER}),({_NUMBER}),({_NUMBER})")


class CropOptions(NamedTuple):
    """The options of `crop`."""

    image: Annotated[str, argument("IMAGE", complete=files)]
    box: Annotated[str, argument("X,Y,X2,Y2")]
    output: Annotated[
        str | None,
        option(
            "-o",
            "--output",
            metavar="FILE",
            complete=files,
            help="New file to write, whose extension chooses the format; default: beside the image. A file "
            "that exists is never replaced.",
        ),
    ] = None
    sent: Annotated[
        str | None,
        option("--sent", metavar="WxH", help="Size that was sent, if the image was resized before sending."),
    ] = None
    client: Annotated[
        str | None,
        option(
            "--client",
            metavar="NAME",
            complete=one_of(CLIENTS),
            help="Agent that sent the image and will send the part: claude-code, codex, gemini-cli, "
            "opencode, qwen-code, pi or cline.",
        ),
    ] = None
    provider: ModelOptions = ModelOptions()
    out: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def crop(options: CropOptions) -> int:
    """Cut a part out of an image, by the coordinates in which the model saw the image.

    The box is its two corners in px of the image that the model saw, as in `imgbudget coords`. It is cut from
    the original at full resolution, turned upright by the EXIF orientation, and scaled down only if it has
    more px than the model keeps. Metadata is not copied; of an animation the first frame is cut. The result
    shows how to map points of the part to the original.
    """
    formats = chosen_formats(options.out.formats, FORMATS)
    box = _parse(options.box)
    asked = run_options(
        provider=options.provider,
        settings=options.settings,
        verbose=options.out.verbose,
        client=options.client,
    )
    session = Session(asked._replace(nested=True))
    form = None if options.output is None else format_named(options.output)
    sent = None if options.sent is None else parse_size(options.sent)
    target = target_of(session, options.image)
    cut = crop_image(options.image, box, target, sent=sent, form=form)
    output = options.output or beside(cut)
    if any(os.path.realpath(file) == os.path.realpath(output) for file in written_files(options)):
        raise UsageError(f"{output}: --format would replace the part; give one of them another name")
    made = write_crop(cut, output)
    write_formats(
        formats,
        options.out.color,
        text=lambda _colour: joined(text_lines(made)),
        document=made.to_dict,
    )
    say_warnings((*session.notes, *made.notes))
    return 0


def _parse(text: str) -> SeenBox:
    match = _BOX.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no box; write two corners X,Y,X2,Y2 in px, such as 120,80,640.5,400")
    return checked_box(*map(float, match.groups()))


def text_lines(made: Crop) -> list[str]:
    """The result in lines."""
    limits, (across, down), (left, top, right, bottom) = made.limits, made.scale, made.area
    seen = f"{limits.model} sees {made.view.size} as {made.view.seen.resized}"
    cost = ""
    if made.tokens is not None:
        cost = f", {count(made.tokens, 'token')} on {limits.model}, {money(limits.cost_usd(made.tokens))}"
    factor = "" if (across, down) == (1, 1) else f" times {across:.4f} x {down:.4f}"
    return [
        f"{made.path}: {seen}; box {made.given} is {left},{top},{right},{bottom} of the original",
        f"{made.written or 'the part'}: {made.format} {made.size}, {count(len(made.data), 'byte')}{cost}",
        f"a point of the part{factor} plus {left},{top} is its point in the original",
    ]


command: Command[CropOptions] = Command("crop", CropOptions, crop, formats=FORMATS, negative_numbers=True)
