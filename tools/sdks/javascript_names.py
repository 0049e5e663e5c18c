"""The SDKs for JavaScript that javascript_sdks.mjs drives."""

JAVASCRIPT = (
    "anthropic-typescript",
    "anthropic-bedrock-typescript",
    "openai-typescript",
    "google-genai-typescript",
    "mistralai-typescript",
    "ai-sdk-6",
    "ai-sdk-7",
)
