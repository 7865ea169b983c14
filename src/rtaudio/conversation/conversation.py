"""The conversation with a realtime service, as a pure state machine.

Feed it what the service sends (`receive`) and what the application wants (`send_message`,
`request_response`, `interrupt`, ...). It answers with session events for the application
(`take_events`) and client events for the service (`take_outgoing`), both in order. It has no
socket, no task and no clock: the time is an argument where it matters.

Each rule lives with its subject: history in `record`, sound and interruption in `speech`, responses
and what they call in `turns`, their order in `sequencer`, what they cost in `spending`, what the
service calls by itself in `mcp`, the wire's formats in `settings`, what waits for checks in
`held_sound` and `questions`, sound that is kept in `sound_keeper`. Here stands which of them hears
of which event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from rtaudio import protocol
from rtaudio.conversation import events
from rtaudio.conversation.held_sound import HeldSound
from rtaudio.conversation.mcp import Mcp
from rtaudio.conversation.messages import message_event
from rtaudio.conversation.outcome import Outcome
from rtaudio.conversation.questions import Questions
from rtaudio.conversation.record import Record
from rtaudio.conversation.sequencer import ResponseSequencer
from rtaudio.conversation.settings import WireSettings
from rtaudio.conversation.sound_keeper import SoundKeeper
from rtaudio.conversation.sound_store import SoundStore, SoundTally
from rtaudio.conversation.speech import Speech
from rtaudio.conversation.spending import Spending
from rtaudio.conversation.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rtaudio.audio import AudioFormat
    from rtaudio.conversation.calls import FunctionCall
    from rtaudio.conversation.checking import Check, Checking
    from rtaudio.conversation.item_list import ItemList
    from rtaudio.conversation.items import Item, ItemStatus
    from rtaudio.conversation.queue_stats import QueueStats
    from rtaudio.conversation.retention import AudioRetention
    from rtaudio.conversation.sound_file import Writing
    from rtaudio.conversation.tracker import PlaybackTracker
    from rtaudio.conversation.usage import Usage
    from rtaudio.protocol import ServerEvent, UnknownEvent

__all__ = ["Conversation"]


class Conversation:
    """History, response sequencing, interruption and usage of one conversation.

    Attributes:
        spending: the limit of what may be spent, and whether it is reached.
        mcp: tools that the service calls by itself.
    """

    def __init__(self) -> None:
        self._outcome = Outcome()
        self._record = Record(self._outcome)
        self._settings = WireSettings(self._outcome)
        self._sequencer = ResponseSequencer(self._outcome.client_events)
        self._held = HeldSound()
        self._speech = Speech(self._outcome, self._settings, self._sequencer, self._held)
        self._turns = Turns(self._outcome, self._record, self._held)
        self._questions = Questions()
        self._sounds: SoundKeeper | None = None
        self._tally = SoundTally()
        self.spending = Spending(self._outcome, self._sequencer, self._speech)
        self._received = 0
        self._unknown = 0
        self.mcp = Mcp(self._outcome, self._record, self._sequencer)

    def _start_over(self) -> None:
        self._settings.start_over()
        self._record.start_over()
        self._sequencer.reset()
        self._speech.start_over()
        self._turns.start_over()
        self._questions.start_over()
        self.spending.start_over()
        self.mcp.start_over()
        self._outcome.drop_work()

    # What comes out.

    @property
    def outcome(self) -> Outcome:
        """What came out and has not been taken yet."""
        return self._outcome

    def take_events(self) -> list[events.SessionEvent]:
        """Session events since the last call, in order."""
        return _taken(self._outcome.events)

    def take_outgoing(self) -> list[dict[str, Any]]:
        """Client events to send since the last call, in order."""
        return _taken(self._outcome.client_events)

    def take_calls(self) -> list[FunctionCall]:
        """Calls of functions since the last call of this, in order."""
        return _taken(self._outcome.calls)

    def take_checks(self) -> list[Check]:
        """Texts that are due to be checked, since the last call of this, in order."""
        return _taken(self._outcome.checks)

    def take_requests(self) -> list[Item]:
        """Calls that the service asks approval for, since the last call of this, in order."""
        return _taken(self._outcome.requests)

    def take_writings(self) -> list[Writing]:
        """Sound that is to be written to disk: each to be run in a thread, and then settled."""
        return _taken(self._outcome.writings)

    # What it knows.

    @property
    def history(self) -> ItemList:
        """The items in order."""
        return self._record.history

    @property
    def usage(self) -> Usage:
        """Tokens spent; kept when the conversation starts over."""
        return self.spending.usage

    @property
    def wire_input(self) -> AudioFormat:
        """Format of the audio the service expects."""
        return self._settings.input

    @property
    def wire_output(self) -> AudioFormat:
        """Format of the audio the service sends."""
        return self._settings.output

    @property
    def response_ongoing(self) -> bool:
        """Whether the service is producing a response."""
        return self._sequencer.ongoing

    @property
    def sounds(self) -> SoundStore | None:
        """All sound that is kept; None where none is."""
        return None if self._sounds is None else self._sounds.store

    @property
    def wire_input_bytes_per_ms(self) -> float:
        """Bytes of one millisecond of the audio the service expects."""
        return self._settings.input_bytes_per_ms

    def counts(self) -> dict[str, Any]:
        """What happened so far, over all connections, as fields of `SessionStats`."""
        sounds = self.sounds
        return {
            "events_received": self._received,
            "events_unknown": self._unknown,
            **self._speech.counts(),
            "kept_audio_bytes": 0 if sounds is None else sounds.bytes_held,
            "kept_audio_ms": 0 if sounds is None else sounds.ms_held,
            "kept_audio_dropped": self._tally.dropped,
            "kept_audio_spilled": self._tally.spilled,
        }

    def queues(self) -> dict[str, QueueStats]:
        """How full everything is that has a bound."""
        return {
            "requests": self._sequencer.queue,
            "responses": self._turns.queue,
            "playback": self._speech.queue,
            "held": self._held.queue,
            "unconfirmed": self._record.queue,
            "mcp_lists": self.mcp.queue,
        }

    # The connection.

    def connecting(
        self, history: Sequence[Item] = (), retention: AudioRetention | None = None
    ) -> None:
        """A new conversation begins, or one from elsewhere goes on. Usage is kept.

        Args:
            history: what was said before; ids must differ.
            retention: how the sound of what is said from now on is kept; None for not at all.
        """
        self.history.fill(history)
        self._start_over()
        self._sounds = self._record.sounds = self._speech.sounds = (
            None
            if retention is None
            else SoundKeeper(
                retention, self._settings, self.history, self._outcome.writings, self._tally
            )
        )

    def connected(self, history: Sequence[Item] = ()) -> None:
        """The connection stands; tell the application what history is now.

        Args:
            history: as given to `connecting`; the service is told it.
        """
        self._record.restore(history)
        self._record.updated()

    def disconnected(self) -> None:
        """The connection is gone. History stays readable; what waited to be sent is dropped."""
        if self._sounds is not None:
            self._sounds.disconnected()
        self._start_over()

    def suspend(self) -> bool:
        """The connection broke, and another is going to take its place.

        History stays; the answer that was being given stays incomplete. Until `resume`, what is
        meant for the service is remembered where it belongs to the conversation.

        Returns:
            Whether an answer was being given.
        """
        ongoing, response_id = self._sequencer.ongoing, self._sequencer.response_id
        self._sequencer.suspend()
        self._speech.break_off()
        self._turns.break_off()
        self._questions.start_over()
        if self._sounds is not None:
            self._sounds.suspended()
        self._outcome.drop_work()
        words = self._record.break_off()
        if ongoing:
            self._outcome.events.append(events.AgentEnd(output=words, response_id=response_id))
        return ongoing

    def resume(self, *, replay: bool, running: Collection[str], again: bool) -> None:
        """The new connection stands and is configured; tell it what it has to know.

        Args:
            replay: create the items of history at the service.
            running: ids of calls whose output is still to come.
            again: ask for the answer that was broken off.
        """
        pending = self._outcome.client_events
        # What changed settings is of the new connection; the rest was meant for the old one, and
        # is told again as far as it counts.
        pending[:] = [event for event in pending if event["type"] == "session.update"]
        self._record.restore(self.history.snapshot() if replay else (), running=running)
        if again:
            self._sequencer.request()
        self._sequencer.resume()

    def configure(self, session: Mapping[str, Any]) -> None:
        """The client's own `session.update` is on its way with these settings, in wire form.

        The audio formats count at once, so that sound can be sent before the service confirms.
        """
        self._read_settings(session, confirmed=False)

    def trace(self, wanted: Any) -> None:
        """Set tracing to `"auto"`, None or a mapping once the service has created the session."""
        self._settings.trace(wanted)

    def offer(self, offer: Any) -> None:
        """What the model may call from now on; calls of responses that begin now carry it."""
        self._turns.offer = offer

    def track(
        self, tracker: PlaybackTracker | Literal["wall"] | None, heard: AudioFormat | None
    ) -> None:
        """Say how the playback position is known.

        Args:
            tracker: what the application reports to; None for a clock of our own that stands still
                while there is nothing to play, `wall` for one that does not.
            heard: the format in which it gets the sound; None for the service's.
        """
        self._speech.track(tracker, heard)

    def check(self, checking: Checking) -> None:
        """How what is said is checked, from the next response on."""
        self._held.checking = checking

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
        event = message_event(message, other_event_data)
        self._outcome.client_events.append(event)
        self._record.sent(event)
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
            if kind == "conversation.item.create":
                self._record.sent(dict(event))
            self._outcome.client_events.append(dict(event))

    def call_answered(self, call: FunctionCall, output: str, *, respond: bool) -> None:
        """A function's output was written; with `respond`, ask for a response to it."""
        self._record.answered(call.item_id, output)
        if respond:
            self._sequencer.request()

    def passed(self, check: Check, now: float, *, failed: bool = False) -> None:
        """Go on after a check that found nothing or, where it `failed`, did not come about."""
        if check.source == "input":
            self._judge_question(check.item_id, now, passed=not failed)
        else:
            self._speech.checked(check.response_id, check.number, now, passed=not failed)

    def block(self, check: Check, now: float) -> bool:
        """Stop the answer in which, or to which, a check found something.

        Returns:
            Whether to tell the model; not where it has gone on to something else since.
        """
        if check.source == "input":
            return self._refuse_question(check.item_id, now)
        if check.generation != self._turns.begun:
            self._speech.silence(check.response_id, now)
            return False
        if check.source == "text":
            self._speech.refuse(check.response_id, now)
            if self._sequencer.ongoing:
                self._sequencer.cancel_event(
                    {"type": "response.cancel", "response_id": check.response_id}
                )
        else:
            self._speech.interrupt(now, cancel=True)
        return True

    def tell(self, text: str) -> None:
        """Tell the model, as if by the user, what was refused, and ask for another answer."""
        self.send_message(text, respond=not self._questions.told())

    def _refuse_question(self, item_id: str, now: float) -> bool:
        where = self._questions.refuse(item_id, answer_to_come=self._settings.server_answers)
        if where == "current":
            self._speech.interrupt(now, cancel=True)
        self._speech.question_refused(item_id, now)
        return where != "past"

    def _judge_question(self, item_id: str, now: float, *, passed: bool) -> None:
        self._questions.judged(item_id)
        self._speech.question_checked(item_id, now, passed=passed)

    def update_history(self, new: Sequence[Item]) -> None:
        """Ask the service to make this the history; ours follows when the service has done so.

        Raises:
            ConfigError: the service cannot be given one of the items; nothing is sent then.
        """
        self._record.rewrite(new, self.wire_input)

    def interrupt(self, now: float) -> None:
        """Stop the answer: cancel it, and tell the service how much of it was heard."""
        self._speech.interrupt(now, cancel=True)

    def send_failed(self, event: Mapping[str, Any], error: Exception) -> None:
        """An event that nobody waits for could not be written."""
        self._sequencer.send_failed(event)
        self._outcome.events.append(events.Error(error=error))

    def sending(self, content: Mapping[str, Any] | bytes, now: float) -> None:
        """An event, or sound in the wire's format, is about to be written.

        Args:
            content: the one or the other.
            now: monotonic time in seconds.
        """
        if self._sounds is not None:
            self._sounds.sending(content, now)

    # What the service sends.

    def receive(self, event: ServerEvent | UnknownEvent, now: float) -> None:
        """Take in one event of the service.

        Args:
            event: as decoded by `rtaudio.protocol.decode_server_event`.
            now: monotonic time of its arrival in seconds.
        """
        self._received += 1
        handle = _HANDLERS.get(type(event))
        if handle is not None:
            handle(self, event, now)

    def _unknown_event(self, _event: UnknownEvent, _now: float) -> None:
        self._unknown += 1

    def _audio_delta(self, event: protocol.ResponseOutputAudioDelta, now: float) -> None:
        length_ms = len(event.audio) / self._settings.output_bytes_per_ms
        self._record.history.append_sound(event.item_id, length_ms)
        self._speech.delta(event, length_ms, now)

    def _audio_done(self, event: protocol.ResponseOutputAudioDone, now: float) -> None:
        self._speech.done(event.response_id, event.item_id, event.content_index, now)

    def _transcript_delta(
        self, event: protocol.ResponseOutputAudioTranscriptDelta, _now: float
    ) -> None:
        item_id, response_id, delta = event.item_id, event.response_id, event.delta
        self._record.grow(item_id, event.content_index, "transcript", delta)
        self._turns.said(response_id, item_id, delta, "audio")
        self._outcome.events.append(
            events.TranscriptDelta(item_id=item_id, response_id=response_id, delta=delta)
        )

    def _transcript_done(
        self, event: protocol.ResponseOutputAudioTranscriptDone, _now: float
    ) -> None:
        self._turns.finished(
            event.response_id, event.item_id, event.content_index, event.transcript
        )

    def _text_delta(self, event: protocol.ResponseOutputTextDelta, _now: float) -> None:
        item_id, response_id, delta = event.item_id, event.response_id, event.delta
        self._record.grow(item_id, event.content_index, "text", delta)
        self._turns.said(response_id, item_id, delta, "text")
        self._outcome.events.append(
            events.TextDelta(item_id=item_id, response_id=response_id, delta=delta)
        )

    def _session_created(self, event: protocol.SessionCreated, _now: float) -> None:
        self._settings.created(event.session)

    def _session_updated(self, event: protocol.SessionUpdated, _now: float) -> None:
        self._read_settings(event.session, confirmed=True)

    def _read_settings(self, session: Mapping[str, Any], *, confirmed: bool) -> None:
        self._settings.read(session, confirmed=confirmed)
        self._speech.settings_changed()
        if self._sounds is not None:
            self._sounds.settings_changed()

    def _response_created(self, event: protocol.ResponseCreated, now: float) -> None:
        response_id = event.response.id
        refused, told = self._questions.answer_began(asked_for=self._sequencer.asked)
        self._sequencer.response_created(response_id)
        self._held.began(response_id, self._questions.unchecked)
        self._turns.began(response_id)
        if refused:
            self._speech.interrupt(now, cancel=True)
            if told:
                self._sequencer.request()

    def _response_done(self, event: protocol.ResponseDone, now: float) -> None:
        response = event.response
        # First, so that no further response is asked for where the limit is reached.
        self.spending.add_response(response.usage)
        self._sequencer.response_done(response.id)
        self._turns.ended(response.id, response.output or ())
        self._speech.response_ended(response.id, now)
        self.spending.tell(now)

    def _speech_started(self, event: protocol.InputAudioBufferSpeechStarted, now: float) -> None:
        self._speech.user_speaks(now)
        if self._sounds is not None:
            self._sounds.sent.speech_started(event.item_id, event.audio_start_ms)

    def _speech_stopped(self, event: protocol.InputAudioBufferSpeechStopped, _now: float) -> None:
        if self._sounds is not None:
            self._sounds.sent.speech_stopped(event.item_id, event.audio_end_ms)

    def _committed(self, event: protocol.InputAudioBufferCommitted, _now: float) -> None:
        if self._sounds is not None:
            self._sounds.committed(event.item_id)
        checked = self._held.checking.questions and self._settings.transcribes
        self._questions.committed(event.item_id, to_check=checked)
        self._outcome.events.append(
            events.InputAudioCommitted(
                item_id=event.item_id, previous_item_id=event.previous_item_id
            )
        )

    def _timeout(self, event: protocol.InputAudioBufferTimeoutTriggered, _now: float) -> None:
        if self._sounds is not None:
            self._sounds.sent.timed_out(event.item_id, event.audio_start_ms, event.audio_end_ms)
        self._outcome.events.append(
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
        self._record.created(event.item, "in_progress", event.previous_item_id)

    def _item_done(self, event: protocol.ConversationItemDone, _now: float) -> None:
        if not self.mcp.take(event.item, event.previous_item_id):
            self._record.created(event.item, "completed", event.previous_item_id)

    def _item_retrieved(self, event: protocol.ConversationItemRetrieved, _now: float) -> None:
        # Calls to MCP servers are asked for because they go on.
        ongoing = isinstance(event.item, protocol.McpCallItem)
        self._record.take(event.item, "in_progress" if ongoing else "completed")

    def _mcp_progress(
        self, event: protocol.McpListToolsInProgress | protocol.ResponseMcpCallInProgress, _: float
    ) -> None:
        if event.item_id:
            self._record.retrieve(event.item_id)

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
            self._record.take(wire, status)
        elif wire.status == "completed":
            self._turns.called(wire, event.response_id)

    def _item_deleted(self, event: protocol.ConversationItemDeleted, _now: float) -> None:
        self._record.deleted(event.item_id)

    def _item_truncated(self, event: protocol.ConversationItemTruncated, _now: float) -> None:
        self._record.truncated(event)

    def _input_delta(
        self, event: protocol.ConversationItemInputAudioTranscriptionDelta, _now: float
    ) -> None:
        self._outcome.events.append(
            events.InputTranscriptDelta(
                item_id=event.item_id,
                delta=event.delta or "",
                content_index=event.content_index or 0,
            )
        )

    def _input_completed(
        self, event: protocol.ConversationItemInputAudioTranscriptionCompleted, now: float
    ) -> None:
        self.spending.add_transcription(event.usage)
        self._record.heard(event.item_id, event.transcript)
        self._outcome.events.append(
            events.TranscriptCompleted(
                item_id=event.item_id,
                content_index=event.content_index or 0,
                transcript=event.transcript,
                usage=event.usage,
            )
        )
        if not self._settings.transcribes_only:
            # In a transcription session the answer would hold nothing new but the user's own
            # sound, all of it, once more.
            self._record.retrieve(event.item_id)
        if self._held.checking.questions and event.transcript.strip():
            self._turns.asked(event.item_id, event.transcript)
        else:
            self._judge_question(event.item_id, now, passed=True)
        self.spending.tell(now)

    def _input_failed(
        self, event: protocol.ConversationItemInputAudioTranscriptionFailed, now: float
    ) -> None:
        self._outcome.events.append(
            events.TranscriptFailed(
                item_id=event.item_id, error=event.error, content_index=event.content_index or 0
            )
        )
        self._judge_question(event.item_id, now, passed=False)

    def _error(self, event: protocol.ErrorEvent, _now: float) -> None:
        error = event.error
        self._sequencer.error(code=error.code, message=error.message, event_id=error.event_id)
        if self._sounds is not None and error.code == "input_audio_buffer_commit_empty":
            self._sounds.sent.commit_refused()
        self._outcome.events.append(events.Error(error=event))


def _taken(collected: list[Any]) -> list[Any]:
    taken = collected[:]
    collected.clear()
    return taken


_Handler = Callable[[Conversation, Any, float], None]

_HANDLERS: dict[type, _Handler] = {
    protocol.ResponseOutputAudioDelta: Conversation._audio_delta,
    protocol.ResponseOutputAudioDone: Conversation._audio_done,
    protocol.ResponseOutputAudioTranscriptDelta: Conversation._transcript_delta,
    protocol.ResponseOutputAudioTranscriptDone: Conversation._transcript_done,
    protocol.ResponseOutputTextDelta: Conversation._text_delta,
    protocol.ResponseCreated: Conversation._response_created,
    protocol.ResponseDone: Conversation._response_done,
    protocol.ResponseOutputItemAdded: Conversation._output_item_added,
    protocol.ResponseOutputItemDone: Conversation._output_item_done,
    protocol.SessionCreated: Conversation._session_created,
    protocol.SessionUpdated: Conversation._session_updated,
    protocol.InputAudioBufferSpeechStarted: Conversation._speech_started,
    protocol.InputAudioBufferSpeechStopped: Conversation._speech_stopped,
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
    protocol.McpListToolsInProgress: Conversation._mcp_progress,
    protocol.ResponseMcpCallInProgress: Conversation._mcp_progress,
    protocol.ErrorEvent: Conversation._error,
    protocol.UnknownEvent: Conversation._unknown_event,
}
