"""The beta protocol's names and shapes, for clients that ask for them as they connect.

A client asks by the header `OpenAI-Beta: realtime=v1`, or in a browser by the subprotocol
`openai-beta.realtime-v1`. Its line then translates both ways, event by event, and the session
behind it knows nothing of it. Whoever does not ask gets and gives today's protocol only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from rtaudio.errors import ConfigError
from rtaudio.protocol import normalise_session_config
from rtaudio.server.access import offered_protocols

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping

    from multidict import CIMultiDictProxy

    from rtaudio.server.line import Line

__all__ = [
    "BetaLine",
    "asks_for_beta",
    "beta_session",
    "from_beta",
    "to_beta",
    "todays_settings",
]

Json: TypeAlias = dict[str, Any]

_HEADER = "OpenAI-Beta"
_WANTED = "realtime=v1"
_PROTOCOL = "openai-beta.realtime-v1"

_NAMES = {
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "conversation.item.added": "conversation.item.created",
}
_PARTS = {"output_text": "text", "output_audio": "audio"}
_TODAYS_PARTS = {beta: today for today, beta in _PARTS.items()}
_FORMATS = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}
_LISTENING = {
    "transcription": "input_audio_transcription",
    "noise_reduction": "input_audio_noise_reduction",
    "turn_detection": "turn_detection",
}
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def asks_for_beta(headers: CIMultiDictProxy[str]) -> bool:
    """Tell whether a request asks for the beta protocol."""
    asked = ",".join(headers.getall(_HEADER, [])).split(",")
    return _WANTED in [one.strip() for one in asked] or _PROTOCOL in offered_protocols(headers)


class BetaLine:
    """A line whose client speaks the beta protocol, as one whose client speaks today's.

    Args:
        line: carries the beta protocol's events.
    """

    def __init__(self, line: Line) -> None:
        self._line = line

    async def send(self, text: bytes) -> None:
        """Send an event under its beta name, or nothing where there was none in the beta."""
        event = to_beta(_decode(text))
        if event is not None:
            await self._line.send(_encode(event))

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        async for message in self._line:
            yield from_beta(message) if isinstance(message, str) else message

    async def close(self, code: int, reason: str) -> None:
        """Close the line."""
        await self._line.close(code, reason)


def to_beta(event: Json) -> Json | None:
    """Write a server event in the beta protocol.

    Args:
        event: in wire form; its parts may go into the result.

    Returns:
        The event, None where the beta had none.
    """
    kind = event["type"]
    if kind == "conversation.item.done":
        return None
    beta = {**event, "type": _NAMES.get(kind, kind)}
    if "session" in event:
        if event["session"]["type"] == "transcription":
            beta["type"] = f"transcription_{kind}"
        beta["session"] = beta_session(event["session"])
    if "response" in event:
        beta["response"] = _beta_response(event["response"])
    if "item" in event:
        beta["item"] = _beta_item(event["item"])
    if kind == "response.function_call_arguments.done":
        del beta["name"]
    return beta


def beta_session(session: Json) -> Json:
    """Write a session's effective settings as the beta did."""
    listening = session["audio"]["input"]
    flat = {
        name: value for name, value in session.items() if name not in ("type", "audio", "include")
    }
    flat["input_audio_format"] = _FORMATS[listening["format"]["type"]]
    flat |= {beta: listening[name] for name, beta in _LISTENING.items()}
    if (vad := flat["turn_detection"]) and vad.get("idle_timeout_ms", 0) is None:
        flat["turn_detection"] = {k: v for k, v in vad.items() if k != "idle_timeout_ms"}
    if session["type"] == "realtime":
        spoken = session["audio"]["output"]
        flat |= {"voice": _voice(spoken), "speed": spoken["speed"]}
        flat["output_audio_format"] = _FORMATS[spoken["format"]["type"]]
        flat["modalities"] = _beta_modalities(flat.pop("output_modalities"))
        flat["max_response_output_tokens"] = flat.pop("max_output_tokens")
        for newer in ("truncation", "prompt", "reasoning", "parallel_tool_calls"):
            flat.pop(newer, None)
    return flat


def _beta_response(response: Json) -> Json:
    flat = {k: v for k, v in response.items() if k not in ("audio", "output_modalities")}
    spoken = response["audio"]["output"]
    flat |= {"voice": _voice(spoken), "output_audio_format": _FORMATS[spoken["format"]["type"]]}
    flat["modalities"] = _beta_modalities(response["output_modalities"])
    flat["output"] = [_beta_item(item) for item in response["output"]]
    return flat


def _beta_modalities(modalities: list[str]) -> list[str]:
    return ["text", "audio"] if modalities == ["audio"] else modalities


def _voice(spoken: Json) -> Any:
    voice = spoken["voice"]
    return voice["id"] if isinstance(voice, dict) else voice


def _beta_item(item: Json) -> Json:
    return {**_renamed_parts(item, _PARTS), "object": "realtime.item"}


def _renamed_parts(item: Json, names: Mapping[str, str]) -> Json:
    content = item.get("content")
    if not isinstance(content, list):
        return item
    return {**item, "content": [_renamed(part, names) for part in content]}


def _renamed(part: Any, names: Mapping[str, str]) -> Any:
    kind = part.get("type") if isinstance(part, dict) else None
    return {**part, "type": names[kind]} if isinstance(kind, str) and kind in names else part


def from_beta(message: str) -> str:
    """Rewrite a client's event of the beta protocol as one of today's.

    What is no such event is returned as it is, so that it is refused for what it is.
    """
    try:
        event = _decode(message)
    except (msgspec.DecodeError, RecursionError):
        return message
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(kind, str) or kind not in _REWRITES:
        return message
    try:
        return _encode(_REWRITES[kind](event)).decode()
    except (ConfigError, RecursionError, OverflowError):
        return message  # a setting that has no reading, or no end


def _session_update(event: Json) -> Json:
    session = event.get("session")
    if not isinstance(session, dict):
        return event
    return {**event, "session": {"type": "realtime", **todays_settings(session)}}


def _transcription_session_update(event: Json) -> Json:
    session = event.get("session")
    event = {**event, "type": "session.update"}
    if isinstance(session, dict):
        # Keys were given out together with sessions then, and modalities meant nothing.
        left = {k: v for k, v in session.items() if k not in ("client_secret", "modalities")}
        event["session"] = {**todays_settings(left), "type": "transcription"}
    return event


def _response_create(event: Json) -> Json:
    response = event.get("response")
    if not isinstance(response, dict):
        return event
    settings = todays_settings(response)
    if isinstance(settings.get("input"), list):
        settings["input"] = list(_todays_items(settings["input"]))
    return {**event, "response": settings}


def _item_create(event: Json) -> Json:
    return {**event, "item": next(_todays_items([event.get("item")]))}


def _todays_items(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        yield _renamed_parts(item, _TODAYS_PARTS) if isinstance(item, dict) else item


def todays_settings(settings: Json) -> Json:
    """Write the beta's settings of a session or a response as today's.

    Raises:
        ConfigError: one of them has no reading.
    """
    # There is no temperature any more; clients of the beta send one with everything.
    today = normalise_session_config({k: v for k, v in settings.items() if k != "temperature"})
    if today.get("output_modalities") in (["text", "audio"], ["audio", "text"]):
        today["output_modalities"] = ["audio"]
    return today


_REWRITES: dict[str, Callable[[Json], Json]] = {
    "session.update": _session_update,
    "transcription_session.update": _transcription_session_update,
    "response.create": _response_create,
    "conversation.item.create": _item_create,
}
