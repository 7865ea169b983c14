"""Which part of a conversation hears of which event of the service."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtaudio import protocol
from rtaudio.conversation import events
from rtaudio.conversation.parts import Parts

if TYPE_CHECKING:
    from rtaudio.conversation.items import ItemStatus
    from rtaudio.protocol import ServerEvent, UnknownEvent

__all__ = ["receive"]


def receive(parts: Parts, event: ServerEvent | UnknownEvent, now: float) -> None:
    """Take in one event of the service; see `Conversation.receive`."""
    parts.received += 1
    handle = _HANDLERS.get(type(event))
    if handle is not None:
        handle(parts, event, now)


def _unknown_event(parts: Parts, _event: UnknownEvent, _now: float) -> None:
    parts.unknown += 1


def _audio_delta(parts: Parts, event: protocol.ResponseOutputAudioDelta, now: float) -> None:
    length_ms = len(event.audio) / parts.settings.output_bytes_per_ms
    of_item = parts.record.history.append_sound(event.item_id, length_ms)
    parts.speech.delta(event, length_ms, now, of_item)


def _part_added(parts: Parts, event: protocol.ResponseContentPartAdded, _now: float) -> None:
    if event.part.type == "audio":
        parts.speech.part_began(event.response_id, event.item_id, event.content_index)


def _playback_started(parts: Parts, event: protocol.OutputAudioBufferStarted, now: float) -> None:
    parts.speech.playback_started(event.response_id, now)


def _playback_stopped(parts: Parts, event: protocol.OutputAudioBufferStopped, now: float) -> None:
    parts.speech.playback_stopped(event.response_id, now)


def _playback_cleared(parts: Parts, event: protocol.OutputAudioBufferCleared, now: float) -> None:
    parts.speech.playback_cleared(event.response_id, now)


def _audio_done(parts: Parts, event: protocol.ResponseOutputAudioDone, now: float) -> None:
    parts.speech.done(event.response_id, event.item_id, event.content_index, now)


def _transcript_delta(
    parts: Parts, event: protocol.ResponseOutputAudioTranscriptDelta, _now: float
) -> None:
    item_id, response_id, delta = event.item_id, event.response_id, event.delta
    parts.record.grow(item_id, event.content_index, "transcript", delta)
    parts.turns.said(response_id, item_id, delta, "audio")
    parts.outcome.events.append(
        events.TranscriptDelta(item_id=item_id, response_id=response_id, delta=delta)
    )


def _transcript_done(
    parts: Parts, event: protocol.ResponseOutputAudioTranscriptDone, _now: float
) -> None:
    parts.turns.finished(event.response_id, event.item_id, event.content_index, event.transcript)


def _text_delta(parts: Parts, event: protocol.ResponseOutputTextDelta, _now: float) -> None:
    item_id, response_id, delta = event.item_id, event.response_id, event.delta
    parts.record.grow(item_id, event.content_index, "text", delta)
    parts.turns.said(response_id, item_id, delta, "text")
    parts.outcome.events.append(
        events.TextDelta(item_id=item_id, response_id=response_id, delta=delta)
    )


def _session_created(parts: Parts, event: protocol.SessionCreated, _now: float) -> None:
    parts.settings.created(event.session)


def _session_updated(parts: Parts, event: protocol.SessionUpdated, _now: float) -> None:
    parts.read_settings(event.session, confirmed=True)


def _response_created(parts: Parts, event: protocol.ResponseCreated, now: float) -> None:
    response_id = event.response.id
    refused, told = parts.questions.answer_began(asked_for=parts.sequencer.asked)
    parts.sequencer.response_created(response_id)
    parts.held.began(response_id, parts.questions.unchecked)
    parts.turns.began(response_id)
    if refused:
        parts.speech.interrupt(now, cancel=True)
        if told:
            parts.sequencer.request()


def _response_done(parts: Parts, event: protocol.ResponseDone, now: float) -> None:
    response = event.response
    # First, so that no further response is asked for where the limit is reached.
    parts.spending.add_response(response.usage)
    parts.sequencer.response_done(response.id)
    parts.turns.ended(response.id, response.output or ())
    parts.speech.counted(response)
    parts.speech.response_ended(response.id, now)
    parts.spending.tell(now)


def _speech_started(
    parts: Parts, event: protocol.InputAudioBufferSpeechStarted, now: float
) -> None:
    parts.speech.user_speaks(now)
    for ear in parts.ears:
        ear.speech_started(event.item_id, event.audio_start_ms)


def _speech_stopped(
    parts: Parts, event: protocol.InputAudioBufferSpeechStopped, _now: float
) -> None:
    for ear in parts.ears:
        ear.speech_stopped(event.item_id, event.audio_end_ms)


def _committed(parts: Parts, event: protocol.InputAudioBufferCommitted, _now: float) -> None:
    for ear in parts.ears:
        ear.committed(event.item_id)
    if parts.sounds is not None:
        parts.sounds.committed(event.item_id)
    checked = parts.held.checking.questions and parts.settings.transcribes
    parts.questions.committed(event.item_id, to_check=checked)
    parts.outcome.events.append(
        events.InputAudioCommitted(item_id=event.item_id, previous_item_id=event.previous_item_id)
    )


def _timeout(parts: Parts, event: protocol.InputAudioBufferTimeoutTriggered, _now: float) -> None:
    for ear in parts.ears:
        ear.timed_out(event.item_id, event.audio_start_ms, event.audio_end_ms)
    parts.outcome.events.append(
        events.InputAudioTimeoutTriggered(
            item_id=event.item_id,
            audio_start_ms=event.audio_start_ms,
            audio_end_ms=event.audio_end_ms,
        )
    )


def _item_added(
    parts: Parts,
    event: protocol.ConversationItemAdded | protocol.ConversationItemCreated,
    _now: float,
) -> None:
    parts.record.created(event.item, "in_progress", event.previous_item_id)


def _item_done(parts: Parts, event: protocol.ConversationItemDone, _now: float) -> None:
    if not parts.mcp.take(event.item, event.previous_item_id):
        parts.record.created(event.item, "completed", event.previous_item_id)


def _item_retrieved(parts: Parts, event: protocol.ConversationItemRetrieved, _now: float) -> None:
    # Calls to MCP servers are asked for because they go on.
    ongoing = isinstance(event.item, protocol.McpCallItem)
    parts.record.take(event.item, "in_progress" if ongoing else "completed")


def _mcp_progress(
    parts: Parts,
    event: protocol.McpListToolsInProgress | protocol.ResponseMcpCallInProgress,
    _: float,
) -> None:
    if event.item_id:
        parts.record.retrieve(event.item_id)


def _output_item_added(parts: Parts, event: protocol.ResponseOutputItemAdded, _now: float) -> None:
    _take_output(parts, event, "in_progress")


def _output_item_done(parts: Parts, event: protocol.ResponseOutputItemDone, _now: float) -> None:
    _take_output(parts, event, "completed")


def _take_output(
    parts: Parts,
    event: protocol.ResponseOutputItemAdded | protocol.ResponseOutputItemDone,
    status: ItemStatus,
) -> None:
    wire = event.item
    if not isinstance(wire, protocol.FunctionCallItem):
        parts.record.take(wire, status)
    elif wire.status == "completed":
        parts.turns.called(wire, event.response_id)


def _item_deleted(parts: Parts, event: protocol.ConversationItemDeleted, _now: float) -> None:
    parts.speech.stream.close()
    parts.record.deleted(event.item_id)


def _item_truncated(parts: Parts, event: protocol.ConversationItemTruncated, _now: float) -> None:
    parts.record.truncated(event)


def _input_delta(
    parts: Parts, event: protocol.ConversationItemInputAudioTranscriptionDelta, _now: float
) -> None:
    parts.outcome.events.append(
        events.InputTranscriptDelta(
            item_id=event.item_id,
            delta=event.delta or "",
            content_index=event.content_index or 0,
        )
    )


def _input_completed(
    parts: Parts, event: protocol.ConversationItemInputAudioTranscriptionCompleted, now: float
) -> None:
    parts.spending.add_transcription(event.usage)
    parts.record.heard(event.item_id, event.transcript)
    parts.outcome.events.append(
        events.TranscriptCompleted(
            item_id=event.item_id,
            content_index=event.content_index or 0,
            transcript=event.transcript,
            usage=event.usage,
        )
    )
    if not parts.settings.transcribes_only:
        # In a transcription session the answer would hold nothing new but the user's own
        # sound, all of it, once more.
        parts.record.retrieve(event.item_id)
    if parts.held.checking.questions and event.transcript.strip():
        parts.turns.asked(event.item_id, event.transcript)
    else:
        parts.judge_question(event.item_id, now, passed=True)
    parts.spending.tell(now)


def _input_failed(
    parts: Parts, event: protocol.ConversationItemInputAudioTranscriptionFailed, now: float
) -> None:
    parts.outcome.events.append(
        events.TranscriptFailed(
            item_id=event.item_id, error=event.error, content_index=event.content_index or 0
        )
    )
    parts.judge_question(event.item_id, now, passed=False)


def _error(parts: Parts, event: protocol.ErrorEvent, _now: float) -> None:
    error = event.error
    parts.sequencer.error(code=error.code, message=error.message, event_id=error.event_id)
    if error.code == "input_audio_buffer_commit_empty":
        for ear in parts.ears:
            ear.commit_refused()
    parts.outcome.events.append(events.Error(error=event))


_Handler = Callable[[Parts, Any, float], None]

_HANDLERS: dict[type, _Handler] = {
    protocol.ResponseOutputAudioDelta: _audio_delta,
    protocol.ResponseOutputAudioDone: _audio_done,
    protocol.ResponseContentPartAdded: _part_added,
    protocol.OutputAudioBufferStarted: _playback_started,
    protocol.OutputAudioBufferStopped: _playback_stopped,
    protocol.OutputAudioBufferCleared: _playback_cleared,
    protocol.ResponseOutputAudioTranscriptDelta: _transcript_delta,
    protocol.ResponseOutputAudioTranscriptDone: _transcript_done,
    protocol.ResponseOutputTextDelta: _text_delta,
    protocol.ResponseCreated: _response_created,
    protocol.ResponseDone: _response_done,
    protocol.ResponseOutputItemAdded: _output_item_added,
    protocol.ResponseOutputItemDone: _output_item_done,
    protocol.SessionCreated: _session_created,
    protocol.SessionUpdated: _session_updated,
    protocol.InputAudioBufferSpeechStarted: _speech_started,
    protocol.InputAudioBufferSpeechStopped: _speech_stopped,
    protocol.InputAudioBufferCommitted: _committed,
    protocol.InputAudioBufferTimeoutTriggered: _timeout,
    protocol.ConversationItemAdded: _item_added,
    protocol.ConversationItemCreated: _item_added,
    protocol.ConversationItemDone: _item_done,
    protocol.ConversationItemRetrieved: _item_retrieved,
    protocol.ConversationItemDeleted: _item_deleted,
    protocol.ConversationItemTruncated: _item_truncated,
    protocol.ConversationItemInputAudioTranscriptionDelta: _input_delta,
    protocol.ConversationItemInputAudioTranscriptionCompleted: _input_completed,
    protocol.ConversationItemInputAudioTranscriptionFailed: _input_failed,
    protocol.McpListToolsInProgress: _mcp_progress,
    protocol.ResponseMcpCallInProgress: _mcp_progress,
    protocol.ErrorEvent: _error,
    protocol.UnknownEvent: _unknown_event,
}
