"""Bounds that a request sets for the image processor of a server, in the shapes of OpenAI's APIs.

vLLM takes them as `mm_processor_kwargs` of the body, DashScope beside the address of an image and, as
`vl_high_resolution_images`, in the body. Names that are not known here are left out: a server ignores or
rejects them. `total_pixels` bounds the frames of a video, not an image.
"""

from collections.abc import Iterable
from typing import Any

_NAMES = {
    "max_pixels": "max_pixels",
    "min_pixels": "min_pixels",
    "max_soft_tokens": "max_tokens",
    "max_dynamic_patch": "max_tiles",
    "min_dynamic_patch": "min_tiles",
    "max_patches": "max_tiles",
    "in_patch_limit": "max_patches",
    "max_crops": "max_tiles",
    "max_slice_nums": "max_tiles",
    "dynamic_hd": "max_tiles",
    "longest_edge": "longest_edge",
    "shortest_edge": "shortest_edge",
    "do_pan_and_scan": "pan_and_scan",
    "vl_high_resolution_images": "high_resolution",
}
"""The names of released processors and of DashScope, and the bounds that they set (`limits.options`)."""

_FLAGS = frozenset({"do_pan_and_scan", "vl_high_resolution_images"})

_MOST = 1 << 40
"""A larger number is ignored: no image has so many pixels."""


def bounds_of(body: dict[str, Any]) -> dict[str, int]:
    """The bounds that a body sets for all of its images."""
    found = _read(body, ("vl_high_resolution_images",))
    kwargs = body.get("mm_processor_kwargs")
    for group in (kwargs, _member(kwargs, "images_kwargs")):
        if isinstance(group, dict):
            size = _member(group, "size")
            found |= _read(group, _NAMES) | (_read(size, _NAMES) if isinstance(size, dict) else {})
    return found


def bounds_in(part: dict[str, Any]) -> dict[str, int]:
    """The bounds that a part sets for its image."""
    return _read(part, ("max_pixels", "min_pixels"))


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _read(values: dict[str, Any], names: Iterable[str]) -> dict[str, int]:
    """The bounds among these values: numbers above 0, and yes or no as 1 and 0."""
    found: dict[str, int] = {}
    for name in names:
        value = values.get(name)
        flag = name in _FLAGS
        if isinstance(value, int) and isinstance(value, bool) == flag and (flag or 0 < value < _MOST):
            found[_NAMES[name]] = int(value)
    return found
