"""The page, as `python app.py` and a Hugging Face Space start it: see `streamo_app/ui/app.py`."""

import sys

from streamo_app.ui.app import main

if __name__ == "__main__":
    sys.exit(main())
