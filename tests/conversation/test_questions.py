"""Which answer belongs to what the user said, when that is refused."""

from __future__ import annotations

from rtaudio.conversation.questions import Questions


def test_an_answer_that_began_after_the_question_is_the_one_to_stop():
    questions = Questions()
    questions.committed("u1", to_check=True)
    assert questions.unchecked == "u1"
    assert questions.answer_began(asked_for=False) == (False, False)
    assert questions.refuse("u1", answer_to_come=True) == "current"
    assert questions.unchecked is None


def test_a_question_before_the_last_one_is_past():
    questions = Questions()
    questions.committed("u1", to_check=True)
    questions.committed("u2", to_check=True)
    assert questions.refuse("u1", answer_to_come=True) == "past"
    assert questions.unchecked == "u2"


def test_the_services_own_answer_to_a_refused_question_is_refused_when_it_begins():
    questions = Questions()
    questions.committed("u1", to_check=True)
    assert questions.refuse("u1", answer_to_come=True) == "ahead"
    assert questions.told()
    assert questions.answer_began(asked_for=False) == (True, True)
    assert questions.answer_began(asked_for=False) == (False, False)


def test_an_answer_that_was_asked_for_is_none_to_a_refused_question():
    questions = Questions()
    questions.committed("u1", to_check=True)
    questions.refuse("u1", answer_to_come=True)
    assert questions.answer_began(asked_for=True) == (False, False)


def test_where_the_service_waits_to_be_asked_no_answer_is_expected():
    questions = Questions()
    questions.committed("u1", to_check=True)
    assert questions.refuse("u1", answer_to_come=False) == "ahead"
    assert not questions.told()
    assert questions.answer_began(asked_for=False) == (False, False)


def test_what_is_not_to_be_checked_holds_nothing_up():
    questions = Questions()
    questions.committed("u1", to_check=False)
    assert questions.unchecked is None
