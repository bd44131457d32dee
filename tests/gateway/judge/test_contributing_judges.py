import re
import socket
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import detector_rules
import notifier_rules
import numpy as np
import pytest

from gateway import detect, notify, rules
from gateway.detect import Grid

PAGE = (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"\*\*`(gateway/[^`]+)`\*\*\n\n```python\n(.*?)```", PAGE, re.DOTALL))
TABLES = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]


def _forget(package: ModuleType, name: str) -> None:
    for found in (detect.detectors, notify.notifiers):
        found.cache_clear()
    sys.modules.pop(f"{package.__name__}.{name}", None)
    vars(package).pop(name, None)


@pytest.fixture(params=["detect/rise", "notify/siren"], autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[str]:
    """One file of the page in a folder that its package walks too."""
    where: str = request.param
    folder, name = where.split("/")
    package = {"detect": detect, "notify": notify}[folder]
    (tmp_path / folder).mkdir()
    (tmp_path / folder / f"{name}.py").write_text(BLOCKS[f"gateway/{where}.py"], "utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / folder)])
    _forget(package, name)
    yield name
    monkeypatch.undo()
    _forget(package, name)


def test_the_page_shows_one_file_for_each() -> None:
    assert sorted(BLOCKS) == ["gateway/detect/rise.py", "gateway/notify/siren.py"]


@pytest.mark.parametrize("built", ["detect/rise"], indirect=True)
def test_the_detector_of_the_page_keeps_every_promise(built: str) -> None:
    kind = detect.detectors()[built]
    for rule in detector_rules.RULES.values():
        rule(kind)
    score = kind().score(np.array([[20.0, 20.5, 22.0, 10.0]]), Grid(0, 600_000_000), np.full((1, 1), np.nan), {})
    assert np.round(score, 2)[0, 1:].tolist() == [0.5, 1.5, 0.0]


@pytest.mark.parametrize("built", ["detect/rise"], indirect=True)
def test_the_rule_of_the_page_is_sound_and_uses_it(built: str) -> None:
    (table,) = [table for table in TABLES if "rule" in table]
    found, mistakes = rules.parse(table, "CONTRIBUTING.md")
    assert mistakes == []
    assert type(rules.build(found[0], "", 600)) is detect.detectors()[built]


@pytest.mark.parametrize("built", ["notify/siren"], indirect=True)
def test_the_notifier_of_the_page_keeps_every_promise(built: str) -> None:
    for rule in notifier_rules.RULES.values():
        rule(notify.notifiers()[built])


@pytest.mark.parametrize("built", ["notify/siren"], indirect=True)
def test_the_notifier_of_the_page_rings_the_box(built: str) -> None:
    heard: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def answer() -> None:
            link, _ = server.accept()
            with link:
                heard.append(link.recv(200))
                link.sendall(b"OK\n")

        thread = threading.Thread(target=answer)
        thread.start()
        notifier_rules.make(notify.notifiers()[built], server.getsockname()[1]).notify(notifier_rules.message())
        thread.join()
    assert heard == [b"urgent 2027-0115-03 0123456789abcdef\n"]


@pytest.mark.parametrize("built", ["notify/siren"], indirect=True)
def test_the_table_of_the_page_is_read(built: str) -> None:
    tables: list[dict[str, Any]] = [table for whole in TABLES for table in whole.get("notifier", [])]
    (siren,) = notify.configured([table for table in tables if table["kind"] == built], "satomori.toml")
    assert siren.severities == ("urgent",)
