"""Put folder, data source and dashboards into a running Grafana, through its HTTP API.

Pushing again changes nothing but what differs: everything has a fixed uid. Nothing else in that Grafana is touched.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
import requests
from grafana_api.grafana_api import GrafanaException
from grafana_api.grafana_face import GrafanaFace

from dashboards.errors import DashboardsError

Outcome = Literal["created", "updated"]
RENDERED = Path(__file__).parent / "rendered"
FOLDER_UID = "satomori"
FOLDER_TITLE = "里守り Satomori"
DATASOURCE_UID = "satomori-influxdb"
NOT_FOUND = 404


class InfluxSource(msgspec.Struct, frozen=True, kw_only=True):
    """The InfluxDB that the dashboards read, as Grafana reaches it; the token needs read on the bucket, no more."""

    url: str
    token: str
    org: str = "satomori"
    bucket: str = "satomori"


def push(url: str, token: str, source: InfluxSource, *, timeout_s: float = 10.0) -> dict[str, Outcome]:
    """What was created or updated, by name. `token`: of a service account that is Admin of its organisation.

    DashboardsError where Grafana was not reached or refused, saying what it was asked and what it answered.
    """
    grafana = _connect(url, token, timeout_s)
    steps: dict[str, Callable[[], Outcome]] = {
        "folder": partial(_folder, grafana),
        "datasource": partial(_datasource, grafana, source),
        **{path.stem: partial(_dashboard, grafana, path) for path in sorted(RENDERED.glob("*.json"))},
    }
    try:
        return {what: _asked(url, what, step) for what, step in steps.items()}
    finally:
        grafana.api.s.close()


def datasource(source: InfluxSource) -> dict[str, Any]:
    """The data source as Grafana's API takes it; the token travels only in the part that Grafana encrypts."""
    return {
        "uid": DATASOURCE_UID,
        "name": "Satomori InfluxDB",
        "type": "influxdb",
        "access": "proxy",
        "url": source.url,
        "jsonData": {"version": "Flux", "organization": source.org, "defaultBucket": source.bucket},
        "secureJsonData": {"token": source.token},
    }


def _connect(url: str, token: str, timeout_s: float) -> GrafanaFace:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise DashboardsError(f"Grafana's address: wanted http://HOST:PORT or https://…, got {url!r}")
    prefix = parts.path.strip("/")
    return GrafanaFace(
        auth=token,
        protocol=parts.scheme,
        host=parts.hostname,
        port=parts.port,
        url_path_prefix=f"{prefix}/" if prefix else "",
        timeout=timeout_s,
    )


def _asked(url: str, what: str, ask: Callable[[], Outcome]) -> Outcome:
    try:
        return ask()
    except GrafanaException as error:
        raise DashboardsError(f"{url} refused {what}: {error.status_code} {error.message}") from error
    except requests.RequestException as error:
        raise DashboardsError(f"{url} did not take {what}: {error}") from error


def _is_there(look: Callable[[], Any]) -> Any | None:
    try:
        return look()
    except GrafanaException as error:
        if error.status_code == NOT_FOUND:
            return None
        raise


def _folder(grafana: GrafanaFace) -> Outcome:
    if _is_there(lambda: grafana.folder.get_folder(FOLDER_UID)):
        grafana.folder.update_folder(FOLDER_UID, FOLDER_TITLE, overwrite=True)
        return "updated"
    grafana.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID)
    return "created"


def _datasource(grafana: GrafanaFace, source: InfluxSource) -> Outcome:
    wanted = datasource(source)
    for one in grafana.datasource.list_datasources():
        if one["uid"] == DATASOURCE_UID:
            grafana.datasource.update_datasource(one["id"], wanted)
            return "updated"
    grafana.datasource.create_datasource(wanted)
    return "created"


def _dashboard(grafana: GrafanaFace, path: Path) -> Outcome:
    board = json.loads(path.read_text("utf-8"))
    known = _is_there(lambda: grafana.dashboard.get_dashboard(board["uid"]))
    grafana.dashboard.update_dashboard({"dashboard": board, "folderUid": FOLDER_UID, "overwrite": True})
    return "updated" if known else "created"
