"""What the realtime service asks of its engines.

An engine is one file that satisfies one of these protocols; nothing else in the service knows
which engine is behind them. What hears (`Recogniser`, `VoiceDetector`) has plain blocking methods:
the service runs recognisers in its own threads and never on the event loop. What answers
(`Responder`, `Voice`) streams, and is asked on the event loop: one that computes does so in a
thread of its own.

A responder or voice may also be an async context manager, which the service enters when it starts
and leaves when it stops, and may have a blocking method `load`, which the service calls in a thread
when it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rtaudio.protocol import Item

__all__ = [
    "AnswerIncomplete",
    "AnswerPiece",
    "DraftSegment",
    "Drafter",
    "Recogniser",
    "Responder",
    "ToolCall",
    "Voice",
    "VoiceDetector",
    "VoiceStream",
]


class Recogniser(Protocol):
    """Turns one stretch of speech into text.

    Attributes:
        sample_rate: rate in Hz at which `transcribe` wants its samples.
        workers: how many `transcribe` calls may run at the same time, each in its own thread.
    """

    @property
    def sample_rate(self) -> int: ...

    @property
    def workers(self) -> int: ...

    def load(self) -> None:
        """Load whatever the engine needs; safe to call from several threads, cheap when done.

        Raises:
            ConfigError: the engine or its model is not there.
        """

    def transcribe(
        self, samples: NDArray[np.int16], *, language: str | None, prompt: str | None
    ) -> Iterator[str]:
        """Recognise one stretch of speech, yielding text as it becomes known.

        Args:
            samples: mono, at `sample_rate`; only read.
            language: ISO 639-1 code, or None to let the engine decide.
            prompt: words or text that the speech is likely to contain, or None.

        Yields:
            Pieces of text that, joined without a separator, are the transcript.
        """


@dataclass(frozen=True, slots=True)
class DraftSegment:
    """A stretch of a draft.

    Attributes:
        text: with the space in front that parts it from the segment before.
        end_s: where it ends, in seconds from the beginning of the sound.
    """

    text: str
    end_s: float


@runtime_checkable
class Drafter(Protocol):
    """A `Recogniser` that can also tell quickly what somebody has said who is still speaking.

    Beside as many calls of `transcribe` as it has `workers`, one more call may be under way: a
    draft, or a `transcribe` of a turn that is perhaps not over.
    """

    def draft(
        self, samples: NDArray[np.int16], *, language: str | None, prompt: str | None
    ) -> list[DraftSegment]:
        """Recognise the beginning of a stretch of speech.

        Must not hold up calls of `transcribe`.

        Args:
            samples: as for `transcribe`, at most 30 s.
            language: the same.
            prompt: the same.
        """


class VoiceStream(Protocol):
    """Speech probabilities of one stream of sound; carries state, belongs to one session."""

    def probabilities(self, samples: NDArray[np.int16]) -> list[float]:
        """Return one probability (0 to 1) per window.

        Args:
            samples: the next samples of the stream, mono, a whole number of windows.
        """


class VoiceDetector(Protocol):
    """Tells speech from other sound; one per process, a `VoiceStream` per session.

    Attributes:
        sample_rate: rate in Hz of the samples that its streams take.
        window: samples per probability.
    """

    @property
    def sample_rate(self) -> int: ...

    @property
    def window(self) -> int: ...

    def stream(self) -> VoiceStream:
        """Begin a new stream.

        Raises:
            ConfigError: the engine or its model is not there.
        """


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A responder wants the client to call one of its functions.

    Attributes:
        name: the function, one of the tools that `respond` was given.
        arguments: JSON text.
    """

    name: str
    arguments: str


class AnswerIncomplete(Exception):
    """A responder could not finish its answer; what it has yielded is kept.

    Attributes:
        reason: as the protocol has it.
    """

    def __init__(self, reason: Literal["max_output_tokens", "content_filter"]) -> None:
        super().__init__(f"the answer is incomplete: {reason}")
        self.reason = reason


#: A piece of the text to be said or written, or a call.
AnswerPiece: TypeAlias = str | ToolCall


class Responder(Protocol):
    """Decides what is answered; one per service, asked for many sessions at once."""

    def respond(
        self,
        items: Sequence[Item],
        settings: Mapping[str, Any],
        tools: Sequence[Mapping[str, Any]],
    ) -> AsyncIterator[AnswerPiece]:
        """Answer a conversation.

        Iteration is given up, and the iterator closed, when the response is cut. What it raises
        makes the response fail; the client reads the text of an `RtAudioError`, and no other.

        Args:
            items: what was said so far, the oldest first. The words of spoken parts are in their
                `transcript`.
            settings: the session's settings in wire form, with those of this response laid over:
                `instructions`, `tool_choice`, `max_output_tokens` and so on.
            tools: the functions that may be called now, in wire form.

        Yields:
            Pieces of text that, joined without a separator, are what is said, and calls between.

        Raises:
            AnswerIncomplete: the answer ends here, before it is finished.
        """


class Voice(Protocol):
    """Speaks text; one per service, asked for many sessions at once.

    Attributes:
        sample_rate: rate in Hz of what `speak` yields.
    """

    @property
    def sample_rate(self) -> int: ...

    def speak(self, text: str, *, speed: float = 1.0) -> AsyncIterator[bytes]:
        """Speak a stretch of text: a sentence, or the first words of one.

        Iteration is given up, and the iterator closed, when the response is cut. What it raises
        makes the response fail, as with a responder.

        Args:
            text: never empty.
            speed: how fast, 0.25 to 1.5; 1 is the voice's own. One that can't come near it takes
                the nearest.

        Yields:
            PCM16, mono, at `sample_rate`, in chunks of any size.
        """
