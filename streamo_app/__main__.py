"""`python -m streamo_app watch ...`: see `cli/main.py`."""

import sys

from streamo_app.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
