"""The console's HTTP server as a role: uvicorn, told to stop by an event instead of a signal."""

import asyncio
import threading

import uvicorn
from fastapi import FastAPI

STOP_CHECK_S = 0.2


class WebServer:
    """Serves one application on one address. `port` 0 takes a free one; `.port` then says which."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            lifespan="off",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            timeout_keep_alive=30,
        )
        self.port = port
        self.ready = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop`; open connections get two seconds to end."""
        asyncio.run(self._serve(stop))

    async def _serve(self, stop: threading.Event) -> None:
        server = uvicorn.Server(self._config)
        serving = asyncio.create_task(server.serve())
        while not stop.is_set() and not serving.done():
            if server.started and not self.ready.is_set():
                self.port = server.servers[0].sockets[0].getsockname()[1]
                self.ready.set()
            await asyncio.sleep(STOP_CHECK_S)
        server.should_exit = True
        await serving
        self.ready.clear()
