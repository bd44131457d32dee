"""From findings to alerts that somebody answers: pending → firing → acknowledged → resolved, persisted."""

from typing import Literal

import msgspec

Severity = Literal["urgent", "watch", "tech"]
SubjectKind = Literal["home", "field", "roof", "device", "node", "gateway"]
State = Literal["pending", "firing", "acknowledged", "resolved"]
Outcome = Literal["fine", "out", "hospital", "unwell", "ambulance", "device-fault", "no-contact", "handled"]

Numbers = dict[str, float | str]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's judgement of one subject at one step: over its line (`score` ≥ 1), under it, or NaN = cannot know.

    `numbers` fill the rule's reason text; `series` is the series to show beside it, empty where there is none.
    """

    rule: str
    subject: str
    subject_kind: SubjectKind
    severity: Severity
    score: float
    time_us: int
    numbers: Numbers = {}
    series: str = ""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One open or closed alert; at most one is open for a (rule, subject). Times are µs UTC, 0 = not yet.

    `number` is what the outside sees, for example 2027-0119-03; it names nobody.
    """

    id: int
    number: str
    rule: str
    subject: str
    subject_kind: SubjectKind
    severity: Severity
    state: State
    seen_us: int
    fired_us: int = 0
    acknowledged_us: int = 0
    acknowledged_by: str = ""
    resolved_us: int = 0
    outcome: str = ""
    score: float = 0.0
    numbers: Numbers = {}
    series: str = ""


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to tell somebody: when, over which notifier, for which named reason, with which result."""

    alert_id: int
    time_us: int
    notifier: str
    reason: str
    result: str
