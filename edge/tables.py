"""A parsed TOML table → a frozen Struct, with every mistake in it and not only the first.

msgspec stops at the first mistake; here each field is converted by itself, so that a person mends a file once.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args, get_origin

import msgspec

_T = TypeVar("_T", bound=msgspec.Struct)
Complain = Callable[[str, str, str], None]  # key, wanted, got
_EXPECTED = re.compile(r"Expected `?(.+?)`?(?:, got .*)?(?: - at .*)?$")


def read(shape: type[_T], table: Mapping[str, Any], key: str, complain: Complain) -> _T | None:
    """The Struct that `table` describes; None where `complain(key, wanted, got)` was called at least once."""
    mistakes = 0

    def count(where: str, wanted: str, got: str) -> None:
        nonlocal mistakes
        mistakes += 1
        complain(where, wanted, got)

    fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    for name in (one for one in table if one not in fields):
        near = ", ".join(sorted(fields.keys() - table.keys())) or "nothing more"
        count(_join(key, name), f"no such key (still free: {near})", repr(table[name])[:60])
    values = {}
    for name, field in fields.items():
        if name in table:
            values[field.name] = _value(field.type, table[name], _join(key, name), count)
        elif field.required:
            count(_join(key, name), "a value", "nothing")
    return None if mistakes else _make(shape, values, key, count)


def _make(shape: type[_T], values: dict[str, Any], key: str, count: Complain) -> _T | None:
    try:
        return shape(**values)
    except ValueError as error:
        count(key, str(error), "what stands there")
        return None


def _value(wanted: Any, got: Any, key: str, count: Complain) -> Any:
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct) and isinstance(got, dict):
        return read(wanted, got, key, count)
    if get_origin(wanted) is tuple and isinstance(got, list):
        item = get_args(wanted)[0]
        return tuple(_value(item, one, f"{key}[{index}]", count) for index, one in enumerate(got, 1))
    try:
        return msgspec.convert(got, wanted)
    except msgspec.ValidationError as error:
        match = _EXPECTED.match(str(error))
        count(key, match.group(1).replace("`", "") if match else str(error), repr(got)[:60])
        return None


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
