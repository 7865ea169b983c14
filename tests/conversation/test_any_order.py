"""Events in any order: nothing raises, and what must never happen never happens."""

from __future__ import annotations

import base64
import math
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rtaudio.conversation import Conversation
from rtaudio.conversation.checking import Check, Checking
from rtaudio.conversation.tracker import PlaybackTracker
from rtaudio.errors import ProtocolError
from rtaudio.protocol import decode_server_event, encode_event

ITEMS = st.sampled_from(["i1", "i2", "i3"])
RESPONSES = st.sampled_from(["r1", "r2"])
INDEXES = st.sampled_from([0, 1])
WORDS = st.sampled_from(["", "yes", "no, never"])
STATUSES = st.sampled_from([None, "in_progress", "completed", "incomplete"])
CODES = st.sampled_from(
    [None, "invalid_value", "response_create_failed", "conversation_already_has_active_response"]
)

# Wire formats, and the bytes that a millisecond takes in each.
FORMATS: dict[str, tuple[Any, int]] = {
    "pcm": ({"type": "audio/pcm", "rate": 24000}, 48),
    "slow": ({"type": "audio/pcm", "rate": 16000}, 32),
    "pcmu": ({"type": "audio/pcmu"}, 8),
    "future": ({"type": "audio/future"}, 48),
}


def dicts(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields)


CONTENT: st.SearchStrategy[dict[str, Any]] = st.one_of(
    dicts(type=st.sampled_from(["input_text", "output_text", "text"]), text=WORDS),
    dicts(
        type=st.sampled_from(["input_audio", "output_audio", "audio"]),
        transcript=st.none() | WORDS,
    ),
    dicts(type=st.just("input_image"), image_url=st.none() | st.just("data:image/png;base64,AA==")),
)
MESSAGES = dicts(
    type=st.just("message"),
    id=ITEMS,
    role=st.sampled_from(["user", "assistant", "system"]),
    status=STATUSES,
    content=st.lists(CONTENT, max_size=3),
)
CALLS = dicts(
    type=st.just("function_call"),
    id=ITEMS,
    call_id=st.sampled_from(["c1", "c2"]),
    name=st.just("f"),
    arguments=st.just("{}"),
    status=STATUSES,
)
OTHERS = dicts(type=st.sampled_from(["function_call_output", "unheard.of"]), id=ITEMS)
SERVERS = st.sampled_from(["s1", "s2"])
MCP_ITEMS = st.one_of(
    dicts(
        type=st.just("mcp_list_tools"),
        id=ITEMS,
        server_label=SERVERS,
        tools=st.lists(dicts(name=st.sampled_from(["f", "g"]), input_schema=st.just({}))),
    ),
    dicts(
        type=st.sampled_from(["mcp_call", "mcp_tool_call", "mcp_approval_request"]),
        id=ITEMS,
        server_label=SERVERS,
        name=st.just("f"),
        arguments=st.sampled_from(["{}", "["]),
        output=st.none() | WORDS,
    ),
)
ANY_ITEM = st.one_of(
    MESSAGES,
    CALLS,
    MCP_ITEMS,
    OTHERS.map(lambda item: {**item, "call_id": "c", "output": ""}),
)


def event(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return dicts(type=st.just(kind), event_id=st.just("e"), **fields)


def of_item(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return event(
        kind,
        response_id=RESPONSES,
        item_id=ITEMS,
        output_index=st.just(0),
        content_index=INDEXES,
        **fields,
    )


def of_response(kind: str, output: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    usage = st.none() | st.just({"input_tokens": 1, "output_tokens": 2})
    return event(kind, response=dicts(id=st.none() | RESPONSES, output=output, usage=usage))


SOUND = st.sampled_from([1, 480, 4800, 48_000]).map(
    lambda length: base64.b64encode(bytes(length)).decode()
)
HEARD = "conversation.item.input_audio_transcription"
SERVER_EVENTS = st.one_of(
    of_response("response.created", st.just([])),
    of_response("response.done", st.lists(ANY_ITEM, max_size=2)),
    of_item("response.output_audio.delta", delta=SOUND),
    of_item("response.output_audio.delta", delta=SOUND),
    of_item("response.output_audio.done"),
    of_item("response.output_audio_transcript.delta", delta=WORDS),
    of_item("response.output_text.delta", delta=WORDS),
    *[
        event(
            f"response.output_item.{kind}",
            response_id=RESPONSES,
            output_index=st.just(0),
            item=ANY_ITEM,
        )
        for kind in ("added", "done")
    ],
    *[
        event(f"conversation.item.{kind}", item=ANY_ITEM, previous_item_id=st.none() | ITEMS)
        for kind in ("added", "done", "created", "retrieved")
    ],
    event("conversation.item.deleted", item_id=ITEMS),
    event(
        "conversation.item.truncated",
        item_id=ITEMS,
        content_index=INDEXES,
        audio_end_ms=st.integers(0, 5000),
    ),
    event(f"{HEARD}.delta", item_id=ITEMS, content_index=INDEXES, delta=WORDS),
    event(f"{HEARD}.completed", item_id=ITEMS, content_index=INDEXES, transcript=WORDS),
    event(f"{HEARD}.failed", item_id=ITEMS, content_index=INDEXES, error=st.just({})),
    event("input_audio_buffer.speech_started", item_id=ITEMS, audio_start_ms=st.just(0)),
    event("input_audio_buffer.committed", item_id=ITEMS, previous_item_id=st.none() | ITEMS),
    event("response.mcp_call.in_progress", item_id=ITEMS, output_index=st.just(0)),
    event("mcp_list_tools.in_progress", item_id=ITEMS),
    event("session.created", session=st.just({"type": "realtime"})),
    event("unheard.of", item_id=ITEMS),
)

#: What the service may do next, what the application may, and time that passes.
STEPS = st.one_of(
    SERVER_EVENTS.map(lambda event: ("receive", event)),
    st.tuples(st.just("format"), st.sampled_from(sorted(FORMATS))),
    st.tuples(st.just("refuse"), st.tuples(CODES, st.sampled_from(["pending", "other", None]))),
    st.tuples(st.just("fail to write"), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.01, 0.5, 3.0])),
    st.tuples(st.just("say"), WORDS),
    st.tuples(st.just("ask"), st.sampled_from([None, {}, {"instructions": "short"}])),
    st.tuples(st.just("interrupt"), st.none()),
    st.tuples(st.just("judge"), st.sampled_from(["pass", "pass", "fail", "block"])),
    st.tuples(st.just("forget"), ITEMS),
    st.tuples(st.just("reconnect"), st.none()),
)


class Watched:
    """A conversation, and what a service that keeps to the protocol would object to."""

    def __init__(self, checking: Checking, clock: Any) -> None:
        self.conversation = Conversation()
        self.checking, self.clock = checking, clock
        self.now = 10.0
        self.begin()

    def begin(self) -> None:
        self.conversation.connecting()
        self.conversation.trace("auto")
        self.conversation.check(self.checking)
        self.conversation.mcp.allow([("s1", None), ("s2", {"g"})])
        self.conversation.track(self.clock, None)
        self.checks: list[Check] = []
        self.bytes_per_ms = 48
        self.received_ms: dict[tuple[str, int], float] = {}
        self.ongoing = self.cancelled = False
        # Whose sound was announced: "" where the first piece is still to come, None for nobody's.
        self.sounding: str | None = None
        self.response_id: str | None = None
        # The request for a response that nothing has answered yet.
        self.pending: str | None = None

    def act(self, step: str, what: Any) -> None:
        conversation = self.conversation
        if step == "receive":
            self.receive(what)
        elif step == "format":
            wire, self.bytes_per_ms = FORMATS[what]
            audio = {"output": {"format": wire}}
            self.receive({"type": "session.updated", "session": {"audio": audio}})
        elif step == "refuse":
            self.refuse(*what)
        elif step == "fail to write" and self.pending is not None:
            event = {"type": "response.create", "event_id": self.pending}
            self.pending = None
            conversation.send_failed(event, OSError())
        elif step == "wait":
            self.now += what
        elif step == "say":
            conversation.send_message(what)
        elif step == "ask":
            conversation.request_response(what)
        elif step == "interrupt":
            conversation.interrupt(self.now)
        elif step == "judge" and self.checks:
            check = self.checks.pop(0)
            if what == "block":
                conversation.block(check, self.now)
            else:
                conversation.passed(check, self.now, failed=what == "fail")
        elif step == "forget":
            history = conversation.history.snapshot()
            conversation.update_history([item for item in history if item.item_id != what])
        elif step == "hold":
            conversation.check(msgspec.structs.replace(self.checking, hold=what))
        elif step == "lose the connection":
            conversation.suspend()
            conversation.restore(replay=False, running=())
            conversation.resume(again=False)
            # Whatever was asked for was forgotten with it.
            self.ongoing, self.cancelled, self.sounding = False, False, None
            self.response_id = self.pending = None
        elif step == "reconnect":
            conversation.disconnected()
            assert conversation.take_outgoing() == []
            self.look_at_events()
            self.begin()
        self.look()

    def receive(self, wire: dict[str, Any]) -> None:
        event = decode_server_event(encode_event(wire))
        kind = wire["type"]
        if kind == "response.output_audio.delta":
            key = wire["item_id"], wire["content_index"]
            length_ms = len(base64.b64decode(wire["delta"])) / self.bytes_per_ms
            self.received_ms[key] = self.received_ms.get(key, 0.0) + length_ms
        elif kind == "response.created":
            self.ongoing, self.cancelled, self.pending = True, False, None
            self.response_id = wire["response"]["id"]
        elif kind == "response.done":
            done = wire["response"]["id"]
            if not (done and self.response_id and done != self.response_id):
                # What goes on later is another response, even where nobody says that it began.
                self.ongoing, self.cancelled, self.pending = False, False, None
                self.response_id = None
        self.conversation.receive(event, self.now)

    def refuse(self, code: str | None, about: str | None) -> None:
        event_id = {"pending": self.pending, "other": "other", None: None}[about]
        names_it = event_id is not None and event_id == self.pending
        speaks_of_it = event_id is None and code not in (None, "invalid_value")
        if names_it or speaks_of_it:
            self.pending = None
        error = {"type": "invalid_request_error", "code": code, "event_id": event_id}
        self.receive({"type": "error", "error": error})

    def look(self) -> None:
        """See what came out of the last step."""
        for event in self.conversation.take_outgoing():
            if event["type"] == "response.create":
                assert self.pending is None, "a request while another is unanswered"
                assert not self.ongoing, "a request while a response goes on"
                assert event["event_id"]
                self.pending = event["event_id"]
            elif event["type"] == "response.cancel" and "response_id" not in event:
                assert not self.cancelled, "a second cancellation of one response"
                self.cancelled = True
            elif event["type"] == "conversation.item.truncate":
                end_ms = event["audio_end_ms"]
                if isinstance(self.clock, PlaybackTracker):
                    continue  # the application may report what it likes
                received = self.received_ms[event["item_id"], event["content_index"]]
                assert isinstance(end_ms, int)
                assert 0 <= end_ms <= math.floor(received + 1e-6)
        self.look_at_events()
        ids = [item.item_id for item in self.conversation.history.snapshot()]
        assert len(set(ids)) == len(ids) == len(self.conversation.history)
        self.conversation.take_calls()
        self.checks += self.conversation.take_checks()

    def look_at_events(self) -> None:
        added: set[str] = set()
        for event in self.conversation.take_events():
            repr(event)
            if event.type == "audio_start":
                assert self.sounding != "", "sound that began twice"
                self.sounding = ""
            elif event.type == "audio":
                assert self.sounding in ("", event.response_id), "sound that never began"
                self.sounding = event.response_id
            elif event.type in ("audio_stopped", "audio_interrupted"):
                assert self.sounding != "", "a beginning without sound"
                self.sounding = None
            elif event.type == "history_added":
                added.add(event.item.item_id)
            elif event.type == "history_updated":
                assert added <= {item.item_id for item in event.history}
                added.clear()
        assert not added, "an item that was added without an update"


# Of any length; left to itself a list is mostly short.
SEQUENCES = st.integers(1, 60).flatmap(lambda n: st.lists(STEPS, min_size=n, max_size=n))


CHECKING = st.builds(
    Checking,
    every=st.sampled_from([None, 2, -1]),
    questions=st.booleans(),
    hold=st.booleans(),
    unchecked=st.sampled_from(["drop", "release"]),
    max_held_ms=st.sampled_from([100.0, 300_000.0]),
)


@given(CHECKING, st.sampled_from([None, "wall"]), SEQUENCES)
@settings(deadline=None, max_examples=200)
def test_no_order_of_events_breaks_the_rules_of_a_conversation(
    checking: Checking, clock: Any, steps: list[Any]
) -> None:
    watched = Watched(checking, clock)
    for step, what in steps:
        watched.act(step, what)


class Quick(Watched):
    """Sound is offered to the short way first, as a session does; counts what went there."""

    quick = 0

    def receive(self, wire: dict[str, Any]) -> None:
        audio = self.conversation.more(encode_event(wire), self.now)
        if audio is None:
            super().receive(wire)
        else:
            assert wire["type"] == "response.output_audio.delta"
            self.quick += 1
            key = wire["item_id"], wire["content_index"]
            self.received_ms[key] += len(audio.data) / self.bytes_per_ms
            self.conversation.outcome.events.append(audio)


def told(watched: Watched, step: str, what: Any) -> list[Any]:
    """Do a step; returns what came out, and what is known then, less what is made up by chance."""
    conversation = watched.conversation
    take_events, take_outgoing = conversation.take_events, conversation.take_outgoing
    out: list[Any] = []

    def events() -> Any:
        taken = take_events()
        out.extend((each.type, getattr(each, "data", None), repr(each)) for each in taken)
        return taken

    def outgoing() -> Any:
        taken = take_outgoing()
        out.extend({**each, "event_id": None} for each in taken)
        return taken

    conversation.take_events, conversation.take_outgoing = events, outgoing  # type: ignore[method-assign]
    try:
        watched.act(step, what)
    finally:
        conversation.take_events, conversation.take_outgoing = take_events, take_outgoing  # type: ignore[method-assign]
    items = tuple(conversation.history.snapshot()) if step != "receive" else ()
    return [out, items, conversation.counts(), conversation.queues()]


PLACE = {"event_id": "e", "response_id": "r1", "item_id": "i1", "content_index": 0}
MORE_SOUND = SOUND.map(
    lambda delta: (
        "receive",
        {"type": "response.output_audio.delta", "output_index": 0, **PLACE, "delta": delta},
    )
)
ITEM = {"id": "i1", "type": "message", "role": "assistant", "content": []}
BEGUN = [
    ("receive", {"type": "response.created", "event_id": "e", "response": {"id": "r1"}}),
    ("receive", {"type": "conversation.item.added", "event_id": "e", "item": ITEM}),
]
# What is said goes out with ids that are made up.
REPEATABLE = STEPS.filter(lambda step: step[0] not in ("say", "judge"))
SPOKE = {"type": "input_audio_buffer.speech_started", "event_id": "e", "item_id": "i2"}
NEAR = st.sampled_from(
    [
        ("interrupt", None),
        ("wait", 0.01),
        ("lose the connection", None),
        ("hold", True),
        ("hold", False),
        ("receive", {**SPOKE, "audio_start_ms": 0}),
        ("receive", {"type": "response.output_audio.done", "output_index": 0, **PLACE}),
        *(("format", name) for name in FORMATS),
        *(("play", ms) for ms in (0.0, 70.0, 4000.0)),
    ]
)
SOUNDING = st.integers(4, 40).flatmap(
    lambda n: st.lists(
        st.sampled_from([MORE_SOUND] * 6 + [NEAR] * 3 + [REPEATABLE]).flatmap(lambda kind: kind),
        min_size=n,
        max_size=n,
    )
)


@given(
    st.builds(Checking, hold=st.just(False), every=st.just(None)) | CHECKING,
    st.sampled_from([None, "wall", "tracker"]),
    SOUNDING,
)
@settings(deadline=None, max_examples=150)
def test_the_short_way_of_sound_tells_and_counts_what_the_ordinary_one_does(
    checking: Checking, clock: Any, steps: list[Any]
) -> None:
    trackers = [PlaybackTracker() if clock == "tracker" else clock for _ in range(2)]
    quick, plain = Quick(checking, trackers[0]), Watched(checking, trackers[1])
    for step, what in [*BEGUN, *steps]:
        if step == "play":
            for tracker in trackers:
                if isinstance(tracker, PlaybackTracker):
                    tracker.on_play_ms("i1", 0, what)
        else:
            assert told(quick, step, what) == told(plain, step, what)
    final = [each.conversation.history.snapshot() for each in (quick, plain)]
    assert tuple(final[0]) == tuple(final[1])


def test_sound_of_a_part_that_goes_on_takes_the_short_way_between_its_words() -> None:
    watched = Quick(Checking(), None)
    delta = {"type": "response.output_audio.delta", "output_index": 0, **PLACE}
    words = {"type": "response.output_audio_transcript.delta", "output_index": 0, **PLACE}
    for _, event in BEGUN:
        watched.receive(event)
    for _ in range(4):
        watched.receive({**delta, "delta": base64.b64encode(bytes(480)).decode()})
        watched.receive({**words, "delta": "word "})
    assert watched.quick == 3
    (item,) = watched.conversation.history.snapshot()
    assert (item.text, item.audio_ms) == ("word word word word ", 40.0)
    assert watched.conversation.counts()["output_audio_ms"] == 40.0


ODD = st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(["", "x"]) | st.just([])
ODD_VALUES = ODD | st.dictionaries(st.sampled_from(["id", "type", "audio"]), ODD, max_size=2)


@given(SERVER_EVENTS, st.lists(st.tuples(st.integers(0, 9), ODD_VALUES), min_size=1, max_size=3))
@settings(deadline=None)
def test_an_event_that_is_spoilt_is_refused_or_taken_in_but_breaks_nothing(
    wire: dict[str, Any], spoils: list[tuple[int, Any]]
) -> None:
    spoilt = dict(wire)
    for place, value in spoils:
        key = sorted(spoilt)[place % len(spoilt)]
        if key != "type":
            spoilt[key] = value
    conversation = Conversation()
    try:
        event = decode_server_event(encode_event(spoilt))
    except ProtocolError:
        return
    conversation.receive(event, 1.0)
    conversation.receive(event, 2.0)
    conversation.interrupt(2.5)
    for told in conversation.take_events():
        repr(told)
