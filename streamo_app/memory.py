"""How much memory this process uses right now."""

import sys

import psutil


def rss_bytes() -> int:
    """Resident memory of this process."""
    return psutil.Process().memory_info().rss


def gpu_bytes() -> int | None:
    """Memory that this process holds on its GPU; None without one, or while no model has been loaded."""
    torch = sys.modules.get("torch")  # whoever loaded a model imported it; a look at the page must not
    if torch is None or not torch.cuda.is_available():
        return None
    return torch.cuda.memory_reserved()
