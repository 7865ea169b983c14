"""Answers by rules from a file: a responder for demos and tests, without a model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from rtaudio.errors import ConfigError
from rtaudio.protocol import FunctionCallItem, FunctionCallOutputItem
from rtaudio.server.engines.base import ToolCall
from rtaudio.server.engines.words import last_said, pieces_of, words_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from rtaudio.protocol import Item
    from rtaudio.server.engines.base import AnswerPiece

__all__ = ["ScriptResponder"]

_T = TypeVar("_T")


class _Rule(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    when: list[str]
    say: str = ""
    call: str | None = None
    arguments: dict[str, Any] = {}
    then: str = "{output}"

    def __post_init__(self) -> None:
        if not self.say and self.call is None:
            raise ValueError("a rule needs 'say', 'call' or both")

    @property
    def arguments_text(self) -> str:
        return msgspec.json.encode(self.arguments).decode()

    def matches(self, heard: str) -> bool:
        return any(f" {_plain(phrase)} " in f" {heard} " for phrase in self.when)


class _Script(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    rules: list[_Rule]
    otherwise: str = "I have no answer to that."


class ScriptResponder:
    """Answers by the first rule that fits what the user said last.

    A script is JSON:

        {
          "rules": [
            {"when": ["hello", "good morning"], "say": "Hello! You said: {heard}"},
            {"when": ["weather"], "call": "get_weather", "arguments": {"city": "Oslo"},
             "then": "The answer is {output}."}
          ],
          "otherwise": "I have no answer to that."
        }

    `when` lists words or phrases, of which one has to occur as whole words; case and punctuation do
    not matter. `say` is text, in which `{heard}` stands for what the user said; `call` calls a
    function, behind `say` if both are there, and is passed over where the client does not offer
    that function. When its output has come, `then` is said (with `{output}` in its place).

    Args:
        script: as above, already read.

    Raises:
        ConfigError: the script is not of this shape; the message names the place.
    """

    def __init__(self, script: Mapping[str, Any]) -> None:
        self._script = _read(lambda: msgspec.convert(script, _Script))

    @classmethod
    def from_file(cls, path: str | Path) -> ScriptResponder:
        """Read a script from a JSON file.

        Raises:
            ConfigError: the file can't be read, or is not a script; the message says where.
        """
        try:
            text = Path(path).read_bytes()
        except OSError as error:
            raise ConfigError(f"the script {str(path)!r} can't be read: {error.strerror}") from None
        return cls(_read(lambda: msgspec.json.decode(text, type=dict[str, Any])))

    async def respond(
        self,
        items: Sequence[Item],
        settings: Mapping[str, Any],
        tools: Sequence[Mapping[str, Any]],
    ) -> AsyncIterator[AnswerPiece]:
        """Yield the answer, text word by word."""
        del settings
        last = last_said(items)
        offered = {tool.get("name") for tool in tools}
        if isinstance(last, FunctionCallOutputItem):
            for word in pieces_of(self._then(last, items).replace("{output}", last.output)):
                yield word
            return
        said = words_of(last)
        heard = _plain(said)
        for rule in self._script.rules:
            if rule.matches(heard) and (rule.call is None or rule.call in offered):
                for word in pieces_of(rule.say.replace("{heard}", said)):
                    yield word
                if rule.call is not None:
                    yield ToolCall(rule.call, rule.arguments_text)
                return
        for word in pieces_of(self._script.otherwise.replace("{heard}", said)):
            yield word

    def _then(self, output: FunctionCallOutputItem, items: Sequence[Item]) -> str:
        """What the rule that made a call says to the output."""
        for item in items:
            if isinstance(item, FunctionCallItem) and item.call_id == output.call_id:
                for rule in self._script.rules:
                    if rule.call == item.name and rule.arguments_text == item.arguments:
                        return rule.then
        return "{output}"


def _plain(text: str) -> str:
    """Words in lower case with single spaces between, without punctuation."""
    return " ".join(re.findall(r"\w+", text.lower()))


def _read(read: Callable[[], _T]) -> _T:
    try:
        return read()
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ConfigError(f"the script is not valid: {error}") from None
