"""What the model asks the application to do."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["FunctionCall"]


class FunctionCall(msgspec.Struct, frozen=True, kw_only=True):
    """A finished call of a function.

    Attributes:
        item_id: the call's item in history.
        call_id: what the output has to name; the item's id where the service gave none.
        name: of the function.
        arguments: JSON text written by the model: it may be malformed.
        response_id: the response that holds the call; None where the service did not say.
        offer: what was on offer when that response began, as given to `Conversation.offer`; None
            for a call that did not come from the service.
    """

    item_id: str = ""
    call_id: str
    name: str
    arguments: str
    response_id: str | None = None
    offer: Any = None

    def __repr__(self) -> str:
        # Arguments are personal data and stay out of logs.
        return f"FunctionCall(call_id={self.call_id!r}, name={self.name!r})"

    def output_event(self, output: str) -> dict[str, Any]:
        """The client event that tells the model what the function returned."""
        item = {"type": "function_call_output", "call_id": self.call_id, "output": output}
        return {"type": "conversation.item.create", "item": item}
