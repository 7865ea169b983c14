"""Sound and what the service says about it, in any order: the books always balance."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtaudio import AudioRetention
from rtaudio.conversation import Conversation
from rtaudio.protocol import decode_server_event, encode_event

if TYPE_CHECKING:
    from rtaudio.conversation.sound import Sound

ITEMS = st.sampled_from(["i1", "i2", "i3"])
INDEXES = st.sampled_from([0, 1])
MS = st.integers(-50, 700)
LENGTHS = st.sampled_from([0, 1, 333, 960, 4800, 12_000])
FORMATS = st.sampled_from([{"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcmu"}])
DETECTION = st.sampled_from([None, {"type": "server_vad"}])


def event(kind: str, **fields: Any) -> st.SearchStrategy[tuple[str, Any]]:
    known = {"type": st.just(kind), "event_id": st.just("e")}
    return st.fixed_dictionaries({**known, **fields}).map(lambda each: ("receive", each))


def base64_of(length: int) -> str:
    return base64.b64encode(bytes(range(256)) * 50)[: length // 3 * 4].decode()


def items(kind: str) -> st.SearchStrategy[tuple[str, Any]]:
    part = st.fixed_dictionaries(
        {"type": st.sampled_from(["input_audio", "output_audio", "input_text"])},
        optional={"audio": LENGTHS.map(base64_of), "transcript": st.just("hi")},
    )
    item = st.fixed_dictionaries(
        {
            "type": st.just("message"),
            "id": ITEMS,
            "role": st.sampled_from(["user", "assistant"]),
            "content": st.lists(part, max_size=2),
        }
    )
    return event(f"conversation.item.{kind}", item=item)


BUFFER = "input_audio_buffer"
STEPS = st.one_of(
    st.tuples(st.just("send"), LENGTHS),
    st.tuples(st.just("send"), LENGTHS),
    st.tuples(st.just("write"), st.sampled_from([f"{BUFFER}.commit", f"{BUFFER}.clear"])),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.01, 0.3, 20.0])),
    st.tuples(st.just("disk"), st.sampled_from(["works", "fails", "is slow"])),
    st.tuples(st.just("interrupt"), st.none()),
    st.tuples(st.just("suspend"), st.none()),
    event(f"{BUFFER}.speech_started", item_id=ITEMS, audio_start_ms=MS),
    event(f"{BUFFER}.speech_stopped", item_id=ITEMS, audio_end_ms=MS),
    event(f"{BUFFER}.timeout_triggered", item_id=ITEMS, audio_start_ms=MS, audio_end_ms=MS),
    event(f"{BUFFER}.committed", item_id=ITEMS),
    event("error", error=st.just({"type": "x", "code": f"{BUFFER}_commit_empty"})),
    event(
        "response.output_audio.delta",
        response_id=st.sampled_from(["r1", "r2"]),
        item_id=ITEMS,
        output_index=st.just(0),
        content_index=INDEXES,
        delta=LENGTHS.map(base64_of),
    ),
    event(
        "response.output_audio.done",
        response_id=st.just("r1"),
        item_id=ITEMS,
        output_index=st.just(0),
        content_index=INDEXES,
    ),
    event(
        "response.done",
        response=st.just({"id": "r1", "status": "completed", "output": []}),
    ),
    event("conversation.item.truncated", item_id=ITEMS, content_index=INDEXES, audio_end_ms=MS),
    event("conversation.item.deleted", item_id=ITEMS),
    items("added"),
    items("retrieved"),
    event(
        "session.updated",
        session=st.fixed_dictionaries(
            {
                "type": st.just("realtime"),
                "audio": st.fixed_dictionaries(
                    {
                        "input": st.fixed_dictionaries(
                            {"format": FORMATS, "turn_detection": DETECTION}
                        ),
                        "output": st.fixed_dictionaries({"format": FORMATS}),
                    }
                ),
            }
        ),
    ),
)
RETENTION = st.fixed_dictionaries(
    {"codec": st.sampled_from(["pcm16", "pcm16", "opus"])},
    optional={
        "max_bytes": st.sampled_from([1, 5000, 30_000]),
        "max_seconds": st.sampled_from([0.01, 0.3]),
    },
)


class Scene:
    """A conversation that keeps its sound, on a disk that may fail."""

    def __init__(self, retention: dict[str, Any]) -> None:
        self.retention = AudioRetention(**retention)
        self.conversation = Conversation()
        self.conversation.connecting(retention=self.retention)
        self.now = 10.0
        self.slow: list[Any] = []

    def step(self, kind: str, value: Any) -> None:
        conversation = self.conversation
        if kind == "receive":
            conversation.receive(decode_server_event(encode_event(value)), self.now)
        elif kind == "send":
            conversation.sending(bytes(value), self.now)
        elif kind == "write":
            conversation.sending({"type": value}, self.now)
        elif kind == "wait":
            self.now += value
        elif kind == "disk":
            self.write(value)
        elif kind == "interrupt":
            conversation.interrupt(self.now)
        else:
            conversation.suspend()
            conversation.restore(replay=False, running=())
            conversation.resume(again=False)
        conversation.take_events()

    def write(self, disk: str) -> None:
        for writing in self.conversation.take_writings():
            if disk == "fails":
                writing.error = OSError("full")  # type: ignore[assignment]
            else:
                writing.run()
                assert writing.error is None
            self.slow.append(writing)
        while self.slow and disk != "is slow":
            self.slow.pop(0).settle()

    def check(self) -> None:
        store = self.conversation.sounds
        assert store is not None
        in_memory: dict[Sound, None] = {**store._open, **store._idle, **store._leaving}
        assert store.bytes_held == sum(sound.nbytes for sound in in_memory)
        assert store.ms_held == sum(sound.ms for sound in in_memory if sound.nbytes)
        leaving = sum(sound.nbytes for sound in store._leaving)
        assert store._waiting.bytes == leaving
        limit = self.retention.max_bytes
        if limit is not None and self.retention.spill_dir is None:
            assert store.bytes_held <= limit
        for item in self.conversation.history.snapshot():
            for part in item.content:
                clip = part.audio
                assert clip is None or clip.sample_rate in (8000, 24000)
        for sound in store:
            clip = sound.clip()
            assert (clip is not None) == sound.kept
            if clip is not None and (sound.finished or self.retention.codec == "pcm16"):
                assert len(clip.samples) == sound.samples
            starts = [mark.start_s for mark in sound.timeline]
            assert starts == sorted(starts)

    def end(self) -> None:
        self.conversation.disconnected()
        self.check()
        store = self.conversation.sounds
        assert store is not None
        assert not store._open
        self.write("works")
        self.check()


@given(RETENTION, st.lists(STEPS, max_size=40))
@settings(max_examples=300)
def test_what_is_held_is_what_is_counted(retention: dict[str, Any], steps: Any) -> None:
    scene = Scene(retention)
    for step in steps:
        scene.step(*step)
        scene.check()
    scene.end()


@given(RETENTION, st.lists(STEPS, max_size=40))
@settings(max_examples=100)
def test_the_folder_holds_what_is_kept_on_disk_and_nothing_else(
    retention: dict[str, Any], steps: Any
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene({**retention, "spill_dir": folder})
        for step in steps:
            scene.step(*step)
            scene.check()
        scene.end()
        assert scene.conversation.sounds is not None
        kept = {sound.file.path for sound in scene.conversation.sounds if sound.file is not None}
        assert set(Path(folder).iterdir()) == kept
        for item_id in ("i1", "i2", "i3"):
            scene.step("receive", {"type": "conversation.item.deleted", "item_id": item_id})
        scene.write("works")
        assert list(Path(folder).iterdir()) == []
        assert scene.conversation.sounds.bytes_held == 0
