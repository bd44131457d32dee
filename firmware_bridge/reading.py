"""The nouns that travel.

Frame (driver → codec), Reading (codec → outbox), Column and Batch (uplink → ingest), SeriesKey (one series' name).

Times are integer microseconds UTC everywhere (`_us`): exact in Python, and safe in JavaScript until the year 2255.
Missing is absent: no field of a Reading or Column is ever NaN.
"""

import math
from typing import Annotated, Literal

import msgspec

from firmware_bridge.errors import DecodeError

ID_PATTERN = r"^[a-z0-9][a-z0-9-]{1,30}$"
NO_MORE = r"(?!\n)"  # Python's $ also matches before a last line feed, which no name of ours may carry
Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN + NO_MORE)]
Tenant = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$" + NO_MORE)]
QuantityName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{1,40}$" + NO_MORE)]
Clock = Literal["synced", "estimated"]


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What one device said, still as bytes.

    `device`: our id of the device. `model`: `vendor/model`, names the codec. `port`: LoRaWAN fPort, or the first
    Modbus register asked, else 0. `time_us`: when the frame was heard (UTC µs).
    """

    device: str
    model: str
    payload: bytes
    time_us: int
    port: int = 0
    rssi_dbm: float | None = None


class Reading(msgspec.Struct, frozen=True):
    """One value as a codec understood it: `quantity` in its own unit, `age_s` seconds before the frame was heard.

    `at_us`: when, by the device's own clock (UTC µs), where a record from its memory says a time instead of an age; 0
    otherwise. `codecs.decode` turns it into `age_s` where it is told when the frame was heard.
    """

    quantity: str
    value: float
    channel: int = 0
    age_s: float = 0.0
    at_us: int = 0

    def __post_init__(self) -> None:
        """Refuse what may never travel: a codec that computes NaN or infinity has misread its bytes."""
        if not math.isfinite(self.value):
            raise DecodeError("not-finite", f"{self.quantity}: wanted a finite number, got {self.value}")


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One series' part of a batch: `times_us` and `values` are of one length; times need not be sorted."""

    device: Id = msgspec.field(name="d")
    quantity: QuantityName = msgspec.field(name="q")
    times_us: list[int] = msgspec.field(name="t")
    values: list[float] = msgspec.field(name="x")
    channel: Annotated[int, msgspec.Meta(ge=0, le=255)] = msgspec.field(name="c", default=0)


class Gap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records `first`…`last` of this epoch will never come: `readings` of them were dropped for `reason`."""

    first: Annotated[int, msgspec.Meta(ge=1, lt=2**53)]
    last: Annotated[int, msgspec.Meta(ge=1, lt=2**53)]
    readings: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    reason: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z-]{1,30}$" + NO_MORE)]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What a node committed in one go, under the key (node, epoch, seq).

    `read_total`: readings taken in this epoch up to and with this batch, dropped ones too; with the gaps it is the
    node's half of the accounting. `clock`: was the node's clock believed when the times were written.
    """

    node: str
    epoch: str
    seq: int
    clock: Clock
    read_total: int
    columns: list[Column]
    gaps: list[Gap] = []

    def count(self) -> int:
        """Number of readings in the batch."""
        return sum(len(column.values) for column in self.columns)


class SeriesKey(msgspec.Struct, frozen=True, order=True):
    """Names one series: tenant / device / quantity, and a channel where a device has several of the same."""

    tenant: str
    device: str
    quantity: str
    channel: int = 0

    def __str__(self) -> str:
        """`device/quantity`, with `/channel` where it is not 0; without the tenant, as pages and URLs show it."""
        return f"{self.device}/{self.quantity}" + (f"/{self.channel}" if self.channel else "")
