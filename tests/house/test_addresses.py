"""Nothing in the repository may depend on one machine, one registry, or hold a secret."""

import json
import re
import stat
import subprocess

import pytest
from repository import ROOT, files, named, texts

REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("static", "crates", "io"),
        ("index", "crates", "io"),
        ("deb", "debian", "org"),
        ("repo", "maven", "apache", "org"),
    )
]
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|home)/\w|\.\./shared\b")
SECRETS = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "Grafana token": re.compile(r"glsa_[A-Za-z0-9]{20,}"),
    "InfluxDB token": re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{86}=="),
    "cloud key": re.compile(r"(?<![A-Z0-9])AKIA[A-Z0-9]{16}(?![A-Z0-9])"),
}
HASH_FILES = {"requirements.lock", "package-lock.json", "go.sum"}


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_the_address_of_a_registry(host: str) -> None:
    assert not [named(path) for path in texts() if host in path.read_text("utf-8")]


def test_no_file_knows_a_path_of_one_machine() -> None:
    found = [named(path) for path in texts() if MACHINE_PATH.search(path.read_text("utf-8"))]
    assert not found


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_is_committed(kind: str) -> None:
    candidates = [path for path in texts() if path.name not in HASH_FILES]
    assert not [named(path) for path in candidates if SECRETS[kind].search(path.read_text("utf-8"))]


def test_key_files_and_databases_stay_out() -> None:
    forbidden = {".key", ".pem", ".db", ".sqlite", ".token", ".password"}
    found = [path for path in files() if path.suffix in forbidden and "vectors" not in path.parts]
    assert not [named(path) for path in found if "tests" not in path.relative_to(ROOT).parts[:1]]


def test_scripts_can_be_run_and_stop_at_the_first_mistake() -> None:
    for path in (ROOT / ".ci").iterdir():
        text = path.read_text("utf-8")
        if text.startswith("#!"):
            assert path.stat().st_mode & stat.S_IXUSR, named(path)
        if text.startswith("#!/bin/bash"):
            assert "set -euo pipefail" in text, named(path)


def test_the_lock_file_pins_by_hash() -> None:
    for block in re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text("utf-8").strip()):
        assert re.match(r"^[a-z0-9][a-z0-9._-]*(\[[a-z0-9,-]+\])?==\S+", block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


def test_the_bill_of_materials_lists_every_locked_package() -> None:
    told = subprocess.run([ROOT / ".ci" / "sbom"], capture_output=True, text=True, check=True).stdout
    document = json.loads(told)
    listed = {one["purl"].split("@")[0] for one in document["components"]}
    locked = set(re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==", (ROOT / "requirements.lock").read_text("utf-8"), re.M))
    assert {f"pkg:pypi/{name}" for name in locked} | {"pkg:npm/htmx.org", "pkg:npm/uplot"} == listed
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    assert len({one["bom-ref"] for one in document["components"]}) == len(document["components"])


def test_every_dependency_is_in_the_lock_file() -> None:
    wanted = re.findall(r'^\s*"?([a-z0-9-]+)(?:\[[^\]]*\])?[>=]=', (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.M))
    assert not set(wanted) - locked
