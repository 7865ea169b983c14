"""The conversation with a realtime service, as a pure state machine.

Feed it what the service sends (`receive`) and what the application wants (`send_message`,
`request_response`, `interrupt`, ...). It answers with session events for the application
(`take_events`) and client events for the service (`take_outgoing`), both in order. It has no
socket, no task and no clock: the time is an argument where it matters.

Each rule lives with its subject: history in `record`, sound and interruption in `speech`, responses
and what they call in `turns`, their order in `sequencer`, what they cost in `spending`, what the
service calls by itself in `mcp`, the wire's formats in `settings`, what waits for checks in
`held_sound` and `questions`, sound that is kept in `sound_keeper`. `reception` says which of them
hears of which event of the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rtaudio.conversation import events
from rtaudio.conversation.hearing import hear
from rtaudio.conversation.messages import message_event
from rtaudio.conversation.parts import Parts
from rtaudio.conversation.reception import receive
from rtaudio.conversation.unclaimed_sound import UnclaimedSound

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from typing_extensions import Buffer

    from rtaudio.audio import AudioFormat
    from rtaudio.conversation.calls import FunctionCall
    from rtaudio.conversation.checking import Check, Checking
    from rtaudio.conversation.item_list import ItemList
    from rtaudio.conversation.items import Item
    from rtaudio.conversation.queue_stats import QueueStats
    from rtaudio.conversation.retention import AudioRetention
    from rtaudio.conversation.sound_file import Writing
    from rtaudio.conversation.sound_store import SoundStore
    from rtaudio.conversation.tracker import PlaybackTracker
    from rtaudio.conversation.usage import Usage
    from rtaudio.protocol import ServerEvent, UnknownEvent

__all__ = ["Conversation"]


class Conversation:
    """History, response sequencing, interruption and usage of one conversation.

    Args:
        medium: how sound travels: in `events`, as a `track` of media, or past us (`none`).

    Attributes:
        outcome: what came out and has not been taken yet.
        settings: the wire's formats.
        spending: the limit of what may be spent, and whether it is reached.
        mcp: tools that the service calls by itself.
    """

    def __init__(self, medium: Literal["events", "track", "none"] = "events") -> None:
        self._parts = Parts(medium)
        self.outcome = self._outcome = self._parts.outcome
        self.settings = self._parts.settings
        self.spending = self._parts.spending
        self.mcp = self._parts.mcp

    # What comes out.

    def take_events(self) -> list[events.SessionEvent]:
        """Session events since the last call, in order."""
        return self._outcome.take_events()

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
        return self._parts.record.history

    @property
    def usage(self) -> Usage:
        """Tokens spent; kept when the conversation starts over."""
        return self._parts.spending.usage

    @property
    def wire_input(self) -> AudioFormat:
        """Format of the audio the service expects."""
        return self._parts.settings.input

    @property
    def wire_output(self) -> AudioFormat:
        """Format of the audio the service sends."""
        return self._parts.settings.output

    @property
    def response_ongoing(self) -> bool:
        """Whether the service is producing a response."""
        return self._parts.sequencer.ongoing

    @property
    def is_quiet(self) -> bool:
        """Whether nobody says anything: neither answers are under way nor turns of the user."""
        sequencer, unclaimed = self._parts.sequencer, self._parts.unclaimed
        answering = sequencer.ongoing or sequencer.asked or sequencer.queue.size
        return not answering and (unclaimed is None or unclaimed.is_quiet)

    @property
    def sounds(self) -> SoundStore | None:
        """All sound that is kept; None where none is."""
        return None if self._parts.sounds is None else self._parts.sounds.store

    def counts(self) -> dict[str, Any]:
        """What happened so far, over all connections, as fields of `SessionStats`."""
        sounds = self.sounds
        return {
            "events_received": self._parts.received + self._parts.speech.stream.pieces,
            "events_unknown": self._parts.unknown,
            **self._parts.speech.counts(),
            "kept_audio_bytes": 0 if sounds is None else sounds.bytes_held,
            "kept_audio_ms": 0 if sounds is None else sounds.ms_held,
            "kept_audio_dropped": self._parts.tally.dropped,
            "kept_audio_spilled": self._parts.tally.spilled,
        }

    def queues(self) -> dict[str, QueueStats]:
        """How full everything is that has a bound."""
        return {
            "requests": self._parts.sequencer.queue,
            "responses": self._parts.turns.queue,
            "playback": self._parts.speech.queue,
            "held": self._parts.held.queue,
            "unconfirmed": self._parts.record.queue,
            "unclaimed": (self._parts.unclaimed or UnclaimedSound(self.settings.input)).queue,
            "mcp_lists": self._parts.mcp.queue,
        }

    # The connection.

    def connecting(
        self,
        history: Sequence[Item] = (),
        retention: AudioRetention | None = None,
        *,
        repeats_sound: bool = False,
    ) -> None:
        """A new conversation begins, or one from elsewhere goes on. Usage is kept.

        Args:
            history: what was said before; ids must differ.
            retention: how the sound of what is said from now on is kept; None for not at all.
            repeats_sound: whether another connection is told what this one has made no item of.
        """
        self.history.fill(history)
        self._parts.start_over()
        self._parts.keep_sound(retention)
        self._parts.unclaimed = UnclaimedSound(self.settings.input) if repeats_sound else None

    def connected(self, history: Sequence[Item] = ()) -> None:
        """The connection stands; tell the application what history is now.

        Args:
            history: as given to `connecting`; the service is told it.
        """
        self._parts.record.restore(history, self.wire_input, with_sound=True)
        self._parts.record.updated()

    def disconnected(self) -> None:
        """The connection is gone. History stays readable; what waited to be sent is dropped."""
        if self._parts.sounds is not None:
            self._parts.sounds.disconnected()
        self._parts.start_over()

    def suspend(self) -> bool:
        """The connection broke, and another is going to take its place.

        History stays; the answer that was being given stays incomplete. Until `resume`, what is
        meant for the service is remembered where it belongs to the conversation.

        Returns:
            Whether an answer was being given.
        """
        ongoing, response_id = self._parts.sequencer.ongoing, self._parts.sequencer.response_id
        self._parts.sequencer.suspend()
        self._parts.speech.break_off()
        self._parts.turns.break_off()
        self._parts.questions.start_over()
        if self._parts.sounds is not None:
            self._parts.sounds.suspended()
        if self._parts.unclaimed is not None:
            self._parts.unclaimed.suspend()
        self._outcome.drop_work()
        words = self._parts.record.break_off()
        if ongoing:
            self._outcome.events.append(events.AgentEnd(output=words, response_id=response_id))
        return ongoing

    def restore(self, *, replay: bool, running: Collection[str]) -> None:
        """The new connection stands and is configured; tell it what it has to know.

        Args:
            replay: create the items of history at the service.
            running: ids of calls whose output is still to come.
        """
        pending = self._outcome.client_events
        # What changed settings is of the new connection; the rest was meant for the old one, and
        # is told again as far as it counts.
        pending[:] = [event for event in pending if event["type"] == "session.update"]
        known = self.history.snapshot() if replay else ()
        self._parts.record.restore(known, self.wire_input, running=running)

    def take_unclaimed(self) -> list[bytes | dict[str, Any]]:
        """Sound and commits that the new connection is told behind that, in their order."""
        unclaimed = self._parts.unclaimed
        return [] if unclaimed is None else unclaimed.take(self.settings.input)

    def resume(self, *, again: bool) -> None:
        """The new connection has been told; responses can be asked for once more.

        Args:
            again: ask for the answer that was broken off.
        """
        if again:
            self._parts.sequencer.request()
        self._parts.sequencer.resume()

    def configure(self, session: Mapping[str, Any]) -> None:
        """The client's own `session.update` is on its way with these settings, in wire form.

        The audio formats count at once, so that sound can be sent before the service confirms.
        """
        self._parts.read_settings(session, confirmed=False)

    def trace(self, wanted: Any) -> None:
        """Set tracing to `"auto"`, None or a mapping once the service has created the session."""
        self._parts.settings.trace(wanted)

    def offer(self, offer: Any) -> None:
        """What the model may call from now on; calls of responses that begin now carry it."""
        self._parts.turns.offer = offer

    def update_live(self, live: bool) -> None:
        """Whether each piece of an answer's words is an update of history."""
        self._parts.record.live = live

    def track(
        self, tracker: PlaybackTracker | Literal["wall"] | None, heard: AudioFormat | None
    ) -> None:
        """Say how the playback position is known.

        Args:
            tracker: what the application reports to; None for a clock of our own that stands still
                while there is nothing to play, `wall` for one that does not.
            heard: the format in which it gets the sound; None for the service's.
        """
        self._parts.speech.track(tracker, heard)

    def carry(self, formats: tuple[AudioFormat, AudioFormat] | None) -> None:
        """From the next connection on, sound goes in and out of a track in these formats."""
        self._parts.settings.carry(formats)

    def check(self, checking: Checking) -> None:
        """How what is said is checked, from the next response on."""
        self._parts.speech.stream.close()
        self._parts.held.checking = checking

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
        self._parts.record.sent(event)
        if respond:
            self._parts.sequencer.request()

    def request_response(self, response: Mapping[str, Any] | None = None) -> None:
        """Ask for a response, with settings of its own where a payload is given."""
        self._parts.sequencer.request(response)

    def send_event(self, event: Mapping[str, Any]) -> None:
        """Send a client event as it is; `response.create` waits for its turn like any other."""
        kind = event.get("type")
        if kind == "response.create":
            self._parts.sequencer.request_event(event)
        elif kind == "response.cancel":
            self._parts.sequencer.cancel_event(event)
        else:
            if kind == "conversation.item.create":
                self._parts.record.sent(dict(event))
            self._outcome.client_events.append(dict(event))

    def call_answered(self, call: FunctionCall, output: str, *, respond: bool) -> None:
        """A function's output was written; with `respond`, ask for a response to it."""
        self._parts.record.answered(call.item_id, output)
        if respond:
            self._parts.sequencer.request()

    def passed(self, check: Check, now: float, *, failed: bool = False) -> None:
        """Go on after a check that found nothing or, where it `failed`, did not come about."""
        if check.source == "input":
            self._parts.judge_question(check.item_id, now, passed=not failed)
        else:
            self._parts.speech.checked(check.response_id, check.number, now, passed=not failed)

    def block(self, check: Check, now: float) -> bool:
        """Stop the answer in which, or to which, a check found something.

        Returns:
            Whether to tell the model; not where it has gone on to something else since.
        """
        if check.source == "input":
            return self._refuse_question(check.item_id, now)
        if check.generation != self._parts.turns.begun:
            self._parts.speech.silence(check.response_id, now)
            return False
        if check.source == "text":
            self._parts.speech.refuse(check.response_id, now)
            if self._parts.sequencer.ongoing:
                self._parts.sequencer.cancel_event(
                    {"type": "response.cancel", "response_id": check.response_id}
                )
        else:
            self._parts.speech.interrupt(now, cancel=True)
        return True

    def tell(self, text: str) -> None:
        """Tell the model, as if by the user, what was refused, and ask for another answer."""
        self.send_message(text, respond=not self._parts.questions.told())

    def _refuse_question(self, item_id: str, now: float) -> bool:
        where = self._parts.questions.refuse(
            item_id, answer_to_come=self._parts.settings.server_answers
        )
        if where == "current":
            self._parts.speech.interrupt(now, cancel=True)
        self._parts.speech.question_refused(item_id, now)
        return where != "past"

    def update_history(self, new: Sequence[Item]) -> None:
        """Ask the service to make this the history; ours follows when the service has done so.

        Raises:
            ConfigError: the service cannot be given one of the items; nothing is sent then.
        """
        self._parts.record.rewrite(new, self.wire_input)

    def interrupt(self, now: float) -> None:
        """Stop the answer: cancel it, and tell the service how much of it was heard."""
        self._parts.speech.interrupt(now, cancel=True)

    def send_failed(self, event: Mapping[str, Any], error: Exception) -> None:
        """An event that nobody waits for could not be written."""
        self._parts.sequencer.send_failed(event)
        self._outcome.events.append(events.Error(error=error))

    def sending(self, content: Mapping[str, Any] | bytes, now: float) -> None:
        """An event, or sound in the wire's format, is about to be written.

        Args:
            content: the one or the other.
            now: monotonic time in seconds.
        """
        for ear in self._parts.ears:
            hear(ear, content, self.settings.input, now)

    def unsent(self, content: Mapping[str, Any] | bytes, now: float) -> None:
        """The same for what could not be written, or has no connection to go to yet.

        The next connection is told it, where `connecting` was asked to repeat sound.
        """
        if self._parts.unclaimed is not None:
            hear(self._parts.unclaimed, content, self.settings.input, now)

    # What the service sends.

    def receive(self, event: ServerEvent | UnknownEvent, now: float) -> None:
        """Take in one event of the service.

        Args:
            event: as decoded by `rtaudio.protocol.decode_server_event`.
            now: monotonic time of its arrival in seconds.
        """
        receive(self._parts, event, now)

    @property
    def more(self) -> Callable[[Buffer | str, float], events.Audio | None]:
        """The short way of `receive` for most sound, on this connection; see `Speech.more`."""
        speech = self._parts.speech
        return speech.stream.read if speech.sounds is None else speech.more

    def hear(self, pcm: bytes, now: float) -> None:
        """Take in sound that arrived on a track, in the format of `wire_output`."""
        parts = self._parts
        parts.speech.hear(pcm, len(pcm) / parts.settings.output_bytes_per_ms, now)


def _taken(collected: list[Any]) -> list[Any]:
    taken = collected[:]
    collected.clear()
    return taken
