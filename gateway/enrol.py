"""`satomori user|token|node add`: what a person adds at the gateway's own keyboard. Each answers what to print."""

import getpass
import sys
import time
from collections.abc import Sequence

from gateway.errors import Mistake, RecordsError, SettingsError
from gateway.people import People
from gateway.records import open_records
from gateway.registry import make_key
from gateway.settings import Settings


def add_user(settings: Settings, login: str, role: str) -> str:
    """Ask for the password twice, or read one line where there is no terminal. RecordsError says why not."""
    password = _password()
    people = _people(settings)
    people.users.add(login, role, password)
    people.audit.write("console", "user-add", login)
    return f"{login} ({role}) can sign in now. / {login}({role})さんは、もうサインインできます。"


def add_token(settings: Settings, name: str, scopes: Sequence[str], days: int) -> str:
    """A new token, told once; only its hash is kept."""
    people = _people(settings)
    secret = people.tokens.add(name, scopes, days)
    people.audit.write("console", "token-add", name)
    return secret


def disable_user(settings: Settings, login: str) -> str:
    """End somebody's account with its sessions. RecordsError where there is none of that login."""
    people = _people(settings)
    people.users.disable(login)
    people.audit.write("console", "user-disable", login)
    return f"{login} cannot sign in any more. / {login}さんは、もうサインインできません。"


def revoke_token(settings: Settings, name: str) -> str:
    """End a token. RecordsError where there is none of that name."""
    people = _people(settings)
    people.tokens.revoke(name)
    people.audit.write("console", "token-revoke", name)
    return f"{name} opens nothing any more. / {name}は、もう使えません。"


def add_node(settings: Settings, node: str) -> str:
    """Make the node's key; the start of its own configuration."""
    found = next((one for one in settings.node if one.id == node), None)
    if found is None:
        raise SettingsError([Mistake("satomori.toml", "node", f'a [[node]] table with id = "{node}"', "none")])
    folder = settings.gateway.data_dir / "nodes"
    make_key(folder, node)
    return (
        f"# Copy {folder / node}.key to the node, mode 0600.\n# 鍵ファイルを端末へ写してください(モード0600)。\n"
        f'[node]\nid = "{node}"\ntenant = "{settings.town.code}"\nkey_file = "{node}.key"\n'
        f"sealed = {str(found.sealed).lower()}\n\n"
        f'[broker]\nhost = "{settings.broker.host}"\nport = {settings.broker.port}'
    )


def _people(settings: Settings) -> People:
    engine = open_records(settings.gateway.data_dir / "records.db")
    return People(engine, lambda: time.time_ns() // 1000)


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password / パスワード: ")
    if getpass.getpass("Again / もう一度: ") != first:
        raise RecordsError("The two passwords differ. / 二つのパスワードが違います。")
    return first
