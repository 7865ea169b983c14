"""The parts of a conversation, each of which knows the rules of one subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rtaudio.conversation.held_sound import HeldSound
from rtaudio.conversation.mcp import Mcp
from rtaudio.conversation.outcome import Outcome
from rtaudio.conversation.questions import Questions
from rtaudio.conversation.record import Record
from rtaudio.conversation.sequencer import ResponseSequencer
from rtaudio.conversation.settings import WireSettings
from rtaudio.conversation.sound_keeper import SoundKeeper
from rtaudio.conversation.sound_store import SoundTally
from rtaudio.conversation.speech import Speech
from rtaudio.conversation.spending import Spending
from rtaudio.conversation.track_speech import TrackSpeech
from rtaudio.conversation.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtaudio.conversation.retention import AudioRetention
    from rtaudio.conversation.sent_sound import SentSound
    from rtaudio.conversation.unclaimed_sound import UnclaimedSound

__all__ = ["Parts"]


class Parts:
    """One conversation's parts, and what takes more than one of them.

    Args:
        medium: how sound travels.

    Attributes:
        outcome: where all of them put what they have to say, in order.
        record: history.
        settings: the wire's formats, and what else the session's settings tell.
        sequencer: the order of responses.
        held: sound that waits for checks.
        speech: the sound of answers, and interruption.
        turns: responses, and what they call.
        questions: what the user says, where that is checked.
        spending: what it costs.
        mcp: tools that the service calls by itself.
        sounds: sound that is kept; None where none is.
        unclaimed: sound that another connection would be told again; None where none would be.
        tally: counts what was kept, over all connections.
        received: events of the service, over all connections, but pieces of sound that
            `speech.stream` has read.
        unknown: those of them whose type is not known.
    """

    __slots__ = (
        "held",
        "mcp",
        "outcome",
        "questions",
        "received",
        "record",
        "sequencer",
        "settings",
        "sounds",
        "speech",
        "spending",
        "tally",
        "turns",
        "unclaimed",
        "unknown",
    )

    def __init__(self, medium: Literal["events", "track", "none"]) -> None:
        outcome = self.outcome = Outcome()
        self.record = Record(outcome)
        self.settings = WireSettings(outcome)
        self.sequencer = ResponseSequencer(outcome.client_events)
        self.held = HeldSound()
        self.speech = (
            Speech(outcome, self.settings, self.sequencer, self.held)
            if medium == "events"
            else TrackSpeech(outcome, self.settings, self.sequencer, self.held, self.record)
        )
        self.turns = Turns(outcome, self.record, self.held)
        self.questions = Questions()
        self.spending = Spending(outcome, self.sequencer, self.speech)
        self.mcp = Mcp(outcome, self.record, self.sequencer)
        self.sounds: SoundKeeper | None = None
        self.unclaimed: UnclaimedSound | None = None
        self.tally = SoundTally()
        self.received = 0
        self.unknown = 0

    def start_over(self) -> None:
        """Another connection: nothing is ongoing, and what waited to be sent is dropped."""
        self.settings.start_over()
        self.record.start_over()
        self.sequencer.reset()
        self.speech.start_over()
        self.turns.start_over()
        self.questions.start_over()
        self.spending.start_over()
        self.mcp.start_over()
        if self.unclaimed is not None:
            self.unclaimed.start_over(self.settings.input)
        self.outcome.drop_work()

    def keep_sound(self, retention: AudioRetention | None) -> None:
        """Keep the sound of what is said from now on; None for not at all."""
        sounds = None
        if retention is not None:
            sounds = SoundKeeper(
                retention, self.settings, self.record.history, self.outcome.writings, self.tally
            )
        self.sounds = self.record.sounds = self.speech.sounds = sounds

    @property
    def ears(self) -> list[SentSound | UnclaimedSound]:
        """Who hears of the user's sound: when it is sent, and what the service says of it."""
        ears: list[SentSound | UnclaimedSound] = []
        if self.sounds is not None:
            ears.append(self.sounds.sent)
        if self.unclaimed is not None:
            ears.append(self.unclaimed)
        return ears

    def read_settings(self, session: Mapping[str, Any], *, confirmed: bool) -> None:
        """Take in settings: the service's own where `confirmed`, else those we asked for."""
        self.settings.read(session, confirmed=confirmed)
        self.speech.settings_changed()
        for ear in self.ears:
            ear.detects(self.settings.detects_turns)

    def judge_question(self, item_id: str, now: float, *, passed: bool) -> None:
        """What the user said was checked, or needs no check."""
        self.questions.judged(item_id)
        self.speech.question_checked(item_id, now, passed=passed)
