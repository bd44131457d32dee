"""One key a device that pushes: `<data_dir>/push/<device>.key`, mode 0600, made where missing, revoked by deleting."""

from collections.abc import Iterable
from pathlib import Path

from gateway.inlets.push import pushes
from gateway.secretfile import read_or_make
from gateway.settings import Device

KEY_BYTES = 24


def push_keys(data_dir: Path, devices: Iterable[Device]) -> dict[str, str]:
    """The key by device; one that was deleted is made anew, and the old one opens nothing from then on."""
    pushing = [device.id for device in devices if pushes(device)]
    return {device: read_or_make(data_dir / "push" / f"{device}.key", KEY_BYTES) for device in pushing}
