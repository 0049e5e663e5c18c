"""IB7: what a file reveals besides its picture."""

from imgbudget.model.fixes import StripMetadata
from imgbudget.testing import image, request, run_rule
from imgbudget_rules.ib701_location_metadata import location_metadata


def test_metadata_without_a_position_is_silent() -> None:
    """EXIF without GPS reveals no place; a URL has no facts."""
    url = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    assert run_rule(location_metadata, image("<jpeg 8x8 metadata=900000>")) == []
    assert run_rule(location_metadata, request({"messages": [{"role": "user", "content": [url]}]})) == []


def test_position_is_reported_in_files_and_requests() -> None:
    """A GPS position is stripped in files and in requests."""
    [on_disk] = run_rule(location_metadata, image("<jpeg 8x8 gps>"))
    [sent] = run_rule(
        location_metadata, request({"messages": [{"role": "user", "content": ["<jpeg 8x8 gps>"]}]})
    )
    assert on_disk.fix == sent.fix == StripMetadata()
