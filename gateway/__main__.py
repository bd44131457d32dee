"""`python -m gateway` is `satomori`."""

import sys

from gateway.cli import main

sys.exit(main())
