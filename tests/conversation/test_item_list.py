from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtaudio.conversation.item_list import ItemList
from rtaudio.conversation.items import ContentPart, Item


def said(item_id: str, *, after: str | None = None, text: str = "x") -> Item:
    part = ContentPart(type="input_text", text=text)
    return Item(item_id=item_id, status="completed", content=(part,), previous_item_id=after)


def ids(history: ItemList) -> list[str]:
    return [item.item_id for item in history.snapshot()]


def test_new_item_goes_behind_its_predecessor_and_else_to_the_end() -> None:
    history = ItemList()
    for item in (said("a"), said("b", after="a"), said("c", after="a"), said("d", after="?")):
        assert history.upsert(item)
    assert ids(history) == ["a", "c", "b", "d"]


def test_first_item_goes_before_all_others() -> None:
    history = ItemList()
    for item in (said("a"), said("b")):
        history.upsert(item)
    assert history.upsert(said("c", after="a"), first=True)
    assert ids(history) == ["c", "a", "b"]
    history.remove("c")
    assert ids(history) == ["a", "b"]


def test_item_that_names_itself_as_predecessor_goes_to_the_end() -> None:
    history = ItemList()
    history.upsert(said("a"))
    history.upsert(said("b", after="b"))
    assert ids(history) == ["a", "b"]


def test_known_item_is_replaced_in_its_place() -> None:
    history = ItemList()
    for item_id in "abc":
        history.upsert(said(item_id))
    assert not history.upsert(said("b", after="c", text="new"))
    assert ids(history) == ["a", "b", "c"]
    assert history.snapshot()[1].text == "new"


def test_snapshot_is_the_same_tuple_until_something_changes() -> None:
    history = ItemList()
    history.upsert(said("a"))
    before = history.snapshot()
    assert history.snapshot() is before
    history.upsert(said("b"))
    assert history.snapshot() is not before
    assert len(before) == 1


def test_streamed_text_appears_on_reading() -> None:
    history = ItemList()
    history.upsert(Item(item_id="a", role="assistant", status="in_progress"))
    for delta in ("Good", " morn", "ing"):
        history.append_text("a", 0, "transcript", delta)
    (item,) = history.snapshot()
    assert item.content == (ContentPart(type="output_audio", transcript="Good morning"),)
    history.append_text("a", 0, "transcript", ".")
    assert history.snapshot()[0].text == "Good morning."
    assert item.text == "Good morning"


def test_final_text_replaces_what_streamed() -> None:
    history = ItemList()
    history.upsert(Item(item_id="a", role="assistant", status="in_progress"))
    history.append_text("a", 0, "text", "Hell")
    final = ContentPart(type="output_text", text="Hello")
    history.upsert(Item(item_id="a", role="assistant", status="completed", content=(final,)))
    assert history.snapshot()[0].content == (final,)


def test_transcript_survives_an_item_that_comes_back_without_one() -> None:
    history = ItemList()
    old = ContentPart(type="output_audio", transcript="as said")
    history.upsert(Item(item_id="a", role="assistant", status="in_progress", content=(old,)))
    bare = ContentPart(type="output_audio", transcript="")
    history.upsert(Item(item_id="a", role="assistant", status="incomplete", content=(bare,)))
    (item,) = history.snapshot()
    assert (item.text, item.status) == ("as said", "incomplete")
    new = ContentPart(type="output_audio", transcript="new")
    history.upsert(Item(item_id="a", role="assistant", status="completed", content=(new,)))
    assert history.snapshot()[0].text == "new"


def test_image_survives_an_item_that_comes_back_without_its_address() -> None:
    history = ItemList()
    image = ContentPart(type="input_image", image_url="data:image/png;base64,AA==")
    text = ContentPart(type="input_text", text="what is this?")
    history.upsert(Item(item_id="a", status="completed", content=(image, text)))
    bare = ContentPart(type="input_image")
    history.upsert(Item(item_id="a", status="completed", content=(bare, text)))
    assert history.snapshot()[0].content == (image, text)
    history.upsert(Item(item_id="a", status="completed", content=(text,)))
    assert history.snapshot()[0].content == (image, text)


def test_representation_holds_no_words() -> None:
    history = ItemList()
    history.upsert(said("a", text="a secret"))
    assert "secret" not in repr(history.snapshot())
    assert "secret" not in repr(history.snapshot()[0].content)


@given(st.lists(st.tuples(st.sampled_from("+-"), st.integers(0, 9), st.integers(-1, 9))))
def test_order_is_that_of_a_plain_list(steps: list[tuple[str, int, int]]) -> None:
    history = ItemList()
    model: list[str] = []
    for action, number, previous in steps:
        item_id = str(number)
        if action == "-":
            assert history.remove(item_id) is (item_id in model)
            if item_id in model:
                model.remove(item_id)
            continue
        after = str(previous) if previous >= 0 else None
        assert history.upsert(said(item_id, after=after)) is (item_id not in model)
        if item_id not in model:
            model.insert(model.index(after) + 1 if after in model else len(model), item_id)
        assert (item_id in history) is True
    assert ids(history) == model
    assert len(history) == len(model)
