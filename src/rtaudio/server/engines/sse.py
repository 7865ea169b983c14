"""Server-sent events: the data in a stream of them."""

from __future__ import annotations

import re

from rtaudio.errors import TransportError

__all__ = ["EventData"]

_MOST_BYTES = 1024 * 1024  # of one event; a chunk of a chat's answer has some hundred
_LINE_END = re.compile(rb"\r\n|\r|\n")


class EventData:
    """Takes a stream apart by the rules of the HTML standard, section 9.2.6.

    Only the data of events is kept: their names and ids, and comments, are passed over.
    """

    def __init__(self) -> None:
        self._line = bytearray()  # that is not at its end yet
        self._after_cr = False
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[str]:
        """Take the next bytes and return the data of each event that they completed.

        Raises:
            TransportError: an event is larger than 1 MiB, or not UTF-8.
        """
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        self._size += len(chunk)
        first, *lines = _LINE_END.split(chunk)
        self._line += first
        found: list[str] = []
        for line in lines:
            self._take(bytes(self._line), found)
            self._line[:] = line
        if self._size > _MOST_BYTES:
            raise TransportError(f"the stream has an event of more than {_MOST_BYTES} bytes")
        return found

    def _take(self, line: bytes, found: list[str]) -> None:
        if not line:
            if self._data:
                found.append(_text(b"\n".join(self._data)))
            self._data.clear()
            self._size = 0
            return
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise TransportError("the stream is not UTF-8") from None
