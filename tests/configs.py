"""Writes configurations for tests and reads them back: their settings, or their mistakes with lines."""

from pathlib import Path
from textwrap import dedent

from imgbudget.config import load
from imgbudget.config.load import load_unchecked
from imgbudget.config.settings import Settings

CODES = ("IB101", "IB201", "IB203", "IB301", "IB501")
NAMES = ("dimension-over-limit", "oversized-image", "over-latency-size", "tiny-edge", "image-after-text")
PLATFORMS = ("anthropic", "bedrock", "google-cloud", "foundry", "claude-ai")


def write(folder: Path, text: str, name: str = "imgbudget.yaml") -> Path:
    """The file, its text dedented."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


def settings_of(folder: Path, text: str, name: str = "imgbudget.yaml") -> Settings:
    """The settings of a configuration without mistakes."""
    return load(str(folder), explicit=str(write(folder, text, name)))


def mistakes_in(folder: Path, text: str, name: str = "imgbudget.yaml") -> list[str]:
    """The mistakes of a configuration as `line: message`, names of rules and platforms not checked."""
    path = write(folder, text, name)
    return [f"{one.line}: {one.message}" for one in load_unchecked(str(folder), explicit=str(path)).problems]
