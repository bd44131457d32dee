"""Run by another Python that has flagit or ioos_qc: reads blocks.npz of a folder, writes their flags and the seconds.

`PYTHON quality_peers.py FOLDER`: flags_flagit.npy, flags_ioos.npz, seconds.json. Part of `bench.quality`; imports
nothing of ours, so that the other environment needs nothing of ours.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

FLAGS = ("C01", "C02", "C03", "D01", "D02", "D03", "D04", "D05", "D06", "D07", "D08", "D09", "D10")


def flagit(blocks, saturation_pct, depth_m):
    """[series × hour] bits in the order of FLAGS; 8192 where there is no value."""
    from flagit import flagit as peer

    bits = {name: 1 << place for place, name in enumerate(FLAGS)} | {"G": 0}
    found = np.full(blocks["soil_moisture"].shape, 8192)
    for row in range(found.shape[0]):
        hours = pd.date_range("2025-01-01", periods=found.shape[1], freq="h")
        frame = pd.DataFrame({name: block[row] for name, block in blocks.items()}, index=hours)
        interface = peer.Interface(frame, sat_point=saturation_pct, depth_from=depth_m)
        interface.run()
        flags = interface.data["qflag"].reindex(hours)
        found[row] = [sum(bits[name] for name in one) if isinstance(one, set) else 8192 for one in flags]
    return found


def ioos_qc(block, times_s):
    """Test → [series × time] words."""
    from ioos_qc import qartod

    times = times_s.astype("datetime64[s]")
    months = [{"tspan": (1, 12), "period": "month", "vspan": (0, 30), "fspan": (-20, 45)}]
    tests = {
        "gross_range": lambda x: qartod.gross_range_test(x, (-30, 50), (0, 30)),
        "climatology": lambda x: qartod.climatology_test(months, x, times, np.full(x.size, np.nan)),
        "spike_average": lambda x: qartod.spike_test(x, 2.0, 4.0, "average"),
        "spike_differential": lambda x: qartod.spike_test(x, 2.0, 4.0, "differential"),
        "rate_of_change": lambda x: qartod.rate_of_change_test(x, times, 3 / 600, 6 / 600),
        "flat_line": lambda x: qartod.flat_line_test(x, times, 7200, 14400, tolerance=0.045),
        "attenuated_std": lambda x: qartod.attenuated_signal_test(x, times, 0.2, 0.05, test_period=7200, min_obs=6),
        "attenuated_range": lambda x: qartod.attenuated_signal_test(
            x, times, 0.7, 0.2, test_period=7200, min_obs=6, check_type="range"
        ),
    }
    return {name: np.array([np.ma.filled(test(row), 0) for row in block]) for name, test in tests.items()}


def main():
    warnings.filterwarnings("ignore")
    folder = Path(sys.argv[1])
    blocks = dict(np.load(folder / "blocks.npz"))
    series, times_s = blocks.pop("series"), blocks.pop("times_s")
    seconds, began = {}, time.process_time()
    np.savez(folder / "flags_ioos.npz", **ioos_qc(series, times_s))
    seconds["ioos_qc"] = time.process_time() - began
    began = time.process_time()
    np.save(folder / "flags_flagit.npy", flagit(blocks, 42.7, 0.05))
    seconds["flagit"] = time.process_time() - began
    (folder / "seconds.json").write_text(json.dumps(seconds))


if __name__ == "__main__":
    main()
