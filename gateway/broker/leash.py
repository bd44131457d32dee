"""`python -m gateway.broker.leash PARENT COMMAND…`: becomes COMMAND, and dies with the process PARENT.

Linux only for the dying (PR_SET_PDEATHSIG); elsewhere COMMAND simply runs. A parent that was killed cannot stop its
children, and a broker that outlives its gateway would hold the port against the next one.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns: the process is replaced, or ends."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - a list built by gateway.broker, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
