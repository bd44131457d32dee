"""How often Python looks for cycles in a process that takes messages.

Decoding a thousand messages makes some fifty thousand objects and not one cycle. With the usual threshold (700) the
collector looks at them again and again meanwhile: measured, a third of the gateway's whole time.
"""

import gc

THRESHOLDS = (100_000, 50, 100)  # new objects; young, then middle-aged collections


def collect_seldom() -> None:
    """For the whole process. What is no cycle is freed at once as ever; cycles wait a little longer."""
    gc.set_threshold(*THRESHOLDS)
