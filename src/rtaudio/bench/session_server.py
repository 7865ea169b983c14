"""A realtime service that only talks: scripted, in a thread, as light as sockets allow.

It answers `session.update`, sends so many audio deltas for each `response.create`, and keeps what
it is sent in appends until a commit. What it sends is framed beforehand, so that a client is never
held up by it for long. It trusts its clients: it is for measuring them, on loopback.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["TalkingServer", "answer_events", "answer_sound", "frame", "make_pcm", "server_event"]

DELTA_BYTES = 4800  # 100 ms at 24 kHz

# RFC 6455, section 1.3.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
APPEND = b'"input_audio_buffer.append"'


def make_pcm(size: int) -> bytes:
    """Sound that no compression or table makes cheaper than speech; always the same."""
    return np.random.default_rng(3).integers(0, 256, size, np.uint8).tobytes()


def answer_sound(deltas: int) -> list[bytes]:
    """The PCM of each delta of an answer; no two are the same."""
    sound = make_pcm(deltas * DELTA_BYTES)
    return [sound[at : at + DELTA_BYTES] for at in range(0, len(sound), DELTA_BYTES)]


class TalkingServer:
    """Serves any number of clients, one after the other or at once; use it in a `with`.

    Args:
        deltas: audio deltas of 100 ms in each answer.

    Attributes:
        port: on 127.0.0.1.
        received: PCM of each committed turn, in order.
    """

    def __init__(self, deltas: int) -> None:
        self.received: list[bytes] = []
        self._answer = [frame(event) for event in answer_events(deltas)]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Closing alone would not wake a thread that waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A client that is done just goes.
        with (
            client,
            client.makefile("rb", buffering=1 << 18) as stream,
            contextlib.suppress(OSError, EOFError),
        ):
            _shake_hands(client, stream)
            client.sendall(frame(server_event("session.created", session=_SESSION)))
            self._talk(client, stream)

    def _talk(self, client: socket.socket, stream: Any) -> None:
        # Decoding waits for the commit: a slow server would let its client sleep more often.
        appends: list[bytes] = []
        while True:
            opcode, payload = _read_frame(stream)
            if opcode == PING:
                client.sendall(frame(payload, PONG))
            elif opcode == CLOSE:
                client.sendall(frame(payload, CLOSE))
                return
            elif APPEND in payload[:80] or APPEND in payload[-80:]:  # before or after the sound
                appends.append(payload)
            else:
                self._reply(client, json.loads(payload), appends)

    def _reply(self, client: socket.socket, event: dict[str, Any], appends: list[bytes]) -> None:
        kind = event["type"]
        if kind == "session.update":
            session = {**_SESSION, **event["session"]}
            client.sendall(frame(server_event("session.updated", session=session)))
        elif kind == "response.create":
            for message in self._answer:
                client.sendall(message)
        elif kind == "input_audio_buffer.commit":
            sound = (base64.b64decode(json.loads(append)["audio"]) for append in appends)
            self.received.append(b"".join(sound))
            appends.clear()
            committed = server_event("input_audio_buffer.committed", item_id="item_input")
            client.sendall(frame(committed))


_SESSION = {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "m"}
_IDS = {
    "response_id": "resp_CRyHoLfHsdGsy4prDlFJ1",
    "item_id": "item_CRyHoBzkAzHtwnmZb1Y9c",
    "output_index": 0,
    "content_index": 0,
}
_numbers = itertools.count()


def server_event(kind: str, **fields: Any) -> bytes:
    """An event as the service writes it."""
    event = {"type": kind, "event_id": f"event_{next(_numbers):021d}", **fields}
    return json.dumps(event, separators=(",", ":")).encode()


def answer_events(deltas: int) -> list[bytes]:
    """The events of one spoken answer."""
    item = {"id": _IDS["item_id"], "type": "message", "role": "assistant"}
    begun = {**item, "status": "in_progress", "content": []}
    done = {**item, "status": "completed", "content": [{"type": "output_audio", "transcript": ""}]}
    response = {"id": _IDS["response_id"], "object": "realtime.response"}
    place = {"response_id": _IDS["response_id"], "output_index": 0}
    part = {"type": "audio", "transcript": ""}
    first = {**response, "status": "in_progress", "output": []}
    last = {**response, "status": "completed", "output": [done]}
    texts = [base64.b64encode(pcm).decode("ascii") for pcm in answer_sound(deltas)]
    return [
        server_event("response.created", response=first),
        server_event("response.output_item.added", item=begun, **place),
        server_event("conversation.item.added", item=begun, previous_item_id=None),
        server_event("response.content_part.added", part=part, **_IDS),
        *(server_event("response.output_audio.delta", delta=text, **_IDS) for text in texts),
        server_event("response.output_audio.done", **_IDS),
        server_event("response.output_item.done", item=done, **place),
        server_event("conversation.item.done", item=done, previous_item_id=None),
        server_event("response.done", response=last),
    ]


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One WebSocket frame as a server sends it: final, unmasked (RFC 6455, section 5.2)."""
    size = len(payload)
    head = bytes([0x80 | opcode])
    if size < 126:
        return head + bytes([size]) + payload
    if size < 1 << 16:
        return head + b"\x7e" + size.to_bytes(2, "big") + payload
    return head + b"\x7f" + size.to_bytes(8, "big") + payload


def _read_frame(stream: Any) -> tuple[int, bytes]:
    head = _exactly(stream, 2)
    size = head[1] & 0x7F
    if size >= 126:
        size = int.from_bytes(_exactly(stream, 2 if size == 126 else 8), "big")
    mask = _exactly(stream, 4)
    masked = np.frombuffer(_exactly(stream, size), np.uint8)
    key = np.resize(np.frombuffer(mask, np.uint8), size)
    return head[0] & 0x0F, (masked ^ key).tobytes()


def _exactly(stream: Any, size: int) -> bytes:
    data: bytes = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _shake_hands(client: socket.socket, stream: Any) -> None:
    key = b""
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-key":
            key = value.strip()
    accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
    client.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
