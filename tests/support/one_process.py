"""Rendering and encoding in a thread of the test: worker processes cost seconds to start. `test_clips` starts real
ones, once."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import pytest
import torch

from finetune.data import stills


@pytest.fixture
def one_process(monkeypatch):
    """What workers set for themselves is set back afterwards."""
    threads, drawing = torch.get_num_threads(), cv2.getNumThreads()
    monkeypatch.setattr(stills, "pool", lambda workers, **options: ThreadPoolExecutor(1, **options))
    yield
    torch.set_num_threads(threads)
    cv2.setNumThreads(drawing)
