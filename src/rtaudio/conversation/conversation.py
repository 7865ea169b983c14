"""The conversation with a realtime service, as a pure state machine.

Feed it what the service sends (`receive`) and what the application wants (`send_message`,
`request_response`, `interrupt`, ...). It answers with session events for the application
(`take_events`) and client events for the service (`take_outgoing`), both in order. It has no
socket, no task and no clock: the time is an argument where it matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from rtaudio import protocol
from rtaudio.audio import AudioFormat
from rtaudio.conversation import events
from rtaudio.conversation.calls import FunctionCall
from rtaudio.conversation.history import History
from rtaudio.conversation.history_changes import history_changes
from rtaudio.conversation.items import (
    ContentPart,
    Item,
    ItemStatus,
    call_from_wire,
    item_from_wire,
)
from rtaudio.conversation.messages import message_event
from rtaudio.conversation.playback import Playback
from rtaudio.conversation.sequencer import ResponseSequencer
from rtaudio.conversation.spoken_text import Check, SpokenText
from rtaudio.conversation.tracker import PlaybackTracker, TrackedPlayback
from rtaudio.conversation.usage import Usage
from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rtaudio.protocol import ServerEvent, UnknownEvent

__all__ = ["Conversation"]

# The service's own default, until `session.updated` says otherwise.
_DEFAULT_FORMAT = AudioFormat("pcm16", 24000)


class Conversation:
    """History, response sequencing, interruption and usage of one conversation.

    Attributes:
        history: the items in order.
        usage: tokens spent; kept when the conversation starts over.
        wire_input: format of the audio the service expects.
        wire_output: format of the audio the service sends.
    """

    def __init__(self) -> None:
        self.history = History()
        self.usage = Usage()
        self._events: list[events.SessionEvent] = []
        self._outgoing: list[dict[str, Any]] = []
        self._calls: list[FunctionCall] = []
        self._checks: list[Check] = []
        self._check_every: int | None = None
        self._offer: Any = None
        self._sequencer = ResponseSequencer(self._outgoing)
        self._playback = Playback()
        self._tracker: PlaybackTracker | None = None
        # What the application gets, where that is not the wire's own format.
        self._heard_format: AudioFormat | None = None
        self._start_over()

    def _start_over(self) -> None:
        self.wire_input = _DEFAULT_FORMAT
        self.wire_output = _DEFAULT_FORMAT
        self._bytes_per_ms = _bytes_per_ms(_DEFAULT_FORMAT)
        self._transcribes_only = False
        self._server_interrupts = False
        self._audio_started = False
        self._interrupted_response: str | None = None
        # What tracing should become once the session exists; None while nothing is to be done.
        self._tracing: tuple[Any] | None = None
        self._sequencer.reset()
        self._playback.clear()
        self._outgoing.clear()
        self._calls.clear()
        # What was on offer when each response began.
        self._offers: dict[str, Any] = {}
        self._checks.clear()
        self._spoken: dict[str | None, SpokenText] = {}
        self._responses = 0

    # What comes out.

    def take_events(self) -> list[events.SessionEvent]:
        """Session events since the last call, in order."""
        if not self._events:
            return []
        taken = self._events
        self._events = []
        return taken

    def take_outgoing(self) -> list[dict[str, Any]]:
        """Client events to send since the last call, in order."""
        if not self._outgoing:
            return []
        taken = self._outgoing[:]
        self._outgoing.clear()
        return taken

    def take_calls(self) -> list[FunctionCall]:
        """Calls of functions since the last call of this, in order."""
        if not self._calls:
            return []
        taken = self._calls[:]
        self._calls.clear()
        return taken

    def take_checks(self) -> list[Check]:
        """Texts that are due to be checked, since the last call of this, in order."""
        if not self._checks:
            return []
        taken = self._checks[:]
        self._checks.clear()
        return taken

    @property
    def response_ongoing(self) -> bool:
        """Whether the service is producing a response."""
        return self._sequencer.ongoing

    # The connection.

    def connecting(self) -> None:
        """A new conversation begins: history is empty, nothing is ongoing. Usage is kept."""
        self.history.clear()
        self._start_over()

    def connected(self) -> None:
        """The connection stands; tell the application what history is now."""
        self._history_updated()

    def disconnected(self) -> None:
        """The connection is gone. History stays readable; what waited to be sent is dropped."""
        self._start_over()

    def configure(self, session: Mapping[str, Any]) -> None:
        """The client's own `session.update` is on its way with these settings, in wire form.

        The audio formats count at once, so that sound can be sent before the service confirms.
        """
        self._read_session(session, confirmed=False)

    def trace(self, wanted: Any) -> None:
        """Set tracing to `"auto"`, None or a mapping once the service has created the session."""
        self._tracing = (wanted,)

    def offer(self, offer: Any) -> None:
        """What the model may call from now on; calls of responses that begin now carry it."""
        self._offer = offer

    def track(self, tracker: PlaybackTracker | None, heard: AudioFormat | None) -> None:
        """Let the application say what was played; None for a clock of our own.

        Args:
            tracker: what the application reports to.
            heard: the format in which it gets the sound; None for the service's.
        """
        self._tracker, self._heard_format = tracker, heard
        self._playback = Playback() if tracker is None else TrackedPlayback(tracker)

    def check(self, every: int | None) -> None:
        """Have what the model says checked after so many characters; None for not at all."""
        self._check_every = every

    # What the application wants.

    def send_message(
        self,
        message: str | Mapping[str, Any],
        other_event_data: Mapping[str, Any] | None = None,
        *,
        respond: bool = True,
    ) -> None:
        """Say something as the user and, with `respond`, ask for a response.

        Raises:
            ConfigError: the message is neither a text nor a well-formed user message.
        """
        self._outgoing.append(message_event(message, other_event_data))
        if respond:
            self._sequencer.request()

    def request_response(self, response: Mapping[str, Any] | None = None) -> None:
        """Ask for a response, with settings of its own where a payload is given."""
        self._sequencer.request(response)

    def send_event(self, event: Mapping[str, Any]) -> None:
        """Send a client event as it is; `response.create` waits for its turn like any other."""
        kind = event.get("type")
        if kind == "response.create":
            self._sequencer.request_event(event)
        elif kind == "response.cancel":
            self._sequencer.cancel_event(event)
        else:
            self._outgoing.append(dict(event))

    def answer_call(self, call: FunctionCall, output: str, *, respond: bool) -> None:
        """Send a function's output, and with `respond` ask for a response to it."""
        item = {"type": "function_call_output", "call_id": call.call_id, "output": output}
        self._outgoing.append({"type": "conversation.item.create", "item": item})
        known = self.history.get(call.item_id)
        if known is not None:
            self.history.replace(msgspec.structs.replace(known, output=output, status="completed"))
            self._history_updated()
        if respond:
            self._sequencer.request()

    def block(self, check: Check, now: float) -> bool:
        """Stop the answer in which a check found something; False where another began since."""
        if check.generation != self._responses:
            return False
        if check.source == "text":
            if self._sequencer.ongoing:
                self._sequencer.cancel_event(
                    {"type": "response.cancel", "response_id": check.response_id}
                )
        else:
            self._interrupt(now, cancel=True)
        return True

    def update_history(self, new: Sequence[Item]) -> None:
        """Ask the service to make this the history; ours follows when the service has done so.

        Raises:
            ConfigError: the service cannot be given one of the items; nothing is sent then.
        """
        self._outgoing += history_changes(self.history.snapshot(), new)

    def interrupt(self, now: float) -> None:
        """Stop the answer: cancel it, and tell the service how much of it was heard."""
        self._interrupt(now, cancel=True)

    def send_failed(self, event: Mapping[str, Any], error: Exception) -> None:
        """An event that nobody waits for could not be written."""
        self._sequencer.send_failed(event)
        self._events.append(events.Error(error=error))

    # What the service sends.

    def receive(self, event: ServerEvent | UnknownEvent, now: float) -> None:
        """Take in one event of the service.

        Args:
            event: as decoded by `rtaudio.protocol.decode_server_event`.
            now: monotonic time of its arrival in seconds.
        """
        handle = _HANDLERS.get(type(event))
        if handle is not None:
            handle(self, event, now)

    def _audio_delta(self, event: protocol.ResponseOutputAudioDelta, now: float) -> None:
        if event.response_id == self._interrupted_response:
            return
        audio = event.audio
        length_ms = len(audio) / self._bytes_per_ms
        self._playback.received(event.item_id, event.content_index, length_ms, now)
        if not self._audio_started:
            self._audio_started = True
            self._events.append(events.AudioStart())
        self._events.append(
            events.Audio(
                data=audio,
                response_id=event.response_id,
                item_id=event.item_id,
                content_index=event.content_index,
            )
        )

    def _audio_done(self, event: protocol.ResponseOutputAudioDone, _now: float) -> None:
        self._audio_started = False
        self._events.append(
            events.AudioStopped(item_id=event.item_id, content_index=event.content_index)
        )

    def _transcript_delta(
        self, event: protocol.ResponseOutputAudioTranscriptDelta, _now: float
    ) -> None:
        self._grow(event.item_id)
        self.history.append_text(event.item_id, event.content_index, "transcript", event.delta)
        self._said(event.response_id, event.item_id, event.delta, "audio")
        self._events.append(
            events.TranscriptDelta(
                item_id=event.item_id, response_id=event.response_id, delta=event.delta
            )
        )

    def _text_delta(self, event: protocol.ResponseOutputTextDelta, _now: float) -> None:
        self._grow(event.item_id)
        self.history.append_text(event.item_id, event.content_index, "text", event.delta)
        self._said(event.response_id, event.item_id, event.delta, "text")
        self._events.append(
            events.TextDelta(
                item_id=event.item_id, response_id=event.response_id, delta=event.delta
            )
        )

    def _said(
        self, response_id: str, item_id: str, delta: str, source: Literal["text", "audio"]
    ) -> None:
        if self._check_every is None:
            return
        spoken = self._spoken.get(response_id)
        if spoken is None:
            spoken = self._spoken[response_id] = SpokenText(self._check_every)
        text = spoken.add(item_id, delta)
        if text is not None:
            self._due(response_id, item_id, text, source)

    def _due(
        self,
        response_id: str | None,
        item_id: str,
        text: str,
        source: Literal["text", "audio", "final"],
    ) -> None:
        self._checks.append(
            Check(
                response_id=response_id,
                item_id=item_id,
                text=text,
                source=source,
                generation=self._responses,
                offer=self._offers.get(response_id or "", self._offer),
            )
        )

    def _grow(self, item_id: str) -> None:
        """Make sure that an item exists to which streaming text can be added."""
        if item_id not in self.history:
            self._upsert(Item(item_id=item_id, role="assistant", status="in_progress"))

    def _session_created(self, event: protocol.SessionCreated, _now: float) -> None:
        if self._tracing is None:
            return
        (wanted,) = self._tracing
        self._tracing = None
        present = event.session.get("tracing")
        if wanted != "auto" and isinstance(present, Mapping):
            # The service does not change the tracing of a session that has one of its own.
            return
        session = {"type": "realtime", "tracing": wanted}
        self._outgoing.append({"type": "session.update", "session": session})

    def _session_updated(self, event: protocol.SessionUpdated, _now: float) -> None:
        self._read_session(event.session, confirmed=True)

    def _read_session(self, session: Mapping[str, Any], *, confirmed: bool) -> None:
        self._transcribes_only = session.get("type") == "transcription"
        self.wire_input = _wire_format(session, "input")
        self.wire_output = _wire_format(session, "output")
        self._bytes_per_ms = _bytes_per_ms(self.wire_output)
        if self._tracker is not None:
            self._tracker.set_audio_format(self._heard_format or self.wire_output)
        if confirmed:
            audio_input = (session.get("audio") or {}).get("input") or {}
            detection = audio_input.get("turn_detection") or {}
            self._server_interrupts = detection.get("interrupt_response") is True

    def _response_created(self, event: protocol.ResponseCreated, _now: float) -> None:
        self._sequencer.response_created(event.response.id)
        self._responses += 1
        if event.response.id is not None:
            self._offers[event.response.id] = self._offer
        self._audio_started = False
        self._events.append(events.AgentStart(response_id=event.response.id))

    def _response_done(self, event: protocol.ResponseDone, _now: float) -> None:
        response = event.response
        self.usage.add(response.usage)
        self._sequencer.response_done(response.id)
        if self._interrupted_response == response.id:
            self._interrupted_response = None
        item_id, text = _final_text(response.output or ())
        if self._check_every is not None:
            self._due(response.id, item_id, text, "final")
        self._spoken.pop(response.id, None)
        self._offers.pop(response.id or "", None)
        self._events.append(events.AgentEnd(output=text, response_id=response.id))

    def _speech_started(self, _event: protocol.InputAudioBufferSpeechStarted, now: float) -> None:
        if self._playback.cuts(now, speaking=self._sequencer.ongoing):
            self._interrupt(now, cancel=not self._server_interrupts)

    def _interrupt(self, now: float, *, cancel: bool) -> None:
        cuts = self._playback.cuts(now, speaking=self._sequencer.ongoing)
        if self._sequencer.ongoing:
            self._interrupted_response = self._sequencer.response_id
        if cancel:
            self._sequencer.cancel()
        if cuts:
            self._events.append(
                events.AudioInterrupted(
                    item_id=cuts[0].item_id, content_index=cuts[0].content_index
                )
            )
        for cut in cuts:
            self._outgoing.append({"type": "conversation.item.truncate", **cut._asdict()})
        self._playback.clear()
        self._audio_started = False

    def _committed(self, event: protocol.InputAudioBufferCommitted, _now: float) -> None:
        self._events.append(
            events.InputAudioCommitted(
                item_id=event.item_id, previous_item_id=event.previous_item_id
            )
        )

    def _timeout(self, event: protocol.InputAudioBufferTimeoutTriggered, _now: float) -> None:
        self._events.append(
            events.InputAudioTimeoutTriggered(
                item_id=event.item_id,
                audio_start_ms=event.audio_start_ms,
                audio_end_ms=event.audio_end_ms,
            )
        )

    def _item_added(
        self,
        event: protocol.ConversationItemAdded | protocol.ConversationItemCreated,
        _now: float,
    ) -> None:
        self._take_item(event.item, "in_progress", event.previous_item_id)

    def _item_done(self, event: protocol.ConversationItemDone, _now: float) -> None:
        self._take_item(event.item, "completed", event.previous_item_id)

    def _item_retrieved(self, event: protocol.ConversationItemRetrieved, _now: float) -> None:
        self._take_item(event.item, "completed")

    def _output_item_added(self, event: protocol.ResponseOutputItemAdded, _now: float) -> None:
        self._take_output(event, "in_progress")

    def _output_item_done(self, event: protocol.ResponseOutputItemDone, _now: float) -> None:
        self._take_output(event, "completed")

    def _take_output(
        self,
        event: protocol.ResponseOutputItemAdded | protocol.ResponseOutputItemDone,
        status: ItemStatus,
    ) -> None:
        wire = event.item
        if not isinstance(wire, protocol.FunctionCallItem):
            self._take_item(wire, status)
        elif wire.status == "completed":
            item = call_from_wire(wire)
            if item.item_id:
                self._upsert(item)
            self._calls.append(
                FunctionCall(
                    item_id=item.item_id,
                    call_id=item.call_id or "",
                    name=wire.name,
                    arguments=wire.arguments,
                    response_id=event.response_id or None,
                    offer=self._offers.setdefault(event.response_id, self._offer),
                )
            )

    def _item_deleted(self, event: protocol.ConversationItemDeleted, _now: float) -> None:
        self.history.remove(event.item_id)
        self._history_updated()

    def _item_truncated(self, event: protocol.ConversationItemTruncated, _now: float) -> None:
        item = self.history.get(event.item_id)
        if item is not None:
            self.history.replace(msgspec.structs.replace(item, audio_end_ms=event.audio_end_ms))
            self._history_updated()
        self._retrieve(event.item_id)

    def _input_delta(
        self, event: protocol.ConversationItemInputAudioTranscriptionDelta, _now: float
    ) -> None:
        self._events.append(
            events.InputTranscriptDelta(
                item_id=event.item_id,
                delta=event.delta or "",
                content_index=event.content_index or 0,
            )
        )

    def _input_completed(
        self, event: protocol.ConversationItemInputAudioTranscriptionCompleted, _now: float
    ) -> None:
        item = self.history.get(event.item_id)
        if item is None:
            part = ContentPart(type="input_text", text=event.transcript)
            self._upsert(Item(item_id=event.item_id, status="completed", content=(part,)))
        else:
            content = tuple(
                msgspec.structs.replace(part, transcript=event.transcript)
                if part.type == "input_audio"
                else part
                for part in item.content
            )
            self.history.replace(msgspec.structs.replace(item, content=content, status="completed"))
            self._history_updated()
        self._events.append(
            events.TranscriptCompleted(
                item_id=event.item_id,
                content_index=event.content_index or 0,
                transcript=event.transcript,
                usage=event.usage,
            )
        )
        if not self._transcribes_only:
            # In a transcription session the answer would hold nothing new but the user's own
            # sound, all of it, once more.
            self._retrieve(event.item_id)

    def _input_failed(
        self, event: protocol.ConversationItemInputAudioTranscriptionFailed, _now: float
    ) -> None:
        self._events.append(
            events.TranscriptFailed(
                item_id=event.item_id, error=event.error, content_index=event.content_index or 0
            )
        )

    def _error(self, event: protocol.ErrorEvent, _now: float) -> None:
        error = event.error
        self._sequencer.error(code=error.code, message=error.message, event_id=error.event_id)
        self._events.append(events.Error(error=event))

    def _take_item(
        self, wire: protocol.Item, status: ItemStatus, previous_item_id: str | None = None
    ) -> None:
        item = item_from_wire(wire, default_status=status, previous_item_id=previous_item_id)
        if item is not None:
            self._upsert(item)

    def _upsert(self, item: Item) -> None:
        if self.history.upsert(item):
            self._events.append(events.HistoryAdded(item=item))
        self._history_updated()

    def _history_updated(self) -> None:
        self._events.append(events.HistoryUpdated(source=self.history))

    def _retrieve(self, item_id: str) -> None:
        self._outgoing.append({"type": "conversation.item.retrieve", "item_id": item_id})


def _wire_format(session: Mapping[str, Any], side: Literal["input", "output"]) -> AudioFormat:
    try:
        return protocol.wire_format(session, side)
    except ConfigError:
        # A format of the future: positions are then counted as if it were the usual one.
        return _DEFAULT_FORMAT


def _bytes_per_ms(audio_format: AudioFormat) -> float:
    width = 2 if audio_format.encoding == "pcm16" else 1
    return audio_format.sample_rate * audio_format.channels * width / 1000


def _final_text(output: Iterable[protocol.Item]) -> tuple[str, str]:
    """The id and the words of the last message of a response; a function call may follow it."""
    for wire in reversed(list(output)):
        item = item_from_wire(wire, default_status="completed")
        if item is not None and item.content:
            last = item.content[-1]
            return item.item_id, last.text or last.transcript or ""
    return "", ""


_Handler = Callable[[Conversation, Any, float], None]

_HANDLERS: dict[type, _Handler] = {
    protocol.ResponseOutputAudioDelta: Conversation._audio_delta,
    protocol.ResponseOutputAudioDone: Conversation._audio_done,
    protocol.ResponseOutputAudioTranscriptDelta: Conversation._transcript_delta,
    protocol.ResponseOutputTextDelta: Conversation._text_delta,
    protocol.ResponseCreated: Conversation._response_created,
    protocol.ResponseDone: Conversation._response_done,
    protocol.ResponseOutputItemAdded: Conversation._output_item_added,
    protocol.ResponseOutputItemDone: Conversation._output_item_done,
    protocol.SessionCreated: Conversation._session_created,
    protocol.SessionUpdated: Conversation._session_updated,
    protocol.InputAudioBufferSpeechStarted: Conversation._speech_started,
    protocol.InputAudioBufferCommitted: Conversation._committed,
    protocol.InputAudioBufferTimeoutTriggered: Conversation._timeout,
    protocol.ConversationItemAdded: Conversation._item_added,
    protocol.ConversationItemCreated: Conversation._item_added,
    protocol.ConversationItemDone: Conversation._item_done,
    protocol.ConversationItemRetrieved: Conversation._item_retrieved,
    protocol.ConversationItemDeleted: Conversation._item_deleted,
    protocol.ConversationItemTruncated: Conversation._item_truncated,
    protocol.ConversationItemInputAudioTranscriptionDelta: Conversation._input_delta,
    protocol.ConversationItemInputAudioTranscriptionCompleted: Conversation._input_completed,
    protocol.ConversationItemInputAudioTranscriptionFailed: Conversation._input_failed,
    protocol.ErrorEvent: Conversation._error,
}
