"""From findings to alerts that somebody answers: pending → firing → acknowledged → resolved, persisted."""

from typing import Literal

import msgspec

Severity = Literal["urgent", "watch", "tech"]
SubjectKind = Literal["home", "field", "roof", "device", "node", "gateway"]
State = Literal["pending", "firing", "acknowledged", "resolved"]
Outcome = Literal["fine", "out", "hospital", "unwell", "ambulance", "device-fault", "no-contact", "handled"]
Happening = Literal["noticed", "fired", "acknowledged", "resolved", "closed", "superseded"]

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

    `number` is what the outside sees, for example 2027-0119-03; it names nobody, and is "" while pending.
    `score` and `numbers` are those of the moment it fired. `judged_us`: last time it was judged; `calm_us`: under the
    clearing line since. `holds`: a person closed it although the cause went on; it does not come again for that cause.
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
    closed_by: str = ""
    outcome: str = ""
    score: float = 0.0
    numbers: Numbers = {}
    series: str = ""
    judged_us: int = 0
    calm_us: int = 0
    holds: bool = False


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to an alert, in the order of `id`: what the outbox and the live page read."""

    id: int
    alert_id: int
    time_us: int
    what: Happening


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to tell somebody: when, over which notifier, for which named reason, with which result.

    `result`: "sent", "stopped: …" (not sent any more, and why) or "failed: …" with what the other side said.
    """

    alert_id: int
    time_us: int
    notifier: str
    reason: str
    result: str
