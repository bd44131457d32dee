import notifier_rules
import pytest

from gateway.notify import notifiers


@pytest.mark.parametrize("rule", notifier_rules.RULES)
@pytest.mark.parametrize("name", notifiers())
def test_every_notifier_keeps_its_promises(name: str, rule: str) -> None:
    notifier_rules.RULES[rule](notifiers()[name])
