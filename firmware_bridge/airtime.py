"""How long LoRa packets are on the air, and whether a transmitter may still speak under ARIB STD-T108.

Pure: times come in as µs of a clock that never steps back. Figures and how sure they are:
- air time: Semtech's formula (AN1200.13; SX126x data sheet 6.1.4), reproduced by the LoRaWAN tables;
- 4 s a packet and 50 ms of pause on the lower channels (carrier sense of 5 ms or more): published by module makers;
- 360 s an hour on the upper channels: published for the E220 (its own pause of ten air times gives 327 s);
- 400 ms a packet with a short carrier sense: UNSOURCED, from memory. Only `SHORT_SENSE` uses it; ask your radio's
  maker, and give `Rules` of your own where they differ.
What the law says is in the standard, which ARIB sells; a radio without a certification number (技適) may not speak.
"""

import math
from collections import deque
from typing import Literal

import msgspec

from firmware_bridge.errors import BridgeError

HOUR_US = 3_600_000_000
BandwidthKHz = Literal[125, 250, 500]
# lowest channel on which the hourly share counts (support.dragon-torch.tech, E220 FAQ 234)
SHARED_FROM: dict[int, int] = {125: 15, 250: 14, 500: 13}
_SLOW_SYMBOL_US = 16_000
_SYNC_QUARTERS = {5: 25, 6: 25}  # quarter symbols behind the preamble: 6.25 at SF5 and SF6, else 4.25
_HEADER_SYMBOLS = 8


class AirtimeError(BridgeError):
    """A transmission that is not allowed at all: waiting does not help. Caught by whoever plans or sends it.

    Codes: `packet-too-long`, `interval-too-short`, `share-too-small`.
    """


class Modulation(msgspec.Struct, frozen=True, kw_only=True):
    """How a radio speaks. `coding` 1 is 4/5 … 4 is 4/8; `preamble` in symbols; an explicit header and a CRC always.

    `hidden_bytes`, `hidden_us`: what the module adds by itself to each packet.
    """

    spreading: int
    bandwidth_khz: BandwidthKHz = 125
    coding: int = 1
    preamble: int = 8
    hidden_bytes: int = 0
    hidden_us: int = 0

    def __post_init__(self) -> None:
        """Refuse what no LoRa radio can do."""
        if not (5 <= self.spreading <= 12 and 1 <= self.coding <= 4 and self.bandwidth_khz in SHARED_FROM):
            raise ValueError(f"no LoRa modulation: SF{self.spreading}, {self.bandwidth_khz} kHz, 4/{4 + self.coding}")

    def airtime_us(self, payload_bytes: int) -> int:
        """Time on the air of one packet, rounded up."""
        spreading = self.spreading
        symbol_us = (1 << spreading) * 1000 / self.bandwidth_khz
        bits = 8 * (payload_bytes + self.hidden_bytes) + 16 - 4 * spreading + 20 + 8 * (spreading > 6)
        a_block = 4 * (spreading - 2 * (symbol_us >= _SLOW_SYMBOL_US))
        blocks = -(-max(bits, 0) // a_block)
        quarters = 4 * self.preamble + _SYNC_QUARTERS.get(spreading, 17) + 4 * _HEADER_SYMBOLS
        symbols = quarters / 4 + blocks * (self.coding + 4)
        return math.ceil(symbols * symbol_us) + self.hidden_us


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What one transmitter may do on one channel. `share_us`: on the air in any hour; None where it is not limited."""

    packet_us: int
    pause_us: int
    share_us: int | None


LONG_SENSE = Rules(packet_us=4_000_000, pause_us=50_000, share_us=None)
SHARED = Rules(packet_us=4_000_000, pause_us=50_000, share_us=360_000_000)
SHORT_SENSE = Rules(packet_us=400_000, pause_us=50_000, share_us=360_000_000)  # 400 ms: see the module


def rules(channel: int, bandwidth_khz: int) -> Rules:
    """Rules of an E220 channel: the upper ones have an hourly share."""
    return SHARED if channel >= SHARED_FROM[bandwidth_khz] else LONG_SENSE


def check_plan(rule: Rules, airtime_us: int, interval_s: float) -> None:
    """Refuse a plan of one packet every `interval_s` that breaks the rules. AirtimeError says by how much."""
    _check_packet(rule, airtime_us)
    if interval_s * 1e6 < airtime_us + rule.pause_us:
        raise AirtimeError(
            "interval-too-short",
            f"wanted a packet every {(airtime_us + rule.pause_us) / 1e6:.3f} s or more seldom, got {interval_s:g} s",
        )
    if rule.share_us is None:
        return
    hourly_us = math.ceil(3600 / interval_s) * airtime_us
    if hourly_us > rule.share_us:
        least_s = 3600 * airtime_us / rule.share_us
        raise AirtimeError(
            "share-too-small",
            f"wanted at most {rule.share_us / 1e6:g} s on the air an hour, got {hourly_us / 1e6:.1f} s "
            f"({airtime_us / 1000:.0f} ms every {interval_s:g} s; every {math.ceil(least_s)} s would do)",
        )


def _check_packet(rule: Rules, airtime_us: int) -> None:
    if airtime_us > rule.packet_us:
        raise AirtimeError(
            "packet-too-long",
            f"wanted at most {rule.packet_us / 1000:.0f} ms a packet, got {airtime_us / 1000:.0f} ms",
        )


class Ledger:
    """What one transmitter has sent in the last hour. Memory is bounded by what an hour can hold.

    `silent_until_us`: a transmitter that does not know what it sent before it started passes the time it started and
    an hour; one whose record was kept restores it with `note`.
    """

    def __init__(self, rule: Rules, *, silent_until_us: int = 0) -> None:
        self._rule = rule
        self._silent_until_us = silent_until_us
        self._sent: deque[tuple[int, int]] = deque()
        self._total_us = 0

    def used_us(self, now_us: int) -> int:
        """Time on the air within the hour before `now_us`, packets that began before it counted whole."""
        while self._sent and self._sent[0][0] + self._sent[0][1] <= now_us - HOUR_US:
            self._total_us -= self._sent.popleft()[1]
        return self._total_us

    def wait_us(self, airtime_us: int, now_us: int) -> int:
        """How long to wait before this packet may begin; 0 is now. AirtimeError where it never may."""
        _check_packet(self._rule, airtime_us)
        share_us = self._rule.share_us
        if share_us is not None and airtime_us > share_us:
            raise AirtimeError(
                "share-too-small", f"wanted at most {share_us} µs an hour, got {airtime_us} in one packet"
            )
        begin_us = max(now_us, self._silent_until_us)
        if self._sent:
            begin_us = max(begin_us, self._sent[-1][0] + self._sent[-1][1] + self._rule.pause_us)
        if share_us is not None:
            # all of the new packet's hour: what ends after (its end − an hour) shares that hour with it
            used_us = self.used_us(now_us)
            for started_us, lasted_us in self._sent:
                if used_us + airtime_us <= share_us:
                    break
                used_us -= lasted_us
                begin_us = max(begin_us, started_us + lasted_us + HOUR_US)
        return begin_us - now_us

    def note(self, airtime_us: int, started_us: int) -> None:
        """Write down a packet that began at `started_us`, in the order of sending."""
        self._sent.append((started_us, airtime_us))
        self._total_us += airtime_us
        self.used_us(started_us)

    def send(self, airtime_us: int, now_us: int) -> bool:
        """True, and written down, where the packet may begin now. AirtimeError where it never may."""
        if self.wait_us(airtime_us, now_us):
            return False
        self.note(airtime_us, now_us)
        return True


def account(ledger: Ledger, rule: Rules, airtime_us: int, now_us: int) -> bool:
    """Write down what another transmitter was heard to send; False where its hour is now over its share."""
    ledger.note(airtime_us, now_us)
    return rule.share_us is None or ledger.used_us(now_us) <= rule.share_us
