"""What a browser may send instead of what the page sends counts as nothing sent.

Run: python -m pytest tests/streamo_app/ui/visitor/test_messages.py
"""

import pytest

from streamo_app.ui.visitor.messages import Action, PageState, mapping


@pytest.mark.parametrize("sent", ["", "{", "[1]", "5", "[" * 100_000, None, 5, [1], "null", b"{}"])
def test_what_is_no_mapping_is_an_empty_one(sent):
    assert mapping(sent) == {}
    assert Action.read(sent).name == "None" and PageState.read(mapping(sent)) == PageState()


def test_a_mapping_is_read_from_its_text_or_as_it_is():
    assert mapping('{"id": "a"}') == mapping({"id": "a"}) == {"id": "a"}
