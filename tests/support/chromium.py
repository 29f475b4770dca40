"""Where the browser of the page's tests and of the scripts is."""

import os
from pathlib import Path

PLACES = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
"""The shell is the same engine without a window to draw: it loads the page for half the processor time."""
CHROMIUM = Path(
    os.environ.get("CHROMIUM") or next((place for place in PLACES if os.access(place, os.X_OK)), PLACES[-1])
)
