from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from rtaudio.audio import AudioFormat
from rtaudio.conversation import Conversation
from rtaudio.conversation.items import ContentPart
from rtaudio.conversation.tracker import PlaybackTracker
from rtaudio.protocol import decode_server_event, encode_event

if TYPE_CHECKING:
    from rtaudio.conversation.events import SessionEvent


class Driver:
    """A conversation at a point in time that tests move by hand."""

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.now = 100.0

    def feed(self, kind: str, **fields: Any) -> list[SessionEvent]:
        event = decode_server_event(encode_event({"type": kind, "event_id": "e", **fields}))
        self.conversation.receive(event, self.now)
        return self.conversation.take_events()

    def audio(
        self, length: int, item: str = "a", response: str = "r1", content_index: int = 0
    ) -> list[SessionEvent]:
        return self.feed(
            "response.output_audio.delta",
            response_id=response,
            item_id=item,
            output_index=0,
            content_index=content_index,
            delta=base64.b64encode(bytes(length)).decode(),
        )

    def begin(self, response: str = "r1") -> list[SessionEvent]:
        return self.feed("response.created", response={"id": response, "output": []})

    def end(self, response: str = "r1", output: Any = (), **fields: Any) -> list[SessionEvent]:
        done = {"id": response, "status": "completed", "output": list(output), **fields}
        return self.feed("response.done", response=done)

    def item(self, event: str, item_id: str, **fields: Any) -> list[SessionEvent]:
        previous = fields.pop("previous_item_id", None)
        item = {"id": item_id, "type": "message", "role": "user", "content": [], **fields}
        return self.feed(f"conversation.item.{event}", item=item, previous_item_id=previous)

    def updated(self, **audio: Any) -> None:
        self.feed("session.updated", session={"type": "realtime", "audio": audio})

    def speech(self) -> list[SessionEvent]:
        return self.feed("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)

    def interrupt(self) -> list[SessionEvent]:
        self.conversation.interrupt(self.now)
        return self.conversation.take_events()

    def sent(self) -> list[dict[str, Any]]:
        return self.conversation.take_outgoing()

    @property
    def history(self) -> Any:
        return self.conversation.history.snapshot()


@pytest.fixture
def driver() -> Driver:
    return Driver()


def kinds(events: list[SessionEvent]) -> list[str]:
    return [event.type for event in events]


def wire_kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


class TestHistory:
    def test_new_item_is_added_and_then_updated(self, driver: Driver) -> None:
        events = driver.item("added", "u")
        assert kinds(events) == ["history_added", "history_updated"]
        assert events[0].item.status == "in_progress"
        assert events[1].history == driver.history

    def test_known_item_is_only_updated(self, driver: Driver) -> None:
        driver.item("added", "u")
        assert kinds(driver.item("done", "u")) == ["history_updated"]
        assert driver.history[0].status == "completed"

    def test_new_item_goes_behind_the_one_its_event_names(self, driver: Driver) -> None:
        driver.item("added", "a")
        driver.item("added", "b", previous_item_id="a")
        driver.item("added", "c", previous_item_id="a")
        driver.item("added", "d", previous_item_id="unheard of")
        driver.item("done", "a", previous_item_id="d")
        assert [item.item_id for item in driver.history] == ["a", "c", "b", "d"]

    @pytest.mark.parametrize(
        ("event", "status"),
        [("added", "in_progress"), ("done", "completed"), ("retrieved", "completed")],
    )
    def test_item_without_a_status_gets_that_of_its_event(
        self, driver: Driver, event: str, status: str
    ) -> None:
        driver.item(event, "u")
        assert driver.history[0].status == status

    @pytest.mark.parametrize(("event", "status"), [("added", "in_progress"), ("done", "completed")])
    def test_item_of_a_response_without_a_status_gets_that_of_its_event(
        self, driver: Driver, event: str, status: str
    ) -> None:
        item = {"id": "a", "type": "message", "role": "assistant", "content": []}
        fields: dict[str, Any] = {"response_id": "r1", "output_index": 0}
        driver.feed(f"response.output_item.{event}", item=item, **fields)
        driver.feed(
            f"response.output_item.{event}",
            item={**item, "id": "b", "status": "incomplete"},
            **fields,
        )
        assert [item.status for item in driver.history] == [status, "incomplete"]

    def test_image_of_the_user_is_in_history_with_its_address(self, driver: Driver) -> None:
        image = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"}
        driver.item("added", "u", content=[image])
        (part,) = driver.history[0].content
        assert (part.type, part.image_url, part.detail) == (
            "input_image",
            "data:image/png;base64,AA==",
            "low",
        )

    @pytest.mark.parametrize("began_before", [False, True])
    def test_changed_item_comes_back_to_its_place(self, driver: Driver, began_before: bool) -> None:
        for item_id in "abc":
            driver.item("done", item_id, content=[{"type": "input_text", "text": item_id}])
        if began_before:
            history = driver.history
            driver.conversation.connecting(history)
            driver.conversation.connected(history)
            driver.sent()
        changed = [
            msgspec.structs.replace(item, content=(ContentPart(type="input_text", text="new"),))
            for item in driver.history[:2]
        ]
        driver.conversation.update_history((*changed, driver.history[2]))
        for event in driver.sent():
            if event["type"] == "conversation.item.delete":
                driver.feed("conversation.item.deleted", item_id=event["item_id"])
            else:
                # A service names no predecessor of what it puts first.
                before = event["previous_item_id"]
                item = {**event["item"], "previous_item_id": None if before == "root" else before}
                driver.item("added", item.pop("id"), **item)
        assert [item.item_id for item in driver.history] == ["a", "b", "c"]
        assert [item.text for item in driver.history] == ["new", "new", "c"]

    @pytest.mark.parametrize("event", ["added", "done", "retrieved"])
    def test_given_status_is_kept(self, driver: Driver, event: str) -> None:
        driver.item(event, "u", status="incomplete")
        assert driver.history[0].status == "incomplete"

    def test_system_message_has_no_status(self, driver: Driver) -> None:
        driver.item("done", "s", role="system")
        assert driver.history[0].status is None

    def test_beta_names_of_assistant_parts_become_todays(self, driver: Driver) -> None:
        content = [{"type": "audio", "transcript": "hi"}, {"type": "text", "text": "ho"}]
        driver.item("done", "a", role="assistant", content=content)
        assert [part.type for part in driver.history[0].content] == ["output_audio", "output_text"]

    def test_function_calls_do_not_enter_history(self, driver: Driver) -> None:
        call = {"id": "f", "type": "function_call", "name": "n", "arguments": "{}"}
        assert driver.feed("conversation.item.added", item=call) == []

    def test_deleting_tells_even_of_unknown_items(self, driver: Driver) -> None:
        driver.item("added", "u")
        assert kinds(driver.feed("conversation.item.deleted", item_id="u")) == ["history_updated"]
        assert driver.history == ()
        assert kinds(driver.feed("conversation.item.deleted", item_id="?")) == ["history_updated"]

    def test_truncated_item_is_asked_for_again(self, driver: Driver) -> None:
        driver.item("done", "a", role="assistant")
        driver.feed("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=1200)
        assert driver.sent() == [{"type": "conversation.item.retrieve", "item_id": "a"}]
        assert driver.history[0].audio_end_ms == 1200

    def test_transcript_deltas_grow_one_item_without_an_update_each(self, driver: Driver) -> None:
        seen: list[str] = []
        for delta in ("Good", " morning"):
            seen += kinds(
                driver.feed(
                    "response.output_audio_transcript.delta",
                    response_id="r1",
                    item_id="a",
                    output_index=0,
                    content_index=0,
                    delta=delta,
                )
            )
        assert seen == ["history_added", "history_updated", "transcript_delta", "transcript_delta"]
        assert driver.history[0].text == "Good morning"
        assert driver.history[0].status == "in_progress"

    def test_updates_for_each_piece_come_where_they_are_wanted(self, driver: Driver) -> None:
        driver.conversation.update_live(True)
        texts: list[str] = []
        for delta in ("Good", " morning"):
            events = driver.feed(
                "response.output_text.delta",
                response_id="r1",
                item_id="a",
                output_index=0,
                content_index=0,
                delta=delta,
            )
            last = [event for event in events if event.type == "history_updated"][-1]
            texts.append(last.history[0].text)
        assert texts == ["Good", "Good morning"]

    @pytest.mark.parametrize(
        ("wire", "kind"),
        [("output_text", "text_delta"), ("output_audio_transcript", "transcript_delta")],
    )
    def test_delta_of_words_carries_its_ids(self, driver: Driver, wire: str, kind: str) -> None:
        event = driver.feed(
            f"response.{wire}.delta",
            response_id="r1",
            item_id="a",
            output_index=0,
            content_index=0,
            delta="97",
        )[-1]
        assert (event.type, event.item_id, event.response_id, event.delta) == (
            kind,
            "a",
            "r1",
            "97",
        )


class TestTranscription:
    def completed(self, driver: Driver, **fields: Any) -> list[SessionEvent]:
        return driver.feed(
            "conversation.item.input_audio_transcription.completed",
            **{"item_id": "u", "content_index": 0, "transcript": "Hello.", **fields},
        )

    def test_transcript_enters_the_item_and_the_item_is_asked_for(self, driver: Driver) -> None:
        driver.item("added", "u", content=[{"type": "input_audio", "transcript": None}])
        usage = {"type": "duration", "seconds": 1.5}
        events = self.completed(driver, usage=usage)
        assert kinds(events) == ["history_updated", "transcript_completed"]
        assert (events[1].item_id, events[1].transcript) == ("u", "Hello.")
        assert events[1].usage.seconds == 1.5
        assert driver.history[0].content[0].transcript == "Hello."
        assert driver.history[0].status == "completed"
        assert wire_kinds(driver.sent()) == ["conversation.item.retrieve"]

    def test_transcript_of_an_unknown_item_becomes_one(self, driver: Driver) -> None:
        events = self.completed(driver)
        assert kinds(events) == ["history_added", "history_updated", "transcript_completed"]
        assert driver.history[0].content[0].text == "Hello."

    def test_transcription_session_does_not_ask_for_the_sound_again(self, driver: Driver) -> None:
        driver.conversation.configure({"type": "transcription"})
        self.completed(driver)
        assert driver.sent() == []

    def test_delta_failure_and_commit_become_events(self, driver: Driver) -> None:
        prefix = "conversation.item.input_audio_transcription"
        (delta,) = driver.feed(f"{prefix}.delta", item_id="u", content_index=0, delta="He")
        assert (delta.type, delta.item_id, delta.delta) == ("input_transcript_delta", "u", "He")
        (failed,) = driver.feed(
            f"{prefix}.failed", item_id="u", content_index=0, error={"code": "audio_unintelligible"}
        )
        assert (failed.type, failed.error.code) == ("transcript_failed", "audio_unintelligible")
        (committed,) = driver.feed(
            "input_audio_buffer.committed", item_id="u", previous_item_id="t"
        )
        assert (committed.type, committed.previous_item_id) == ("input_audio_committed", "t")
        assert driver.history == ()


class TestAudio:
    def test_audio_start_comes_once_per_turn(self, driver: Driver) -> None:
        driver.begin()
        assert kinds(driver.audio(480)) == ["audio_start", "audio"]
        event = driver.audio(480)[0]
        assert (event.item_id, event.response_id, event.content_index) == ("a", "r1", 0)
        assert event.data == bytes(480)
        stopped = driver.feed(
            "response.output_audio.done",
            response_id="r1",
            item_id="a",
            output_index=0,
            content_index=0,
        )
        assert kinds(stopped) == ["audio_stopped"]
        driver.end()
        driver.begin("r2")
        assert kinds(driver.audio(480, response="r2")) == ["audio_start", "audio"]

    def test_speech_with_nothing_playing_does_nothing(self, driver: Driver) -> None:
        driver.begin()
        assert driver.speech() == []
        assert driver.sent() == []

    def test_speech_cuts_what_plays_at_what_was_heard(self, driver: Driver) -> None:
        driver.begin()
        driver.audio(48_000)
        driver.now += 0.25
        assert kinds(driver.speech()) == ["audio_interrupted"]
        cut = {
            "type": "conversation.item.truncate",
            "item_id": "a",
            "content_index": 0,
            "audio_end_ms": 250,
        }
        assert driver.sent() == [{"type": "response.cancel"}, cut]
        assert driver.speech() == []
        assert driver.sent() == []

    def test_cut_names_the_part_of_the_item_that_plays(self, driver: Driver) -> None:
        driver.begin()
        driver.audio(48_000, content_index=1)
        driver.now += 0.5
        (event,) = driver.speech()
        assert (event.item_id, event.content_index) == ("a", 1)
        cut = driver.sent()[-1]
        assert (cut["item_id"], cut["content_index"]) == ("a", 1)

    def test_items_behind_the_one_that_plays_are_cut_at_nothing(self, driver: Driver) -> None:
        driver.begin()
        driver.audio(48_000, "a")
        driver.audio(48_000, "b")
        driver.now += 0.5
        assert kinds(driver.interrupt()) == ["audio_interrupted"]
        cuts = [(event["item_id"], event["audio_end_ms"]) for event in driver.sent()[1:]]
        assert cuts == [("a", 500), ("b", 0)]

    def test_tracker_that_nobody_reported_to_cuts_nothing(self, driver: Driver) -> None:
        driver.conversation.track(PlaybackTracker(), None)
        driver.begin()
        driver.audio(48_000)
        driver.now += 0.5
        assert driver.speech() == []
        assert driver.sent() == []
        assert driver.interrupt() == []
        assert wire_kinds(driver.sent()) == ["response.cancel"]

    @pytest.mark.parametrize(("clock", "heard"), [(None, 1500), ("wall", 2000)])
    def test_gap_counts_as_played_by_the_clock_on_the_wall_only(
        self, driver: Driver, clock: Any, heard: int
    ) -> None:
        driver.conversation.track(clock, None)
        driver.begin()
        driver.audio(48_000)
        driver.now += 1.5
        driver.audio(96_000)
        driver.now += 0.5
        driver.interrupt()
        assert driver.sent()[-1]["audio_end_ms"] == heard

    @pytest.mark.parametrize(
        ("detection", "cancels"),
        [
            ({"type": "server_vad", "interrupt_response": True}, False),
            ({"type": "server_vad", "interrupt_response": False}, True),
            ({"type": "server_vad"}, True),
            (None, True),
        ],
    )
    def test_speech_cancels_only_where_the_service_does_not(
        self, driver: Driver, detection: Any, cancels: bool
    ) -> None:
        driver.updated(input={"turn_detection": detection})
        driver.begin()
        driver.audio(48_000)
        driver.speech()
        assert ("response.cancel" in wire_kinds(driver.sent())) is cancels

    def test_interrupt_cancels_whatever_the_service_does(self, driver: Driver) -> None:
        driver.updated(input={"turn_detection": {"interrupt_response": True}})
        driver.begin()
        driver.audio(48_000)
        assert kinds(driver.interrupt()) == ["audio_interrupted"]
        assert wire_kinds(driver.sent()) == ["response.cancel", "conversation.item.truncate"]
        driver.interrupt()
        assert driver.sent() == []

    def test_interrupt_without_audio_cancels_and_cuts_nothing(self, driver: Driver) -> None:
        driver.begin()
        assert driver.interrupt() == []
        assert wire_kinds(driver.sent()) == ["response.cancel"]

    def test_interrupt_after_the_answer_was_heard_does_nothing(self, driver: Driver) -> None:
        driver.begin()
        driver.audio(48_000)
        driver.end()
        driver.now += 1.0
        assert driver.interrupt() == []
        assert driver.sent() == []

    def test_interrupt_while_the_tail_plays_cuts_it(self, driver: Driver) -> None:
        driver.begin()
        driver.audio(48_000)
        driver.end()
        driver.now += 0.75
        assert kinds(driver.interrupt()) == ["audio_interrupted"]
        (cut,) = driver.sent()
        assert cut["audio_end_ms"] == 750

    def test_late_deltas_of_an_interrupted_response_are_dropped(self, driver: Driver) -> None:
        driver.begin()
        driver.audio(48_000)
        driver.interrupt()
        assert driver.audio(4800) == []
        driver.end()
        driver.begin("r2")
        assert kinds(driver.audio(4800, response="r2")) == ["audio_start", "audio"]

    @pytest.mark.parametrize(
        ("wire", "size"),
        [
            ({"type": "audio/pcmu"}, 8),
            ({"type": "audio/pcma"}, 8),
            ({"type": "audio/pcm", "rate": 24000}, 48),
            ({"type": "audio/pcm", "rate": 16000}, 32),
            ({"type": "audio/future"}, 48),
            ("g711_ulaw", 8),
            ("g711_future", 8),
            ("pcm16", 48),
            ("future", 48),
            (["pcm16"], 48),
            (None, 48),
        ],
    )
    def test_position_counts_by_the_format_the_service_confirmed(
        self, driver: Driver, wire: Any, size: int
    ) -> None:
        driver.updated(output={"format": wire})
        driver.begin()
        driver.audio(size * 100)
        driver.now += 9
        driver.interrupt()
        assert driver.sent()[-1]["audio_end_ms"] == 100

    def test_formats_of_the_own_update_count_at_once(self, driver: Driver) -> None:
        audio = {"input": {"format": {"type": "audio/pcmu"}}}
        driver.conversation.configure({"type": "transcription", "audio": audio})
        assert driver.conversation.wire_input == AudioFormat("pcmu", 8000)


class TestResponses:
    def test_message_and_request_go_out_together(self, driver: Driver) -> None:
        driver.conversation.send_message("hi")
        item, create = driver.sent()
        assert item["type"] == "conversation.item.create"
        assert create["type"] == "response.create"
        assert create["event_id"]

    def test_second_message_in_one_breath_is_answered_after_the_first(self, driver: Driver) -> None:
        driver.conversation.send_message("a")
        driver.conversation.send_message("b")
        assert wire_kinds(driver.sent()) == [
            "conversation.item.create",
            "response.create",
            "conversation.item.create",
        ]
        driver.begin()
        assert driver.sent() == []
        driver.end()
        assert wire_kinds(driver.sent()) == ["response.create"]

    def test_end_of_the_sound_is_not_the_end_of_the_response(self, driver: Driver) -> None:
        driver.begin()
        driver.audio(480)
        driver.conversation.send_message("hi")
        driver.sent()
        driver.feed(
            "response.output_audio.done",
            response_id="r1",
            item_id="a",
            output_index=0,
            content_index=0,
        )
        assert driver.sent() == []
        driver.end()
        assert wire_kinds(driver.sent()) == ["response.create"]

    def test_messages_during_a_response_cause_one_more(self, driver: Driver) -> None:
        driver.begin()
        for text in "abc":
            driver.conversation.send_message(text)
        assert wire_kinds(driver.sent()) == ["conversation.item.create"] * 3
        driver.end()
        assert wire_kinds(driver.sent()) == ["response.create"]

    def test_interrupt_then_message_waits_for_the_end(self, driver: Driver) -> None:
        driver.begin()
        driver.audio(48_000)
        driver.conversation.interrupt(driver.now)
        driver.conversation.send_message("other")
        assert wire_kinds(driver.sent()) == [
            "response.cancel",
            "conversation.item.truncate",
            "conversation.item.create",
        ]
        driver.end()
        assert wire_kinds(driver.sent()) == ["response.create"]

    def test_start_and_end_tell_of_the_response(self, driver: Driver) -> None:
        (start,) = driver.begin()
        assert (start.type, start.response_id) == ("agent_start", "r1")
        call = {"id": "f", "type": "function_call", "name": "n", "arguments": "{}"}
        spoken = [{"type": "output_audio", "transcript": "Done."}]
        message = {"id": "a", "type": "message", "role": "assistant", "content": spoken}
        (end,) = driver.end(output=[message, call])
        assert (end.type, end.output, end.response_id) == ("agent_end", "Done.", "r1")

    def test_usage_adds_up_and_counts_responses_without_any(self, driver: Driver) -> None:
        details = {"text_tokens": 3, "audio_tokens": 7}
        usage = {"input_tokens": 10, "output_tokens": 4, "input_token_details": details}
        for _ in range(2):
            driver.begin()
            driver.end(usage=usage)
        driver.begin()
        driver.end()
        total = driver.conversation.usage
        assert (total.requests, total.input_tokens, total.output_tokens) == (3, 20, 8)
        assert total.total_tokens == 28
        assert total.input_token_details.text_tokens == 6
        assert total.input_token_details.audio_tokens == 14

    def test_transcripts_are_counted_beside_responses(self, driver: Driver) -> None:
        driver.feed(
            "conversation.item.input_audio_transcription.completed",
            item_id="u",
            content_index=0,
            transcript="hi",
            usage={"type": "duration", "seconds": 1.5},
        )
        usage = driver.conversation.usage
        assert (usage.transcription.requests, usage.transcription.seconds) == (1, 1.5)
        assert usage.requests == 0

    def test_error_of_the_service_is_told_whole(self, driver: Driver) -> None:
        error = {"type": "invalid_request_error", "code": "invalid_value", "message": "no"}
        (event,) = driver.feed("error", error=error)
        assert (event.type, event.error.error.code) == ("error", "invalid_value")

    def test_request_that_could_not_be_written_is_told(self, driver: Driver) -> None:
        driver.conversation.request_response()
        (create,) = driver.sent()
        driver.conversation.send_failed(create, OSError())
        assert kinds(driver.conversation.take_events()) == ["error"]
        driver.conversation.request_response()
        assert wire_kinds(driver.sent()) == ["response.create"]


class TestTracing:
    @pytest.mark.parametrize(
        ("wanted", "present", "sent"),
        [
            ("auto", None, True),
            ("auto", {"workflow_name": "x"}, True),
            (None, None, True),
            (None, {"workflow_name": "x"}, False),
            ({"workflow_name": "w"}, "auto", True),
            ({"workflow_name": "w"}, {"workflow_name": "x"}, False),
        ],
    )
    def test_tracing_is_set_once_the_session_exists(
        self, driver: Driver, wanted: Any, present: Any, sent: bool, caplog: Any
    ) -> None:
        driver.conversation.trace(wanted)
        assert driver.sent() == []
        driver.feed("session.created", session={"type": "realtime", "tracing": present})
        update = {"type": "session.update", "session": {"type": "realtime", "tracing": wanted}}
        assert driver.sent() == ([update] if sent else [])
        assert bool(caplog.records) is not sent
        driver.feed("session.created", session={"type": "realtime"})
        assert driver.sent() == []


def test_new_conversation_forgets_everything_but_usage(driver: Driver) -> None:
    driver.item("added", "u")
    driver.begin()
    driver.end()
    driver.begin()
    driver.conversation.request_response()
    driver.conversation.disconnected()
    assert len(driver.history) == 1
    driver.conversation.connecting()
    assert driver.history == ()
    assert not driver.conversation.response_ongoing
    assert driver.conversation.usage.requests == 1
    driver.end()
    assert driver.sent() == []


@pytest.mark.parametrize(
    "session",
    [
        {},
        {"audio": None},
        {"audio": 5},
        {"audio": {"input": "x", "output": []}},
        {"audio": {"input": {"turn_detection": "server_vad", "format": 7}}},
        {"audio": {"output": {"format": {"type": "audio/pcm", "rate": "fast"}}}},
    ],
)
def test_settings_of_an_odd_shape_count_as_not_given(driver: Driver, session: Any) -> None:
    driver.feed("session.updated", session=session)
    assert driver.conversation.wire_input == AudioFormat("pcm16", 24000)
    assert driver.conversation.wire_output == AudioFormat("pcm16", 24000)
    driver.begin()
    driver.audio(48_000)
    driver.speech()
    assert "response.cancel" in wire_kinds(driver.sent())


@pytest.mark.parametrize(
    "item", [None, 5, {"role": "user", "content": [{}]}, {"role": "user", "content": ["x"]}]
)
def test_raw_event_of_any_shape_goes_out_as_it_is(driver: Driver, item: Any) -> None:
    event = {"type": "conversation.item.create", "item": item}
    driver.conversation.send_event(event)
    assert driver.sent() == [event]


def test_unknown_events_have_no_effect(driver: Driver) -> None:
    assert driver.feed("something.new", item={}) == []


def test_core_imports_neither_asyncio_nor_sockets() -> None:
    import ast
    from pathlib import Path

    import rtaudio.conversation

    for path in Path(rtaudio.conversation.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {"asyncio", "socket", "threading", "time", "websockets"} & set(names), path


def test_representations_of_events_hold_no_content(driver: Driver) -> None:
    driver.begin()
    events = driver.audio(480)
    events += driver.item("done", "u", content=[{"type": "input_text", "text": "a secret"}])
    driver.conversation.send_message("a secret")
    assert "secret" not in repr(events)
    assert "\\x00" not in repr(events)


class TestNumbers:
    def test_events_are_counted_and_those_of_unknown_types_among_them(self, driver: Driver) -> None:
        driver.begin()
        driver.feed("something.new")
        driver.feed("input_audio_buffer.cleared")
        counts = driver.conversation.counts()
        assert (counts["events_received"], counts["events_unknown"]) == (3, 1)

    def test_delivered_sound_is_counted_and_late_sound_apart(self, driver: Driver) -> None:
        driver.begin()
        driver.audio(4800)
        driver.updated(output={"format": {"type": "audio/pcmu"}})
        driver.audio(80)
        driver.interrupt()
        driver.audio(4800)
        counts = driver.conversation.counts()
        assert counts["output_audio_bytes"] == 4880
        assert counts["output_audio_ms"] == 110
        assert counts["output_audio_suppressed"] == 1

    def test_interruptions_count_where_there_was_something_to_interrupt(
        self, driver: Driver
    ) -> None:
        driver.interrupt()
        driver.speech()
        assert driver.conversation.counts()["interruptions"] == 0
        driver.begin()
        driver.interrupt()
        driver.end()
        driver.begin("r2")
        driver.audio(4800, response="r2")
        driver.speech()
        assert driver.conversation.counts()["interruptions"] == 2

    def test_numbers_outlive_the_connection(self, driver: Driver) -> None:
        driver.begin()
        driver.audio(480)
        before = driver.conversation.counts()
        driver.conversation.disconnected()
        driver.conversation.connecting()
        assert driver.conversation.counts() == before

    def test_responses_whose_end_is_never_told_are_not_kept_for_ever(self, driver: Driver) -> None:
        for number in range(105):
            driver.begin(f"r{number}")
        responses = driver.conversation.queues()["responses"]
        assert (responses.size, responses.bound, responses.lost) == (100, 100, 5)
        driver.end("r104")
        assert driver.conversation.queues()["responses"].size == 99

    def test_lost_parts_of_playback_count_beyond_the_connection(self, driver: Driver) -> None:
        driver.begin()
        for number in range(1002):
            driver.audio(480, item=f"i{number}")
        driver.conversation.track(None, None)
        playback = driver.conversation.queues()["playback"]
        assert (playback.size, playback.lost) == (0, 2)

    def test_messages_that_the_service_never_confirms_are_forgotten(self, driver: Driver) -> None:
        for _ in range(258):
            driver.conversation.send_message("x")
        unconfirmed = driver.conversation.queues()["unconfirmed"]
        assert (unconfirmed.size, unconfirmed.bound, unconfirmed.lost) == (256, 256, 2)
