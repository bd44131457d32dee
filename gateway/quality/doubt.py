"""Wild values, offsets and stuck values: is this value where the series can have gone since the last good one?"""

import numpy as np

from gateway.quality.fault_terms import Mask, Now, Row, State, Tuning, Values, moved_quantile, share

_FIRST = 3  # values that give a doubted stretch its size


def moved(s: State, value: Values, floor: Row, noise_floor: Row, t: Tuning) -> Now:
    """What the value does against the one before and the last good one; repetitions are counted on."""
    new = np.isnan(s["value"])
    for name in ("value", "good"):
        s[name] = np.where(new, value, s[name])
    for name in ("centre", "low", "high"):
        s[name] = np.where(new, value, s[name]).astype(np.float32)
    for name in ("known_s", "run_s", "age_s"):
        s[name] = np.where(new, np.float32(0), s[name])
    s["good"] = np.where((s["age_s"] > t.pause_s) & ~s["suspect"], value, s["good"])
    step = (value - s["value"]).astype(np.float32)
    size = np.abs(step)
    same = step == 0
    run, run_s = s["run"], s["run_s"] - s["age_s"]
    s["run"] = np.where(same, run + 1, np.float32(1))
    s["run_s"] = np.where(same, s["run_s"], np.float32(0))
    s["moves"] = s["moves"] + ~same
    young = 1 + np.float32(t.young) * np.exp(s["known_s"] / np.float32(-86400))
    line = young * np.maximum(t.noise_mean * s["usual_noise"], t.noise_high * s["high_noise"]) + noise_floor
    turned = np.where(step * s["step"] < 0, np.minimum(size, np.abs(s["step"])), np.float32(0))
    return Now(
        value=value,
        step=step,
        size=size,
        away=(value - s["good"]).astype(np.float32),
        same=same,
        reach=np.maximum(t.reach * s["change"], t.reach_big * s["big_step"]) + floor,
        run=run,
        run_s=run_s,
        noise_line=line,
        reversal=np.minimum(turned, t.one_reversal * line),
    )


def doubt(s: State, now: Now, t: Tuning) -> None:
    """Bring `suspect` and what is known of the doubted stretch on by one value."""
    was = s["suspect"]
    away = np.abs(now.away)
    enters = ~was & (away > now.reach) & (s["count"] >= t.least)
    inside = was | enters
    for name in ("rows", "size", "first", "peak", "since_s", "inside", "calm"):
        s[name] = np.where(enters, np.float32(0), s[name])
    s["rows"] = s["rows"] + inside
    s["first"] = np.where(enters, now.away, s["first"])
    s["size"] = np.where(inside & (s["rows"] <= _FIRST), np.maximum(s["size"], away), s["size"])
    s["peak"] = np.where(inside, np.maximum(s["peak"], away), s["peak"])
    near = np.where(now.size > np.minimum(now.reach, s["size"] / 2), np.float32(0.5), np.float32(0.3)) * s["size"]
    settling = 3 * s["swing"] * np.minimum(1, s["rows"] / 64)
    out = away > np.maximum(np.maximum(now.reach, settling), near)
    s["inside"] = np.where(was & ~out, s["inside"] + 1, np.float32(0))
    returns = was & ~out & (s["inside"] >= np.where(s["rows"] > _FIRST, 3, 1))
    s["suspect"] = inside & ~returns & ~_accepted(s, now, t, was)


def _accepted(s: State, now: Now, t: Tuning, was: Mask) -> Mask:
    """Where the new level is taken for true."""
    gentle = now.size <= now.reach
    s["calm"] = np.where(was & gentle & ~now.same, s["calm"] + 1, np.float32(0))
    margin = np.float32(0.3) * (s["high"] - s["low"])
    possible = (now.value >= s["low"] - margin) & (now.value <= s["high"] + margin)
    calm = (s["calm"] >= t.calm) & possible & ~now.same & (s["noise"] <= now.noise_line)
    with np.errstate(over="ignore"):
        most_s = np.minimum(t.accept_offset_s * (s["size"] / now.reach) ** 2, t.accept_offset_most_s)
    released = ~now.same & (now.run >= t.stuck_rows)
    accepted: Mask = was & (calm | released | (s["since_s"] > most_s))
    return accepted


def stuck(s: State, now: Now, t: Tuning) -> Mask:
    """Equal for too long. A series that hardly ever moved is not connected, which is no fault."""
    long = s["run"] >= np.maximum(t.stuck_rows, t.stuck_factor * s["longest"])
    long &= s["run_s"] >= np.maximum(t.stuck_s, t.stuck_factor * s["longest_s"])
    found: Mask = now.same & long & (s["moves"] >= t.stuck_moves)
    return found


def learn(s: State, now: Now, good: Mask, was: Mask, t: Tuning) -> None:
    """What a good value teaches. A step to or from a faulty value teaches nothing."""
    step_counts = good & (s["code"] == 0) & (s["seen"] > 0)
    weight = share(s, "count", t.memory)
    most = 6 * s["change"] + np.float32(0.2) * s["big_step"]
    size = np.where((s["count"] < 5) | (most <= 0), now.size, np.minimum(now.size, most))
    s["change"] = np.where(step_counts, s["change"] + weight * (size - s["change"]), s["change"])
    rate = np.maximum(np.float32(0.1), 50 / (s["count"] + 1))
    big = moved_quantile(np.maximum(s["big_step"], np.float32(0.1) * s["change"]), now.size, rate, 0.99)
    s["big_step"] = np.where(step_counts, big, s["big_step"])
    value = now.value.astype(np.float32)
    s["swing"] = np.where(good, s["swing"] + weight * (np.abs(value - s["centre"]) - s["swing"]), s["swing"])
    s["centre"] = np.where(good, s["centre"] + share(s, "count", 64) * (value - s["centre"]), s["centre"])
    leak = np.float32(1e-4) * (s["high"] - s["low"])
    s["high"] = np.where(good, np.maximum(s["high"] - leak, value), s["high"])
    s["low"] = np.where(good, np.minimum(s["low"] + leak, value), s["low"])
    ended = good & ~now.same & ~was
    fade = np.float32(1 - 1e-4)
    s["longest"] = np.where(ended, np.maximum(s["longest"] * fade, now.run), s["longest"])
    s["longest_s"] = np.where(ended, np.maximum(s["longest_s"] * fade, now.run_s), s["longest_s"])
    s["count"] = s["count"] + good
    s["good"] = np.where(good, now.value, s["good"])
