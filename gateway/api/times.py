"""Times at the rim: RFC 3339 text with an offset, both ways."""

from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.people.door import Refused

US = 1_000_000


def parse(text: str, name: str) -> int:
    """µs UTC of an RFC 3339 time. Refused (422) without an offset. A space where a URL lost its + is understood."""
    try:
        when = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
        if when.tzinfo is None:
            raise ValueError
        return round(when.timestamp() * US)
    except (ValueError, OverflowError) as error:
        raise Refused(422, "error.time", name=name, got=text[:60]) from error


def text(time_us: int, zone: ZoneInfo) -> str | None:
    """RFC 3339 with the town's offset; None for never."""
    if not time_us:
        return None
    seconds, rest = divmod(time_us, US)
    return datetime.fromtimestamp(seconds, zone).replace(microsecond=rest).isoformat()
