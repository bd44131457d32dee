"""Chance that is a function of time: asked again for the same moment, it answers the same. No state anywhere."""

import hashlib
import math

_MASK = (1 << 64) - 1


def seed_of(*parts: object) -> int:
    """A 64-bit seed for these parts; other parts, an unrelated seed."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def uniform(seed: int, index: int) -> float:
    """A number in [0, 1) for a place in a sequence (SplitMix64, Steele, Lea and Flood 2014)."""
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((z ^ (z >> 31)) >> 11) / (1 << 53)


def white(seed: int, time_us: int) -> float:
    """Measuring noise in (−1, 1), a new value each 100 ms: two uniform numbers added, so small errors are usual."""
    tick = time_us // 100_000
    return uniform(seed, 2 * tick) + uniform(seed, 2 * tick + 1) - 1


def smooth(seed: int, time_us: int, period_s: float) -> float:
    """A slow wander in [−1, 1] that has a new aim every `period_s` seconds and no corner on the way."""
    place = time_us / (period_s * 1e6)
    left = math.floor(place)
    share = place - left
    weight = share * share * (3 - 2 * share)
    return 2 * (uniform(seed, left) * (1 - weight) + uniform(seed, left + 1) * weight) - 1
