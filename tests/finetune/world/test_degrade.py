"""What happens to training pictures on their way: they look worse, and stay what and where they are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from finetune.world.degrade import degrade, through_vp8

CLOCK = """
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long long next_us(void) {
    static long long now_us = 1000000000LL;
    return now_us += atoll(getenv("STEP_MS")) * 1000;
}
int clock_gettime(clockid_t id, struct timespec *t) {
    long long us = next_us();
    t->tv_sec = us / 1000000, t->tv_nsec = us % 1000000 * 1000;
    return 0;
}
int gettimeofday(struct timeval *t, void *zone) {
    long long us = next_us();
    t->tv_sec = us / 1000000, t->tv_usec = us % 1000000;
    return 0;
}
"""
"""A clock for which every reading is STEP_MS later than the one before: an encoder that is never or always late."""
ENCODE = """
import hashlib, sys
import numpy as np
from finetune.world import degrade

y, x = np.mgrid[:120, :160]
images = [np.stack([x * 3 + i * 9, y * 5 + i * 4, x * y // 8 + i * 20], -1).astype(np.uint8) for i in range(20)]
for speed in (degrade.VP8["cpu-used"], "8"):
    degrade.VP8["cpu-used"] = speed
    back = degrade.through_vp8(images, np.random.default_rng(5))
    print(hashlib.sha256(np.stack(back).tobytes()).hexdigest())
"""


def picture(shift: int = 0) -> np.ndarray:
    """(64, 96, 3) uint8: a soft gradient with a bright bar."""
    y, x = np.mgrid[:64, :96]
    image = np.stack([60 + x, 60 + y, 120 + 0 * x], -1).astype(np.uint8)
    image[:, 8 + shift : 24 + shift] = 230
    return image


def test_a_degraded_picture_has_its_shape_and_looks_much_as_before():
    before = picture()
    changed = 0
    for seed in range(40):
        after = degrade(before, np.random.default_rng(seed))
        assert after.shape == before.shape and after.dtype == np.uint8
        difference = np.abs(after.astype(int) - before).mean()
        assert difference < 45  # a gain of 1.2 and 15 more
        changed += difference > 0
    assert np.array_equal(before, picture())
    assert 20 <= changed < 40  # some arrive as they were


def test_the_same_seed_degrades_the_same():
    one, two, other = (degrade(picture(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


def test_vp8_gives_as_many_pictures_back_in_their_order():
    before = [picture(4 * i) for i in range(12)]
    for seed in range(6):
        after = through_vp8(before, np.random.default_rng(seed))
        assert len(after) == 12 and all(image.shape == (64, 96, 3) and image.dtype == np.uint8 for image in after)
        bars = [int(image[:, :, 2].mean(0).argmax()) for image in after]
        assert all(abs(bar - (8 + 4 * i + 8)) <= 14 for i, bar in enumerate(bars))


@pytest.fixture
def encoded_by(tmp_path):
    """Digests of an encoded clip, at our speed setting and at one above 0, by a clock that goes on by `step_ms` with
    every reading."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("the clock is a C library that is loaded before libvpx: needs Linux and a compiler")
    (tmp_path / "clock.c").write_text(CLOCK)
    library = tmp_path / "clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "clock.c"], check=True)

    def encode(step_ms: int) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", ENCODE],
            env=os.environ | {"LD_PRELOAD": str(library), "STEP_MS": str(step_ms)},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    return encode


@pytest.mark.slow
def test_a_machine_too_busy_to_encode_in_time_gives_the_same_pictures(encoded_by):
    """Two of 300 renderings of a training clip differed: at a speed above 0 the encoder takes a faster one when a frame
    took it longer than half the frame's time, as when another process held the core."""
    (in_time, adaptive), (late, adaptive_late) = encoded_by(0), encoded_by(700)
    assert in_time == late
    assert adaptive != adaptive_late  # the clock does reach the encoder
