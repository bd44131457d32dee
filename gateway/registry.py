"""Who may speak and what is watched: nodes with their keys, sites, devices. Read from the settings, never changed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from firmware_bridge.credentials import parse_key
from firmware_bridge.errors import EnvelopeError
from gateway.errors import Mistake, SettingsError
from gateway.secretfile import read_or_make
from gateway.settings import Device, Node, Site

KEY_BYTES = 32


def reserved(name: str) -> bool:
    """Whether a node may not be called so, because the broker knows another client by that name."""
    return name == "gateway" or name.startswith(("inlet-", "homeassistant"))


class Registry:
    """Nodes, sites and devices of one tenant by their ids. Every method answers None for what it does not know.

    SettingsError where a node takes a name that the broker keeps for the gateway or an inlet.
    """

    def __init__(
        self,
        tenant: str,
        nodes: Sequence[Node],
        sites: Sequence[Site],
        devices: Sequence[Device],
        keys: Mapping[str, bytes],
    ) -> None:
        taken = [node.id for node in nodes if reserved(node.id)]
        if taken:
            wanted = "a name other than gateway, inlet-… and homeassistant…, which the broker keeps for itself"
            raise SettingsError([Mistake("node", "id", wanted, name) for name in taken])
        self.tenant = tenant
        self.nodes: dict[str, Node] = {node.id: node for node in nodes}
        self.sites: dict[str, Site] = {site.id: site for site in sites}
        self.devices: dict[str, Device] = {device.id: device for device in devices}
        self._keys = {node: key for node, key in keys.items() if node in self.nodes}
        self._by_address = {device.address: device for device in devices if device.address}
        self._by_eui = {device.dev_eui: device for device in devices if device.dev_eui}

    def key_of(self, node: str) -> bytes | None:
        """The node's key; None for a node that is not in the settings or has no key file."""
        return self._keys.get(node)

    def device(self, device_id: str) -> Device | None:
        """The device of that id."""
        return self.devices.get(device_id)

    def site_of(self, device_id: str) -> Site | None:
        """The site that a device looks at today."""
        device = self.devices.get(device_id)
        return self.sites.get(device.site) if device else None

    def device_of_eui(self, eui: str) -> Device | None:
        """The device of a LoRaWAN address, written in either case."""
        return self._by_eui.get(eui.lower())

    def device_of_address(self, address: str) -> Device | None:
        """The device that another server calls so, letter by letter."""
        return self._by_address.get(address)


def load_keys(folder: Path) -> dict[str, bytes]:
    """Keys of `<folder>/<node>.key` by node; an empty dict where there is no folder. SettingsError for a bad file."""
    keys: dict[str, bytes] = {}
    mistakes = []
    for path in sorted(folder.glob("*.key")):
        try:
            keys[path.stem] = parse_key(path.read_text("ascii"))
        except (EnvelopeError, UnicodeDecodeError, OSError) as error:
            mistakes.append(Mistake(str(path), "key", "64 hex digits", str(error)))
    if mistakes:
        raise SettingsError(mistakes)
    return keys


def make_key(folder: Path, node: str) -> bytes:
    """The key of a node: the one in its file, or a new one in a new file of mode 0600."""
    return parse_key(read_or_make(folder / f"{node}.key", KEY_BYTES))
