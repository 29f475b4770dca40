"""What happens to training pictures on their way: they look worse, and stay what and where they are."""

import numpy as np

from finetune.world.degrade import degrade, through_vp8


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
