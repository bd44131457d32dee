import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge import codecs, crc
from firmware_bridge.errors import DecodeError

# What other packages say (record_peers.py), each difference explained here.
PEERS: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "peers.json").read_text("utf-8"))
LPP, ENOCEAN = codecs.families()["cayenne_lpp"], codecs.families()["enocean"]
DISTANCE_TYPE, MM_IN_M = 0x82, 1000


@pytest.mark.parametrize("said", PEERS["crcmod 1.7"], ids=lambda said: f"{said['function']} of {len(said['hex']) // 2}")
def test_our_checksums_are_those_of_crcmod(said: dict[str, Any]) -> None:
    assert getattr(crc, said["function"])(bytes.fromhex(said["hex"])) == said["value"]


@pytest.mark.parametrize("said", PEERS["pycayennelpp 2.4.0"], ids=lambda said: said["hex"][:24])
def test_we_read_cayenne_lpp_as_pycayennelpp_does(said: dict[str, Any]) -> None:
    readings = iter(LPP.decode("generic/cayenne-lpp", 1, bytes.fromhex(said["hex"])))
    for one in said["data"]:
        for value in one["values"]:
            reading = next(readings)
            assert reading.channel == one["channel"]
            # a distance: metres there, millimetres here
            factor = MM_IN_M if one["type"] == DISTANCE_TYPE else 1
            assert reading.value == pytest.approx(value * factor, abs=1e-6)
    assert next(readings, None) is None


@pytest.mark.parametrize("said", PEERS["enocean 0.60.1"], ids=lambda said: f"{said['model']} {said['hex'][14:22]}")
def test_we_read_enocean_telegrams_as_the_enocean_package_does(said: dict[str, Any]) -> None:
    peer = said["values"]
    ours = _ours(said)
    if "TMP" in peer:
        _temperature(said["model"], peer, ours.get(("air_temperature_c", 0)))
    if "HUM" in peer:
        # raw numbers above 250 are over 100 %: told there, left out here
        humidity = ours.get(("humidity_pct", 0))
        assert (humidity is None) == (peer["HUM"] > 100)
        assert humidity is None or humidity == pytest.approx(peer["HUM"], abs=6e-4)
    if "PIR" in peer:
        assert ours["motion", 0] == (peer["PIR"] == "on")
        # supply above 5 V, or that its own bit calls not available: told there, left out here
        assert ("battery_v", 0) not in ours or ours["battery_v", 0] == pytest.approx(peer["SVC"], abs=6e-4)
    if "CO" in peer:
        assert ours["contact_open", 0] == (peer["CO"] == "open")
    if "WIN" in peer:
        assert ours["contact_open", 0] == (peer["WIN"] != "Moved from vertical to down")
    if "PB" in peer:
        assert ours["button", 0] == (peer["PB"] == "Pressed")
    if "EB" in peer:
        assert ours["button", 0] == (peer["EB"] == "pressed")


def _ours(said: dict[str, Any]) -> dict[tuple[str, int], float]:
    """Nothing where every value is at the end of what the profile can tell, which we refuse by name."""
    try:
        readings = ENOCEAN.decode(said["model"], 0, bytes.fromhex(said["hex"]))
    except DecodeError:
        return {}
    return {(reading.quantity, reading.channel): reading.value for reading in readings}


def _temperature(model: str, peer: dict[str, Any], ours: float | None) -> None:
    """At the end of its range, or where the telegram says that it has none: told there, left out here."""
    low, high = codecs.models()[model][0].limits["air_temperature_c"]
    if peer.get("TSN") == "not available" or not low < peer["TMP"] < high:
        assert ours is None
    else:
        assert ours == pytest.approx(peer["TMP"], abs=6e-4)


def test_every_peer_was_asked_about_many_frames() -> None:
    assert {name: len(said) >= 20 for name, said in PEERS.items()} == dict.fromkeys(PEERS, True)
    assert len({said["model"] for said in PEERS["enocean 0.60.1"]}) >= 16
