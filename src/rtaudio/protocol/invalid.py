"""The error for a message that does not follow the protocol."""

from __future__ import annotations

from typing import Any

from rtaudio.errors import ProtocolError

__all__ = ["InvalidEvent"]


class InvalidEvent(ProtocolError):
    """A message is not a valid event. The text of the error never quotes the message's content.

    Attributes:
        raw: the parsed JSON value, or None where the message is not JSON.
        code: what a service answers, such as `invalid_json` or `unknown_parameter`.
        param: the path of the field that is wrong, such as `session.audio.input.format`.
        event_id: the id that the client gave the event.
    """

    def __init__(
        self,
        message: str,
        *,
        raw: Any = None,
        code: str | None = None,
        param: str | None = None,
        event_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.raw = raw
        self.code = code
        self.param = param
        self.event_id = event_id
