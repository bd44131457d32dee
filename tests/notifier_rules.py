"""What every notifier promises, as checks that take any notifier class: shipped, or built by a page's example.

`make(kind, port)` gives an instance that delivers to that port of this computer: it fills the settings by their names.
"""

import inspect
import socket
from collections.abc import Callable
from contextlib import closing
from typing import cast

import msgspec
import pytest
from parts import free_port

from gateway.errors import NotifyError
from gateway.notify import Item, Message, Notifier

KNOWN: dict[str, object] = {
    "name": "duty",
    "host": "127.0.0.1",
    "url": "http://127.0.0.1:{port}/",
    "sender": "satomori@example.jp",
    "to": ["duty@example.jp"],
    "security": "none",
    "timeout_s": 0.3,
}
NOON_US = 1_799_982_000_000_000


def make(kind: type[Notifier], port: int) -> Notifier:
    """A notifier that speaks to 127.0.0.1:`port`. Its settings are called as in `KNOWN`, or have a default."""
    settings: dict[str, object] = {}
    for field in msgspec.structs.fields(cast("type[msgspec.Struct]", kind)):
        if field.name == "port":
            settings["port"] = port
        elif field.name in KNOWN:
            value = KNOWN[field.name]
            settings[field.name] = value.format(port=port) if isinstance(value, str) else value
        else:
            assert not field.required, f"{field.name}: give it a default, or a name that this test knows how to fill"
    return msgspec.convert(settings, kind)


def message(**changes: object) -> Message:
    item = Item(
        alert_id=3,
        number="2027-0115-03",
        severity="urgent",
        title_ja="いつもより長く、反応がありません",
        title_en="Quiet for longer than usual",
        reason_ja="5時間10分、どの部屋にも反応がありません。",
        reason_en="No movement in any room for 5 h 10 min.",
        url="http://127.0.0.1:8420/alerts/3",
    )
    whole = Message(key="0123456789abcdef", reason="first", severity="urgent", made_us=NOON_US, items=(item,))
    return msgspec.structs.replace(whole, **changes)


def it_is_a_frozen_strict_struct_with_a_name_and_severities(kind: type[Notifier]) -> None:
    config = cast("type[msgspec.Struct]", kind).__struct_config__
    assert config.frozen
    assert config.forbid_unknown_fields
    assert kind.__doc__
    notifier = make(kind, free_port())
    assert isinstance(notifier, Notifier)
    assert notifier.name == "duty"
    assert set(notifier.severities) <= {"urgent", "watch", "tech"}


def it_takes_one_message_and_keeps_nothing(kind: type[Notifier]) -> None:
    assert list(inspect.signature(make(kind, free_port()).notify).parameters) == ["message"]
    assert not hasattr(make(kind, free_port()), "__dict__")


def nobody_there_can_be_tried_again(kind: type[Notifier]) -> None:
    with pytest.raises(NotifyError) as caught:
        make(kind, free_port()).notify(message())
    assert caught.value.retryable
    assert str(caught.value)


def a_silent_other_side_does_not_hold_it_for_ever(kind: type[Notifier]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        notifier = make(kind, server.getsockname()[1])
        with pytest.raises(NotifyError) as caught:
            notifier.notify(message())
    assert caught.value.retryable


def a_line_break_in_a_title_adds_no_header(kind: type[Notifier]) -> None:
    broken = msgspec.structs.replace(message().items[0], title_ja="x\r\nBcc: all@example.jp", title_en="y\nTo: z")
    with pytest.raises(NotifyError) as caught:
        make(kind, free_port()).notify(message(items=(broken,)))
    assert caught.value.retryable, "nobody is there; the text itself is no obstacle"


RULES: dict[str, Callable[[type[Notifier]], None]] = {
    rule.__name__: rule
    for rule in (
        it_is_a_frozen_strict_struct_with_a_name_and_severities,
        it_takes_one_message_and_keeps_nothing,
        nobody_there_can_be_tried_again,
        a_silent_other_side_does_not_hold_it_for_ever,
        a_line_break_in_a_title_adds_no_header,
    )
}
