"""A gateway core as a process of its own, for tests that kill it: `gateway_process.py FOLDER PORT PASSWORD`."""

import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from parts import TENANT
from rig import a_registry, an_ingest, now_us, running

from gateway.forwarder import Forwarder
from gateway.store.sqlite import SqliteStore
from gateway.subscription import Subscription


def main(folder: Path, port: int, password: str) -> None:
    """Run until SIGTERM, or until it is killed."""
    registry = a_registry()
    ingest = an_ingest(folder, registry, now_us)
    store = SqliteStore(folder / "points.db")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    subscription = Subscription("127.0.0.1", port, "gateway", password, TENANT, ingest)
    with running(subscription, Forwarder(ingest.journal, store, registry, [], now_us)):
        stop.wait()
    ingest.journal.close()
    store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
