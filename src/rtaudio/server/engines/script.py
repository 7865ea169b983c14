"""Answers by rules from a file: a responder for demos and tests, without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rtaudio.errors import ConfigError
from rtaudio.protocol import FunctionCallItem, FunctionCallOutputItem, MessageItem
from rtaudio.server.engines.script_file import ScriptFile
from rtaudio.server.engines.script_rules import WrongScript, fill, read_rules
from rtaudio.server.engines.words import last_said, pieces_of, words_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from rtaudio.protocol import Item
    from rtaudio.server.engines.base import AnswerPiece
    from rtaudio.server.engines.script_rules import Rule

__all__ = ["ScriptResponder"]


class ScriptResponder:
    """Answers by the first rule that fits what the user said, or what a function returned.

    A rule is a mapping of these:

    - `when`: a word or phrase, or a list of which one has to occur, as whole words; case and
      punctuation do not matter. Or `match`: a regular expression, whatever the case. A rule with
      neither always fits.
    - `after`: the name of a function; then the rule is for what that returned, and not for what the
      user said.
    - `once`: true for a rule that answers but once in a conversation.
    - `say`: what is said.
    - `call` with `arguments`, or `calls`, a list of `name` with `arguments`: functions that are
      called, behind `say`. Where the client does not offer all of them the rule does not fit.
    - `then`: what is said when the output has come and no rule is `after` it; the output itself if
      it is not given.

    In texts, those of arguments too, `{heard}` stands for what the user said last; `{1}` and
    `{name}` for what the groups of `match` caught; behind a call `{output}` for what came back,
    `{output.key.key}` for what lies in it if that is JSON, and `{outputs}` for all that came back
    since the user spoke, joined with ", ".

    It holds no state: what a conversation has used up it finds out from the conversation.

    Args:
        script: `rules` in their order, and `otherwise`, which is said where none fits.

    Raises:
        ConfigError: the script is not like this; the message names the place.
    """

    def __init__(self, script: Mapping[str, Any]) -> None:
        try:
            self._script = read_rules(script)
        except WrongScript as error:
            place = "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in error.place)
            raise ConfigError(f"the script is not valid: {place[1:]}: {error}") from None

    @classmethod
    def from_file(cls, path: str | Path) -> ScriptResponder:
        """Read a script from a file.

        Args:
            path: YAML (`.yaml`, `.yml`) or JSON (`.json`).

        Raises:
            ConfigError: the file can't be read, or is no script; the message has the line.
        """
        file = ScriptFile(path)
        try:
            read_rules(file.content)
        except WrongScript as error:
            raise file.wrong(error.place, str(error)) from None
        return cls(file.content)

    async def respond(
        self,
        items: Sequence[Item],
        settings: Mapping[str, Any],
        tools: Sequence[Mapping[str, Any]],
    ) -> AsyncIterator[AnswerPiece]:
        """Yield the answer, text word by word."""
        del settings
        talk = _Talk(self._script.rules)
        for item in items:
            talk.add(item)
        talk.settle()
        offered = {str(tool.get("name")) for tool in tools}
        said = last_said(items)
        template, calls = self._script.otherwise, []
        values = dict(talk.values)
        if (choice := talk.choose(said, lambda rule: rule.functions <= offered)) is not None:
            values |= choice.caught
            template, calls = choice.rule.say, choice.rule.tool_calls(values)
        elif isinstance(said, FunctionCallOutputItem):
            template = "{output}"
            if (choice := talk.caller(said)) is not None:
                values |= choice.caught
                template = choice.rule.then
        for word in pieces_of(fill(template, values)):
            yield word
        for call in calls:
            yield call


class _Choice(NamedTuple):
    """A rule that fits, and what its groups caught."""

    rule: Rule
    caught: Mapping[str, str]


class _Talk:
    """What a conversation has used of the rules so far, found by going through it.

    Which rule answered is told by what was called, not by what could be called: offers change.

    Attributes:
        values: what placeholders stand for at this point, but for those of groups.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._used: set[Rule] = set()
        self._open: MessageItem | FunctionCallOutputItem | None = None  # no rule for it known yet
        self._answered = False  # by a text, which calls may follow
        self._choice: _Choice | None = None  # that made the last call
        self._calls: dict[str | None, tuple[str, _Choice | None]] = {}
        self._outputs: list[str] = []
        self.values = {"heard": "", "output": "", "outputs": ""}

    def add(self, item: Item) -> None:
        """Take the next item."""
        if isinstance(item, FunctionCallOutputItem):
            self.settle()
            self._open = item
            self._outputs.append(item.output)
            self.values |= {"output": item.output, "outputs": ", ".join(self._outputs)}
        elif isinstance(item, FunctionCallItem):
            self._called(item)
        elif isinstance(item, MessageItem) and item.role == "user":
            self.settle()
            self._open = item
            self._outputs.clear()
            self.values = {"heard": words_of(item), "output": "", "outputs": ""}
        elif isinstance(item, MessageItem) and item.role == "assistant":
            self._answered = self._open is not None

    def settle(self) -> None:
        """Nothing follows what was answered: it was by a text alone."""
        if self._answered:
            self._use(self.choose(self._open, lambda rule: not rule.functions))
            self._open = None
        self._answered = False

    def _called(self, item: FunctionCallItem) -> None:
        if self._open is not None:
            choice = self.choose(self._open, lambda rule: item.name in rule.functions)
            # An output may come before the next call of the same rule does.
            if choice is not None or not isinstance(self._open, FunctionCallOutputItem):
                self._choice = choice
                self._use(choice)
            self._open = None
            self._answered = False
        self._calls[item.call_id] = (item.name, self._choice)

    def _use(self, choice: _Choice | None) -> None:
        if choice is not None:
            self._used.add(choice.rule)

    def choose(
        self,
        said: MessageItem | FunctionCallOutputItem | None,
        may: Callable[[Rule], bool],
    ) -> _Choice | None:
        """Find the first rule that fits, may answer, and is not used up."""
        after = None
        if isinstance(said, FunctionCallOutputItem):
            after = self._calls.get(said.call_id, ("", None))[0]
        text = words_of(said)
        for rule in self._rules:
            if not may(rule) or (rule.once and rule in self._used):
                continue
            if (caught := rule.fits(text, after)) is not None:
                return _Choice(rule, caught)
        return None

    def caller(self, output: FunctionCallOutputItem) -> _Choice | None:
        """Find the rule that made the call of an output; there is none where a client made it."""
        name, choice = self._calls.get(output.call_id, ("", None))
        return choice if choice is not None and name in choice.rule.functions else None
