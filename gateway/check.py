"""`satomori check`: every mistake of a configuration, its rules and its notifiers, in one list."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway import notify, rules
from gateway.errors import Mistake, SettingsError
from gateway.settings import mistakes_in, read, rows


def check(path: Path) -> list[Mistake]:
    """All mistakes; an empty list means that the gateway would start with it."""
    try:
        table = read(path)
    except SettingsError as error:
        return error.mistakes
    folder = path.resolve().parent
    return [
        *mistakes_in(table, str(path)),
        *_told(lambda: rules.load(_named(table, folder, "judge", "rules"))),
        *_told(lambda: notify.configured(rows(table, "notifier"), str(path))),
        *_keyless(table, str(path), (_named(table, folder, "gateway", "data_dir") or folder / "var") / "nodes"),
    ]


def _told(part: Callable[[], object]) -> list[Mistake]:
    try:
        part()
    except SettingsError as error:
        return error.mistakes
    return []


def _named(table: dict[str, Any], folder: Path, section: str, key: str) -> Path | None:
    tables = table.get(section, {})
    name = tables.get(key) if isinstance(tables, dict) else None
    return folder / name if isinstance(name, str) and name else None


def _keyless(table: dict[str, Any], file: str, folder: Path) -> list[Mistake]:
    nodes = [str(row.get("id", "")) for row in rows(table, "node")]
    wanted = "its key in {0}/{1}.key; satomori node add makes it"
    return [
        Mistake(file, f"node.{number}", wanted.format(folder, node), "no such file")
        for number, node in enumerate(nodes)
        if node and not (folder / f"{node}.key").is_file()
    ]
