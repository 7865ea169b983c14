"""A refusal, as clients are told of it: by an HTTP body, or by an event and a close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtaudio.protocol import ErrorDetail, ErrorEvent, encode_event, new_id

if TYPE_CHECKING:
    from rtaudio.server.line import Line

__all__ = ["Refused"]


class Refused(Exception):
    """A client does not get what it asked for, and why.

    Args:
        message: for people; it goes to the client.
        code: for programs, such as `invalid_api_key`.
        param: what was wrong in the request, None where it is nothing in particular.
        status: of the HTTP response.
        close_code: of a WebSocket that is refused after its upgrade, as the cloud's service does.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int = 400,
        close_code: int = 4000,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.status = status
        self.close_code = close_code

    @property
    def type(self) -> str:
        """Whose fault it was."""
        return "server_error" if self.status >= 500 else "invalid_request_error"

    def body(self) -> dict[str, Any]:
        """The refusal as the body of an HTTP response, JSON."""
        fields = {"message": str(self), "type": self.type, "param": self.param, "code": self.code}
        return {"error": fields}

    async def tell(self, line: Line) -> None:
        """Send the refusal over a line and close it.

        Raises:
            ConnectionResetError: the client is gone.
        """
        detail = ErrorDetail(type=self.type, message=str(self), code=self.code, param=self.param)
        await line.send(encode_event(ErrorEvent(event_id=new_id("event"), error=detail)))
        await line.close(self.close_code, f"{self.type}.{self.code}")
