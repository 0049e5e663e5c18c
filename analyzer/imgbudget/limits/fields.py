"""The names that limits data may use, each with its unit, and which of them may have no value."""

IMAGES = {
    "max_edge": "px",
    "many_image_count": "images",
    "many_image_edge": "px",
    "many_image_blocks": "names",
    "min_edge": "px",
    "patch": "px",
    "latency_pixels": "pixels",
    "latency_edge": "px",
    "media_types": "names",
    "page_text_tokens_low": "tokens",
    "page_text_tokens_high": "tokens",
}
"""What holds on every platform unless it says otherwise; the unit behind each name."""

PRICES = {
    "cache_write_5m_factor": "times",
    "cache_write_1h_factor": "times",
    "cache_read_factor": "times",
}
"""What holds for every model unless its platform or it says otherwise."""

TIERS = {
    "tier_edge": "px",
    "tier_tokens": "tokens",
    "strategy": "name",
    "base_tokens": "tokens",
    "tile_tokens": "tokens",
    "tile_edge": "px",
    "short_edge": "px",
    "small_edge": "px",
    "patch_edge": "px",
    "patch_budget": "patches",
    "refused_patches": "patches",
    "refused_ratio": "times",
    "multiplier": "times",
    "min_pixels": "pixels",
    "max_pixels": "pixels",
}
"""`strategy` names a module of imgbudget.strategies; those behind it are numbers that strategies ask for."""

TIER_NEEDS = ("tier_edge", "tier_tokens")

PLATFORMS = (
    IMAGES
    | PRICES
    | {
        "default_model": "name",
        "still_types": "names",
        "source_types": "names",
        "image_base64_bytes": "bytes",
        "request_bytes": "bytes",
        "request_bytes_doubt": "bytes",
        "request_media": "images",
        "request_media_short_context": "images",
        "long_context": "tokens",
        "request_messages": "messages",
        "count_request_bytes": "bytes",
        "batch_bytes": "bytes",
        "batch_bytes_doubt": "bytes",
        "batch_requests": "requests",
        "batch_factor": "times",
        "file_bytes": "bytes",
        "file_storage_bytes": "bytes",
        "us_inference_factor": "times",
        "regional_factor": "times",
    }
)

PLATFORM_MAY = frozenset({*IMAGES, *PRICES, "default_model", "still_types"})
"""What a platform need not say itself. One with a `default_model` serves only models that name it."""

DETAILS = ("low", "medium", "high", "ultra_high", "original", "auto")
"""What a block may ask for: OpenAI's `detail`, Gemini's media resolution."""

MODELS = (
    IMAGES
    | PRICES
    | {
        "tier": "name",
        "platforms": "names",
        "context_tokens": "tokens",
        "input_price": "USD/MTok",
        "output_price": "USD/MTok",
        "long_prompt_tokens": "tokens",
        "long_input_price": "USD/MTok",
        "long_output_price": "USD/MTok",
        "snapshots": "names",
        "first_seen": "date",
        "retired": "date",
        "retirement_not_before": "date",
    }
    | {f"detail_{name}": "name" for name in DETAILS}
)
"""What holds on a platform may be otherwise for one of its models. `tier` is that of an image which asks
for nothing, `detail_low` and its like those of one that does.
"""

MODEL_NEEDS = ("tier", "context_tokens")

NULLABLE = frozenset(
    {
        "input_price",
        "output_price",
        "batch_bytes",
        "batch_bytes_doubt",
        "batch_requests",
        "batch_factor",
        "file_bytes",
        "file_storage_bytes",
        "us_inference_factor",
        "regional_factor",
    }
)
"""What may be missing on a platform, or not be known of a model."""

ENDLESS = 1 << 62
"""Stands for a limit that a provider does not have, so that nothing is ever over it."""

WITHOUT = dict.fromkeys(
    (
        "max_edge",
        "many_image_count",
        "many_image_edge",
        "latency_pixels",
        "latency_edge",
        "image_base64_bytes",
        "request_bytes",
        "request_bytes_doubt",
        "request_media",
        "request_media_short_context",
        "request_messages",
        "count_request_bytes",
        "tier_edge",
        "tier_tokens",
    ),
    ENDLESS,
) | {"min_edge": 0}
"""Limits that a provider may not have, and the number that then stands for none."""
