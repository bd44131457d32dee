"""The pulse: time of the data, how the gateway is, what is cut off and what still works. On every page."""

import msgspec

from gateway.console.voice import Voice
from gateway.context import Context
from gateway.errors import StoreError
from gateway.forwarder import CURSOR
from gateway.people.door import Actor
from gateway.states import StateKey, TownState

STALE_US = 5 * 60 * 1_000_000
BEHIND_ENTRIES = 1_000
_NODES_NAMED = 2


class Beat(msgspec.Struct, frozen=True):
    """One sentence of the pulse with its mark."""

    key: StateKey
    text: str


def beats(context: Context, voice: Voice, actor: Actor | None) -> list[Beat]:
    """The sentences, how the gateway is first. Somebody who is not signed in hears only that."""
    state = context.state()
    found = [_gateway(voice, state)]
    if actor is None:
        return found
    found += _roles(context, voice)
    if actor.sees("node") or actor.sees("home"):
        found += _silent_nodes(voice, state)
    found += _behind(context, voice)
    if context.broker_kind == "iotcore":
        found.append(Beat("off", voice.t("pulse.trial-broker")))
    return found


def _gateway(voice: Voice, state: TownState) -> Beat:
    if not state.time_us:
        return Beat("off", voice.t("pulse.starting"))
    if voice.now_us - state.time_us > STALE_US:
        return Beat("unknown", voice.t("pulse.stale", when=voice.when(state.time_us)))
    when = voice.when(state.time_us)
    if state.blind_since_us:
        return Beat("unknown", voice.t("pulse.blind", when=when, since=voice.when(state.blind_since_us)))
    if not state.judging:
        return Beat("off", voice.t("pulse.not-judging", when=when))
    return Beat("fine", voice.t("pulse.working", when=when))


def _roles(context: Context, voice: Voice) -> list[Beat]:
    down = [role.name for role in context.roles() if not role.alive]
    return [Beat("watch", voice.t("pulse.role-down", names=voice.t("list.comma").join(down)))] if down else []


def _silent_nodes(voice: Voice, state: TownState) -> list[Beat]:
    if state.blind_since_us:
        return []
    silent = [node for node in state.nodes if node.key not in ("fine", "off")]
    named = [
        Beat("tech", voice.t("pulse.node-silent", node=node.id, since=voice.when(node.heard_us)))
        for node in silent[:_NODES_NAMED]
    ]
    rest = len(silent) - _NODES_NAMED
    return named + ([Beat("tech", voice.t("pulse.more-nodes", n=rest))] if rest > 0 else [])


def _behind(context: Context, voice: Voice) -> list[Beat]:
    try:
        behind = context.journal.last_id - context.journal.cursor(CURSOR)
    except StoreError:
        return [Beat("unknown", voice.t("pulse.no-journal"))]
    return [Beat("watch", voice.t("pulse.behind", n=voice.count(behind)))] if behind > BEHIND_ENTRIES else []
