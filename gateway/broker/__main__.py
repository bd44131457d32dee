"""`python -m gateway.broker`: the broker alone."""

import sys

from gateway.broker import main

sys.exit(main(sys.argv[1:]))
