"""The judge at work: every step looks at the window, judges, keeps the alerts, and says how everything is.

    window ─▶ who is heard (presence) ─▶ values (judge) ─▶ homes ─Findings─▶ ledger (lifecycle) ─▶ states for the board

Learning is on a schedule, and again when much late data has come in (two weeks of backlog teach too). A step never
waits for anybody; what it says is replaced whole. Clocks: findings carry the wall clock; what is unheard is measured on
the monotonic one, and a jump of the wall clock makes the watch listen anew before it judges who is silent.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from gateway.alerts import Finding
from gateway.alerts.ledger import Ledger
from gateway.board import Board
from gateway.errors import StoreError
from gateway.homes import Homes
from gateway.judge import Judge
from gateway.models import Models
from gateway.presence import Ears, Presence
from gateway.rules import Rule
from gateway.settings import Device, Node, Site
from gateway.states import TownState
from gateway.window import Window

log = logging.getLogger(__name__)
LEARN_EVERY_S = 3600.0
RELEARN_AFTER_S = 30.0  # at the soonest, when late data came in
RELEARN_SHARE = 20.0  # and never more than a twentieth of the time
KEEP_EVERY_S = 21600.0  # models are written: flash wears
JUMP_S = 30.0


class Watch:
    """Judges everything every `step_s`. `grace_s`: how long it listens after a start before anybody counts as unheard.

    `broker_ready`: whether the gateway is connected to its broker; `node_online`: what the nodes' state messages say.
    `models`: where what was learned is kept over restarts.
    """

    def __init__(
        self,
        window: Window,
        rules: Sequence[Rule],
        sites: Sequence[Site],
        devices: Sequence[Device],
        nodes: Sequence[Node],
        ledger: Ledger,
        *,
        step_s: float = 60.0,
        grace_s: float = 180.0,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        monotonic_s: Callable[[], float] = time.monotonic,
        broker_ready: Callable[[], bool] = lambda: True,
        node_online: Callable[[], Mapping[str, bool]] = dict,
        models: Models | None = None,
    ) -> None:
        self._window = window
        self._rules = {rule.id: rule for rule in rules}
        self._ledger = ledger
        self._step_s = step_s
        self._grace_s = grace_s
        self._now_us = now_us
        self._monotonic_s = monotonic_s
        self._broker_ready = broker_ready
        self._node_online = node_online
        self._ears = Ears(rules, nodes, devices)
        self._judge = Judge(rules, sites, devices)
        self._homes = Homes(rules, sites, devices)
        self._board = Board(sites, devices, nodes)
        self._milder = {milder: rule.id for rule in rules for milder in rule.supersedes}
        self._since_us = self._step_us = now_us()
        self._since_s = self._ready_s = self._step_began_s = monotonic_s()
        self._models = models
        self._learned_s: float | None = None
        self._kept_s = -KEEP_EVERY_S
        self._learning_took_s = 0.0
        self._learned_late = 0
        self._blind = False
        self._state = TownState(time_us=0, judging=False)
        self._changed = threading.Condition()

    @property
    def rules(self) -> Mapping[str, Rule]:
        """The rules in force, by id."""
        return self._rules

    def states(self) -> TownState:
        """How everything was at the last step; `time_us` 0 before the first."""
        return self._state

    def wait(self, after_us: int, timeout_s: float) -> TownState:
        """The first state newer than `after_us`, or the present one after `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._state.time_us > after_us, timeout_s)
            return self._state

    def run(self, stop: threading.Event) -> None:
        """Step every `step_s` until `stop`."""
        while not stop.is_set():
            began_s = self._monotonic_s()
            self.step(self._now_us())
            stop.wait(max(0.05, self._step_s - (self._monotonic_s() - began_s)))

    def step(self, now_us: int) -> TownState:
        """One judgement of everything at `now_us`."""
        self._check_clock(now_us)
        self._learn(now_us)
        presence = self._listen(now_us)
        quiet, findings = self._homes.judge(self._window, now_us, blind=presence.blind)
        if not presence.blind:
            findings += self._judge.judge(self._window, now_us, self._ledger.live())
        findings += self._ears.findings(presence, now_us)
        self._keep(findings, now_us)
        judging = not presence.blind and not self._listening()
        state = self._board.town(self._window, presence, quiet, self._ledger.open(), now_us, judging=judging)
        with self._changed:
            self._state = state
            self._changed.notify_all()
        return state

    def _listening(self) -> bool:
        return self._monotonic_s() - self._since_s < self._grace_s

    def _listen_anew(self, now_us: int) -> None:
        self._since_us, self._since_s = now_us, self._monotonic_s()

    def _check_clock(self, now_us: int) -> None:
        steady_s = self._monotonic_s()
        jump_s = (now_us - self._step_us) / 1e6 - (steady_s - self._step_began_s)
        self._step_us, self._step_began_s = now_us, steady_s
        if abs(jump_s) > JUMP_S:
            log.warning("clock_jumped seconds=%.0f", jump_s)
            self._listen_anew(now_us)

    def _listen(self, now_us: int) -> Presence:
        steady_s = self._monotonic_s()
        if self._broker_ready():
            self._ready_s = steady_s
        presence = self._ears.listen(
            self._window,
            now_us,
            since_us=self._since_us,
            judging=not self._listening(),
            broker_lost_s=steady_s - self._ready_s,
            online=self._node_online(),
        )
        if self._blind and not presence.blind:
            self._listen_anew(now_us)  # after its own outage it gives everybody time to be heard again
            log.info("gateway_hears_again")
        elif presence.blind and not self._blind:
            log.warning("gateway_blind quiet_s=%.0f", presence.quiet_s)
        self._blind = presence.blind
        return presence

    def _learn(self, now_us: int) -> None:
        began_s = self._monotonic_s()
        if self._learned_s is not None:
            since_s = began_s - self._learned_s
            late = self._window.late > self._learned_late
            soonest_s = max(RELEARN_AFTER_S, RELEARN_SHARE * self._learning_took_s)
            if since_s < LEARN_EVERY_S and not (late and since_s >= soonest_s):
                return
        late = self._window.late > self._learned_late
        if self._learned_s is None and self._models:
            log.info("models_restored count=%d", self._judge.restore(self._models))
        self._learned_late = self._window.late
        self._judge.learn(self._window, now_us, late=late)
        self._homes.learn(self._window, now_us)
        self._learned_s = self._monotonic_s()
        self._learning_took_s = self._learned_s - began_s
        if self._models and self._learned_s - self._kept_s >= KEEP_EVERY_S:
            self._kept_s = self._learned_s
            try:
                self._judge.keep(self._models, now_us)
            except StoreError as error:  # judging goes on; it is tried again in six hours
                log.warning("models_not_kept error=%s", error)

    def _keep(self, findings: Sequence[Finding], now_us: int) -> None:
        for finding in sorted(findings, key=lambda finding: not self._rules[finding.rule].supersedes):
            over = self._milder.get(finding.rule)
            if over is None or not self._told(over, finding.subject):
                self._ledger.advance(finding, self._rules[finding.rule].timing, now_us)
        for milder, subject in self._ledger.live():
            if milder in self._milder and self._told(self._milder[milder], subject):
                self._ledger.supersede(milder, subject, now_us)

    def _told(self, rule: str, subject: str) -> bool:
        alert = self._ledger.find(rule, subject)
        return alert is not None and alert.state != "pending"
