"""What a model does in a conversation, as the events in which a service would tell it.

transport = ScriptedTransport()
model = ScriptedModel(transport)
async with RealtimeSession(agent, transport=transport) as session:
    await session.send_message("What is the weather in Rome?")
    call_id = model.calls("weather", {"city": "Rome"})
    ...
    model.says("Sunny, 21 degrees.", audio=speech)
"""

from __future__ import annotations

import itertools
import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from typing_extensions import Buffer

    from rtaudio.transports.scripted import ScriptedTransport

__all__ = ["ScriptedModel"]

# 100 ms of 24 kHz PCM16, which is about what services send at a time.
_DELTA_BYTES = 4800


class ScriptedModel:
    """Plays the model over a scripted transport; ids count up, so that tests can name them.

    Items are `item_1`, `item_2`, ..., responses `resp_1`, ..., calls `call_1`, ... in the order in
    which they come about.

    Args:
        transport: where the events arrive.
    """

    def __init__(self, transport: ScriptedTransport) -> None:
        self._transport = transport
        self._numbers: dict[str, Iterator[int]] = {}
        self._response_id: str | None = None
        self._output: list[dict[str, Any]] = []
        self._last_item_id: str | None = None

    def creates_session(self, **session: Any) -> None:
        """The session exists and has these settings; some behaviour of clients waits for it."""
        settings = {"type": "realtime", "id": "sess_1", **session}
        self._emit("session.created", session=settings)

    def updates_session(self, **session: Any) -> None:
        """The service has taken these settings."""
        self._emit("session.updated", session={"type": "realtime", **session})

    def reads(self, text: str) -> str:
        """What the user has written is part of the conversation; returns its item's id."""
        content = [{"type": "input_text", "text": text}]
        return self._user_item(self._new("item"), content)

    def hears(self, transcript: str | None, *, start_ms: int = 0, end_ms: int = 1000) -> str:
        """The user has spoken, and the service's voice detection has noticed.

        Args:
            transcript: what was said; None where it is not transcribed.
            start_ms: where speech began, in ms of the sound that was sent.
            end_ms: where it ended.

        Returns:
            The id of the item.
        """
        item_id = self._new("item")
        buffer = "input_audio_buffer"
        self._emit(f"{buffer}.speech_started", item_id=item_id, audio_start_ms=start_ms)
        self._emit(f"{buffer}.speech_stopped", item_id=item_id, audio_end_ms=end_ms)
        return self._commit(item_id, transcript)

    def commits(self, transcript: str | None) -> str:
        """The sound so far, which the user has committed, is an item; returns its id."""
        return self._commit(self._new("item"), transcript)

    def begins(self) -> str:
        """A response begins; returns its id. `says` and `calls` begin one by themselves."""
        if self._response_id is not None:
            raise ConfigError(f"{self._response_id} has not ended yet; call ends() first")
        self._response_id = self._new("resp")
        self._output = []
        self._emit("response.created", response=self._response("in_progress"))
        return self._response_id

    def says(self, text: str, *, audio: Buffer | None = None, end: bool = True) -> str:
        """Answer in text, or aloud.

        Args:
            text: word by word, or the transcript of the sound.
            audio: PCM16 in the session's output format, sent by 100 ms of 24 kHz.
            end: end the response; False leaves it, and the item, open for more or for `ends`.

        Returns:
            The id of the item.
        """
        item_id = self._open_item("message", role="assistant", content=[])
        kind = "output_text" if audio is None else "output_audio_transcript"
        pieces = [b"", *_chunks(audio)] if audio is not None else []
        words = text.split(" ")
        for index, (word, piece) in enumerate(itertools.zip_longest(words, pieces)):
            if word is not None:
                self._part(f"{kind}.delta", item_id, delta=word if index == 0 else f" {word}")
            if piece:
                self._part("output_audio.delta", item_id, delta=b64encode(piece).decode())
        content = {"type": "output_text", "text": text}
        if audio is not None:
            content = {"type": "output_audio", "transcript": text}
        if end:
            if audio is not None:
                self._part("output_audio.done", item_id)
            self._close_item(item_id, "message", role="assistant", content=[content])
            self.ends()
        return item_id

    def calls(
        self, name: str, arguments: Mapping[str, Any] | str = "{}", *, end: bool = True
    ) -> str:
        """Call a function.

        Args:
            name: of a tool or a handoff.
            arguments: a mapping, or text as it is, which need not be JSON.
            end: end the response; False leaves it open for further calls.

        Returns:
            The id of the call.
        """
        call_id = self._new("call")
        text = arguments if isinstance(arguments, str) else json.dumps(dict(arguments))
        item_id = self._open_item("function_call", name=name, call_id=call_id, arguments="")
        self._close_item(item_id, "function_call", name=name, call_id=call_id, arguments=text)
        if end:
            self.ends()
        return call_id

    def ends(self, status: str = "completed", *, usage: Mapping[str, Any] | None = None) -> None:
        """End the response that goes on.

        Args:
            status: `completed`, `cancelled`, `incomplete` or `failed`.
            usage: what it has cost, as a service reports it.
        """
        if self._response_id is None:
            raise ConfigError("no response goes on; call begins(), says() or calls() first")
        response = {**self._response(status), "output": self._output}
        self._emit("response.done", response={**response, "usage": usage and dict(usage)})
        self._response_id = None

    def truncates(self, item_id: str, audio_end_ms: int) -> None:
        """An item's sound was cut, as the client asked for."""
        self._emit(
            "conversation.item.truncated",
            item_id=item_id,
            content_index=0,
            audio_end_ms=audio_end_ms,
        )

    def _commit(self, item_id: str, transcript: str | None) -> str:
        previous = self._last_item_id
        self._emit("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous)
        self._user_item(item_id, [{"type": "input_audio", "transcript": None}])
        if transcript is not None:
            self._emit(
                "conversation.item.input_audio_transcription.completed",
                item_id=item_id,
                content_index=0,
                transcript=transcript,
                usage={"type": "duration", "seconds": 1},
            )
        return item_id

    def _user_item(self, item_id: str, content: list[dict[str, Any]]) -> str:
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        item["status"] = "completed"
        for kind in ("added", "done"):
            self._emit(f"conversation.item.{kind}", previous_item_id=self._last_item_id, item=item)
        self._last_item_id = item_id
        return item_id

    def _open_item(self, kind: str, **fields: Any) -> str:
        if self._response_id is None:
            self.begins()
        item_id = self._new("item")
        item = {"id": item_id, "type": kind, "status": "in_progress", **fields}
        self._part("output_item.added", None, item=item)
        self._emit("conversation.item.added", previous_item_id=self._last_item_id, item=item)
        return item_id

    def _close_item(self, item_id: str, kind: str, **fields: Any) -> None:
        item = {"id": item_id, "type": kind, "status": "completed", **fields}
        self._emit("conversation.item.done", previous_item_id=self._last_item_id, item=item)
        self._part("output_item.done", None, item=item)
        self._output.append(item)
        self._last_item_id = item_id

    def _response(self, status: str) -> dict[str, Any]:
        return {"id": self._response_id, "status": status, "output": []}

    def _part(self, kind: str, item_id: str | None, **fields: Any) -> None:
        place: dict[str, Any] = {
            "response_id": self._response_id,
            "output_index": len(self._output),
        }
        if item_id is not None:
            place |= {"item_id": item_id, "content_index": 0}
        self._emit(f"response.{kind}", **place, **fields)

    def _emit(self, kind: str, **fields: Any) -> None:
        self._transport.emit({"type": kind, "event_id": self._new("event"), **fields})

    def _new(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers.setdefault(kind, itertools.count(1)))}"


def _chunks(audio: Buffer) -> Iterator[bytes]:
    data = bytes(audio)
    for start in range(0, len(data), _DELTA_BYTES):
        yield data[start : start + _DELTA_BYTES]
