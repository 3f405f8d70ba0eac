"""`python -m lenetcourse` does what the command `lenetcourse` does."""

import sys

from lenetcourse.cli import main

sys.exit(main())
