"""`python -m edge` is `satomori-edge`."""

import sys

from edge.cli import main

sys.exit(main())
