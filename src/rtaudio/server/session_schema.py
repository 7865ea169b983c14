"""What settings may look like: the fields of sessions and of `response.create`, and their check."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from rtaudio.protocol import InvalidEvent, translate_refusal

__all__ = ["Conversing", "ResponseParameters", "Transcribing", "check", "refuse_what_is_elsewhere"]

Json: TypeAlias = dict[str, Any]

_Key: TypeAlias = Annotated[str, msgspec.Meta(max_length=64)]
_Value: TypeAlias = Annotated[str, msgspec.Meta(max_length=512)]
_Ms: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=60_000)]
_Effort: TypeAlias = Literal["minimal", "low", "medium", "high", "xhigh"]
_Tokens: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=4096)] | Literal["inf"]
_Modalities: TypeAlias = Annotated[
    list[Literal["audio", "text"]], msgspec.Meta(min_length=1, max_length=1)
]
_Include: TypeAlias = list[Literal["item.input_audio_transcription.logprobs"]] | None
_Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]


class _Part(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    pass


# Sound.


class _Pcm(_Part, tag_field="type", tag="audio/pcm"):
    rate: Annotated[int, msgspec.Meta(ge=4000, le=192_000)] = 24000


class _Pcmu(_Part, tag_field="type", tag="audio/pcmu"):
    rate: Literal[8000] | None = None


class _Pcma(_Part, tag_field="type", tag="audio/pcma"):
    rate: Literal[8000] | None = None


_Format: TypeAlias = _Pcm | _Pcmu | _Pcma | None


class _NoiseReduction(_Part):
    type: Literal["near_field", "far_field"]
    strength: Annotated[float, msgspec.Meta(ge=0)] = 1.0


class _Transcription(_Part):
    model: str | None = None
    language: Annotated[str, msgspec.Meta(pattern="^[a-z]{2,3}$")] | None = None
    languages: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    prompt: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    keywords: list[str] | None = None
    delay: _Effort | None = None


class _ServerVad(_Part, tag_field="type", tag="server_vad"):
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    prefix_padding_ms: _Ms = 300
    silence_duration_ms: _Ms = 500
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: Annotated[int, msgspec.Meta(ge=5000, le=30_000)] | None = None


class _SemanticVad(_Part, tag_field="type", tag="semantic_vad"):
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


class _Input(_Part):
    format: _Format = None
    noise_reduction: _NoiseReduction | None = None
    transcription: _Transcription | None = None
    turn_detection: _ServerVad | _SemanticVad | None = None


class _CustomVoice(_Part):
    id: str


class _ResponseOutput(_Part):
    format: _Format = None
    voice: str | _CustomVoice | None = None


class _Output(_ResponseOutput):
    speed: Annotated[float, msgspec.Meta(ge=0.25, le=1.5)] = 1.0


class _InputOnly(_Part):
    input: _Input | msgspec.UnsetType = msgspec.UNSET


class _Audio(_InputOnly):
    output: _Output | msgspec.UnsetType = msgspec.UNSET


class _ResponseAudio(_Part):
    output: _ResponseOutput | msgspec.UnsetType = msgspec.UNSET


# Tools, and what else a model is told.


class _Function(_Part, tag_field="type", tag="function"):
    name: _Name
    description: str | None = None
    parameters: Json | None = None


class _Mcp(msgspec.Struct, tag_field="type", tag="mcp"):
    pass  # refused whatever it says


class _FunctionChoice(_Part, tag_field="type", tag="function"):
    name: _Name


class _Reasoning(_Part):
    effort: _Effort | None = None


class _Prompt(_Part):
    id: str
    version: str | None = None
    variables: Json | None = None


class _Tracing(_Part):
    workflow_name: str | None = None
    group_id: str | None = None
    metadata: Json | None = None


class _TokenLimits(_Part):
    post_instructions: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _RetentionRatio(_Part, tag_field="type", tag="retention_ratio"):
    retention_ratio: Annotated[float, msgspec.Meta(ge=0, le=1)]
    token_limits: _TokenLimits | None = None


class _Answering(_Part):
    """What a session says about its answers, and a response about itself."""

    instructions: str = ""
    output_modalities: _Modalities | msgspec.UnsetType = msgspec.UNSET
    max_output_tokens: _Tokens = "inf"
    tools: list[_Function | _Mcp] = []
    tool_choice: Literal["auto", "none", "required"] | _FunctionChoice | _Mcp = "auto"
    parallel_tool_calls: bool | None = None
    reasoning: _Reasoning | None = None
    prompt: _Prompt | None = None


class ResponseParameters(_Answering):
    """What `response.create` may carry, all of it optional."""

    conversation: Literal["auto", "none"] | msgspec.UnsetType = msgspec.UNSET
    input: list[Json] | None = None
    audio: _ResponseAudio | msgspec.UnsetType = msgspec.UNSET
    metadata: Annotated[dict[_Key, _Value], msgspec.Meta(max_length=16)] | None = None


class Conversing(_Answering, kw_only=True):
    """A session of type `realtime`."""

    type: Literal["realtime"]
    audio: _Audio | msgspec.UnsetType = msgspec.UNSET
    include: _Include = None
    model: str | None = None
    tracing: Literal["auto"] | _Tracing | None = None
    truncation: Literal["auto", "disabled"] | _RetentionRatio = "auto"


class Transcribing(_Part, kw_only=True):
    """A session of type `transcription`."""

    type: Literal["transcription"]
    audio: _InputOnly | msgspec.UnsetType = msgspec.UNSET
    include: _Include = None


def check(value: Json, structure: Any, root: str = "session") -> None:
    """Check a part of an event against one of the structures above.

    Args:
        value: what the client sent.
        structure: what it has to fit.
        root: the path of `value` in the event.

    Raises:
        InvalidEvent: with the `code` and `param` for the client.
    """
    try:
        msgspec.convert(value, structure)
    except msgspec.ValidationError as error:
        refusal = translate_refusal(value, error, f"{root}.")
        place = str(refusal.param).removeprefix(f"{root}.")
        exact = f"{root}.{_numbered(place, value, structure)}" if "[]" in place else refusal.param
        raise InvalidEvent(
            str(refusal).replace(str(refusal.param), str(exact)), code=refusal.code, param=exact
        ) from None


def _numbered(path: str, value: Json, structure: Any) -> str:
    """Say which entry of a list it is: msgspec tells only that one of them is wrong."""
    before, _, after = path.partition("[]")
    holder: Any = value
    *way, name = before.split(".")
    for key in way:
        holder = holder[key]
    entries = holder[name]
    if not isinstance(entries, list):
        return before  # a mapping, whose keys are the client's own words

    def wrong_in(count: int) -> bool:
        holder[name] = entries[:count]
        try:
            msgspec.convert(value, structure)
        except msgspec.ValidationError as error:
            return translate_refusal(value, error).param == path
        return False

    good, bad = 0, len(entries)
    try:
        while bad - good > 1:  # by halves, as a list may be as long as a message can be
            middle = (good + bad) // 2
            good, bad = (good, middle) if wrong_in(middle) else (middle, bad)
    finally:
        holder[name] = entries
    return f"{before}[{good}]{after}"


def refuse_what_is_elsewhere(settings: Json, root: str = "session") -> None:
    """Refuse what only the cloud's service has: an answer that ignored it would mislead.

    Args:
        settings: checked settings of a session or a response.
        root: the path of `settings` in the event.

    Raises:
        InvalidEvent: they name an MCP server, or a stored prompt.
    """
    places = [(f"tools[{index}]", tool) for index, tool in enumerate(settings.get("tools") or ())]
    places.append(("tool_choice", settings.get("tool_choice")))
    for place, entry in places:
        if isinstance(entry, dict) and entry["type"] == "mcp":
            raise InvalidEvent(
                "This service calls no MCP servers; offer their tools as functions of the client.",
                code="invalid_value",
                param=f"{root}.{place}.type",
            )
    if settings.get("prompt") is not None:
        raise InvalidEvent(
            "This service stores no prompts; send the text as 'instructions'.",
            code="invalid_value",
            param=f"{root}.prompt",
        )
