"""What a notifier is given to say: complete, in both languages, and without anybody's name.

A message to the outside carries the alert's number. Where a home is meant, nothing says which: the number leads to it,
for those who may look.
"""

from datetime import datetime
from typing import Literal, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

import msgspec

from gateway.alerts import Severity
from gateway.alerts.words import SEVERITY, Lang

Reason = Literal["first", "escalated", "repeat", "resolved"]
REASONS: dict[Lang, dict[Reason, str]] = {
    "ja": {
        "first": "新しい知らせです。",
        "escalated": "前の知らせより急ぎになりました。",
        "repeat": "まだだれも引き受けていません。",
        "resolved": "おさまりました。",
    },
    "en": {
        "first": "This is new.",
        "escalated": "This has become more urgent than what you were told before.",
        "repeat": "Nobody has taken this yet.",
        "resolved": "This is over.",
    },
}


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One alert in a message. `where_*` is "" for homes. `url` leads to it on the console, "" where none is set."""

    alert_id: int
    number: str
    severity: Severity
    title_ja: str
    title_en: str
    reason_ja: str
    reason_en: str
    where_ja: str = ""
    where_en: str = ""
    url: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One or more alerts to tell at once, for one named reason.

    `key`: the same for every attempt to deliver this message, so that a receiver can tell a repetition from news.
    """

    key: str
    reason: Reason
    severity: Severity
    made_us: int
    items: tuple[Item, ...]

    def subject(self, lang: Lang) -> str:
        """One line: how urgent, and the number. Nothing else, for it is read on locked screens."""
        word = SEVERITY[lang][self.severity]
        number, more = self.items[0].number, len(self.items) - 1
        if lang == "ja":
            word = "解消" if self.reason == "resolved" else word
            return f"【{word}】知らせ {number}" + (f" ほか{more}件" if more else "")
        word = "Over" if self.reason == "resolved" else word
        return f"{word}: alert {number}" + (f" and {more} more" if more else "")

    def text(self, lang: Lang, zone: ZoneInfo) -> str:
        """The whole message in one language."""
        when = datetime.fromtimestamp(self.made_us // 1_000_000, zone)
        lines = [REASONS[lang][self.reason] + (f"({when:%m/%d %H:%M})" if lang == "ja" else f" ({when:%d %b %H:%M})")]
        for item in self.items:
            title, reason, where = (
                (item.title_ja, item.reason_ja, item.where_ja)
                if lang == "ja"
                else (item.title_en, item.reason_en, item.where_en)
            )
            word = SEVERITY[lang][item.severity]
            head = f"■ {item.number}【{word}】{title}" if lang == "ja" else f"■ {item.number} [{word}] {title}"
            lines += ["", head, *(line for line in (where, reason, item.url) if line)]
        return "\n".join(lines)


@runtime_checkable
class Notifier(Protocol):
    """Delivers a message; never decides. A frozen, strict Struct whose fields are the settings."""

    @property
    def name(self) -> str:
        """The instance's own name, from the settings."""
        ...

    @property
    def severities(self) -> tuple[Severity, ...]:
        """What it is told."""
        ...

    def notify(self, message: Message, /) -> None:
        """Deliver, or raise NotifyError with `retryable`. May be asked again with the same key."""
        ...
