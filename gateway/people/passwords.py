"""Passwords: argon2id, bounded work, and the few that are refused.

Refused: shorter than 8 characters or longer than 256, the login itself, one character or a short piece repeated, a run
along the alphabet, the digits or a keyboard row, and a built-in list of about a hundred that everybody tries first. A
list of thousands is not shipped. Nothing else is asked of a password; 64 characters and more are welcome.
"""

import threading
import unicodedata
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from gateway.errors import RecordsError

MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
AT_ONCE, WAIT_S = 2, 5.0
SHORTEST, LONGEST = 8, 256
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv")
_COMMON = frozenset((Path(__file__).parent / "common.txt").read_text("ascii").split())


class Busy(RecordsError):  # noqa: N818 - the name is what a caller is told
    """Too many passwords are being checked at this moment; nothing was decided. Caught by the login page."""


def complaint(password: str, login: str) -> str:
    """Why a password is refused: "short", "long", "login", "repeated", "run" or "common"; "" where it is good."""
    folded = unicodedata.normalize("NFKC", password).casefold()
    if len(password) < SHORTEST:
        return "short"
    if len(password) > LONGEST:
        return "long"
    if folded in (login.casefold(), login.casefold() * 2) or folded.rstrip("0123456789!") == login.casefold():
        return "login"
    if any(folded == folded[:size] * (len(folded) // size) for size in (1, 2, 3, 4) if len(folded) % size == 0):
        return "repeated"
    if any(folded in run or folded in run[::-1] for run in _RUNS):
        return "run"
    return "common" if folded in _COMMON or folded.rstrip("0123456789!") in _COMMON else ""


class Passwords:
    """Hashes and checks, two at a time: a flood of logins cannot take both cores."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """The text to store."""
        return self._hasher.hash(_bytes(password))

    def check(self, stored: str | None, password: str) -> bool:
        """Whether it is the password; the same work is done where nobody is stored. Busy where there is no room."""
        if not self._room.acquire(timeout=WAIT_S):
            raise Busy("too many people are signing in at this moment")
        try:
            return self._hasher.verify(stored or self._nobody, _bytes(password)) and stored is not None
        except (Argon2Error, InvalidHashError):
            return False
        finally:
            self._room.release()


def _bytes(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")[:4096]
