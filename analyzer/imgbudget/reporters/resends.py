"""The JSON form of the resend accounting."""

from typing import Any

from imgbudget.planner.resend import Load, Resend
from imgbudget.reporters.records import usd


def resend_record(found: Resend) -> dict[str, Any]:
    """The accounting of one request."""
    request = found.request
    return {
        "path": request.place.path,
        "line": request.line,
        "id": request.id,
        "model": found.limits.model,
        "platform": found.limits.platform,
        "calls": [
            {
                "location": call.place.location,
                "pointer": call.place.pointer,
                "new": _load(call.new),
                "resent": _load(call.resent),
                "cost_usd": usd(call.cost_usd),
            }
            for call in found.calls
        ],
        "once": _load(found.once),
        "sent": {**_load(found.sent), "cost_usd": usd(found.cost_usd)},
        "resent": _load(found.resent),
        "images_of_unknown_size": found.unsized,
        "savings": [
            {
                "way": saving.way,
                "available": saving.available,
                "images": saving.images,
                "base64_bytes": saving.byte_size,
                "tokens": saving.tokens,
                "cost_usd": usd(saving.cost_usd),
                "terms": saving.terms,
            }
            for saving in found.savings
        ],
    }


def _load(load: Load) -> dict[str, int]:
    return {"images": load.images, "base64_bytes": load.base64_bytes, "tokens": load.tokens}
