"""`satomori demo`: a whole town on one machine. Broker, gateway, agents and a simulated world as separate processes.

The gateway may not import the edge: the demo writes the files that both sides read, and starts `python -m edge …` and
`python -m edge.simulator …` beside `python -m gateway …`.
"""

import argparse
import sys


def demo(options: argparse.Namespace) -> int:
    """Run the command with its parsed options. 0 good, 1 bad result, 2 wrong use."""
    from gateway.demo import words
    from gateway.demo.running import Demo, Wish
    from gateway.demo.town import Size

    if not (0 <= options.homes <= 60 and 0 <= options.fields <= 20 and options.seconds >= 0):
        print(words.SIZE, file=sys.stderr)
        return 2
    wish = Wish(
        size=Size(seed=options.seed, homes=options.homes, fields=options.fields),
        folder=options.folder,
        port=options.port,
        seconds=options.seconds,
        screenshot=options.screenshot,
    )
    return Demo(wish).run()
