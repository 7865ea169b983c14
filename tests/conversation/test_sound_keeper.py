"""Items of history with their sound, as events of the service come in."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from rtaudio import AudioRetention
from rtaudio.audio import AudioClip, AudioFormat, ulaw_decode, ulaw_encode
from rtaudio.conversation import Conversation
from rtaudio.conversation.checking import Checking
from rtaudio.conversation.items import ContentPart, Item, kept_sound
from rtaudio.protocol import decode_server_event, encode_event

if TYPE_CHECKING:
    from pathlib import Path

    from rtaudio.conversation.checking import Check
    from rtaudio.conversation.events import SessionEvent

RAMP = np.arange(-12_000, 12_000, dtype=np.int16)  # a second at 24 kHz


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Talk:
    """A conversation that keeps its sound, and both ends of it."""

    def __init__(self, retention: AudioRetention | None) -> None:
        self.conversation = Conversation()
        self.conversation.connecting(retention=retention)
        self.now = 100.0

    def feed(self, kind: str, **fields: Any) -> list[SessionEvent]:
        event = decode_server_event(encode_event({"type": kind, "event_id": "e", **fields}))
        self.conversation.receive(event, self.now)
        return self.conversation.take_events()

    def settings(self, **audio: Any) -> None:
        self.feed("session.updated", session={"type": "realtime", "audio": audio})

    def item(self, event: str, item_id: str, *parts: dict[str, Any], role: str = "user") -> None:
        item = {"id": item_id, "type": "message", "role": role, "content": list(parts)}
        self.feed(f"conversation.item.{event}", item=item)

    def say(self, pcm: bytes) -> None:
        self.conversation.sending(pcm, self.now)

    def answer(
        self, *pieces: bytes, item_id: str = "a", index: int = 0, response_id: str = "r1"
    ) -> None:
        for piece in pieces:
            self.feed(
                "response.output_audio.delta",
                response_id=response_id,
                item_id=item_id,
                output_index=0,
                content_index=index,
                delta=b64(piece),
            )

    def answered(self, item_id: str = "a", index: int = 0) -> None:
        self.feed(
            "response.output_audio.done",
            response_id="r1",
            item_id=item_id,
            output_index=0,
            content_index=index,
        )

    def begin(self, response_id: str = "r1") -> None:
        self.feed("response.created", response={"id": response_id, "output": []})

    def end(self, response_id: str = "r1") -> None:
        self.feed(
            "response.done",
            response={"id": response_id, "status": "completed", "output": []},
        )

    def truncated(self, audio_end_ms: int, item_id: str = "a") -> None:
        self.feed(
            "conversation.item.truncated",
            item_id=item_id,
            content_index=0,
            audio_end_ms=audio_end_ms,
        )

    def part(self, item_id: str, index: int = 0) -> ContentPart:
        item = self.conversation.history.get(item_id)
        assert item is not None
        return item.content[index]

    def samples(self, item_id: str, index: int = 0) -> np.ndarray:
        clip = self.part(item_id, index).audio
        assert clip is not None
        return clip.samples


SOUND = {"type": "output_audio", "transcript": "hi"}
SPOKEN = {"type": "input_audio", "transcript": None}


@pytest.fixture
def talk() -> Talk:
    return Talk(AudioRetention())


class TestAnswers:
    def test_a_part_has_the_sound_of_its_deltas(self, talk: Talk) -> None:
        talk.item("added", "a", role="assistant")
        talk.answer(RAMP[:5000].tobytes(), RAMP[5000:].tobytes())
        assert np.array_equal(talk.samples("a"), RAMP)
        talk.answered()
        talk.item("done", "a", SOUND, role="assistant")
        assert talk.part("a").audio == AudioClip(RAMP, 24000)
        assert talk.part("a").transcript == "hi"

    def test_it_does_not_matter_whether_item_or_sound_comes_first(self, talk: Talk) -> None:
        talk.answer(RAMP.tobytes())
        talk.item("done", "a", SOUND, role="assistant")
        assert np.array_equal(talk.samples("a"), RAMP)

    def test_parts_are_kept_apart_and_transcripts_join_them(self, talk: Talk) -> None:
        talk.item("added", "a", role="assistant")
        talk.answer(RAMP[:100].tobytes(), index=1)
        talk.answer(RAMP[100:300].tobytes(), index=0)
        talk.feed(
            "response.output_audio_transcript.delta",
            response_id="r1",
            item_id="a",
            output_index=0,
            content_index=1,
            delta="words",
        )
        assert np.array_equal(talk.samples("a", 1), RAMP[:100])
        assert np.array_equal(talk.samples("a", 0), RAMP[100:300])
        assert talk.part("a", 1).transcript == "words"

    @pytest.mark.parametrize("codec", ["pcm16", "opus"])
    def test_an_interrupted_answer_has_what_was_heard_of_it(self, codec: Any) -> None:
        talk = Talk(AudioRetention(codec))
        talk.begin()
        talk.item("added", "a", role="assistant")
        talk.answer(RAMP.tobytes())
        talk.now += 0.25
        talk.conversation.interrupt(talk.now)
        talk.answer(RAMP.tobytes())  # too late
        talk.truncated(250)
        talk.answer(RAMP.tobytes())
        talk.end()
        talk.item("retrieved", "a", {"type": "output_audio"}, role="assistant")
        assert len(talk.samples("a")) == 6000
        if codec == "pcm16":
            assert np.array_equal(talk.samples("a"), RAMP[:6000])

    @pytest.mark.parametrize("codec", ["pcm16", "opus"])
    def test_a_cut_counts_whether_it_comes_before_or_after_the_last_delta(self, codec: Any) -> None:
        for early in (True, False):
            talk = Talk(AudioRetention(codec))
            talk.answer(RAMP[:20_000].tobytes())
            if early:
                talk.truncated(501)
            talk.answer(RAMP[20_000:].tobytes())
            talk.answered()
            if not early:
                talk.truncated(501)
            talk.item("done", "a", SOUND, role="assistant")
            assert len(talk.samples("a")) == 12_024

    def test_the_clip_ends_where_the_item_says(self, talk: Talk) -> None:
        talk.item("added", "a", role="assistant")
        talk.answer(RAMP.tobytes())
        talk.truncated(333)
        item = talk.conversation.history.get("a")
        assert item is not None
        assert item.audio_end_ms == 333
        assert len(talk.samples("a")) == 333 * 24

    def test_an_answer_that_ends_without_saying_so_is_finished_with_its_response(
        self, talk: Talk
    ) -> None:
        talk.begin()
        talk.answer(RAMP.tobytes())
        talk.answer(RAMP.tobytes(), item_id="b", response_id="other")
        talk.end()
        store = talk.conversation.sounds
        assert store is not None
        assert {sound.item_id: sound.finished for sound in store} == {"a": True, "b": False}
        talk.conversation.disconnected()
        assert all(sound.finished for sound in store)

    def test_telephone_answers_are_kept_as_samples(self, talk: Talk) -> None:
        talk.settings(output={"format": {"type": "audio/pcmu"}})
        codes = ulaw_encode(RAMP)
        talk.answer(codes)
        talk.item("done", "a", SOUND, role="assistant")
        assert talk.part("a").audio == AudioClip(ulaw_decode(codes), 8000)

    def test_each_sound_tells_when_it_was_due(self, talk: Talk) -> None:
        talk.answer(RAMP.tobytes())  # a second each
        talk.now += 0.1
        talk.answer(RAMP.tobytes())
        talk.now += 0.1
        talk.answer(RAMP.tobytes(), item_id="b")
        talk.now += 10
        talk.answer(RAMP.tobytes(), item_id="b")
        store = talk.conversation.sounds
        assert store is not None
        first, second = store
        assert [(m.position, m.start_s) for m in first.timeline] == [(0, 100.0)]
        assert [(m.position, m.start_s) for m in second.timeline] == [
            (0, pytest.approx(102.0)),
            (24_000, pytest.approx(110.2)),
        ]

    def test_after_an_interruption_the_next_answer_is_due_at_once(self, talk: Talk) -> None:
        talk.begin()
        talk.answer(RAMP.tobytes())
        talk.now += 0.2
        talk.conversation.interrupt(talk.now)
        talk.end()
        talk.begin("r2")
        talk.answer(RAMP.tobytes(), item_id="b", response_id="r2")
        store = talk.conversation.sounds
        assert store is not None
        assert [sound.timeline[0].start_s for sound in store] == [100.0, 100.2]


class TestHeldAnswers:
    """Answers whose sound waits until what it says was checked."""

    def held(self, talk: Talk) -> Check:
        talk.conversation.check(Checking(every=4, hold=True))
        talk.begin()
        talk.feed(
            "response.output_audio_transcript.delta",
            response_id="r1",
            item_id="a",
            output_index=0,
            content_index=0,
            delta="words",
        )
        talk.answer(RAMP.tobytes())
        talk.answered()
        (check,) = talk.conversation.take_checks()
        return check

    def test_sound_is_kept_when_it_is_delivered_and_due_from_then_on(self, talk: Talk) -> None:
        check = self.held(talk)
        assert talk.part("a").audio is None
        talk.end()  # before the verdict
        talk.now += 0.5
        talk.conversation.passed(check, talk.now)
        last = talk.conversation.take_checks()[-1]
        talk.conversation.passed(last, talk.now)
        assert np.array_equal(talk.samples("a"), RAMP)
        assert talk.conversation.sounds is not None
        (sound,) = talk.conversation.sounds
        assert sound.finished
        assert sound.timeline[0].start_s == 100.5

    def test_what_was_refused_is_not_kept(self, talk: Talk) -> None:
        check = self.held(talk)
        assert talk.conversation.block(check, talk.now)
        talk.end()
        assert talk.part("a").audio is None
        assert talk.conversation.sounds is not None
        assert talk.conversation.sounds.bytes_held == 0


class TestTheUser:
    def test_speech_is_cut_from_what_was_sent(self, talk: Talk) -> None:
        talk.say(RAMP.tobytes())
        talk.feed("input_audio_buffer.speech_started", item_id="u", audio_start_ms=100)
        talk.say(RAMP.tobytes())
        talk.feed("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=1500)
        talk.feed("input_audio_buffer.committed", item_id="u")
        talk.item("added", "u", SPOKEN)
        sent = np.concatenate([RAMP, RAMP])
        assert np.array_equal(talk.samples("u"), sent[2400:36_000])
        talk.feed(
            "conversation.item.input_audio_transcription.completed",
            item_id="u",
            content_index=0,
            transcript="hello",
        )
        assert talk.part("u").transcript == "hello"
        assert len(talk.samples("u")) == 33_600

    def test_without_turn_detection_a_commit_makes_an_item(self, talk: Talk) -> None:
        talk.conversation.configure({"audio": {"input": {"turn_detection": None}}})
        talk.say(RAMP.tobytes())
        talk.conversation.sending({"type": "input_audio_buffer.commit"}, talk.now)
        talk.feed("input_audio_buffer.committed", item_id="u")
        talk.item("added", "u", SPOKEN)
        assert np.array_equal(talk.samples("u"), RAMP)

    def test_sound_that_is_late_still_reaches_its_item(self, talk: Talk) -> None:
        talk.settings(input={"turn_detection": None})
        talk.say(RAMP.tobytes())
        talk.item("added", "u", SPOKEN)
        assert talk.part("u").audio is None
        talk.conversation.sending({"type": "input_audio_buffer.commit"}, talk.now)
        talk.feed("input_audio_buffer.committed", item_id="u")
        assert np.array_equal(talk.samples("u"), RAMP)

    def test_appends_clears_and_commits_that_the_application_writes_itself_count(
        self, talk: Talk
    ) -> None:
        talk.settings(input={"turn_detection": None})
        for event in (
            {"type": "input_audio_buffer.append", "audio": b64(RAMP.tobytes())},
            {"type": "input_audio_buffer.clear"},
            {"type": "input_audio_buffer.append", "audio": "no base64"},
            {"type": "input_audio_buffer.append"},
            {"type": "input_audio_buffer.append", "audio": b64(RAMP[:500].tobytes())},
            {"type": "input_audio_buffer.commit"},
            {"type": "response.create"},
        ):
            talk.conversation.sending(event, talk.now)
        talk.feed("input_audio_buffer.committed", item_id="u")
        talk.item("added", "u", SPOKEN)
        assert np.array_equal(talk.samples("u"), RAMP[:500])

    def test_a_commit_that_is_refused_leaves_its_sound_for_the_next(self, talk: Talk) -> None:
        talk.settings(input={"turn_detection": None})
        talk.say(RAMP[:1000].tobytes())
        talk.conversation.sending({"type": "input_audio_buffer.commit"}, talk.now)
        talk.feed("error", error={"type": "x", "code": "input_audio_buffer_commit_empty"})
        talk.say(RAMP[1000:].tobytes())
        talk.conversation.sending({"type": "input_audio_buffer.commit"}, talk.now)
        talk.feed("input_audio_buffer.committed", item_id="u")
        talk.item("added", "u", SPOKEN)
        assert np.array_equal(talk.samples("u"), RAMP)

    def test_an_idle_timeout_makes_an_item_of_silence(self, talk: Talk) -> None:
        talk.say(RAMP.tobytes())
        talk.feed(
            "input_audio_buffer.timeout_triggered",
            item_id="t",
            audio_start_ms=100,
            audio_end_ms=900,
        )
        talk.feed("input_audio_buffer.committed", item_id="t")
        talk.item("added", "t", SPOKEN)
        assert np.array_equal(talk.samples("t"), RAMP[2400:21_600])


class TestTheServicesOwn:
    def test_it_is_kept_where_nothing_was_collected(self, talk: Talk) -> None:
        ours = {**SOUND, "audio": b64(RAMP.tobytes())}
        talk.item("retrieved", "a", {"type": "output_text", "text": "t"}, ours, role="assistant")
        assert np.array_equal(talk.samples("a", 1), RAMP)
        talk.item("done", "b", {"type": "input_text", "text": "other"})
        talk.item("done", "a", {"type": "output_text", "text": "t"}, SOUND, role="assistant")
        assert np.array_equal(talk.samples("a", 1), RAMP)

    def test_what_was_collected_wins(self, talk: Talk) -> None:
        talk.answer(RAMP.tobytes())
        talk.item("retrieved", "a", {**SOUND, "audio": b64(bytes(8))}, role="assistant")
        assert np.array_equal(talk.samples("a"), RAMP)

    def test_it_is_read_in_the_format_of_its_side(self, talk: Talk) -> None:
        telephone = {"format": {"type": "audio/pcmu"}}
        talk.settings(input=telephone, output={"format": {"type": "audio/pcm", "rate": 24000}})
        talk.item("retrieved", "u", {**SPOKEN, "audio": b64(bytes(range(80)))})
        assert talk.part("u").audio == AudioClip(ulaw_decode(bytes(range(80))), 8000)

    def test_what_a_budget_has_cost_does_not_come_back(self) -> None:
        talk = Talk(AudioRetention(max_bytes=100))
        talk.answer(RAMP.tobytes())
        talk.item("retrieved", "a", {**SOUND, "audio": b64(RAMP[:40].tobytes())}, role="assistant")
        assert talk.part("a").audio is None
        assert talk.part("a").transcript == "hi"


class TestItems:
    def test_without_retention_no_part_has_sound_whatever_happens(self) -> None:
        talk = Talk(None)
        talk.say(RAMP.tobytes())
        talk.feed("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
        talk.feed("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=900)
        talk.feed("input_audio_buffer.committed", item_id="u")
        talk.item("added", "u", {**SPOKEN, "audio": b64(RAMP.tobytes())})
        talk.answer(RAMP.tobytes())
        talk.item("retrieved", "a", {**SOUND, "audio": b64(RAMP.tobytes())}, role="assistant")
        talk.truncated(10)
        talk.item("done", "u", {**SPOKEN, "audio": b64(RAMP.tobytes())})
        assert (talk.part("u").audio, talk.part("a").audio) == (None, None)
        assert talk.part("a").transcript == "hi"
        assert talk.conversation.sounds is None

    def test_a_deleted_item_takes_its_sound_along(self, talk: Talk) -> None:
        talk.answer(RAMP.tobytes())
        talk.item("done", "a", SOUND, role="assistant")
        (before,) = talk.conversation.history.snapshot()
        talk.feed("conversation.item.deleted", item_id="a")
        assert before.content[0].audio is None
        assert talk.conversation.sounds is not None
        assert talk.conversation.sounds.bytes_held == 0

    def test_a_new_connection_starts_over_and_leaves_old_items_their_sound(
        self, talk: Talk
    ) -> None:
        talk.answer(RAMP.tobytes())
        talk.item("done", "a", SOUND, role="assistant")
        (before,) = talk.conversation.history.snapshot()
        talk.conversation.disconnected()
        talk.conversation.connecting(retention=AudioRetention())
        assert talk.conversation.sounds is not None
        assert list(talk.conversation.sounds) == []
        assert before.content[0].audio == AudioClip(RAMP, 24000)

    def test_budgets_cost_sound_and_never_items(self) -> None:
        talk = Talk(AudioRetention(max_seconds=2.5))
        for number in range(5):
            talk.answer(RAMP.tobytes(), item_id=f"a{number}")
            talk.answered(f"a{number}")
            talk.item("done", f"a{number}", SOUND, role="assistant")
        items = talk.conversation.history.snapshot()
        assert [item.content[0].audio is not None for item in items] == [False] * 3 + [True] * 2
        assert [item.text for item in items] == ["hi"] * 5

    def test_sound_is_handed_out_to_be_written(self, tmp_path: Path) -> None:
        talk = Talk(AudioRetention("opus", spill_dir=tmp_path))
        talk.answer(RAMP.tobytes())
        talk.answered()
        assert talk.conversation.outcome.writings
        (writing,) = talk.conversation.take_writings()
        assert list(tmp_path.iterdir()) == []
        writing.run()
        assert writing.settle() is None
        talk.item("done", "a", SOUND, role="assistant")
        assert len(talk.samples("a")) == 24_000
        assert [path.name for path in tmp_path.iterdir()] == ["a.0.opus"]

    def test_comparing_histories_decodes_nothing(
        self, talk: Talk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        talk.answer(RAMP.tobytes())
        talk.item("done", "a", SOUND, role="assistant")

        def decoded(_: object) -> None:
            raise AssertionError

        monkeypatch.setattr("rtaudio.conversation.sound.Sound.clip", decoded)
        talk.conversation.update_history(talk.conversation.history.snapshot())
        assert talk.conversation.take_outgoing() == []
        talk.item("done", "b", SOUND, role="assistant")
        assert talk.conversation.history.snapshot()[0] == talk.conversation.history.get("a")


class TestGivenItems:
    def test_sound_that_the_application_gives_to_an_item_is_sent_and_kept(self, talk: Talk) -> None:
        part = ContentPart(type="input_audio", audio=AudioClip(RAMP, 24000))
        talk.conversation.update_history([Item(item_id="u", content=(part,))])
        (create,) = talk.conversation.take_outgoing()
        assert create["item"]["content"] == [{"type": "input_audio", "audio": b64(RAMP.tobytes())}]
        talk.item("added", "u", SPOKEN)
        assert np.array_equal(talk.samples("u"), RAMP)
        assert talk.conversation.sounds is not None
        assert talk.conversation.sounds.bytes_held == 48_000

    def test_an_item_that_is_changed_keeps_its_sound(self, talk: Talk) -> None:
        talk.settings(input={"turn_detection": None})
        talk.say(RAMP.tobytes())
        talk.conversation.sending({"type": "input_audio_buffer.commit"}, talk.now)
        talk.feed("input_audio_buffer.committed", item_id="u")
        talk.item("added", "u", SPOKEN)
        (item,) = talk.conversation.history.snapshot()
        part = msgspec.structs.replace(item.content[0], transcript="corrected")
        assert kept_sound(part) is kept_sound(item.content[0])
        talk.conversation.update_history([msgspec.structs.replace(item, content=(part,))])
        delete, create = talk.conversation.take_outgoing()
        assert delete["type"] == "conversation.item.delete"
        assert create["item"]["content"][0]["audio"] == b64(RAMP.tobytes())
        talk.feed("conversation.item.deleted", item_id="u")
        talk.item("added", "u", {"type": "input_audio", "transcript": "corrected"})
        assert talk.part("u").transcript == "corrected"
        assert np.array_equal(talk.samples("u"), RAMP)
        talk.feed("conversation.item.deleted", item_id="u")
        assert talk.conversation.sounds is not None
        assert talk.conversation.sounds.bytes_held == 0

    def test_without_retention_it_is_sent_and_not_kept(self) -> None:
        talk = Talk(None)
        part = ContentPart(type="input_audio", audio=AudioClip(RAMP, 24000))
        talk.conversation.update_history([Item(item_id="u", content=(part,))])
        assert talk.conversation.take_outgoing()[0]["item"]["content"][0]["audio"]
        talk.item("added", "u", SPOKEN)
        assert talk.part("u").audio is None

    def test_stereo_and_other_rates_are_kept_as_they_were_given_but_mono(self, talk: Talk) -> None:
        stereo = AudioClip(np.stack([RAMP, RAMP], axis=1), 48000)
        part = ContentPart(type="input_audio", audio=stereo)
        talk.conversation.update_history([Item(item_id="u", content=(part,))])
        talk.item("added", "u", SPOKEN)
        assert talk.part("u").audio == AudioClip(RAMP, 48000)


def test_formats_follow_the_settings_when_sound_is_sent() -> None:
    talk = Talk(AudioRetention())
    talk.conversation.configure({"audio": {"input": {"format": {"type": "audio/pcmu"}}}})
    assert talk.conversation.wire_input == AudioFormat("pcmu", 8000)
    talk.say(bytes(range(160)) * 10)
    talk.feed("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
    talk.feed("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=20)
    talk.item("added", "u", SPOKEN)
    assert talk.part("u").audio == AudioClip(ulaw_decode(bytes(range(160))), 8000)
