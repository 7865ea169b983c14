"""What the service says about the text of a user's speech."""

from __future__ import annotations

from rtaudio.protocol.base import Detail, ServerEvent

__all__ = [
    "ConversationItemInputAudioTranscriptionCompleted",
    "ConversationItemInputAudioTranscriptionDelta",
    "ConversationItemInputAudioTranscriptionFailed",
    "ConversationItemInputAudioTranscriptionSegment",
    "LogProb",
    "TranscriptionError",
    "TranscriptionInputTokenDetails",
    "TranscriptionLanguage",
    "TranscriptionUsage",
]


class LogProb(Detail, frozen=True, kw_only=True):
    """How sure a transcription model was of one token."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class ConversationItemInputAudioTranscriptionDelta(
    ServerEvent, tag="conversation.item.input_audio_transcription.delta", frozen=True, kw_only=True
):
    """A piece of a user's transcript; it may come before the item exists."""

    item_id: str
    content_index: int | None = None
    delta: str | None = None
    logprobs: list[LogProb] | None = None


class TranscriptionLanguage(Detail, frozen=True, kw_only=True):
    """A language that was heard."""

    code: str


class TranscriptionInputTokenDetails(Detail, frozen=True, kw_only=True):
    """Input tokens of a transcription by kind."""

    text_tokens: int | None = None
    audio_tokens: int | None = None


class TranscriptionUsage(Detail, frozen=True, kw_only=True):
    """What a transcription used.

    Attributes:
        type: `tokens` or `duration`; it says which of the other fields are set.
        seconds: length of the audio billed.
        input_tokens: tokens read.
        output_tokens: tokens written.
        total_tokens: both.
        input_token_details: tokens read, by kind.
    """

    type: str
    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_token_details: TranscriptionInputTokenDetails | None = None


class ConversationItemInputAudioTranscriptionCompleted(
    ServerEvent,
    tag="conversation.item.input_audio_transcription.completed",
    frozen=True,
    kw_only=True,
):
    """The final transcript of a user's audio; it replaces what deltas built, and may be empty.

    Attributes:
        item_id: the user's item.
        content_index: the part of the item.
        transcript: the text.
        usage: what it cost; some servers leave it out.
        languages: those that were heard.
        logprobs: where the session asked for them.
    """

    item_id: str
    content_index: int
    transcript: str
    usage: TranscriptionUsage | None = None
    languages: list[TranscriptionLanguage] | None = None
    logprobs: list[LogProb] | None = None


class TranscriptionError(Detail, omit_defaults=False, frozen=True, kw_only=True):
    """Why a transcription failed."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None


class ConversationItemInputAudioTranscriptionFailed(
    ServerEvent, tag="conversation.item.input_audio_transcription.failed", frozen=True, kw_only=True
):
    """A user's audio could not be transcribed; the turn goes on."""

    item_id: str
    content_index: int
    error: TranscriptionError


class ConversationItemInputAudioTranscriptionSegment(
    ServerEvent,
    tag="conversation.item.input_audio_transcription.segment",
    frozen=True,
    kw_only=True,
):
    """What one speaker said, from models that tell speakers apart; `start` and `end` in seconds."""

    item_id: str
    content_index: int
    id: str
    text: str
    speaker: str
    start: float
    end: float
