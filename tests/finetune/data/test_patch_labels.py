"""Labels of patches and visual tokens against boxes written by hand."""

import numpy as np

from finetune.data.patch_labels import CLASSES, named, patch_labels, token_labels


def test_a_patch_has_the_class_of_the_box_that_covers_a_fifth_of_it():
    boxes = [("red car", 0.0, 0.0, 0.5, 0.5)]  # of 4 x 4 patches: the upper left four
    labels = patch_labels(boxes, 56, 56)
    assert labels[..., CLASSES.index("red car")].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert labels.sum() == 4


def test_a_small_thing_marks_the_patch_that_holds_it():
    boxes = [("ball", 0.30, 0.30, 0.34, 0.34)]  # far below a fifth of a patch
    labels = patch_labels(boxes, 56, 56)
    assert np.argwhere(labels[..., CLASSES.index("ball")]).tolist() == [[1, 1]]


def test_what_lies_outside_the_picture_marks_nothing():
    boxes = [("dog", 1.1, 0.0, 1.3, 0.5), ("dog", -0.4, 0.0, -0.1, 0.5)]
    assert patch_labels(boxes, 56, 56).sum() == 0


def test_a_visual_token_has_what_any_of_its_four_patches_has():
    boxes = [("dog", 0.0, 0.0, 0.25, 0.25), ("red light", 0.75, 0.75, 1.0, 1.0)]
    tokens = token_labels(patch_labels(boxes, 56, 56))
    assert tokens.shape == (4, len(CLASSES))
    assert tokens[:, CLASSES.index("dog")].tolist() == [1, 0, 0, 0]
    assert tokens[:, CLASSES.index("red light")].tolist() == [0, 0, 0, 1]


def test_names_and_their_groups():
    assert named("red car") == [CLASSES.index("red car")]
    assert named("green light") == [CLASSES.index("green light")]
    assert [CLASSES[i] for i in named("light")] == ["red light", "yellow light", "green light"]
    assert [CLASSES[i] for i in named("car")] == [
        f"{c} car" for c in ("red", "blue", "green", "yellow", "white", "black")
    ]
    assert len(named("thing")) == 9
    assert named(None) == []
    assert named("red object") == named("red object gone") == [CLASSES.index("red object")]
    objects = [f"{c} object" for c in ("red", "green", "blue", "yellow")]
    assert [CLASSES[i] for i in named("object")] == [CLASSES[i] for i in named("colour")] == objects
    assert named("lights off") == named("lights on") == named("dark") == [CLASSES.index("dark")]
    assert named("uncovered") == named("covered") == [CLASSES.index("covered")]
    assert named("person comes") == named("person leaves") == named("person") == [CLASSES.index("person")]
    assert [CLASSES[i] for i in named("desk thing")] == ["person", *objects, "dark", "covered"]
    assert named("view") == named("motion") == []  # no place of the picture carries them
