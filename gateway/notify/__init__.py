"""Telling people: one channel a file, found by walking this package; the outbox decides what, when and how often.

A notifier module defines exactly one class that fulfils `Notifier`: a frozen, strict msgspec Struct whose fields are
its settings and whose docstring is its manual. It delivers or raises NotifyError, and decides nothing.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import msgspec

from gateway import strict
from gateway.errors import Mistake, SettingsError
from gateway.notify.message import Item, Message, Notifier, Reason
from gateway.notify.outbox import Outbox

__all__ = ["Item", "Message", "Notifier", "Outbox", "Reason", "configured", "notifiers"]


@cache
def notifiers() -> dict[str, type[Notifier]]:
    """Every notifier class by its module's name; modules that define none (`message`, `outbox`) are passed over."""
    found: dict[str, type[Notifier]] = {}
    for module in pkgutil.iter_modules(__path__):
        name = f"{__name__}.{module.name}"
        classes = [
            member
            for member in vars(import_module(name)).values()
            if isinstance(member, type) and member.__module__ == name and issubclass(member, msgspec.Struct)
            if hasattr(member, "notify")
        ]
        if len(classes) > 1:
            raise ValueError(f"gateway/notify/{module.name}.py: wanted one notifier class, got {len(classes)}")
        if classes:
            found[module.name] = cast("type[Notifier]", classes[0])
    return found


def configured(tables: Sequence[Mapping[str, Any]], file: str) -> tuple[Notifier, ...]:
    """Notifiers of `[[notifier]]` tables; `…_file` settings stand beside `file`. SettingsError with every mistake."""
    made: list[Notifier] = []
    mistakes: list[Mistake] = []
    for place, table in enumerate(tables, 1):
        key = f"notifier.{table['name']}" if isinstance(table.get("name"), str) else f"notifier {place}"
        kind = notifiers().get(str(table.get("kind")))
        if kind is None:
            mistakes.append(Mistake(file, f"{key}.kind", f"one of {', '.join(notifiers())}", repr(table.get("kind"))))
            continue
        rest = {name: value for name, value in table.items() if name != "kind"}
        notifier, found = strict.convert(
            _anchored(rest, Path(file).parent), cast("type[msgspec.Struct]", kind), file, key
        )
        mistakes += found + _missing(rest, Path(file).parent, file, key)
        if notifier is not None:
            made.append(cast("Notifier", notifier))
    names = [notifier.name for notifier in made]
    mistakes += [
        Mistake(file, f"notifier.{name}", "a name of its own", f"{names.count(name)} of that name")
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    if mistakes:
        raise SettingsError(mistakes)
    return tuple(made)


def _files(table: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in table.items() if name.endswith("_file") and isinstance(value, str) and value}


def _anchored(table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    return {**table, **{name: str(folder / value) for name, value in _files(table).items()}}


def _missing(table: Mapping[str, Any], folder: Path, file: str, key: str) -> list[Mistake]:
    return [
        Mistake(file, f"{key}.{name}", "a file that exists", str(folder / value))
        for name, value in _files(table).items()
        if not (folder / value).is_file()
    ]
