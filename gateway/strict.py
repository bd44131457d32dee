"""Tables of a TOML file → frozen Structs, with every mistake of a table at once instead of the first one."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from gateway.errors import Mistake

T = TypeVar("T", bound=msgspec.Struct)


def convert(table: Mapping[str, Any], kind: type[T], file: str, key: str) -> tuple[T | None, list[Mistake]]:
    """(the Struct, no mistakes), or (None, every mistake): unknown keys, missing keys, values of a wrong type or size.

    `file` and `key` say where the table stands. Whole numbers are taken for floats; nothing else is bent.
    """
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    mistakes = [
        Mistake(file, f"{key}.{name}", f"one of {', '.join(fields)}", "an unknown key")
        for name in table
        if name not in fields
    ]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in table:
            if field.required:
                mistakes.append(Mistake(file, f"{key}.{name}", "a value", "nothing"))
            continue
        try:
            values[name] = msgspec.convert(table[name], field.type)
        except msgspec.ValidationError as error:
            mistakes.append(
                Mistake(file, f"{key}.{name}", str(error).removeprefix("Expected "), repr(table[name])[:80])
            )
    if mistakes:
        return None, mistakes
    try:
        return kind(**values), []
    except (ValueError, TypeError) as error:
        return None, [Mistake(file, key, str(error), "the above")]
