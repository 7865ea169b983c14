"""Events over a WebRTC data channel, and sound over a media track, by aiortc."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from rtaudio.audio import AudioFormat
from rtaudio.errors import AudioError, ConfigError, TransportError
from rtaudio.protocol import encode_event
from rtaudio.transports.api_key import ApiKey, find_api_key
from rtaudio.transports.base import ConnectOptions, RealtimeTransport
from rtaudio.transports.http import check_http_url
from rtaudio.transports.microphone import Microphone, MicrophoneSource, check_source
from rtaudio.transports.outgoing_sound import OutgoingSound
from rtaudio.transports.sdp_exchange import SdpAnswer, exchange_sdp
from rtaudio.transports.shared_attempt import SharedAttempt
from rtaudio.transports.websocket import DEFAULT_MODEL

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from rtaudio.audio import JitterStats
    from rtaudio.transports.peer import ChangePeerConnection, Peer

__all__ = ["WebRTCTransport"]

_CLOUD_URL = "https://api.openai.com/v1/realtime/calls"
_VERSION = version("rtaudio")
# How long to wait for `session.updated`, in seconds; a service that sends none may still work.
UPDATE_WAIT_S = 5.0
_OPUS_RATES = frozenset({8000, 12000, 16000, 24000, 48000})
_DEFAULT_RATE = 24000
_ICE_SCHEMES = ("stun:", "turn:", "turns:")

_log = logging.getLogger("rtaudio.transports")


class _Kind(msgspec.Struct):
    """As much of an event as it takes to recognise it."""

    type: str = ""


_KIND = msgspec.json.Decoder(_Kind)


class WebRTCTransport(RealtimeTransport):
    """One call at a time to a realtime service.

    Sound goes both ways as Opus at the rates the session wants, where Opus has them, and at 24 kHz
    otherwise. What is fed leaves at the pace of sound; where nothing is, silence does. A `connect`
    while another goes on joins it.

    Args:
        url: where offers are posted; None means the cloud service. A `url` given to `connect` takes
            its place from then on.
        api_key: used where the session has none. With neither, the environment variable
            `OPENAI_API_KEY` counts, for the cloud service only.
        microphone: what is listened to instead of `send_audio`: a file, an async iterator of pieces
            of sound, a track of aiortc, or a function that returns one of these for each
            connection. What a function returns is closed with the connection, the others are not.
        microphone_format: of the pieces of an iterator; None means mono PCM16 at the rate of
            `input_audio`, or 24 kHz without it.
        headers: sent with the offer, beside our own.
        offer_with_session: post the session's configuration beside the offer. None does so where
            the cloud service is called with another than an ephemeral key (`ek_...`), which it
            requires.
        ice_servers: STUN and TURN servers: URLs, or mappings of `urls`, `username`, `credential`.
            None are needed for services with a public address.
        change_peer_connection: called with aiortc's peer connection just before the offer is made;
            returns it, or another in its place.
        bitrate: of what is sent, in bits per second, 6000 to 510,000.
        complexity: of encoding, 0 to 10: higher sounds better and takes longer.
        dtx: send next to nothing while there is silence, instead of silence.
        handshake_timeout: seconds for the exchange of offer and answer, and again for the
            connection.
        close_timeout: seconds that closing may take.

    Attributes:
        call_id: the service's name for the call; None before it has told one.
        peer_connection: aiortc's, None while there is none.

    Raises:
        ConfigError: an argument is wrong, or the extra `webrtc` is not installed.
    """

    medium = "track"
    joins_attempts = True

    def __init__(
        self,
        url: str | None = None,
        api_key: ApiKey | None = None,
        *,
        microphone: MicrophoneSource | None = None,
        microphone_format: AudioFormat | None = None,
        headers: Mapping[str, str] | None = None,
        offer_with_session: bool | None = None,
        ice_servers: Sequence[str | Mapping[str, Any]] = (),
        change_peer_connection: ChangePeerConnection | None = None,
        bitrate: int = 48_000,
        complexity: int = 5,
        dtx: bool = False,
        handshake_timeout: float = 10.0,
        close_timeout: float = 5.0,
    ) -> None:
        if find_spec("aiortc") is None:
            raise ConfigError("WebRTC needs aiortc: pip install 'rtaudio[webrtc]'")
        if url is not None:
            check_http_url("url", url)
        if api_key is not None and not isinstance(api_key, str) and not callable(api_key):
            raise ConfigError(f"api_key must be a str or callable, got {type(api_key).__name__}")
        if microphone is not None:
            check_source(microphone)
        if microphone_format is not None and not isinstance(microphone_format, AudioFormat):
            kind = type(microphone_format).__name__
            raise ConfigError(f"microphone_format must be an AudioFormat, got {kind}")
        _check_servers(ice_servers)
        if change_peer_connection is not None and not callable(change_peer_connection):
            kind = type(change_peer_connection).__name__
            raise ConfigError(f"change_peer_connection must be callable, got {kind}")
        for name, seconds in (
            ("handshake_timeout", handshake_timeout),
            ("close_timeout", close_timeout),
        ):
            if not isinstance(seconds, (int, float)) or not seconds > 0:
                raise ConfigError(f"{name} must be a number of seconds above 0, got {seconds!r}")
        self._encoding: dict[str, Any] = {"bitrate": bitrate, "complexity": complexity, "dtx": dtx}
        try:
            OutgoingSound(_DEFAULT_RATE, **self._encoding)
        except AudioError as error:
            raise ConfigError(f"bitrate, complexity or dtx is wrong: {error}") from None
        self._url = url
        self._api_key = api_key
        self._microphone_source = microphone
        self._microphone_format = microphone_format
        self._headers = dict(headers or {})
        self._offer_with_session = offer_with_session
        self._ice_servers = tuple(ice_servers)
        self._change = change_peer_connection
        self._handshake_timeout = handshake_timeout
        self._close_timeout = close_timeout
        self._formats = _track_formats(None, None)
        self._muted = False
        self._attempt = SharedAttempt()
        self._peer: Peer | None = None
        self._microphone: Microphone | None = None
        # Done when the service has taken the configuration; None while that is not waited for.
        self._update: asyncio.Future[None] | None = None
        # What arrived from then on, until `status` is `connected`.
        self._held: list[str | bytes] | None = None
        # Connections that have ended by themselves, while they are being closed.
        self._leaving: set[asyncio.Future[None]] = set()
        self.call_id: str | None = None

    def __repr__(self) -> str:
        # The query of a URL may hold a credential.
        place = urlsplit(self._url or _CLOUD_URL)._replace(query="", fragment="")
        place = place._replace(netloc=place.netloc.rpartition("@")[2])
        return f"WebRTCTransport({place.geturl()!r}, status={self.status!r})"

    @property
    def peer_connection(self) -> Any:
        """aiortc's `RTCPeerConnection`; None while there is none."""
        return None if self._peer is None else self._peer.connection

    @property
    def jitter_stats(self) -> JitterStats | None:
        """What became of the packets of sound that arrived in this call; None without one."""
        return None if self._peer is None else self._peer.jitter_stats

    @property
    def muted(self) -> bool:
        """Whether silence is sent instead of the user's sound."""
        return self._muted

    def mute(self, muted: bool) -> None:
        """Send silence instead of what is fed, or stop to; counts for later connections too."""
        self._muted = muted
        if self._peer is not None:
            self._peer.outgoing.muted = muted

    def track_formats(
        self, wanted_in: AudioFormat | None, wanted_out: AudioFormat | None
    ) -> tuple[AudioFormat, AudioFormat]:
        """Mono PCM16, at the rates that are wanted where Opus has them."""
        self._formats = _track_formats(wanted_in, wanted_out)
        return self._formats

    async def open(self, options: ConnectOptions, greeting: Mapping[str, Any] | None) -> None:
        """Connect, write the first event, and wait until the session is accepted.

        Where that is under way already, wait for it; where it is done, do nothing.
        """
        if self._status == "connected":
            return
        attempt = super().open
        await self._attempt.join(lambda: attempt(options, greeting))

    async def complete(self) -> None:
        """The last part of `open`; what arrived behind the confirmation is told after it."""
        await super().complete()
        held, self._held = self._held or [], None
        for message in held:
            self.receive(message)

    async def connect(self, options: ConnectOptions) -> None:
        """Make the call and wait until its channel for events is open.

        Raises:
            ConfigError: no key for the cloud service, a URL that is not HTTP's, or a `call_id`.
            AuthenticationError: the service refused the key.
            TransportError: the connection could not be made.
        """
        from rtaudio.transports.peer import Peer, ice_configuration

        if options.call_id is not None:
            raise ConfigError("WebRTC makes calls; attach to one with WebSocketTransport")
        url = options.url or self._url
        if url is not None:
            check_http_url("url", url)
        given = options.api_key if options.api_key is not None else self._api_key
        key = await find_api_key(given, is_cloud=url is None)
        sound_in, sound_out = self._formats
        outgoing = OutgoingSound(sound_in.sample_rate, **self._encoding)
        outgoing.muted = self._muted
        outgoing.left = self.sound_left
        self.call_id = None
        self._peer = peer = Peer(
            ice_configuration(self._ice_servers),
            outgoing,
            sound_out.sample_rate,
            received=self._on_message,
            heard=self.receive_sound,
            ended=self._on_end,
        )
        offer = await peer.offer(self._change)
        answer = await self._exchange(url, key, offer, options)
        self.call_id = answer.call_id
        self._update = asyncio.get_running_loop().create_future()
        await peer.answer(answer.sdp)
        try:
            async with asyncio.timeout(self._handshake_timeout):
                await asyncio.shield(peer.opened)
        except TimeoutError:
            raise TransportError(
                f"the service answered, but no connection came about within "
                f"{self._handshake_timeout:g} s"
            ) from None
        self._listen(peer)
        if options.url is not None:
            self._url = options.url

    async def _exchange(
        self, url: str | None, key: str | None, offer: str, options: ConnectOptions
    ) -> SdpAnswer:
        with_session = self._offer_with_session
        if with_session is None:
            with_session = url is None and not (key or "").startswith("ek_")
        session = None
        if with_session:
            session = {"type": "realtime", **options.initial_session_config}
            if not session.get("model"):
                session["model"] = options.model or DEFAULT_MODEL
        return await exchange_sdp(
            url or _CLOUD_URL,
            offer,
            key=key,
            headers={
                "User-Agent": f"rtaudio/{_VERSION}",
                "X-RtAudio-SDK": f"rtaudio.{_VERSION}",
                **self._headers,
            },
            session=session,
            timeout_s=self._handshake_timeout,
        )

    async def confirm(self) -> None:
        """Wait until the service has taken the configuration, 5 s at most.

        Raises:
            TransportError: the connection ended meanwhile.
        """
        update = self._update
        if update is None:
            return
        done, _ = await asyncio.wait([update], timeout=UPDATE_WAIT_S)
        self._update = None
        if done:
            update.result()
        else:
            _log.warning("no session.updated came within %g s; going on without", UPDATE_WAIT_S)

    async def send_event(self, event: Mapping[str, Any]) -> None:
        """Write an event; waits where the channel cannot keep up.

        Raises:
            TransportError: not connected, or the event is too large for the channel.
        """
        peer = self._peer
        if peer is None:
            raise TransportError(f"cannot send: the transport is {self.status}")
        if event.get("type") == "input_audio_buffer.clear":
            peer.outgoing.clear()
        await peer.send(encode_event(dict(event)))

    async def send_audio(self, pcm: Buffer) -> None:
        """Send sound, at its pace; waits while half a second waits already.

        Args:
            pcm: in the first of the `track_formats`.

        Raises:
            ConfigError: there is a `microphone`.
            TransportError: not connected, or the connection ended before all of it was sent.
        """
        if self._microphone_source is not None:
            raise ConfigError("this transport listens to its microphone; send_audio is for others")
        if self._peer is None:
            raise TransportError(f"cannot send: the transport is {self.status}")
        await self._peer.outgoing.feed(pcm)

    async def flush_audio(self) -> None:
        """Wait until all sound that was given is on its way."""
        if self._peer is not None:
            await self._peer.outgoing.flush()

    async def close(self) -> None:
        """Hang up; does nothing where there is no call."""
        peer, self._peer = self._peer, None
        microphone, self._microphone = self._microphone, None
        self._update = self._held = None
        try:
            async with asyncio.timeout(self._close_timeout):
                await self._hang_up(peer, microphone)
                if self._leaving:
                    await asyncio.wait(self._leaving)
        except TimeoutError:
            self.report(TransportError(f"closing took longer than {self._close_timeout:g} s"))

    async def _hang_up(self, peer: Peer | None, microphone: Microphone | None) -> None:
        """Close what one connection consists of; failures are told, and stop nothing."""
        if microphone is not None:
            try:
                await microphone.stop()
            except Exception as error:
                self.report(error)
        if peer is not None:
            for failure in await peer.close():
                self.report(failure)

    def _listen(self, peer: Peer) -> None:
        source = self._microphone_source
        if source is None:
            source = peer.added_track
        if source is None:
            return
        sound_in = self._formats[0]
        self._microphone = Microphone(
            source, self._microphone_format, sound_in, peer.outgoing.feed, self._microphone_failed
        )
        self._microphone.start()

    def _microphone_failed(self, error: Exception) -> None:
        if self._peer is not None and not isinstance(error, TransportError):
            self.report(error)

    def _on_message(self, message: str | bytes) -> None:
        update = self._update
        if self._held is not None:
            self._held.append(message)
            return
        if update is not None and _is_update(message):
            # Listeners get it when they may act on it.
            self._held = [message]
            if not update.done():
                update.set_result(None)
            return
        try:
            self.receive(message)
        except Exception as error:
            # aiortc would end the connection.
            self.report(error)

    def _on_end(self, error: Exception | None) -> None:
        update = self._update
        if update is not None and not update.done():
            update.set_exception(
                error or TransportError("the service closed the call before the session began")
            )
            update.exception()  # nobody may be waiting any more
        peer, self._peer = self._peer, None
        microphone, self._microphone = self._microphone, None
        connecting = self.status == "connecting"
        if connecting:
            # The attempt fails, and closes them.
            self._peer, self._microphone = peer, microphone
        self.lost(error)
        if not connecting:
            task = asyncio.ensure_future(self._hang_up(peer, microphone))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)


def _track_formats(
    wanted_in: AudioFormat | None, wanted_out: AudioFormat | None
) -> tuple[AudioFormat, AudioFormat]:
    return _track_format(wanted_in), _track_format(wanted_out)


def _track_format(wanted: AudioFormat | None) -> AudioFormat:
    rate = wanted.sample_rate if wanted is not None else _DEFAULT_RATE
    return AudioFormat("pcm16", rate if rate in _OPUS_RATES else _DEFAULT_RATE)


def _is_update(message: str | bytes) -> bool:
    try:
        return _KIND.decode(message).type == "session.updated"
    except msgspec.MsgspecError:
        return False


def _check_servers(servers: object) -> None:
    wanted = "ice_servers must be a sequence of URLs, or of mappings with 'urls'"
    if isinstance(servers, (str, bytes)) or not isinstance(servers, Sequence):
        raise ConfigError(f"{wanted}; got {type(servers).__name__}")
    for server in servers:
        # Names only: a server may come with a password.
        urls = server.get("urls") if isinstance(server, Mapping) else server
        listed = urls if isinstance(urls, list) and urls else [urls]
        if not all(isinstance(url, str) and url.startswith(_ICE_SCHEMES) for url in listed):
            raise ConfigError(f"{wanted} such as 'stun:host:3478'; one of them is not")
