"""What belongs to the repository, for tests about the repository itself."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("firmware_bridge", "edge", "gateway", "dashboards")
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".json", ".html", ".css", ".js", ".lock", ".mod", ".sum", ""}


def files() -> list[Path]:
    """Every file that is committed or would be, in order."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return sorted(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def texts() -> list[Path]:
    """The files a person reads."""
    return [path for path in files() if path.suffix in TEXT]


def modules(*rooms: str) -> list[Path]:
    """Python files of these rooms."""
    return [path for path in files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in rooms]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and number of lines of each function of a Python file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def named(path: Path) -> str:
    """The path as a person would write it."""
    return str(path.relative_to(ROOT))
