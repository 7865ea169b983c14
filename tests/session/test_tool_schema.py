"""What the model learns of a function's arguments."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import pytest

from rtaudio import ConfigError, RunContext
from rtaudio.session.tool_schema import read_signature


class Unit(enum.Enum):
    METRIC = "metric"
    IMPERIAL = "imperial"


@dataclass
class Place:
    city: str
    country: str = "FR"


def test_types_names_and_docstring_become_the_schema():
    def weather(
        ctx: RunContext,
        city: str,
        days: int = 3,
        unit: Literal["c", "f"] = "c",
        tags: list[str] | None = None,
    ) -> str:
        """Tell the weather.

        It knows the past too.

        Args:
            city: where, as people
                write it
            days (int): how far ahead
        """
        return f"{ctx}{city}{days}{unit}{tags}"

    signature = read_signature(weather)
    assert signature.takes_context
    assert signature.description == "Tell the weather. It knows the past too."
    assert signature.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "where, as people write it"},
            "days": {"type": "integer", "description": "how far ahead", "default": 3},
            "unit": {"enum": ["c", "f"], "default": "c"},
            "tags": {
                "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
                "default": None,
            },
        },
        "required": ["city", "days", "unit", "tags"],
        "additionalProperties": False,
    }
    assert read_signature(weather, strict=False).parameters == {
        **signature.parameters,
        "required": ["city"],
    }


def test_structures_enums_and_limits_are_described():
    def go(place: Place, unit: Unit, count: Annotated[int, msgspec.Meta(ge=1, le=9)]) -> None:
        """Go."""

    parameters = read_signature(go).parameters
    assert parameters["required"] == ["place", "unit", "count"]
    assert parameters["properties"]["count"] == {"type": "integer", "minimum": 1, "maximum": 9}
    assert parameters["$defs"]["Place"]["properties"]["country"]["default"] == "FR"
    assert parameters["$defs"]["Place"]["required"] == ["city", "country"]
    assert parameters["$defs"]["Place"]["additionalProperties"] is False
    assert parameters["$defs"]["Unit"]["enum"] == ["imperial", "metric"]
    assert (
        "additionalProperties" not in read_signature(go, strict=False).parameters["$defs"]["Place"]
    )


def test_a_mapping_takes_any_keys():
    def count(words: dict[str, int]) -> None:
        """Count."""

    schema = read_signature(count).parameters["properties"]["words"]
    assert schema == {"type": "object", "additionalProperties": {"type": "integer"}}


def test_a_schema_of_the_applications_own_stands_as_it_is():
    given = {"type": "object", "properties": {"x": {"type": "integer"}}}

    def f(ctx: RunContext, **arguments: Any) -> Any:
        """Do it.

        Args:
            x: not read
        """
        return ctx, arguments

    signature = read_signature(f, schema=given)
    assert signature.parameters == given
    assert signature.parameters is not given
    assert signature.takes_context
    assert signature.description == "Do it."


@pytest.mark.parametrize("schema", [[], {"type": "array"}, {"type": "object", "x": object()}])
def test_a_schema_that_is_none_of_an_object_is_refused(schema):
    def f() -> None:
        """Do it."""

    with pytest.raises(ConfigError, match="tool 'f': parameters must be"):
        read_signature(f, schema=schema)


def test_a_function_without_parameters_takes_an_empty_object():
    def now() -> str:
        return ""

    signature = read_signature(now)
    assert not signature.takes_context
    assert signature.description == ""
    assert signature.parameters == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }


def _by_annotation(c: RunContext, x: int) -> Any:
    return c, x


def _by_subscript(c: RunContext[dict[str, int]], x: int) -> Any:  # type: ignore[type-arg]
    return c, x


def _by_name(ctx, x: int) -> Any:
    return ctx, x


def _not_first(x: int, ctx: int) -> Any:
    return x, ctx


@pytest.mark.parametrize(
    ("function", "takes_context", "names"),
    [
        (_by_annotation, True, ["x"]),
        (_by_subscript, True, ["x"]),
        (_by_name, True, ["x"]),
        (_not_first, False, ["x", "ctx"]),
    ],
)
def test_the_context_is_no_argument(function, takes_context, names):
    signature = read_signature(function)
    assert signature.takes_context is takes_context
    assert list(signature.parameters["properties"]) == names


def test_a_type_that_only_the_function_can_see_is_found():
    class Local(msgspec.Struct):
        x: int

    def f(local: Local) -> Any:
        return Local, local

    assert "Local" in read_signature(f).parameters["$defs"]


def test_what_json_cannot_fill_is_refused():
    def many(*values: int) -> Any:
        return values

    def unknown(x: NoSuchType) -> Any:  # type: ignore[name-defined]  # noqa: F821
        return x

    def strange(x: memoryview | complex) -> Any:
        return x

    with pytest.raises(ConfigError, match=r"tool 'many': parameter \*values: 'int' cannot"):
        read_signature(many)
    with pytest.raises(ConfigError, match="type of parameter 'x', 'NoSuchType'"):
        read_signature(unknown)
    with pytest.raises(ConfigError, match="tool 'strange': its parameters have no JSON schema"):
        read_signature(strange)
