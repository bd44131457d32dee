"""Any order of put, send, receipt, crash, overflow, burial and resync loses nothing that was not counted."""

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from edge_parts import Hands, load, motion, open_outbox, opened_batch
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge import report
from edge.ranges import Ranges


class OutboxMachine(RuleBasedStateMachine):
    """The gateway is a dict of payloads; the truth is what `put` returned."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.hands = Hands()
        self.truth: dict[int, int] = {}
        self.gateway: dict[int, bytes] = {}
        self.read = 0
        self.told: dict[int, int] = {}
        self.outbox = open_outbox(self.folder / "outbox.db", self.hands, max_mb=1)

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.outbox.close()
            shutil.rmtree(self.folder)

    @rule(count=st.integers(1, 60), event=st.booleans())
    def put(self, count: int, event: bool) -> None:
        taken = [motion(self.hands)] if event else [load(self.hands, *([1.0] * count))]
        self._keep(taken)

    @rule(puts=st.integers(1, 25))
    def flood(self, puts: int) -> None:
        for _ in range(puts):
            self._keep([load(self.hands, *([2.0] * 500)) for _ in range(4)])

    def _keep(self, taken: list) -> None:  # type: ignore[type-arg]
        done = self.outbox.put(taken, (), self.hands.belief())
        self.read += sum(len(one.readings) for one in taken)
        self.truth |= {one.seq: one.readings for one in done}
        self.hands.move(1)

    @rule(limit=st.integers(1, 40), after=st.integers(0, 50))
    def send(self, limit: int, after: int) -> None:
        for row in self.outbox.ready(self.outbox.confirmed_seq + after, limit):
            self.outbox.note_sent(row.seq)
            known = self.gateway.setdefault(row.seq, row.payload)
            assert known == row.payload
            for gap in opened_batch(row.payload).gaps:
                assert self.told.setdefault(gap.first, gap.readings) == gap.readings or gap.reason == "past-grace"

    @rule()
    def receive(self) -> None:
        covered = Ranges((seq, seq) for seq in self.gateway)
        for payload in self.gateway.values():
            for gap in opened_batch(payload).gaps:
                covered.add(gap.first, gap.last)
        above = [one for one in covered.list() if one[0] > covered.mark]
        self.outbox.confirm(covered.mark, above)

    @rule(loss=st.integers(1, 30))
    def restore_the_gateway(self, loss: int) -> None:
        kept = max(0, self.outbox.confirmed_seq - loss)
        self.gateway = {seq: payload for seq, payload in self.gateway.items() if seq <= kept}
        self.outbox.resync(kept)

    @rule(readings=st.integers(1, 5))
    def lose(self, readings: int) -> None:
        self.outbox.lose(readings, "memory-full")
        self.read += readings
        self._keep([motion(self.hands)])

    @rule()
    def bury(self) -> None:
        rows = self.outbox.ready(self.outbox.confirmed_seq, 1)
        if rows and rows[0].seq not in self.gateway:
            self.outbox.bury(rows[0].seq, "refused")

    @rule(days=st.integers(0, 9))
    def age(self, days: int) -> None:
        self.hands.move(days * 86_400)
        self.outbox.sweep(limit=20)

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = open_outbox(self.folder / "outbox.db", self.hands, max_mb=1)

    @invariant()
    def every_reading_is_confirmed_or_waits_or_is_counted_as_dropped(self) -> None:
        if not hasattr(self, "outbox"):
            return
        self.outbox.flush()
        found = report.report(self.outbox.path)
        assert found.read_total == self.read == self.outbox.read_total
        assert found.waiting_rows == self.outbox.waiting_rows
        assert found.confirmed_readings == self.read - found.waiting_readings - sum(found.dropped.values())
        assert found.confirmed_readings >= 0
        assert found.last_seq == self.outbox.last_seq
        assert found.file_bytes <= 1 << 20


OutboxMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestOutbox = OutboxMachine.TestCase
