"""Tools of MCP servers that the service calls by itself, as part of what an agent offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from rtaudio.errors import ConfigError

__all__ = ["HostedMcpTool"]

#: `{"tool_names": [...], "read_only": bool}`, at least one of them.
ToolFilter: TypeAlias = Mapping[str, Any]

_FILTER_KEYS = {
    "tool_names": "tool_names",
    "toolNames": "tool_names",
    "read_only": "read_only",
    "readOnly": "read_only",
}


class HostedMcpTool:
    """The tools of an MCP server that the service calls by itself, without the application.

    The credentials among its settings are sent to the service, and shown nowhere.

    Args:
        server_label: what events and the model call the server.
        server_url: where the service reaches it. A server that a session knows already may be named
            by its label alone.
        connector_id: one of the service's own connectors, instead of a URL.
        server_description: what the server is for, for the model.
        authorization: OAuth token with which the service authenticates itself there.
        headers: further headers of the service's requests to the server.
        allowed_tools: names of the tools that the model may use, or `{"tool_names": [...],
            "read_only": bool}`; None for all.
        require_approval: "always", "never", or which tools a person has to approve each call of:
            `{"always": {...}, "never": {...}}`, one of them or both, each filled like
            `allowed_tools`; None leaves it to the service, which then always asks.

    Raises:
        ConfigError: a setting has another shape, or a tool is in both filters.
    """

    def __init__(
        self,
        server_label: str,
        *,
        server_url: str | None = None,
        connector_id: str | None = None,
        server_description: str | None = None,
        authorization: str | None = None,
        headers: Mapping[str, str] | None = None,
        allowed_tools: Sequence[str] | ToolFilter | None = None,
        require_approval: str | Mapping[str, ToolFilter] | None = None,
    ) -> None:
        if not isinstance(server_label, str) or not server_label:
            raise ConfigError(
                f"a hosted MCP tool needs a server_label, a non-empty str; got {server_label!r}"
            )
        here = f"hosted MCP tool {server_label!r}"
        texts = {
            "server_url": server_url,
            "connector_id": connector_id,
            "server_description": server_description,
            "authorization": authorization,
        }
        for name, text in texts.items():
            if text is not None and (not isinstance(text, str) or not text):
                # Not the value: it may be a credential, or hold one.
                kind = "an empty str" if text == "" else type(text).__name__
                raise ConfigError(f"{here}: {name} must be a non-empty str, got {kind}")
        if server_url is not None and connector_id is not None:
            raise ConfigError(f"{here}: give a server_url or a connector_id, not both")
        if headers is not None and not (
            isinstance(headers, Mapping)
            and all(isinstance(each, str) for pair in headers.items() for each in pair)
        ):
            raise ConfigError(f"{here}: headers must be a mapping of str to str")
        self.server_label = server_label
        self._settings: dict[str, Any] = {
            **texts,
            "headers": None if headers is None else dict(headers),
            "allowed_tools": _allowed_tools(f"{here}: allowed_tools", allowed_tools),
            "require_approval": _require_approval(f"{here}: require_approval", require_approval),
        }

    def __repr__(self) -> str:
        return f"HostedMcpTool(server_label={self.server_label!r})"

    @property
    def allowed_names(self) -> frozenset[str] | None:
        """Names of the tools that the model may use; None for all that the service lists."""
        allowed = self._settings["allowed_tools"]
        names = allowed.get("tool_names") if isinstance(allowed, dict) else allowed
        return None if names is None else frozenset(names)

    def wire(self) -> dict[str, Any]:
        """The tool as a session's settings carry it, credentials included."""
        given = {name: value for name, value in self._settings.items() if value is not None}
        return {"type": "mcp", "server_label": self.server_label, **given}


def _allowed_tools(place: str, given: Any) -> list[str] | dict[str, Any] | None:
    if given is None:
        return None
    return _filter(place, given) if isinstance(given, Mapping) else _names(place, given)


def _require_approval(place: str, given: Any) -> str | dict[str, Any] | None:
    if given is None:
        return None
    if given in ("always", "never"):
        return str(given)
    wanted = "'always', 'never', or a mapping with filters for 'always' or 'never' or both"
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(f"{place} must be {wanted}, got {given!r}")
    unknown = [key for key in given if key not in ("always", "never")]
    if unknown:
        raise ConfigError(f"{place} must be {wanted}, got the key {unknown[0]!r}")
    filters = {key: _filter(f"{place}[{key!r}]", value) for key, value in given.items()}
    names = [set(each.get("tool_names", ())) for each in filters.values()]
    twice = sorted(set.intersection(*names)) if len(names) == 2 else []
    if twice:
        raise ConfigError(f"{place} has {twice[0]!r} under 'always' and under 'never'")
    return filters


def _filter(place: str, given: Any) -> dict[str, Any]:
    wanted = "a mapping with 'tool_names' (a list of names), 'read_only' (a bool), or both"
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(f"{place} must be {wanted}, got {given!r}")
    read: dict[str, Any] = {}
    for key, value in given.items():
        name = _FILTER_KEYS.get(key)
        if name is None:
            raise ConfigError(f"{place} must be {wanted}, got the key {key!r}")
        if name in read:
            raise ConfigError(f"{place} has {name!r} in two spellings; give one of them")
        if name == "tool_names":
            read[name] = _names(f"{place}[{key!r}]", value)
        elif isinstance(value, bool):
            read[name] = value
        else:
            raise ConfigError(f"{place}[{key!r}] must be a bool, got {value!r}")
    return read


def _names(place: str, given: Any) -> list[str]:
    fine = isinstance(given, Sequence) and not isinstance(given, (str, bytes)) and len(given) > 0
    if not fine or not all(isinstance(name, str) and name for name in given):
        raise ConfigError(f"{place} must be a list of names of tools, not empty; got {given!r}")
    return list(given)
