"""The rules of a script: what they look like, when they fit, and what they say then."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from rtaudio.server.engines.base import ToolCall

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Place", "Rule", "Script", "WrongScript", "read_rules"]

#: Where something stands in a script: ("rules", 2, "say").
Place: TypeAlias = tuple[str | int, ...]

_LONGEST = 10_000  # characters that are searched; people don't say more in one go
_PLACEHOLDER = re.compile(r"\{(\w+)((?:\.\w+)*)\}")
_AT = re.compile(r" - at `\$\.?(?P<path>.*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*)`")


class WrongScript(Exception):
    """A script is not as it should be.

    Attributes:
        place: where.
    """

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


class _Call(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    arguments: dict[str, Any] = {}


class _RuleFields(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    when: str | list[str] | None = None
    match: str | None = None
    after: str | None = None
    once: bool = False
    say: str = ""
    call: str | None = None
    arguments: dict[str, Any] = {}
    calls: list[_Call] = []
    then: str = "{output}"


class _ScriptFields(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    rules: list[Any]
    otherwise: str = "I have no answer to that."


@dataclass(frozen=True, slots=True)
class Script:
    """A script that has been checked.

    Attributes:
        rules: in their order.
        otherwise: the template of what is said where no rule fits.
    """

    rules: list[Rule]
    otherwise: str


class Rule:
    """One rule.

    Args:
        place: where it stands.
        fields: what it says.

    Raises:
        WrongScript: it is not a rule.
    """

    def __init__(self, place: Place, fields: _RuleFields) -> None:
        self.after = fields.after
        self.once = fields.once
        self.say = fields.say
        self.then = fields.then
        self._calls = list(fields.calls)
        if fields.call is not None:
            self._calls.insert(0, _Call(name=fields.call, arguments=fields.arguments))
        elif fields.arguments:
            raise WrongScript((*place, "arguments"), "there are arguments, but no 'call' for them")
        if not self.say and not self._calls:
            raise WrongScript(place, "a rule needs 'say', 'call' or 'calls'")
        if fields.when is not None and fields.match is not None:
            raise WrongScript((*place, "match"), "a rule has 'when' or 'match', not both")
        phrases = [fields.when] if isinstance(fields.when, str) else fields.when
        self._phrases = None if phrases is None else [_plain(phrase) for phrase in phrases]
        if self._phrases is not None and not all(self._phrases):
            raise WrongScript((*place, "when"), "expected words, got none")
        self._pattern = None
        if fields.match is not None:
            try:
                self._pattern = re.compile(fields.match, re.IGNORECASE)
            except re.error as error:
                raise WrongScript((*place, "match"), f"not a regular expression: {error}") from None
        self._check_templates(place, fields)

    def _check_templates(self, place: Place, fields: _RuleFields) -> None:
        known = {"heard"}
        if self._pattern is not None:
            known |= {str(n) for n in range(self._pattern.groups + 1)} | {*self._pattern.groupindex}
        late = known | {"output", "outputs"}
        early = known if self.after is None else late
        for template, key, names in (
            (fields.say, "say", early),
            (fields.arguments, "arguments", early),
            ([call.arguments for call in fields.calls], "calls", early),
            (fields.then, "then", late),
        ):
            check_template((*place, key), template, names)

    @cached_property
    def functions(self) -> set[str]:
        """Names of what it calls."""
        return {call.name for call in self._calls}

    def fits(self, text: str, after: str | None) -> Mapping[str, str] | None:
        """Tell whether the rule fits.

        Args:
            text: what the user said, or the output of a function.
            after: the function's name, None for what the user said.

        Returns:
            What the groups of `match` caught, by name and number, or None where it does not fit.
        """
        if after != self.after:
            return None
        text = text[:_LONGEST]
        if self._phrases is not None:
            heard = f" {_plain(text)} "
            return {} if any(f" {phrase} " in heard for phrase in self._phrases) else None
        if self._pattern is None:
            return {}
        found = self._pattern.search(text)
        if found is None:
            return None
        numbered = {str(number): found[number] or "" for number in range(self._pattern.groups + 1)}
        return numbered | {name: text or "" for name, text in found.groupdict().items()}

    def tool_calls(self, values: Mapping[str, str]) -> list[ToolCall]:
        """Return its calls with their arguments filled in."""
        return [
            ToolCall(call.name, msgspec.json.encode(fill(call.arguments, values)).decode())
            for call in self._calls
        ]


def read_rules(script: Mapping[str, Any]) -> Script:
    """Check a script.

    Raises:
        WrongScript: at the first place that is not as it should be.
    """
    fields = _convert((), script, _ScriptFields)
    check_template(("otherwise",), fields.otherwise, {"heard"})
    places: list[Place] = [("rules", index) for index in range(len(fields.rules))]
    return Script(
        [
            Rule(place, _convert(place, raw, _RuleFields))
            for place, raw in zip(places, fields.rules, strict=True)
        ],
        fields.otherwise,
    )


def _convert(place: Place, value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text = str(error)
        at = _AT.search(text)
        # It does not tell which element of a list it means.
        keys = at["path"].partition("[")[0].split(".") if at else []
        what = _AT.sub("", text)
        if unknown := _UNKNOWN.fullmatch(what):
            keys.append(unknown["key"])
        raise WrongScript((*place, *filter(None, keys)), what) from None


def check_template(place: Place, template: Any, names: Collection[str]) -> None:
    """Check that the placeholders in texts, however deep they lie, stand for something.

    Raises:
        WrongScript: one does not.
    """
    if isinstance(template, dict):
        template = list(template.values())
    if isinstance(template, list):
        for each in template:
            check_template(place, each, names)
    if isinstance(template, str):
        for found in _PLACEHOLDER.finditer(template):
            if found[1] not in names or (found[2] and found[1] != "output"):
                known = ", ".join(f"{{{name}}}" for name in sorted(names))
                raise WrongScript(place, f"{found[0]} stands for nothing here; there is {known}")


def fill(template: Any, values: Mapping[str, str]) -> Any:
    """Put values in place of placeholders, in a text or in all that a list or dict holds."""
    if isinstance(template, dict):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, values) for value in template]
    if isinstance(template, str):
        return _PLACEHOLDER.sub(
            lambda found: _field(values.get(found[1], ""), found[2].split(".")[1:]), template
        )
    return template


def _field(text: str, keys: list[str]) -> str:
    """Return what lies in a JSON text at some keys, "" where there is nothing."""
    if not keys:
        return text
    try:
        value = msgspec.json.decode(text)
        for key in keys:
            value = value[int(key)] if isinstance(value, list) else value[key]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _plain(text: str) -> str:
    """Words in lower case with single spaces between, without punctuation."""
    return " ".join(re.findall(r"\w+", text.lower()))
