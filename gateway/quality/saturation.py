"""How much water a soil can hold at most, from its texture: the limit behind the ISMN flag C03.

Source: Saxton and Rawls (2006), Soil water characteristic estimates by texture and organic matter for hydrologic
solutions, Soil Sci. Soc. Am. J. 70:1569–1578, doi:10.2136/sssaj2005.0117, equations 2, 3 and 5. Made for mineral soils
of less than 60 % clay and less than 8 % organic matter: for peat there is no number.
"""

import numpy as np

from gateway.detect import Block


def saturation_pct(sand_pct: Block, clay_pct: Block, organic_pct: Block) -> Block:
    """Volume % of water at saturation. Inputs in weight %; NaN where one is missing or beyond the source."""
    sand, clay = sand_pct / 100, clay_pct / 100
    s_om, c_om, s_c = sand * organic_pct, clay * organic_pct, sand * clay
    at_33 = -0.251 * sand + 0.195 * clay + 0.011 * organic_pct + 0.006 * s_om - 0.027 * c_om + 0.452 * s_c + 0.299
    at_33 += 1.283 * at_33**2 - 0.374 * at_33 - 0.015
    above_33 = 0.278 * sand + 0.034 * clay + 0.022 * organic_pct - 0.018 * s_om - 0.027 * c_om - 0.584 * s_c + 0.078
    above_33 += 0.636 * above_33 - 0.107
    covered = (
        (sand_pct >= 0)
        & (clay_pct >= 0)
        & (sand_pct + clay_pct <= 100)
        & (clay_pct <= 60)
        & (organic_pct >= 0)
        & (organic_pct <= 8)
    )
    return np.where(covered, 100 * (at_33 + above_33 - 0.097 * sand + 0.043), np.nan)
