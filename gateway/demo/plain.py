"""Plain tables, and how they are written as TOML: what the demo needs, no more."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Table = dict[str, Any]


def render(table: Mapping[str, Any]) -> str:
    """TOML that reads back as the same table. TypeError for what is not text, a number, a list or a table."""
    return "".join(f"{line}\n" for line in _lines(table, ())).lstrip("\n")


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if not _is_table(value)]
    for key, value in table.items():
        here = (*path, _key(key))
        if isinstance(value, Mapping):
            lines += ["", f"[{'.'.join(here)}]", *_lines(value, here)]
        elif _is_table(value):
            for one in value:
                lines += ["", f"[[{'.'.join(here)}]]", *_lines(one, here)]
    return lines


def _is_table(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(one, Mapping) for one in value)
    return isinstance(value, Mapping)


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else json.dumps(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Sequence):
        return f"[{', '.join(_value(one) for one in value)}]"
    raise TypeError(f"wanted text, numbers, lists or tables, got {type(value).__name__}")
