"""One kind of link a file: a driver moves bytes and knows no meaning.

A driver module has a frozen, strict Struct named `DRIVER`: its fields are the keys of its table, its docstring the
manual, `frames` the behaviour. Nothing is registered: the package is walked, and the module's name is the `kind`.

Rules: construction touches nothing · say what the hardware said, when it said it, and fill no gap · raise LinkError
when the link is gone (the agent waits and starts again) · count what was thrown away through `ear.reject`.
"""

import pkgutil
import threading
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from firmware_bridge.reading import Frame


class DeviceAt(Protocol):
    """A device on a link: what every driver's device table has in common."""

    @property
    def id(self) -> str:
        """Our id of the device."""

    @property
    def model(self) -> str:
        """`vendor/model`, which names the codec."""


class Ear:
    """What a driver may know of the world: the time, whether to stop, and where to put what it could not use.

    `position`: where a driver that resumes stood at its last committed frame; it moves it before each frame.
    """

    def __init__(
        self,
        stop: threading.Event,
        now_us: Callable[[], int],
        reject: Callable[[str, str, bytes, str], None],
        position: int = 0,
    ) -> None:
        self.stop = stop
        self.now_us = now_us
        self.position = position
        self._reject = reject

    def reject(self, reason: str, detail: str, raw: bytes, device: str = "") -> None:
        """Count and keep bytes that gave no frame; `reason` is one short word, `device` empty where not known."""
        self._reject(reason, detail, raw, device)


class Driver(Protocol):
    """Owns one link; yields what arrived, invents nothing."""

    @property
    def name(self) -> str:
        """The name of this link in the configuration, in logs and in health."""

    def devices(self) -> tuple[DeviceAt, ...]:
        """The devices on this link, for checking their models; empty where a capture names them."""

    def links(self) -> tuple[str, ...]:
        """Kinds of link (`Model.link`) whose devices can be read here."""

    def anchored(self, folder: Path) -> "Driver":
        """The same driver with its relative paths counted from `folder`."""

    def resumes(self) -> str:
        """Key under which its position is kept; empty where it has none."""

    def frames(self, ear: Ear) -> Iterator[Frame]:
        """Frames as they come, until `ear.stop` or the end of a capture. LinkError when the link is gone."""


@cache
def kinds() -> dict[str, type[Any]]:
    """Every driver's Struct by its kind, found by walking this package."""
    return {m.name: import_module(f"{__name__}.{m.name}").DRIVER for m in pkgutil.iter_modules(__path__)}
