"""What is judged, by which detector, and what is said about it: reviewed rules in TOML (`rules.toml` is shipped).

A rule takes the series of its `quantities` at sites of its `site_kind`, lets its detector score them, and speaks of
one subject: the site, the device, the node or the gateway. Everything wrong with a file is told at once.
"""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec

from firmware_bridge.quantity import QUANTITIES
from firmware_bridge.reading import Id
from gateway import strict
from gateway.alerts import Severity
from gateway.alerts.lifecycle import Timing
from gateway.alerts.words import Phrases, flaws
from gateway.detect import Detector, detectors
from gateway.errors import Mistake, SettingsError

SHIPPED = Path(__file__).with_name("rules.toml")
UNHEARD = "unheard"  # judged from when something was last heard, not from a block of values
SILENCE = "silence"  # judged on activity per home, made from several quantities
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. `settings` are the fields of its detector; `supersedes` names milder rules about the same subject.

    `hold_s`, `clear_score`, `clear_s`, `again_s`: see `alerts.lifecycle`. `repeat_s`: told again so often while nobody
    has taken it, 0 = never.
    """

    id: Id
    detector: str
    subject: Literal["site", "device", "node", "gateway"]
    severity: Severity
    title_ja: str
    title_en: str
    reason_ja: str
    reason_en: str
    fallback_ja: str = ""
    fallback_en: str = ""
    quantities: tuple[str, ...] = ()
    site_kind: Literal["field", "roof", "home"] | None = None
    settings: dict[str, Any] = {}
    supersedes: tuple[str, ...] = ()
    hold_s: Seconds = 0.0
    clear_score: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.9
    clear_s: Seconds = 0.0
    again_s: Seconds = 0.0
    repeat_s: Seconds = 0.0
    enabled: bool = True

    @property
    def timing(self) -> Timing:
        """Hold and clearing, as the lifecycle takes them."""
        return Timing(hold_s=self.hold_s, clear_score=self.clear_score, clear_s=self.clear_s, again_s=self.again_s)

    @property
    def phrases(self) -> Phrases:
        """Title and reason in both languages."""
        return Phrases(**{name: getattr(self, name) for name in Phrases.__struct_fields__})


class Unheard(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the detector `unheard`: silent beyond `intervals` usual intervals, never before `floor_s`."""

    intervals: Annotated[float, msgspec.Meta(gt=0)] = 3.0
    floor_s: Seconds = 600.0


def load(path: Path | None = None) -> tuple[Rule, ...]:
    """Enabled rules of a file, or those shipped; the more severe of two that speak of one subject first.

    SettingsError with every mistake in it.
    """
    file = path or SHIPPED
    try:
        table = tomllib.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        wanted = "a file that can be read"
        raise SettingsError([Mistake(str(file), "file", wanted, error.strerror or str(error))]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([Mistake(str(file), "file", "TOML in UTF-8", str(error))]) from error
    rules, mistakes = parse(table, str(file))
    if mistakes:
        raise SettingsError(mistakes)
    return tuple(sorted((rule for rule in rules if rule.enabled), key=lambda rule: not rule.supersedes))


def parse(table: Mapping[str, Any], file: str) -> tuple[list[Rule], list[Mistake]]:
    """Rules of a parsed file (`[[rule]]` tables) and everything that is wrong with them."""
    mistakes = [Mistake(file, key, "[[rule]] and nothing else", "an unknown key") for key in table if key != "rule"]
    tables = table.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        return [], [*mistakes, Mistake(file, "rule", "tables [[rule]]", repr(tables)[:80])]
    rules: list[Rule] = []
    for place, one in enumerate(tables, 1):
        key = f"rule.{one['id']}" if isinstance(one.get("id"), str) else f"rule {place}"
        rule, found = strict.convert(one, Rule, file, key)
        mistakes += found
        if rule is not None:
            rules.append(rule)
            mistakes += _flaws(rule, file, key)
    return rules, mistakes + _between(rules, file)


def build(rule: Rule, quantity: str, step_s: float) -> Detector:
    """The rule's detector for one quantity on a grid of `step_s`."""
    kind = settings_of(rule.detector)
    given = {"quantity": quantity, "step_s": step_s}
    known = {field.name for field in msgspec.structs.fields(kind)}
    extra = {name: value for name, value in given.items() if name in known and name not in rule.settings}
    return cast("Detector", msgspec.convert({**extra, **rule.settings}, kind))


def settings_of(detector: str) -> type[msgspec.Struct]:
    """The Struct whose fields are that detector's settings; KeyError where there is none."""
    return Unheard if detector == UNHEARD else cast("type[msgspec.Struct]", detectors()[detector])


def judged(rules: Sequence[Rule]) -> Collection[str]:
    """Quantities of which a detector needs the past."""
    return {name for rule in rules if rule.detector not in (UNHEARD, "range") for name in rule.quantities}


def _flaws(rule: Rule, file: str, key: str) -> list[Mistake]:
    found = [
        Mistake(file, f"{key}.{name}", wanted, repr(text)[:80])
        for name, text in msgspec.structs.asdict(rule.phrases).items()
        for wanted in flaws(text)
    ]
    found += [
        Mistake(file, f"{key}.quantities", "a known quantity", repr(name))
        for name in rule.quantities
        if name not in QUANTITIES
    ]
    if rule.detector != UNHEARD and rule.detector not in detectors():
        names = ", ".join([*detectors(), UNHEARD])
        return [*found, Mistake(file, f"{key}.detector", f"one of {names}", repr(rule.detector))]
    _, wrong = strict.convert(rule.settings, settings_of(rule.detector), file, f"{key}.settings")
    return found + wrong + _sense(rule, file, key)


def _sense(rule: Rule, file: str, key: str) -> list[Mistake]:
    found = []
    if rule.detector == UNHEARD and rule.subject == "site":
        found.append(Mistake(file, f"{key}.subject", "device, node or gateway for unheard", rule.subject))
    if rule.detector != UNHEARD and rule.subject in ("node", "gateway"):
        found.append(Mistake(file, f"{key}.subject", "site or device", rule.subject))
    if rule.detector == SILENCE and rule.site_kind != "home":
        found.append(Mistake(file, f"{key}.site_kind", '"home" for silence', repr(rule.site_kind)))
    moving = [name for name in rule.quantities if name in QUANTITIES and QUANTITIES[name].kind in ("event", "state")]
    if rule.detector in ("flat_line", "seasonal") and (moving or not rule.quantities):
        wanted = "quantities that are levels (an event is quiet by nature)"
        found.append(Mistake(file, f"{key}.quantities", wanted, ", ".join(moving) or "none"))
    return found


def _between(rules: Sequence[Rule], file: str) -> list[Mistake]:
    ids = [rule.id for rule in rules]
    found = [
        Mistake(file, f"rule.{one}", "an id of its own", f"{ids.count(one)} rules of that id")
        for one in sorted(set(ids))
        if ids.count(one) > 1
    ]
    found += [
        Mistake(file, f"rule.{rule.id}.supersedes", "another rule's id", repr(other))
        for rule in rules
        for other in rule.supersedes
        if other not in ids or other == rule.id
    ]
    return found
