"""Sources that do not speak our envelope: one file each, found by walking this package.

An inlet module says which MQTT topics are its own, names each message, and says what it means:

    TOPICS: tuple[str, ...]                                                 # MQTT filters
    def identify(topic: str, payload: bytes) -> Identity | None             # None: of no interest, counted
    def decode(payload: bytes, registry: Registry, source: str, received_us: int) -> list[Column]

Both raise DecodeError, and nothing else, for any bytes; the message is then quarantined under the error's code.
"""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import NamedTuple, Protocol

from firmware_bridge.reading import Column
from gateway.registry import Registry


class Identity(NamedTuple):
    """The key of a foreign message, and the bytes by which the same message is known again.

    `source` begins with the inlet's name and a slash. `seq` 0: its server numbers nothing; the journal numbers it, and
    a repetition is known by `content` among the source's newest messages. `content` is what a repetition has in common
    with the first; empty where nothing tells them apart from two messages that say the same: then each is a new one.
    """

    source: str
    epoch: str
    seq: int
    content: bytes


class Inlet(Protocol):
    """The shape of an inlet module."""

    TOPICS: tuple[str, ...]

    @staticmethod
    def identify(topic: str, payload: bytes, /) -> Identity | None:
        """The message's key; None for one that tells nothing we keep. DecodeError where it cannot be read."""
        ...

    @staticmethod
    def decode(payload: bytes, registry: Registry, source: str, received_us: int, /) -> list[Column]:
        """Its readings, today or on a later day: `source` of its Identity, `received_us` when it came (µs UTC).

        DecodeError; the code is `device-unknown` for a device nobody entered.
        """
        ...


@cache
def inlets() -> Mapping[str, Inlet]:
    """Every inlet module by its name."""
    found = {m.name: import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)}
    return MappingProxyType(found)  # type: ignore[arg-type] # a module fulfils the protocol; only its use can show it


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a topic falls under an MQTT filter (`+` one level, `#` the rest)."""
    wanted, got = topic_filter.split("/"), topic.split("/")
    for index, part in enumerate(wanted):
        if part == "#":
            return True
        if index >= len(got) or part not in ("+", got[index]):
            return False
    return len(wanted) == len(got)
