"""The list of the rules that ship with imgbudget, and the limits that they check against."""

from typing import Any

from imgbudget.rule import Rule
from imgbudget_rules.ib001_unreadable_image import unreadable_image
from imgbudget_rules.ib002_malformed_request import malformed_request
from imgbudget_rules.ib003_rule_failed import rule_failed
from imgbudget_rules.ib004_unused_ignore import unused_ignore
from imgbudget_rules.ib101_dimension_over_limit import dimension_over_limit
from imgbudget_rules.ib102_many_image_dimension import many_image_dimension
from imgbudget_rules.ib103_image_bytes_over_limit import image_bytes_over_limit
from imgbudget_rules.ib104_unsupported_format import unsupported_format
from imgbudget_rules.ib105_media_type_mismatch import media_type_mismatch
from imgbudget_rules.ib106_malformed_base64 import malformed_base64
from imgbudget_rules.ib107_toolset_screenshot_oversized import toolset_screenshot_oversized
from imgbudget_rules.ib108_oversized_and_strict import oversized_and_strict
from imgbudget_rules.ib201_oversized_image import oversized_image
from imgbudget_rules.ib202_patch_remainder import patch_remainder
from imgbudget_rules.ib203_over_latency_size import over_latency_size
from imgbudget_rules.ib204_animated_image import animated_image
from imgbudget_rules.ib205_metadata_bloat import metadata_bloat
from imgbudget_rules.ib206_costly_encoding import costly_encoding
from imgbudget_rules.ib301_tiny_edge import tiny_edge
from imgbudget_rules.ib302_tiny_after_resize import tiny_after_resize
from imgbudget_rules.ib303_exif_rotation import exif_rotation
from imgbudget_rules.ib304_heavy_compression import heavy_compression
from imgbudget_rules.ib305_near_many_image_limit import near_many_image_limit
from imgbudget_rules.ib401_payload_over_limit import payload_over_limit
from imgbudget_rules.ib402_too_many_images import too_many_images
from imgbudget_rules.ib403_source_not_supported import source_not_supported
from imgbudget_rules.ib404_misplaced_image import misplaced_image
from imgbudget_rules.ib405_context_overflow import context_overflow
from imgbudget_rules.ib406_batch_over_limit import batch_over_limit
from imgbudget_rules.ib407_empty_text import empty_text
from imgbudget_rules.ib408_image_as_text import image_as_text
from imgbudget_rules.ib409_unfetchable_url import unfetchable_url
from imgbudget_rules.ib410_lone_surrogate import lone_surrogate
from imgbudget_rules.ib411_unknown_model import unknown_model
from imgbudget_rules.ib412_model_retired import model_retired
from imgbudget_rules.ib413_text_only_model import text_only_model
from imgbudget_rules.ib414_omitted_image import omitted_image
from imgbudget_rules.ib501_image_after_text import image_after_text
from imgbudget_rules.ib502_unlabelled_images import unlabelled_images
from imgbudget_rules.ib503_resent_image import resent_image
from imgbudget_rules.ib504_duplicate_image import duplicate_image
from imgbudget_rules.ib505_coordinate_drift import coordinate_drift
from imgbudget_rules.ib506_broken_cache_prefix import broken_cache_prefix
from imgbudget_rules.ib507_false_scale_note import false_scale_note
from imgbudget_rules.ib601_over_image_tokens import over_image_tokens
from imgbudget_rules.ib602_over_request_tokens import over_request_tokens
from imgbudget_rules.ib603_over_request_cost import over_request_cost
from imgbudget_rules.ib604_over_run_budget import over_run_budget
from imgbudget_rules.ib605_over_bytes_budget import over_bytes_budget
from imgbudget_rules.ib701_location_metadata import location_metadata
from imgbudget_rules.ib801_duplicate_file import duplicate_file
from imgbudget_rules.ib901_blurred import blurred
from imgbudget_rules.ib902_dark import dark
from imgbudget_rules.ib903_over_exposed import over_exposed
from imgbudget_rules.ib904_low_contrast import low_contrast
from imgbudget_rules.ib905_blank import blank
from imgbudget_rules.ib906_low_information import low_information
from imgbudget_rules.ib907_idle_border import idle_border
from imgbudget_rules.ib908_flattened_mode import flattened_mode
from imgbudget_rules.ib909_grey_as_colour import grey_as_colour
from imgbudget_rules.ib910_upscaled import upscaled
from imgbudget_rules.ib911_near_duplicate import near_duplicate
from imgbudget_rules.ib912_split_leak import split_leak
from imgbudget_rules.limits import DATA as LIMITS

__all__ = ["LIMITS", "RULES"]

RULES: tuple[Rule[Any], ...] = (
    unreadable_image,
    malformed_request,
    rule_failed,
    unused_ignore,
    dimension_over_limit,
    many_image_dimension,
    image_bytes_over_limit,
    unsupported_format,
    media_type_mismatch,
    malformed_base64,
    toolset_screenshot_oversized,
    oversized_and_strict,
    oversized_image,
    patch_remainder,
    over_latency_size,
    animated_image,
    metadata_bloat,
    costly_encoding,
    tiny_edge,
    tiny_after_resize,
    exif_rotation,
    heavy_compression,
    near_many_image_limit,
    payload_over_limit,
    too_many_images,
    source_not_supported,
    misplaced_image,
    context_overflow,
    batch_over_limit,
    empty_text,
    image_as_text,
    unfetchable_url,
    lone_surrogate,
    unknown_model,
    model_retired,
    text_only_model,
    omitted_image,
    image_after_text,
    unlabelled_images,
    resent_image,
    duplicate_image,
    coordinate_drift,
    broken_cache_prefix,
    false_scale_note,
    over_image_tokens,
    over_request_tokens,
    over_request_cost,
    over_run_budget,
    over_bytes_budget,
    location_metadata,
    duplicate_file,
    blurred,
    dark,
    over_exposed,
    low_contrast,
    blank,
    low_information,
    idle_border,
    flattened_mode,
    grey_as_colour,
    upscaled,
    near_duplicate,
    split_leak,
)
