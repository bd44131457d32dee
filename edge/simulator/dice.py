"""A sequence of draws from one seed: the same seed, the same sequence, on every machine."""

import math

from edge.simulator.noise import uniform


class Dice:
    """Draws, one after the other."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn = 0

    def share(self) -> float:
        """A number in [0, 1)."""
        self._drawn += 1
        return uniform(self._seed, self._drawn)

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self.share()

    def normal(self, mean: float, deviation: float) -> float:
        """A bell-shaped number (Box and Muller 1958)."""
        radius = math.sqrt(-2 * math.log(1 - self.share()))
        return mean + deviation * radius * math.cos(2 * math.pi * self.share())

    def lognormal(self, median: float, deviation: float) -> float:
        """A positive number, half of them under `median`."""
        return median * math.exp(self.normal(0, deviation))

    def wait(self, mean: float) -> float:
        """Time to the next of events that come by chance, one in `mean`."""
        return -mean * math.log(1 - self.share())

    def count(self, mean: float) -> int:
        """How many such events fall into a time in which `mean` are usual."""
        number, left = 0, mean
        while (left := left - self.wait(1.0)) > 0:
            number += 1
        return number
