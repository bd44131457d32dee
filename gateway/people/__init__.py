"""Who uses the gateway: users and their roles, sessions, tokens for machines, and the audit of what they did."""

from collections.abc import Callable

from sqlalchemy import Engine

from gateway.people.audit import Audit
from gateway.people.firstrun import FirstRun
from gateway.people.nouns import ROLES, SCOPES, Role, Scope, Session, Token, User
from gateway.people.passwords import Passwords
from gateway.people.sessions import Sessions
from gateway.people.throttle import Throttle
from gateway.people.tokens import Tokens
from gateway.people.users import Users

__all__ = ["ROLES", "SCOPES", "People", "Role", "Scope", "Session", "Token", "User"]


class People:
    """The parts, each on the records engine. `now_us`: the clock. Every method of every part is safe from any thread.

    `users.add(login, role, password)` · `users.check(login, password)` · `users.disable(login)` ·
    `tokens.add(name, scopes, days)` · `first_run.code(data_dir)` · `sessions.open(user)` · `audit.write(…)`,
    `audit.verify()`.
    """

    def __init__(self, engine: Engine, now_us: Callable[[], int]) -> None:
        self.audit = Audit(engine, now_us)
        passwords = Passwords()
        self.throttle = Throttle(now_us)
        self.sessions = Sessions(engine, now_us)
        self.tokens = Tokens(engine, now_us)
        self.users = Users(engine, passwords, now_us)
        self.first_run = FirstRun(engine, self.users, now_us)
