"""A transport around another one: what it carries can be watched, changed or kept."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from rtaudio.errors import ConfigError
from rtaudio.transports.base import (
    ConnectOptions,
    RawMessage,
    RealtimeTransport,
    TransportSink,
    TransportStatus,
    finish,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Buffer

    from rtaudio.audio import AudioFormat
    from rtaudio.errors import ProtocolError
    from rtaudio.protocol import ServerEvent, UnknownEvent
    from rtaudio.transports.clock import Clock

__all__ = ["WrappingTransport"]

_log = logging.getLogger("rtaudio.transports")


class WrappingTransport(RealtimeTransport):
    """Passes everything on, both ways. Whoever derives from it overrides what it wants to see.

    Args:
        inner: the transport that does the work; it belongs to this one from now on.
        clock: the time to count by; None for that of `inner`.

    Attributes:
        inner: the same.

    Raises:
        ConfigError: `inner` is no transport, or belongs to a session already.
    """

    def __init__(self, inner: RealtimeTransport, *, clock: Clock | None = None) -> None:
        if not isinstance(inner, RealtimeTransport):
            raise ConfigError(f"inner must be a RealtimeTransport, got {type(inner).__name__}")
        self.inner = inner
        self._severing: asyncio.Task[None] | None = None
        self.medium = inner.medium
        self.clock = clock if clock is not None else inner.clock
        self.session_defaults = inner.session_defaults
        self.has_speaker = inner.has_speaker
        inner.attach(
            TransportSink(
                self._on_event,
                self._on_garbage,
                self._on_status,
                self._on_lost,
                self.heard,
                self.played,
                self.receive_sound,
                self.sound_left,
                self.report,
            )
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"

    async def connect(self, options: ConnectOptions) -> None:
        """Connect the inner transport."""
        await self._severed()
        await self.inner.begin(options)

    async def confirm(self) -> None:
        """Wait until the inner transport's session is accepted."""
        await self.inner.complete()

    async def send_event(self, event: Mapping[str, Any]) -> None:
        """Write an event to the inner transport."""
        await finish(self.inner.send_event(event))

    async def send_audio(self, pcm: Buffer) -> None:
        """Send sound over the inner transport."""
        await finish(self.inner.send_audio(pcm))

    def track_formats(
        self, wanted_in: AudioFormat | None, wanted_out: AudioFormat | None
    ) -> tuple[AudioFormat, AudioFormat] | None:
        """Those of the inner transport."""
        return self.inner.track_formats(wanted_in, wanted_out)

    async def flush_audio(self) -> None:
        """Wait until the inner transport has sent all sound."""
        await self.inner.flush_audio()

    async def close(self) -> None:
        """Close the inner transport."""
        await self._severed()
        await self.inner.shut()

    def mute(self, muted: bool) -> None:
        """Mute the inner transport."""
        self.inner.mute(muted)

    @property
    def muted(self) -> bool | None:
        """Whether the inner transport is muted."""
        return self.inner.muted

    def play(self, sound: bytes, item_id: str, content_index: int) -> None:
        """Let the inner transport play."""
        self.inner.play(sound, item_id, content_index)

    def stop_playing(self) -> None:
        """Stop the inner transport from playing."""
        self.inner.stop_playing()

    # What a transport that derives from this one calls.

    def sever(self, error: Exception | None) -> None:
        """End a connection that stands: say so with `lost`, and close the inner transport."""
        # `lost` may lead to a new attempt at once, which waits for this.
        self._severing = asyncio.get_running_loop().create_task(
            self._shut_inner(), name="rtaudio-sever"
        )
        self.lost(error)

    async def _shut_inner(self) -> None:
        try:
            await self.inner.shut()
        except Exception as error:
            _log.warning("closing what was severed raised %s", type(error).__name__)

    async def _severed(self) -> None:
        if self._severing is not None:
            await asyncio.wait([self._severing])

    # What the inner transport reports.

    def _on_event(self, event: ServerEvent | UnknownEvent, raw: RawMessage) -> None:
        if self._sink is not None:
            self._sink.event(event, raw)

    def _on_garbage(self, error: ProtocolError, raw: RawMessage) -> None:
        if self._sink is not None:
            self._sink.garbage(error, raw)

    def _on_status(self, status: TransportStatus) -> None:
        """Its own status follows by itself."""

    def _on_lost(self, error: Exception | None) -> None:
        self.lost(error)
