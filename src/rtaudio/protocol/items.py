"""Conversation items."""

from __future__ import annotations

from typing import Any, TypeAlias, Union

from rtaudio.protocol.base import Detail, Tagged
from rtaudio.protocol.content import ContentPart  # noqa: TC001 - msgspec reads the annotations

__all__ = [
    "FunctionCallItem",
    "FunctionCallOutputItem",
    "Item",
    "ItemReference",
    "McpApprovalRequestItem",
    "McpApprovalResponseItem",
    "McpCallItem",
    "McpError",
    "McpListToolsItem",
    "McpToolCallItem",
    "MessageItem",
    "UnknownItem",
]


class _Item(Tagged, frozen=True, kw_only=True):
    """What all items have.

    Attributes:
        id: given by the service, or by the client that creates the item (at most 32 characters).
        object: `realtime.item`, often left out.
        status: `in_progress`, `completed` or `incomplete`; informative.
    """

    id: str | None = None
    object: str | None = None
    status: str | None = None


class MessageItem(_Item, tag="message", frozen=True, kw_only=True):
    """Something said or written.

    Attributes:
        role: `system`, `user` or `assistant`.
        content: the parts, in order.
        phase: a note of newer models on what an assistant message is for.
    """

    role: str
    content: list[ContentPart]
    phase: str | None = None


class FunctionCallItem(_Item, tag="function_call", frozen=True, kw_only=True):
    """The model asks for a tool.

    Attributes:
        name: the tool.
        arguments: JSON text written by a model: it may be malformed.
        call_id: what the output has to name.
    """

    name: str
    arguments: str
    call_id: str | None = None


class FunctionCallOutputItem(_Item, tag="function_call_output", frozen=True, kw_only=True):
    """What a tool returned, for the model.

    Attributes:
        call_id: the call that is answered.
        output: free text.
    """

    call_id: str
    output: str


class McpListToolsItem(_Item, tag="mcp_list_tools", frozen=True, kw_only=True):
    """The tools that an MCP server offers.

    Attributes:
        server_label: the server, by the name the session gave it.
        tools: `{name, input_schema, description, annotations}` each.
    """

    server_label: str
    tools: list[dict[str, Any]]


class McpError(Detail, frozen=True, kw_only=True):
    """Why an MCP call failed.

    Attributes:
        type: `protocol_error`, `tool_execution_error` or `http_error`.
        code: a number, not for `tool_execution_error`.
        message: for people.
    """

    type: str | None = None
    code: int | str | None = None
    message: str | None = None


class McpCallItem(_Item, tag="mcp_call", frozen=True, kw_only=True):
    """A call that the service makes to an MCP server.

    Attributes:
        server_label: the server, by the name the session gave it.
        name: the tool.
        arguments: JSON text.
        approval_request_id: the request that allowed the call.
        output: what the tool returned.
        error: why it failed.
    """

    server_label: str
    name: str
    arguments: str
    approval_request_id: str | None = None
    output: str | None = None
    error: McpError | None = None


class McpToolCallItem(McpCallItem, tag="mcp_tool_call", frozen=True, kw_only=True):
    """The same under another name that servers use."""


class McpApprovalRequestItem(_Item, tag="mcp_approval_request", frozen=True, kw_only=True):
    """The service asks whether it may make an MCP call.

    Attributes:
        server_label: the server, by the name the session gave it.
        name: the tool.
        arguments: JSON text.
    """

    server_label: str
    name: str
    arguments: str


class McpApprovalResponseItem(_Item, tag="mcp_approval_response", frozen=True, kw_only=True):
    """The answer to an approval request.

    Attributes:
        approval_request_id: the id of the `mcp_approval_request` item.
        approve: whether the call may be made.
        reason: for the model, when it may not.
    """

    approval_request_id: str
    approve: bool
    reason: str | None = None


class ItemReference(Tagged, tag="item_reference", frozen=True, kw_only=True):
    """An item named by its id; only inside the `input` of `response.create`."""

    id: str


class UnknownItem(Tagged, tag="", frozen=True, kw_only=True):
    """An item of a type this library does not know.

    Attributes:
        id: the item's id, where it has one.
        raw: the whole parsed object. It is what to send, should the item have to be sent.
    """

    raw: dict[str, Any]
    id: str | None = None

    @property
    def type(self) -> str:
        """The name on the wire."""
        return str(self.raw.get("type", ""))


Item: TypeAlias = Union[  # noqa: UP007 - msgspec wants the names at run time
    MessageItem,
    FunctionCallItem,
    FunctionCallOutputItem,
    McpListToolsItem,
    McpCallItem,
    McpToolCallItem,
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    UnknownItem,
]
