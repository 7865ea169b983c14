"""The application's sound on its way to the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtaudio.errors import ConnectionLost
from rtaudio.session.audio import InputAudio, length_ms
from rtaudio.transports.base import DONE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from rtaudio.audio import PcmLike
    from rtaudio.conversation.settings import WireSettings
    from rtaudio.session.options import RealtimeSessionOptions
    from rtaudio.session.outbox import Outbox
    from rtaudio.transports import RealtimeTransport

__all__ = ["SoundFeed"]

_COMMIT = {"type": "input_audio_buffer.commit"}


class SoundFeed:
    """Converts sound for the wire, and hands it to the outbox.

    Args:
        transport: takes it past the outbox, where sound travels as media.
        outbox: writes it.
        settings: the wire's formats.
        options: tell the application's format.
        keep: called with sound and commits that the next connection has to be told.

    Attributes:
        is_open: whether there is a connection that takes sound.
        is_adrift: whether there is none, and another is being made that will take it.
        repeats: whether the next connection is told what was lost with this one.
        sent_bytes: what was written, in the wire's format.
        sent_ms: its length.
        dropped_ms: length of what was given while there was no connection.
    """

    def __init__(
        self,
        transport: RealtimeTransport,
        outbox: Outbox,
        settings: WireSettings,
        options: RealtimeSessionOptions,
        keep: Callable[[Mapping[str, Any] | bytes], None],
    ) -> None:
        self._transport = transport
        self._outbox = outbox
        self._settings = settings
        self._options = options
        self._keep = keep
        # A track takes sound at its own pace, and other events need not wait for that.
        self._is_track = transport.medium == "track"
        self._put = self._put_on_track if self._is_track else outbox.send_sound
        self._input = InputAudio(None)
        # Whether the application's sound is in the wire's format by itself.
        self._is_plain = True
        self.is_open = self.is_adrift = self.repeats = False
        self.sent_bytes = 0
        self.sent_ms = 0.0
        self.dropped_ms = 0.0

    def begin(self) -> None:
        """Another connection is about to be made."""
        self._input = InputAudio(self._options.input_audio)
        self._is_plain = self._options.input_audio is None

    def reset(self) -> None:
        """Forget the stretch of sound that was begun."""
        self._input.reset()

    def send(self, audio: PcmLike, *, as_is: bool = False) -> Awaitable[None]:
        """Write a piece of sound; without a connection, keep it for the next one or drop it.

        Args:
            audio: in the application's format.
            as_is: it is bytes in the wire's format already.

        Returns:
            What to wait for; `DONE` where it is written already.

        Raises:
            AudioError: the buffer holds something else.
        """
        if not (self.is_open or self.is_adrift or as_is):
            self.dropped_ms += length_ms(audio, self._options.input_audio or self._settings.input)
            return DONE
        wire: Any = audio
        if not (as_is or (self._is_plain and isinstance(audio, bytes))):
            wire = self._input.process(audio, self._settings.input)
        size = len(wire)
        if not size:
            return DONE
        if self.is_open:
            try:
                writing = self._put(wire)
            except ConnectionLost:
                if not self.repeats:
                    raise
            else:
                if writing is not DONE:
                    return self._finish(writing, wire)
        elif self.is_adrift:
            self._keep(wire)
        else:
            self.drop(wire)
            return DONE
        self.sent_bytes += size
        self.sent_ms += size / self._settings.input_bytes_per_ms
        return DONE

    def _put_on_track(self, wire: bytes) -> Awaitable[None]:
        return self._transport.send_audio(wire) or DONE

    def drop(self, wire: bytes) -> None:
        """Count sound that is lost."""
        self.dropped_ms += len(wire) / self._settings.input_bytes_per_ms

    async def commit(self, audio: PcmLike | None = None) -> None:
        """Write a last piece, what conversion held back, and that the turn ends there."""
        if not (self.is_open or self.is_adrift):
            if audio is not None:
                await self.send(audio)
            return
        wire = b"" if audio is None else self._input.process(audio, self._settings.input)
        wire += self._input.flush()
        if self.is_adrift:
            if wire:
                self.send(wire, as_is=True)
            self._keep(_COMMIT)
        elif self._is_track:
            if wire:
                await self.send(wire, as_is=True)
            await self._transport.flush_audio()
            await self._outbox.send(_COMMIT)
        else:
            await self._finish(self._outbox.send(*((wire,) if wire else ()), _COMMIT), wire)

    async def _finish(self, writing: Awaitable[None], wire: bytes) -> None:
        try:
            await writing
        except ConnectionLost:
            if not self.repeats:
                raise
        self.sent_bytes += len(wire)
        self.sent_ms += len(wire) / self._settings.input_bytes_per_ms
