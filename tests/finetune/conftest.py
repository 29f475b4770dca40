"""What several tests of the package use."""

from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture
def one_process(monkeypatch):
    """Rendering and encoding in a thread of the test: worker processes cost seconds to start (`test_clips` starts real
    ones, once). What workers set for themselves is set back afterwards."""
    import cv2
    import torch

    from finetune.data import stills

    threads, drawing = torch.get_num_threads(), cv2.getNumThreads()
    monkeypatch.setattr(stills, "pool", lambda workers, **options: ThreadPoolExecutor(1, **options))
    yield
    torch.set_num_threads(threads)
    cv2.setNumThreads(drawing)
