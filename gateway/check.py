"""`satomori check`: every mistake of a configuration, its rules and its notifiers, in one list."""

from pathlib import Path

from gateway import notify, rules
from gateway.errors import Mistake, SettingsError
from gateway.settings import load


def check(path: Path) -> list[Mistake]:
    """All mistakes; an empty list means that the gateway would start with it."""
    try:
        settings = load(path)
    except SettingsError as error:
        return error.mistakes
    mistakes: list[Mistake] = []
    for part in (lambda: rules.load(settings.judge.rules), lambda: notify.configured(settings.notifier, str(path))):
        try:
            part()
        except SettingsError as error:
            mistakes += error.mistakes
    return mistakes + _missing_keys(path, settings.gateway.data_dir / "nodes", [n.id for n in settings.node])


def _missing_keys(path: Path, folder: Path, nodes: list[str]) -> list[Mistake]:
    return [
        Mistake(str(path), f"node.{node}", f"its key in {folder}/{node}.key (satomori node add {node})", "no such file")
        for node in nodes
        if not (folder / f"{node}.key").is_file()
    ]
