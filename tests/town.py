"""A small real town for tests: a folder, its configuration, and the programs of it as real processes to be killed."""

import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import tty
from contextlib import closing
from pathlib import Path
from typing import Any

from parts import free_port
from waiting import wait_until

TENANT = "999999"


class SerialDevice:
    """A device's end of a pseudo-terminal; the agent opens `path`."""

    def __init__(self, path: Path) -> None:
        self._own, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(self._theirs))
        self.path = path

    def say(self, data: bytes) -> None:
        """Write bytes as the device would."""
        os.write(self._own, data)

    def unplug(self) -> None:
        """Close both ends: the port is gone."""
        os.close(self._own)
        os.close(self._theirs)


class Town:
    """Folder with `satomori.toml`, keys and node files; starts and kills gateway, broker and edge agents."""

    def __init__(self, folder: Path, *, broker_mode: str = "auto") -> None:
        self.folder = folder
        self.data_dir = folder / "var"
        self.broker_port, self.web_port = free_port(), free_port()
        self.broker_mode = broker_mode
        self.sections: list[str] = []
        self.nodes: list[str] = []
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "ports").mkdir()

    def add(self, toml: str) -> None:
        """Append tables to the gateway's configuration."""
        self.sections.append(toml)

    def add_node(self, node: str, drivers: str, *, sealed: bool = False) -> None:
        """Enrol a node: its key on both sides, its edge file with these drivers; PORTS stands for the ports folder."""
        keys = self.data_dir / "nodes"
        keys.mkdir(parents=True, exist_ok=True)
        (keys / f"{node}.key").write_text(secrets.token_hex(32) + "\n")
        (keys / f"{node}.key").chmod(0o600)
        self.add(f'[[node]]\nid = "{node}"\nsealed = {str(sealed).lower()}\n')
        self.nodes.append(node)
        (self.folder / f"{node}.toml").write_text(
            f'[node]\nid = "{node}"\ntenant = "{TENANT}"\nkey_file = "var/nodes/{node}.key"\n'
            f'sealed = {str(sealed).lower()}\nclock = "trust"\n'
            f"[broker]\nport = {self.broker_port}\n[uplink]\nreceipt_s = 2.0\nbacklog_rows_per_s = 0.0\n"
            f"reconnect_max_s = 1.0\n[health]\ninterval_s = 0.0\n"
            + drivers.replace("PORTS", str(self.folder / "ports"))
        )

    def write(self) -> Path:
        """Write the gateway's configuration and return its path."""
        head = (
            f'[town]\ncode = "{TENANT}"\nname_ja = "見本町"\nname_en = "Sample Town"\n'
            f"[gateway]\nport = {self.web_port}\n"
            f'[broker]\nmode = "{self.broker_mode}"\nport = {self.broker_port}\n'
        )
        path = self.folder / "satomori.toml"
        path.write_text(head + "".join(self.sections))
        return path

    def start(self, name: str, *command: str) -> None:
        """Start a program of the town; its output goes to `<name>.log`."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *command], stdout=log, stderr=log, cwd=self.folder, env={**os.environ, "CI": ""}
            )

    def start_gateway(self, *, wait: bool = True) -> None:
        """Start `satomori run`; wait for its first answer."""
        self.start("gateway", "gateway", "run", str(self.folder / "satomori.toml"))
        if wait:
            wait_until(self._answers, 30)

    def start_broker(self) -> None:
        """Start the broker alone, for towns made with `broker_mode="external"`; it can then be killed by itself."""
        port = str(self.broker_port)
        self.start("broker", "gateway.broker", "--data-dir", str(self.data_dir), "--tenant", TENANT, "--port", port)

    def start_edge(self, node: str) -> None:
        """Start one agent; every outbox commit is told to `<node>.truth` outside of it."""
        self.start(
            node, "edge", "run", str(self.folder / f"{node}.toml"), "--truth", str(self.folder / f"{node}.truth")
        )

    def _answers(self) -> bool:
        assert self.processes["gateway"].poll() is None, self.log("gateway")
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.web_port)) == 0

    def kill(self, name: str) -> None:
        """SIGKILL, and wait until it is gone."""
        self.processes[name].kill()
        self.processes[name].wait(10)

    def stop(self) -> None:
        """Stop every program that still runs, edges first."""
        for name in reversed(list(self.processes)):
            process = self.processes[name]
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)

    def log(self, name: str) -> str:
        """What a program said so far."""
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")

    def truth(self, node: str) -> dict[tuple[str, int], int]:
        """(epoch, seq) → readings of every outbox commit that returned."""
        path = self.folder / f"{node}.truth"
        rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return {(epoch, int(seq)): int(count) for epoch, seq, count in (row for row in rows if len(row) == 3)}

    def query(self, database: str, sql: str) -> list[Any]:
        """Rows of a question to one of the gateway's databases, asked from outside."""
        with closing(sqlite3.connect(f"file:{self.data_dir / database}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(sql).fetchall()

    def stored(self) -> int:
        """Points in the SQLite store."""
        return int(self.query("points.db", "SELECT count(*) FROM point")[0][0])

    def command(self, *words: str) -> tuple[int, Any]:
        """Exit status and JSON answer of a `satomori` command."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *words], capture_output=True, cwd=self.folder, timeout=60, check=False
        )
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else done.stderr.decode()
