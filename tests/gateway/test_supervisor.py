import threading

from waiting import wait_until

from gateway.supervisor import Supervisor


class Steady:
    def __init__(self) -> None:
        self.running = threading.Event()
        self.ended_after: list[str] = []

    def run(self, stop: threading.Event) -> None:
        self.running.set()
        stop.wait()


class Failing:
    def __init__(self) -> None:
        self.calls = 0

    def run(self, stop: threading.Event) -> None:
        self.calls += 1
        assert not stop.is_set()
        raise OSError("the disk is full")


def test_a_failing_role_is_started_again_and_does_not_touch_the_others() -> None:
    steady, failing = Steady(), Failing()
    supervisor = Supervisor()
    supervisor.add("steady", steady)
    supervisor.add("failing", failing)
    supervisor.start()
    wait_until(lambda: failing.calls >= 2)
    states = {state.name: state for state in supervisor.states()}
    assert states["steady"].alive
    assert states["steady"].restarts == 0
    assert states["failing"].last_error == "OSError: the disk is full"
    assert supervisor.stop() == []
    assert not any(state.alive for state in supervisor.states())


def test_roles_stop_in_reverse_order() -> None:
    ended: list[str] = []

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def run(self, stop: threading.Event) -> None:
            stop.wait()
            ended.append(self.name)

    supervisor = Supervisor()
    for name in ("broker", "ingest", "console"):
        supervisor.add(name, Named(name))
    supervisor.start()
    supervisor.stop()
    assert ended == ["console", "ingest", "broker"]
