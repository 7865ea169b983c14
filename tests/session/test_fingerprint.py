"""Which calls ask for the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.session.fingerprint import fingerprint

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def same(first: str, second: str) -> bool:
    return fingerprint("function", "f", first) == fingerprint("function", "f", second)


@given(st.dictionaries(st.text(), values, max_size=4))
def test_spacing_and_order_of_keys_do_not_matter(arguments):
    backwards = dict(reversed(arguments.items()))
    assert same(json.dumps(arguments), json.dumps(backwards, indent=3))


@given(values, values)
def test_different_values_differ(first, second):
    # In JSON as Python writes it, 1 and 1.0 are spelt apart, and true is no number.
    if json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True):
        assert same(json.dumps(first), json.dumps(second))
    elif first != second:
        assert not same(json.dumps(first), json.dumps(second))


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("1", "1.0", True),
        ("1", "1e0", True),
        ("[100]", "[1e2]", True),
        ("0", "-0", False),
        ("0.0", "-0.0", False),
        ("-0", "-0.0", True),
        ("1", "true", False),
        ("0", "false", False),
        ('"1"', "1", False),
        ("{}", "[]", False),
        ("{", "{", True),
        ("{", "{ ", False),
        ("null", "", False),
    ],
)
def test_numbers_are_compared_as_numbers_and_what_is_no_json_as_text(first, second, equal):
    assert same(first, second) is equal


def test_the_callee_counts():
    assert fingerprint("function", "f", "{}") != fingerprint("handoff", "f", "{}")
    assert fingerprint("function", "f", "{}") != fingerprint("function", "g", "{}")
