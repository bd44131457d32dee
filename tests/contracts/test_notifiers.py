from typing import Any

import msgspec
import notifier_rules
import pytest

from gateway.notify import Notifier, notifiers

SETTINGS: dict[str, dict[str, Any]] = {
    "email": {
        "name": "duty",
        "host": "127.0.0.1",
        "sender": "satomori@example.jp",
        "to": ["duty@example.jp"],
        "security": "none",
        "timeout_s": 0.3,
    },
    "webhook": {"name": "duty", "url": "http://127.0.0.1:{port}/hook", "timeout_s": 0.3},
}


def make(kind: type[Notifier], port: int) -> Notifier:
    name = next(name for name, one in notifiers().items() if one is kind)
    filled = {key: value.format(port=port) if key == "url" else value for key, value in SETTINGS[name].items()}
    return msgspec.convert({**filled, **({} if "url" in filled else {"port": port})}, kind)


def test_every_notifier_has_settings_to_be_tested_with() -> None:
    assert set(notifiers()) == set(SETTINGS)


@pytest.mark.parametrize("rule", notifier_rules.RULES)
@pytest.mark.parametrize("name", notifiers())
def test_every_notifier_keeps_its_promises(name: str, rule: str) -> None:
    notifier_rules.RULES[rule](notifiers()[name], make)
