"""A realtime conversation in the form that chat endpoints take, and their answers in ours."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from rtaudio.errors import TransportError
from rtaudio.protocol import FunctionCallItem, FunctionCallOutputItem, MessageItem
from rtaudio.server.engines.base import AnswerIncomplete, ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rtaudio.protocol import ContentPart, Item

__all__ = ["ChatAnswer", "chat_request"]

# What one answer may hold. A response ends at 4096 words; this is for what has no words.
_MOST_CHARACTERS = 256 * 1024
_MOST_CALLS = 128
_NO_OUTPUT = "There is no output yet."


def chat_request(
    items: Sequence[Item],
    settings: Mapping[str, Any],
    tools: Sequence[Mapping[str, Any]],
    model: str | None,
) -> dict[str, Any]:
    """Write the body of a request for a streamed answer.

    Calls are written with their outputs right behind them, as chat endpoints demand it, wherever
    the outputs came in the conversation. Outputs whose call is gone, messages without words or
    pictures and items of hosted MCP are left out.

    Args:
        items: as `Responder.respond` is given them.
        settings: the same.
        tools: the same.
        model: the model to ask for, None to leave that to the endpoint.
    """
    request: dict[str, Any] = {"stream": True}
    if model is not None:
        request["model"] = model
    request["messages"] = list(_messages(items, settings.get("instructions")))
    most = settings.get("max_output_tokens")
    if isinstance(most, int):
        request["max_tokens"] = most
    if tools:
        request["tools"] = [_tool(tool) for tool in tools]
        choice = settings.get("tool_choice")
        if isinstance(choice, dict):  # one of the functions, or a server of hosted MCP
            named = {"type": "function", "function": {"name": choice.get("name")}}
            choice = named if choice.get("type") == "function" else "auto"
        request["tool_choice"] = choice or "auto"
        if settings.get("parallel_tool_calls") is not None:
            request["parallel_tool_calls"] = settings["parallel_tool_calls"]
    return request


def _messages(items: Sequence[Item], instructions: str | None) -> Iterator[dict[str, Any]]:
    if instructions:
        yield {"role": "system", "content": instructions}
    outputs: dict[str | None, str]
    outputs = {i.call_id: i.output for i in items if isinstance(i, FunctionCallOutputItem)}
    told = [item for item in items if isinstance(item, MessageItem | FunctionCallItem)]
    for calling, group in groupby(told, lambda item: isinstance(item, FunctionCallItem)):
        if calling:
            yield from _calls([i for i in group if isinstance(i, FunctionCallItem)], outputs)
            continue
        for item in group:
            if isinstance(item, MessageItem) and (content := _content(item.content)):
                yield {"role": item.role, "content": content}


def _calls(
    items: Iterable[FunctionCallItem], outputs: Mapping[str | None, str]
) -> Iterator[dict[str, Any]]:
    calls = {item.call_id or item.id or "": item for item in items}
    yield {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": call_id,
                "type": "function",
                "function": {"name": item.name, "arguments": item.arguments},
            }
            for call_id, item in calls.items()
        ],
    }
    for call_id in calls:
        yield {
            "role": "tool",
            "tool_call_id": call_id,
            "content": outputs.get(call_id, _NO_OUTPUT),
        }


def _content(parts: Iterable[ContentPart]) -> str | list[dict[str, Any]]:
    """Plain text where there is nothing else, which every endpoint understands."""
    written: list[dict[str, Any]] = []
    for part in parts:
        text = part.text or part.transcript
        if text:
            written.append({"type": "text", "text": text})
        elif part.image_url:
            written.append({"type": "image_url", "image_url": {"url": part.image_url}})
    if all(part["type"] == "text" for part in written):
        return "\n".join(part["text"] for part in written)
    return written


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {k: v for k, v in tool.items() if k != "type"}}


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function = msgspec.field(default_factory=_Function)


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None  # where an answer is not streamed
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    error: Any = None


class _CallParts:
    """A call as its pieces come."""

    def __init__(self, call_id: str | None) -> None:
        self.id = call_id
        self.name = ""
        self.arguments: list[str] = []


class ChatAnswer:
    """An answer as its chunks come, from any of the endpoints that call themselves compatible."""

    def __init__(self) -> None:
        self._calls: list[_CallParts] = []
        self._places: dict[int | None, _CallParts] = {}
        self._characters = 0
        self._finish_reason: str | None = None

    def take(self, data: str | bytes) -> str:
        """Take the next chunk, or an answer that is not streamed, and return the text in it.

        Raises:
            TransportError: it is no chunk, it reports an error, or the answer is too long.
        """
        try:
            chunk = msgspec.json.decode(data, type=_Chunk)
        except (msgspec.DecodeError, UnicodeError):
            raise TransportError("the chat endpoint sent what is no part of an answer") from None
        if chunk.error is not None:
            raise TransportError("the chat endpoint reported an error amid its answer")
        texts = []
        for choice in (chunk.choices or ())[:1]:
            delta = choice.delta or choice.message or _Delta()
            texts += [text for text in (delta.content, delta.refusal) if text]
            for call in delta.tool_calls or ():
                self._take_call(call)
            self._finish_reason = choice.finish_reason or self._finish_reason
        text = "".join(texts)
        self._count(len(text))
        return text

    def _take_call(self, call: _Call) -> None:
        """Some endpoints number all calls 0, or none, and tell them apart by their ids alone."""
        known = self._places.get(call.index)
        if known is None or (call.id and known.id and call.id != known.id):
            known = self._places[call.index] = _CallParts(call.id)
            self._calls.append(known)
        name, arguments = call.function.name or "", call.function.arguments or ""
        if isinstance(arguments, dict):
            arguments = msgspec.json.encode(arguments).decode()
        known.name = known.name or name
        known.arguments.append(arguments)
        self._count(len(name) + len(arguments))
        if len(self._calls) > _MOST_CALLS:
            raise TransportError(f"the chat endpoint made more than {_MOST_CALLS} calls at once")

    def _count(self, characters: int) -> None:
        self._characters += characters
        if self._characters > _MOST_CHARACTERS:
            raise TransportError(
                f"the chat endpoint's answer has more than {_MOST_CHARACTERS} characters"
            )

    def finish(self) -> list[ToolCall]:
        """Return the calls, at the end of the stream.

        Raises:
            AnswerIncomplete: the endpoint says that it did not finish.
            TransportError: the stream ended before the answer did, or a call has no name.
        """
        if self._finish_reason is None:
            raise TransportError("the chat endpoint's answer broke off")
        if self._finish_reason == "length":
            raise AnswerIncomplete("max_output_tokens")
        if self._finish_reason == "content_filter":
            raise AnswerIncomplete("content_filter")
        if not all(call.name for call in self._calls):
            raise TransportError("the chat endpoint called a function without a name")
        return [ToolCall(call.name, "".join(call.arguments) or "{}") for call in self._calls]
