from __future__ import annotations

from rtaudio.conversation.recent import Recent


def test_the_latest_are_kept_and_the_rest_is_counted() -> None:
    recent: Recent[str, int] = Recent(2)
    for number, key in enumerate("abc"):
        recent[key] = number
    assert dict(recent) == {"b": 1, "c": 2}
    assert recent.queue.lost == recent.dropped == 1
    assert (recent.queue.size, recent.queue.bound) == (2, 2)
    recent.setdefault("d", 3)
    assert list(recent) == ["c", "d"]


def test_a_new_value_for_a_known_key_drops_nothing() -> None:
    recent: Recent[str, int] = Recent(2)
    for number, key in enumerate("abba"):
        recent[key] = number
    assert dict(recent) == {"a": 3, "b": 2}
    assert recent.dropped == 0


def test_what_was_dropped_is_counted_beyond_clearing() -> None:
    recent: Recent[str, int] = Recent(1)
    recent["a"] = recent["b"] = 0
    recent.clear()
    assert (len(recent), recent.dropped) == (0, 1)
