"""The demo's last word: read = sent = stored, each counted by somebody else.

read: by each agent's outbox and, for LoRaWAN, by the simulated network server, both outside the gateway; sent and
stored: by the gateway's journal and store.
"""

import json
from collections import Counter
from pathlib import Path

import msgspec

from gateway.demo import words
from gateway.demo.folder import DAYS, DemoError
from gateway.demo.processes import Processes

_FLUSH_S = 20.0


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One source; `read` is what it took, `waiting` how much of that it still holds."""

    source: str
    read: int
    sent: int
    stored: int
    waiting: int = 0

    @property
    def good(self) -> bool:
        """Whether it adds up."""
        return self.sent == self.stored and self.read == self.sent and not self.waiting


def flush(processes: Processes, folder: Path, nodes: list[str]) -> dict[str, tuple[int, int]]:
    """By source: readings taken, and readings still waiting, after everything that waited was offered once more."""
    nothing = folder / "captures" / "nothing.jsonl"
    nothing.touch()
    found: dict[str, tuple[int, int]] = {}
    for node in nodes:
        config = str(folder / "nodes" / f"{node}.toml")
        found[node] = _outbox(processes, config)
        if found[node][1]:
            processes.ask("edge", "replay", str(nothing), config, timeout_s=_FLUSH_S)
            found[node] = _outbox(processes, config)
    tally = folder / "captures" / "uplinks.count"
    found["chirpstack"] = (int(tally.read_text("ascii")) if tally.exists() else 0, 0)
    return found


def _outbox(processes: Processes, config: str) -> tuple[int, int]:
    status, answer, complaint = processes.ask("edge", "outbox", config, "--json")
    if status != 0:
        raise DemoError(f"{config}: {words.last(complaint)}")
    report = json.loads(answer)
    return int(report["read_total"]), int(report["waiting_readings"])


def account(processes: Processes, folder: Path, outboxes: dict[str, tuple[int, int]]) -> tuple[list[Line], bool]:
    """A line a source, and whether everything adds up. The gateway must have stopped."""
    days = str(DAYS + 1)
    config = str(folder / "satomori.toml")
    status, answer, complaint = processes.ask("gateway", "accounting", config, "--json", "--days", days, timeout_s=120)
    if status not in (0, 1) or not answer.strip():
        raise DemoError(f"accounting: {words.last(complaint)}")
    told = json.loads(answer)
    sent: Counter[str] = Counter()
    stored: Counter[str] = Counter()
    for row in told["rows"]:
        sent[row["source"]] += row["sent"]
        stored[row["source"]] += row["stored"]
    lines = []
    for source in sorted({*sent, *outboxes}):
        read, waiting = outboxes.get(source, (0, 0))
        lines.append(Line(source=source, read=read, sent=sent[source], stored=stored[source], waiting=waiting))
    return lines, bool(told["good"]) and all(line.good for line in lines)


def table(lines: list[Line], good: bool) -> str:
    """The account as text in both languages."""
    width = max(len(line.source) for line in lines) if lines else 10
    rows = [f"  {'':<{width}}  {'読んだ/read':>11} {'送った/sent':>11} {'残した/stored':>11}"]
    for line in [*lines, _total(lines)]:
        mark = "" if line.good else "  ← !"
        rows.append(f"  {line.source:<{width}}  {line.read:>14,} {line.sent:>14,} {line.stored:>14,}{mark}")
    rows.append(
        "  読んだ数 = 送った数 = 残した数。数は合っています。 / read = sent = stored: it adds up."
        if good
        else "  数が合いません。 / It does not add up."
    )
    return "\n".join(rows)


def _total(lines: list[Line]) -> Line:
    return Line(
        source="=",
        read=sum(line.read for line in lines),
        sent=sum(line.sent for line in lines),
        stored=sum(line.stored for line in lines),
        waiting=sum(line.waiting for line in lines),
    )
