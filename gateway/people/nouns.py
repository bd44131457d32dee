"""The nouns of this room, and what each role may see and do."""

from typing import Literal, get_args

import msgspec

Role = Literal["admin", "welfare", "farm", "technician", "auditor"]
ROLES: tuple[Role, ...] = get_args(Role)
Sight = Literal["home", "field", "roof", "node", "accounting", "audit"]
Scope = Literal["read", "read:homes", "read:fields", "read:roofs", "read:nodes", "acknowledge"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

SIGHTS: dict[Role, frozenset[Sight]] = {
    "admin": frozenset(get_args(Sight)),
    "welfare": frozenset({"home", "roof"}),
    "farm": frozenset({"field", "roof"}),  # a greenhouse is a roof
    "technician": frozenset({"field", "roof", "node", "accounting"}),
    "auditor": frozenset({"accounting", "audit"}),
}
ACTING: frozenset[Role] = frozenset({"admin", "welfare", "farm", "technician"})  # may take and close what they see
SCOPE_SIGHTS: dict[Scope, frozenset[Sight]] = {
    "read": frozenset({"home", "field", "roof", "node", "accounting"}),
    "read:homes": frozenset({"home"}),
    "read:fields": frozenset({"field"}),
    "read:roofs": frozenset({"roof"}),
    "read:nodes": frozenset({"node", "accounting"}),
    "acknowledge": frozenset(),
}


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs in. `disabled_us` 0: active."""

    login: str
    role: Role
    made_us: int
    disabled_us: int = 0


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in browser. `id` is the hash that is stored; the secret itself is only in the cookie."""

    id: str
    login: str
    role: Role
    made_us: int
    seen_us: int


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A key for a machine. `used_us` 0: never used; only the hash of the secret is stored."""

    name: str
    scopes: tuple[Scope, ...]
    made_us: int
    expires_us: int
    used_us: int = 0
    revoked_us: int = 0
