"""The SDKs for JavaScript that javascript_sdks.mjs drives."""

JAVASCRIPT = ("anthropic-typescript", "ai-sdk-6", "ai-sdk-7")
