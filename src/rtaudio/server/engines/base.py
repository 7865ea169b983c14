"""What the realtime service asks of a speech engine.

An engine is one file that satisfies one of these protocols; nothing else in the service knows
which engine is behind them. All methods are plain blocking calls: the service runs recognisers in
its own threads and never on the event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Recogniser", "VoiceDetector", "VoiceStream"]


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
