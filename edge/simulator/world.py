"""The whole simulated town, put together from its plan: what is behind every port, and every home's people."""

from collections.abc import Mapping
from pathlib import Path

from edge import settings
from edge.drivers.enocean import EnOcean
from edge.drivers.line import Line
from edge.drivers.modbus_rtu import ModbusRtu
from edge.drivers.replay import Replay
from edge.errors import Mistake, SettingsError
from edge.simulator import plan
from edge.simulator.homes import Home
from edge.simulator.noise import seed_of, smooth
from edge.simulator.sensors import Encoded, Measure, Probe, RadioPart
from edge.simulator.snow import Roof, Storm
from edge.simulator.soil import Soil
from edge.simulator.weather import Weather

_LORA_PORT = 2
_MONTH_S = 30 * 86_400


class Bus:
    """An RS-485 pair behind one port, with its units."""

    def __init__(self, node: str, port: Path, probes: Mapping[int, Probe]) -> None:
        self.node, self.port, self.probes = node, port, probes


class Talker:
    """A sensor behind one port that says lines."""

    def __init__(self, node: str, port: Path, sensor: Encoded) -> None:
        self.node, self.port, self.sensor = node, port, sensor


class Radio:
    """An EnOcean dongle behind one port, that hears one home."""

    def __init__(self, node: str, port: Path, home: Home) -> None:
        self.node, self.port, self.home = node, port, home


class Uplinker:
    """A LoRaWAN device, heard by a network server."""

    def __init__(self, dev_eui: str, sensor: Encoded) -> None:
        self.dev_eui, self.sensor = dev_eui, sensor


class World:
    """Everything simulated. `captures`: where each node's past is to be written, by node."""

    def __init__(self, path: Path) -> None:
        """SettingsError where the plan, the town or a node's file cannot be read, or they do not fit together."""
        self.plan, self.town = plan.read(path)
        self._path = path
        self._devices = {device.id: device for device in self.town.device}
        self._weather = Weather(self.plan.seed, self.plan.offset_us)
        self._roofs = {
            fall.site: Roof(
                self.plan.seed,
                fall.site,
                Storm(peak_us=fall.peak_us, before_kg_m2=fall.before_kg_m2, peak_kg_m2=fall.peak_kg_m2),
            )
            for fall in self.plan.roof
        }
        self.buses: list[Bus] = []
        self.talkers: list[Talker] = []
        self.radios: list[Radio] = []
        self.captures: dict[str, Path] = {}
        for node in self.plan.nodes:
            self._read_node(path.parent / node)
        self.uplinkers = [
            Uplinker(device.dev_eui, Encoded(device.id, device.model, self._measure(device), _LORA_PORT))
            for device in self.town.device
            if device.dev_eui
        ]

    def _read_node(self, path: Path) -> None:
        node = settings.load(path)
        for driver in node.drivers:
            if isinstance(driver, Replay):
                self.captures[node.node.id] = Path(driver.path)
            elif isinstance(driver, ModbusRtu):
                probes = {unit.unit: self._probe(unit.id, unit.unit) for unit in driver.device}
                self.buses.append(Bus(node.node.id, Path(driver.port), probes))
            elif isinstance(driver, Line):
                device = self._device(driver.device[0].id)
                sensor = Encoded(device.id, device.model, self._measure(device))
                self.talkers.append(Talker(node.node.id, Path(driver.port), sensor))
            elif isinstance(driver, EnOcean):
                self.radios.append(Radio(node.node.id, Path(driver.port), self._home(driver)))

    def _device(self, name: str) -> plan.Device:
        if name not in self._devices:
            raise SettingsError([Mistake(str(self._path), "device", f"a [[device]] {name!r} in the town", "none")])
        return self._devices[name]

    def _probe(self, name: str, unit: int) -> Probe:
        stuck = self.plan.stuck
        since_us = stuck.since_us if stuck and stuck.device == name else None
        device = self._device(name)
        return Probe(name, device.model, unit, self._measure(device), since_us)

    def _home(self, driver: EnOcean) -> Home:
        parts = {
            self.plan.rooms[one.id]: RadioPart(self.plan.seed, one.id, one.model, one.address)
            for one in driver.device
            if one.id in self.plan.rooms
        }
        return Home(self.plan, self._device(driver.device[0].id).site, parts)

    def _measure(self, device: plan.Device) -> Measure:
        battery = seed_of(self.plan.seed, "battery", device.id)

        def volts(time_us: int) -> float:
            return 3.55 + 0.03 * smooth(battery, time_us, _MONTH_S / 10)

        roof = self._roofs.get(device.site)
        if roof is None:
            soil = Soil(self.plan.seed, device.id, device.depth_cm or 10.0, self._weather)
            return lambda time_us: {**soil.at(time_us), "battery_v": volts(time_us)}
        mount_mm = device.mount_mm or 5000.0

        def above(time_us: int) -> dict[str, float]:
            air_c = round(self._weather.air_c(time_us), 1)
            return {
                "snow_load_kg_m2": round(roof.load_kg_m2(time_us), 2),
                "distance_mm": round(mount_mm - 10 * roof.depth_cm(time_us)),
                "air_temperature_c": air_c,
                "probe_temperature_c": air_c,
                "battery_v": volts(time_us),
            }

        return above
