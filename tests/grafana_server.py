"""A small HTTP server that answers as Grafana 11 does on the paths that pushing uses, and remembers what it was told.

Status codes and bodies follow Grafana's HTTP API documentation: 401 without the token, 404 for unknown uids, 409 for a
data source or folder that exists, 400 for a dashboard in an unknown folder, 412 for one that exists unless overwritten.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "glsa_test"
Answer = tuple[int, Any]


class Grafana:
    """What this Grafana holds: folders, data sources and dashboards by uid, and every request it got."""

    def __init__(self) -> None:
        self.folders: dict[str, dict[str, Any]] = {}
        self.datasources: dict[str, dict[str, Any]] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.broken = False

    def answer(self, method: str, path: str, token: str, body: Any) -> Answer:
        """What Grafana says to one request."""
        self.requests.append(f"{method} {path}")
        if self.broken:
            return 502, "<html>Bad Gateway</html>"
        if token != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key"}
        parts = path.removeprefix("/api/").split("/")
        kind = parts[0]
        if kind == "folders":
            return self._folder(method, parts[1:], body)
        if kind == "datasources":
            return self._datasource(method, parts[1:], body)
        if kind == "dashboards":
            return self._dashboard(method, parts[1:], body)
        return 404, {"message": "Not found"}

    def _folder(self, method: str, rest: list[str], body: Any) -> Answer:
        if method == "POST":
            if body["uid"] in self.folders:
                return 409, {"message": "the folder has been changed by someone else"}
            self.folders[body["uid"]] = body
        elif rest[0] not in self.folders:
            return 404, {"message": "folder not found", "status": "not-found"}
        elif method == "PUT":
            self.folders[rest[0]]["title"] = body["title"]
        return 200, {"id": 1, **self.folders[body["uid"] if method == "POST" else rest[0]]}

    def _datasource(self, method: str, rest: list[str], body: Any) -> Answer:
        if method == "GET":
            told = [{k: v for k, v in one.items() if k != "secureJsonData"} for one in self.datasources.values()]
            return 200, told
        if method == "POST":
            if any(one["name"] == body["name"] for one in self.datasources.values()):
                return 409, {"message": "data source with the same name already exists"}
            self.datasources[body["uid"]] = {**body, "id": len(self.datasources) + 1}
            return 200, {"message": "Datasource added"}
        for uid, one in self.datasources.items():
            if str(one["id"]) == rest[0]:
                self.datasources[uid] = {**body, "id": one["id"]}
                return 200, {"message": "Datasource updated"}
        return 404, {"message": "data source not found"}

    def _dashboard(self, method: str, rest: list[str], body: Any) -> Answer:
        if method == "GET":
            known = self.dashboards.get(rest[1])
            return (200, {"dashboard": known}) if known else (404, {"message": "Dashboard not found"})
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found"}
        board = body["dashboard"]
        if board["uid"] in self.dashboards and not body.get("overwrite"):
            return 412, {"message": "The dashboard has been changed by someone else"}
        self.dashboards[board["uid"]] = {**board, "folderUid": body["folderUid"]}
        return 200, {"uid": board["uid"], "status": "success"}


def _handler(grafana: Grafana) -> type[BaseHTTPRequestHandler]:
    def serve(request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        body = json.loads(request.rfile.read(length)) if length else None
        token = request.headers.get("Authorization", "")
        status, told = grafana.answer(request.command, request.path, token, body)
        text = (told if isinstance(told, str) else json.dumps(told)).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    def quiet(*_: object) -> None:
        return

    methods = {"do_GET": serve, "do_POST": serve, "do_PUT": serve, "log_message": quiet}
    return type("Handler", (BaseHTTPRequestHandler,), methods)


@contextmanager
def running(grafana: Grafana) -> Iterator[str]:
    """The address of a Grafana that listens on this machine until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(grafana))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
