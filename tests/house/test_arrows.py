import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

from repository import ROOMS, ROOT, named


def test_rooms_import_only_where_the_arrows_point() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_agent_starts_without_numpy_or_a_web_server() -> None:
    asked = "import sys, edge.cli, edge.agent; print([m for m in ('numpy','fastapi','sqlalchemy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_pi_installs_nothing_heavy() -> None:
    wanted = [line for line in requires("satomori") or [] if "extra ==" not in line or "extra == 'edge'" in line]
    names = {line.split(">")[0].split("=")[0].split(";")[0].strip() for line in wanted}
    assert names == {"msgspec", "paho-mqtt", "pyserial", "cryptography"}


def test_every_room_says_what_it_is() -> None:
    for room in ROOMS:
        text = (ROOT / room / "README.md").read_text("utf-8")
        assert text.startswith("# "), f"{named(ROOT / room / 'README.md')} wants a heading first"
        assert len(text) > 400
