"""Generated configuration of the broker: never a default of its own, never an anonymous client.

mosquitto: password file (PBKDF2-SHA512), access list by user name, client id = user name (nobody can take over another
client's session), persistence, a large but bounded queue. iotcore: passwords and loopback only; it has no access list,
so there the MAC of every batch is what keeps one node from speaking for another.
"""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from firmware_bridge.envelope import ROOT
from gateway.inlets import inlets
from gateway.registry import reserved

ITERATIONS = 1000  # the passwords are 128 random bits: the hash protects the file, not a human's word
MAX_PACKET_BYTES = 1024 * 1024  # Zigbee2MQTT describes all its devices in one message, and is cut off below that
EMBEDDED_PACKET_BYTES = 68 * 1024  # an envelope's 64 KiB and its topic
GATEWAY_USER = "gateway"
INLET_PREFIX = "inlet-"
HOME_ASSISTANT = "homeassistant"
_ROOTS = {f"{INLET_PREFIX}{name}": topic.split("/")[0] for name, inlet in inlets().items() for topic in inlet.TOPICS}


def write_mosquitto(folder: Path, host: str, port: int, tenant: str, users: Mapping[str, str]) -> Path:
    """Configuration, password file and access list in `folder`; the path of the first."""
    passwords = "".join(f"{user}:{_hashed(password)}\n" for user, password in sorted(users.items()))
    write_secret(folder / "passwd", passwords)
    write_secret(folder / "acl", access_list(tenant, [user for user in users if reserved(user)]))
    path = folder / "mosquitto.conf"
    write_secret(path, _mosquitto_conf(folder, host, port))
    return path


def _mosquitto_conf(folder: Path, host: str, port: int) -> str:
    lines = [
        "per_listener_settings false",
        "allow_anonymous false",
        f"listener {port} {host}",
        "use_username_as_clientid true",
        "allow_zero_length_clientid false",
        f"password_file {folder / 'passwd'}",
        f"acl_file {folder / 'acl'}",
        "persistence true",
        f"persistence_location {folder}/",
        "persistence_file mosquitto.db",
        "autosave_interval 60",
        "max_queued_messages 500000",
        "persistent_client_expiration 30d",
        "max_inflight_messages 1000",
        f"max_packet_size {MAX_PACKET_BYTES}",
        "max_keepalive 120",
        "log_dest stderr",
        "log_timestamp false",
        "log_type error",
        "log_type warning",
        "connection_messages false",
    ]
    if os.geteuid() == 0:
        lines.append("user root")  # else it changes to user mosquitto, who cannot read this folder
    return "\n".join(lines) + "\n"


def access_list(tenant: str, others: list[str]) -> str:
    """Who may read and write what; whatever is not named is refused. Every node has its own two levels, by `%u`.

    `others`: users that are no node. A foreign server hears and says what lies below the first level of its inlet's
    topics, and nothing else; so does Home Assistant below its own prefix.
    """
    own = f"{ROOT}/{tenant}"
    lines = [f"user {GATEWAY_USER}"]
    lines += [f"topic read {own}/+/{leaf}" for leaf in ("data", "state", "reply")]
    lines += [f"topic write {own}/+/{leaf}" for leaf in ("receipt", "cmd")]
    roots = {user: _ROOTS[user] for user in sorted(others) if user in _ROOTS}
    lines += [f"topic read {root}/#" for root in roots.values()]
    for user, root in roots.items():
        lines += ["", f"user {user}", f"topic readwrite {root}/#"]
    if HOME_ASSISTANT in others:
        lines += ["", f"user {HOME_ASSISTANT}", "topic readwrite homeassistant/#"]
        lines += ["", f"user {HOME_ASSISTANT}-out", "topic write homeassistant/#", "topic read homeassistant/status"]
    lines += [""]
    lines += [f"pattern write {own}/%u/{leaf}" for leaf in ("data", "state", "reply")]
    lines += [f"pattern read {own}/%u/{leaf}" for leaf in ("receipt", "cmd")]
    return "\n".join(lines) + "\n"


def write_iotcore(folder: Path, host: str, port: int, users: Mapping[str, str]) -> Path:
    """Configuration of the embedded rumqttd in `folder`; MQTT 5 only. Its log holds at most 20 MB a topic filter."""
    passwords = "".join(f"{json.dumps(user)} = {json.dumps(password)}\n" for user, password in sorted(users.items()))
    path = folder / "iotcore.toml"
    write_secret(
        path,
        f"""id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 2097152
max_segment_count = 10

[v5.1]
name = "satomori"
listen = "{host}:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 10000
max_payload_size = {EMBEDDED_PACKET_BYTES}
max_inflight_count = 500
dynamic_filters = true

[v5.1.connections.auth]
{passwords}""",
    )
    return path


def write_secret(path: Path, text: str) -> None:
    """Replace a file by one of mode 0600 in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
