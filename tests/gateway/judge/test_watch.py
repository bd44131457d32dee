from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from judged_town import DAY_US, HOUR_US, MINUTE_US, START_US, JudgedTown
from resident import DAY, minutes

from firmware_bridge.reading import Column
from gateway.alerts.words import words

CELL_US = 10 * MINUTE_US


@pytest.fixture
def town(tmp_path: Path) -> Iterator[JudgedTown]:
    town = JudgedTown(tmp_path)
    yield town
    town.close()


@pytest.fixture
def grown(town: JudgedTown) -> JudgedTown:
    """The town with two calm weeks behind it, brought as a backlog."""
    bring_past(town)
    return town


def bring_past(town: JudgedTown, days: int = 15, newest: int = 1) -> None:
    """`newest`: how many columns ago the values of fields and roofs end."""
    rng = np.random.default_rng(5)
    past = [START_US - at * CELL_US for at in range(newest, days * 144)][::-1]
    noise = np.round(rng.normal(0, 0.3, (4, len(past))), 1)
    town.take(
        "pi-town",
        [
            Column("cell-hall", "snow_load_kg_m2", past, (120 + noise[0]).tolist()),
            Column("cell-old", "snow_load_kg_m2", past, (480 + noise[1]).tolist()),
            Column("probe-1", "soil_moisture_vwc_pct", past, (31 + noise[2]).tolist()),
            Column("probe-2", "soil_moisture_vwc_pct", past, (28 + noise[3]).tolist()),
        ],
    )
    every_minute = [START_US - at * MINUTE_US for at in range(days * DAY)][::-1]
    for node, pir, seed in (("pi-a07", "pir-a07", 1), ("pi-b02", "pir-b02", 2)):
        town.take(node, [Column(node, "outbox_depth", every_minute, [0.0] * len(every_minute))])
        moved = np.flatnonzero(minutes(days + 1, seed)[: days * DAY + DAY // 2][-days * DAY :])
        times = [START_US - days * DAY_US + int(at) * MINUTE_US for at in moved]
        town.take(node, [Column(pir, "motion", [*times, START_US], [1.0] * (len(times) + 1))])


def live_day(town: JudgedTown, hours: int, **values: float) -> None:
    """Both people move about every half hour."""
    for turn in range(hours * 2):
        town.hear("pi-a07", {"pir-a07/motion": 1})
        town.hear("pi-b02", {"pir-b02/motion": 1})
        town.pass_time(30, **values)
        assert turn >= 0


def test_two_calm_weeks_and_a_calm_day_raise_nothing(grown: JudgedTown) -> None:
    live_day(grown, 24)
    assert grown.ledger.recent() == []
    state = grown.watch.states()
    assert {home.key for home in state.homes} == {"fine"}
    assert {node.key for node in state.nodes} == {"fine"}
    assert state.judging
    assert [home.learned_days for home in state.homes] >= [14, 14]


def test_a_person_quiet_longer_than_ever_at_this_hour_is_noticed_with_the_reason(grown: JudgedTown) -> None:
    grown.hear("pi-b02", {"pir-b02/motion": 1})
    state = grown.pass_time(1)
    usual_s, limit_s = state.homes[0].usual_longest_s, state.homes[0].limit_s
    assert usual_s is not None
    assert limit_s == pytest.approx(max(1.4 * usual_s, 10800))
    grown.hear("pi-a07", {"pir-a07/motion": 1})
    for _ in range(int(limit_s / 1800) + 1):
        grown.hear("pi-b02", {"pir-b02/motion": 1})
        grown.pass_time(30)
    assert list(grown.open()) == [("home-silence", "home-a07")]
    alert = grown.open()["home-silence", "home-a07"]
    rule = grown.watch.rules["home-silence"]
    assert "どの部屋にも反応がありません(最後は12:01、居間)" in words(alert, rule.phrases, "ja").reason
    assert "never been longer than" in words(alert, rule.phrases, "en").reason
    home = grown.watch.states().homes[0]
    assert (home.key, home.last_device, home.alerts) == ("urgent", "pir-a07", (alert.id,))
    grown.hear("pi-a07", {"pir-a07/motion": 1})
    grown.pass_time(2)
    assert grown.open() == {}


def test_a_roof_in_a_storm_is_told_once_as_watch_and_once_as_urgent(grown: JudgedTown) -> None:
    grown.pass_time(5)
    for load in np.arange(380.0, 560.0, 1.0):
        grown.hear("pi-a07", {"pir-a07/motion": 1})
        grown.hear("pi-b02", {"pir-b02/motion": 1})
        grown.pass_time(2, cell_hall=float(load))
    urgent = grown.open()["roof-load-danger", "roof-hall"]
    assert [(alert.rule, alert.outcome) for alert in reversed(grown.ledger.recent())] == [
        ("roof-load-warning", "superseded"),
        ("roof-load-danger", ""),
    ]
    assert urgent.numbers["percent"] == pytest.approx(90, abs=1)
    roof = next(roof for roof in grown.watch.states().roofs if roof.site == "roof-hall")
    assert (roof.key, roof.level) == ("urgent", "danger")
    assert roof.ratio == pytest.approx(559 / 600)
    assert roof.trend_kg_m2_h == pytest.approx(30, rel=0.2)
    assert roof.limit_h is not None
    assert 0 < roof.limit_h[0] <= roof.limit_h[1] < 4


def test_the_same_load_says_nothing_about_a_roof_without_a_design_load(grown: JudgedTown) -> None:
    grown.pass_time(30, cell_old=900)
    assert grown.open() == {}
    roof = next(roof for roof in grown.watch.states().roofs if roof.site == "roof-old")
    assert (roof.level, roof.ratio, roof.load_kg_m2) == ("unknown", None, 900)


def test_a_load_that_is_gone_in_a_minute_wakes_nobody(grown: JudgedTown) -> None:
    grown.pass_time(5)
    grown.pass_time(1, cell_hall=590)
    grown.pass_time(10)
    assert grown.ledger.recent() == []


def test_a_value_that_cannot_be_is_the_sensors_alert_and_not_the_roofs(grown: JudgedTown) -> None:
    grown.pass_time(10, cell_hall=9999)
    assert list(grown.open()) == [("value-impossible", "cell-hall")]
    roof = next(roof for roof in grown.watch.states().roofs if roof.site == "roof-hall")
    assert roof.load_kg_m2 is None
    assert {value.verdict for value in roof.values if value.quantity == "snow_load_kg_m2"} == {"fault"}


def test_a_stuck_probe_is_told_and_its_value_doubted(grown: JudgedTown) -> None:
    live_day(grown, 7, probe_1=31.4)
    assert list(grown.open()) == [("soil-stuck", "probe-1")]
    alert = grown.open()["soil-stuck", "probe-1"]
    reason = words(alert, grown.watch.rules["soil-stuck"].phrases, "ja").reason
    assert "6時間、31.4 %のまま動きません" in reason
    assert "この値は判断に使っていません" in reason
    field = grown.watch.states().fields[0]
    assert {value.device: value.verdict for value in field.values} == {"probe-1": "suspect", "probe-2": "good"}
    live_day(grown, 3)
    assert grown.open() == {}


def test_a_stuck_probe_is_noticed_after_its_past_came_late_but_only_by_a_present_value(town: JudgedTown) -> None:
    bring_past(town, newest=43)
    town.pass_time(1, quietly=True)
    late = [START_US - at * CELL_US for at in range(3, 43)][::-1]
    town.take("pi-town", [Column("probe-1", "soil_moisture_vwc_pct", late, [31.4] * len(late))])
    town.pass_time(5, quietly=True)
    assert ("soil-stuck", "probe-1") not in town.open()
    town.hear("pi-town", {"probe-1/soil_moisture_vwc_pct": 31.4})
    town.pass_time(1, quietly=True)
    assert ("soil-stuck", "probe-1") in town.open()


def test_late_readings_raise_no_alarm_of_the_present(grown: JudgedTown) -> None:
    late = [START_US - 3 * HOUR_US + at * CELL_US for at in range(6)]
    grown.take("pi-town", [Column("cell-hall", "snow_load_kg_m2", late, [590.0] * 6)])
    grown.pass_time(10)
    assert grown.ledger.recent() == []


def test_a_silent_sensor_is_its_own_alert(grown: JudgedTown) -> None:
    for _ in range(40):
        grown.hear("pi-town", {"probe-1/soil_moisture_vwc_pct": 31, "cell-hall/snow_load_kg_m2": 120})
        grown.hear("pi-town", {"cell-old/snow_load_kg_m2": 480})
        grown.hear("pi-a07", {"pir-a07/motion": 1, "door-a07/battery_v": 3, "pi-a07/outbox_depth": 0})
        grown.hear("pi-b02", {"pir-b02/motion": 1, "pi-b02/outbox_depth": 0})
        grown.pass_time(1, quietly=True)
    assert list(grown.open()) == [("device-unheard", "probe-2")]
    field = grown.watch.states().fields[0]
    assert {value.device: value.verdict for value in field.values} == {"probe-1": "good", "probe-2": "missing"}


def test_a_dead_node_is_one_alert_and_its_homes_are_unknown_not_silent(grown: JudgedTown) -> None:
    grown.pass_time(5)
    for turn in range(13 * 60):
        grown.hear("pi-town", {"cell-hall/snow_load_kg_m2": 120 + turn % 5, "cell-old/snow_load_kg_m2": 480 + turn % 5})
        wet = {
            "probe-1/soil_moisture_vwc_pct": 31 + turn % 5 * 0.2,
            "probe-2/soil_moisture_vwc_pct": 28 + turn % 7 * 0.2,
        }
        grown.hear("pi-town", wet)
        grown.hear("pi-b02", {"pi-b02/outbox_depth": 0, "pir-b02/motion": 1})
        grown.pass_time(1, quietly=True)
    assert list(grown.open()) == [("node-unheard", "pi-a07")]
    state = grown.watch.states()
    home = state.homes[0]
    assert (home.key, home.quiet_s, home.nodes[0].key) == ("unknown", None, "tech")
    assert {device.key for device in home.devices} == {"unknown"}
    assert state.homes[1].key == "fine"


def test_a_node_that_says_goodbye_is_told_of_sooner(grown: JudgedTown) -> None:
    grown.online["pi-b02"] = False
    grown.pass_time(6)
    assert list(grown.open()) == [("node-unheard", "pi-b02")]
    grown.online["pi-b02"] = True
    grown.pass_time(5)
    assert grown.open() == {}


def test_a_blind_gateway_is_one_alert_and_judges_nobody(grown: JudgedTown) -> None:
    grown.pass_time(5)
    state = grown.pass_time(14 * 60, quietly=True)
    assert list(grown.open()) == [("gateway-blind", "gateway")]
    assert state.blind_since_us == START_US + 5 * MINUTE_US
    assert {home.key for home in state.homes} == {"unknown"}
    assert not state.judging


def test_after_its_own_outage_the_gateway_gives_everybody_time(grown: JudgedTown) -> None:
    grown.pass_time(5)
    grown.pass_time(60, quietly=True)
    grown.hear("pi-town", {"probe-1/soil_moisture_vwc_pct": 31})
    grown.pass_time(2, quietly=True)
    assert ("node-unheard", "pi-a07") not in grown.open()
    live_day(grown, 1)
    assert [alert.rule for alert in grown.ledger.recent()] == ["gateway-blind"]
    assert grown.open() == {}


def test_a_lost_broker_makes_the_gateway_blind_at_once(grown: JudgedTown) -> None:
    grown.pass_time(5)
    grown.ready = False
    grown.pass_time(3)
    assert list(grown.open()) == [("gateway-blind", "gateway")]


def test_a_backlog_is_not_a_dead_node_and_teaches_without_waiting_for_the_hour(town: JudgedTown) -> None:
    town.hear_everybody()
    town.pass_time(2)
    assert town.watch.states().homes[0].learned_days <= 1
    bring_past(town)
    town.pass_time(2)
    assert town.watch.states().homes[0].learned_days >= 14
    assert town.ledger.recent() == []


def test_what_was_never_heard_is_told_after_its_limit_not_at_the_start(town: JudgedTown) -> None:
    for _ in range(4):
        town.hear("pi-town", {"probe-1/soil_moisture_vwc_pct": 31})
        town.pass_time(1, quietly=True)
    assert town.open() == {}
    for _ in range(10):
        town.hear("pi-town", {"probe-1/soil_moisture_vwc_pct": 31})
        town.pass_time(1, quietly=True)
    assert {key for key in town.open() if key[0] == "node-unheard"} == {
        ("node-unheard", "pi-a07"),
        ("node-unheard", "pi-b02"),
    }


def test_a_jump_of_the_clock_accuses_nobody(grown: JudgedTown) -> None:
    live_day(grown, 1)
    grown.now_us += 6 * HOUR_US
    live_day(grown, 1)
    grown.now_us -= 6 * HOUR_US
    live_day(grown, 1)
    assert [alert for alert in grown.ledger.recent() if alert.severity == "tech"] == []


def test_alerts_go_on_after_a_restart_as_if_nothing_had_happened(grown: JudgedTown) -> None:
    grown.pass_time(10, cell_hall=560)
    before = grown.open()["roof-load-danger", "roof-hall"]
    grown.watch = grown.make_watch()
    grown.pass_time(10, cell_hall=560)
    assert grown.open()["roof-load-danger", "roof-hall"].number == before.number
    assert len(grown.ledger.recent()) == 1


def test_a_home_is_judged_by_twelve_hours_before_its_habits_are_known(town: JudgedTown) -> None:
    town.hear_everybody()
    town.hear("pi-a07", {"pir-a07/motion": 1})
    town.hear("pi-b02", {"pir-b02/motion": 1})
    for turn in range(13 * 2):
        town.hear("pi-b02", {"pir-b02/motion": 1})
        town.pass_time(30)
        assert turn >= 0
    alert = town.open()["home-silence", "home-a07"]
    assert alert.fired_us - START_US == pytest.approx(12 * HOUR_US, abs=10 * MINUTE_US)
    assert "まだ覚えている途中" in words(alert, town.watch.rules["home-silence"].phrases, "ja").reason
    assert town.watch.states().homes[0].usual_longest_s is None


def test_an_alert_keeps_when_it_was_measured_and_when_it_was_raised(grown: JudgedTown) -> None:
    grown.pass_time(5)
    grown.hear_everybody(cell_hall=560)
    measured_us = grown.now_us
    grown.pass_time(6, quietly=True)
    alert = grown.open()["roof-load-danger", "roof-hall"]
    assert alert.numbers["measured_us"] == measured_us
    assert alert.fired_us > measured_us


def test_a_value_does_not_live_on_when_only_the_rest_of_its_sensor_speaks(grown: JudgedTown) -> None:
    grown.pass_time(5)
    for _ in range(60):
        grown.hear("pi-town", {"probe-1/battery_v": 3.0, "probe-1/soil_temperature_c": 1.0})
        grown.pass_time(1, quietly=True)
    field = grown.watch.states().fields[0]
    assert {value.quantity: value.verdict for value in field.values if value.device == "probe-1"} == {
        "battery_v": "good",
        "soil_temperature_c": "good",
        "soil_moisture_vwc_pct": "missing",
    }
