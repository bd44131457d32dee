"""Bursts of noise: has the series begun to turn back more than it ever did?"""

import numpy as np

from gateway.quality.fault_terms import Code, Mask, Now, Row, State, Tuning, moved_quantile, share

_LONG = 30  # doubted values after which the noise in them belonged to the fault
_DOUBLED = 0.693


def noise(s: State, now: Now, was: Mask, t: Tuning) -> None:
    """Bring `noise` (mean reversal), the evidence and `noisy` on by one value.

    A spike is one reversal, not a burst: the values at the ends of a doubted stretch do not count.
    """
    edge = (s["suspect"] != was) | (was != s["was_suspect"])
    level = s["noise"] + share(s, "seen", t.noise_memory) * (now.reversal - s["noise"])
    level = np.minimum(np.where(edge, s["noise"], level), t.most_noise * now.noise_line)
    ended = was & ~s["suspect"] & (s["rows"] > _LONG)
    s["noise"] = np.where(ended, np.minimum(level, s["usual_noise"]), level)
    ratio = s["noise"] / np.maximum(now.noise_line, np.float32(1e-12))
    s["evidence"] = np.clip(s["evidence"] + ratio - 1, 0, 2 * t.patience + 1)
    begun = s["noisy"] | (s["evidence"] > t.patience)
    s["noisy"] = (s["count"] >= t.least) & begun & (ratio > np.where(s["noisy"], np.float32(t.noise_ends), 1))


def learn(s: State, code: Row, t: Tuning) -> None:
    """Every few good values in a row teach one noise level, the one before them: a burst's beginning teaches nothing.

    Noise that lasts is slowly taken for usual.
    """
    clear = (code == 0) & (s["code"] == 0) & ((s["evidence"] <= 0) | (s["lessons"] < t.lessons))
    s["clear"] = np.where(clear, s["clear"] + 1, np.float32(0))
    s["held"] = np.where(clear, s["held"], np.float32(np.nan))
    due = clear & (s["clear"] >= t.lesson)
    taught = due & np.isfinite(s["held"])
    lesson = np.where(taught, s["held"], np.float32(0))
    s["lessons"] = s["lessons"] + taught
    weight = np.maximum(np.float32(t.lesson / t.memory), 1 / np.maximum(s["lessons"], 1))
    s["usual_noise"] = np.where(taught, s["usual_noise"] + weight * (lesson - s["usual_noise"]), s["usual_noise"])
    rate = np.maximum(np.float32(0.26), 10 / (s["lessons"] + 1))
    high = np.maximum(s["high_noise"], np.float32(0.3) * s["usual_noise"])
    s["high_noise"] = np.where(taught, moved_quantile(high, lesson, rate, t.noise_quantile), s["high_noise"])
    lasting = code == Code.NOISE
    growth = np.where(lasting, np.exp(_DOUBLED * np.minimum(s["age_s"], 600) / np.float32(t.accept_s)), np.float32(1))
    s["high_noise"] = np.where(lasting, np.maximum(s["high_noise"] * growth, s["usual_noise"]), s["high_noise"])
    grown = np.minimum(s["usual_noise"] * growth, np.maximum(s["high_noise"], s["usual_noise"]))
    s["usual_noise"] = np.where(lasting, grown, s["usual_noise"])
    s["held"] = np.where(due, s["noise"], s["held"])
    s["clear"] = np.where(due, np.float32(0), s["clear"])
