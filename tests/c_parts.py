"""The C side of the node protocol, built for tests by its own Makefile."""

import shutil
import subprocess
from pathlib import Path

import firmware_bridge

FOLDER = Path(firmware_bridge.__file__).parent / "c"


def make(out: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [shutil.which("make") or "make", "-C", str(FOLDER), f"OUT={out}", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)
