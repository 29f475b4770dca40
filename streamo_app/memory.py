"""What this process takes of its machine right now. A number that the system does not tell is None, never an estimate."""

import os
import sys

__all__ = ["gpu_bytes", "rss_bytes"]


def rss_bytes() -> int | None:
    """Resident memory of this process; None where the system does not tell in this way."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def gpu_bytes() -> int | None:
    """Memory that this process holds on its GPU; None without one, or while no model has been loaded."""
    torch = sys.modules.get("torch")  # whoever loaded a model brought it; a look at the page must not
    if torch is None or not torch.cuda.is_available():
        return None
    return torch.cuda.memory_reserved()
