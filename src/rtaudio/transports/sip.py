"""Telephone calls that a realtime service holds by itself: control of them, without their sound.

A call announces itself to the application's web server by its id. The application answers it with a
configuration, and attaches to it:

    calls = SipCalls()
    await calls.accept(call_id, await SipTransport.build_initial_config(agent))
    session = RealtimeSession(agent, transport=SipTransport())
    await session.connect(call_id=call_id)
    ...
    await calls.hangup(call_id)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlsplit

import msgspec

from rtaudio.errors import ConfigError
from rtaudio.transports.api_key import ApiKey, find_api_key
from rtaudio.transports.http import check_http_url, post, refusal
from rtaudio.transports.websocket import WebSocketTransport

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from rtaudio.transports.base import ConnectOptions

__all__ = ["SipCalls", "SipTransport"]

_CLOUD_URL = "https://api.openai.com/v1"

# Settings of voice detection that the service does not take for a telephone call.
_NOT_FOR_CALLS = ("threshold", "prefix_padding_ms", "silence_duration_ms")


class _Agent(Protocol):
    """What a `RealtimeAgent` is needed for here."""

    async def initial_session_config(
        self,
        options: Any = None,
        overrides: Mapping[str, Any] | None = None,
        *,
        transport: Any = None,
    ) -> dict[str, Any]: ...


class SipTransport(WebSocketTransport):
    """A WebSocket attached to a call that exists already. Takes what `WebSocketTransport` takes.

    The call's sound runs between the telephone network and the service: there are no `audio`
    events, and `send_audio` is refused.
    """

    medium = "none"

    def __repr__(self) -> str:
        return f"SipTransport(status={self.status!r})"

    async def connect(self, options: ConnectOptions) -> None:
        """Attach to the call.

        Raises:
            ConfigError: no `call_id` was given.
            AuthenticationError: the service refused the key.
            TransportError: the connection could not be made.
        """
        if options.call_id is None:
            raise ConfigError("a SipTransport attaches to a call: connect() needs its call_id")
        await super().connect(options)

    async def send_audio(self, pcm: Buffer) -> None:  # noqa: ARG002
        """Refuse: a call's sound does not pass through here.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            "a SipTransport carries no sound: that of a call runs between the telephone network "
            "and the service"
        )

    @classmethod
    async def build_initial_config(
        cls, agent: _Agent, options: Any = None, overrides: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Build the configuration that a call is accepted with, and a session begins with.

        Formats of sound are left out unless they are given: the line has its own.

        Args:
            agent: the `RealtimeAgent` that will speak.
            options: the `RealtimeSessionOptions` of the session.
            overrides: settings that win over those of the options.

        Returns:
            For `SipCalls.accept`.

        Raises:
            ConfigError: a setting is wrong, or is none that the service takes for a call.
        """
        config = await agent.initial_session_config(options, overrides, transport=cls())
        detection = config.get("audio", {}).get("input", {}).get("turn_detection") or {}
        wrong = [name for name in _NOT_FOR_CALLS if name in detection]
        if wrong:
            raise ConfigError(
                f"audio.input.turn_detection of a telephone call must be without "
                f"{', '.join(wrong)}: the service does not take them there"
            )
        return config


class SipCalls:
    """Answers calls, passes them on and ends them.

    Args:
        api_key: as for a session; None takes the environment variable `OPENAI_API_KEY`, for the
            cloud service only.
        base_url: the service's HTTP interface.
        timeout_s: seconds without progress after which a request fails.
    """

    def __init__(
        self, api_key: ApiKey | None = None, *, base_url: str = _CLOUD_URL, timeout_s: float = 30.0
    ) -> None:
        check_http_url("base_url", base_url)
        fine = isinstance(timeout_s, (int, float)) and not isinstance(timeout_s, bool)
        if not fine or not timeout_s > 0:
            raise ConfigError(f"timeout_s must be a number of seconds above 0, got {timeout_s!r}")
        self._api_key = api_key
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s

    def __repr__(self) -> str:
        return f"SipCalls({urlsplit(self._base_url).hostname!r})"

    async def accept(self, call_id: str, config: Mapping[str, Any]) -> None:
        """Answer a call.

        Args:
            call_id: the call, as the service has announced it.
            config: from `SipTransport.build_initial_config`.

        Raises:
            ConfigError: an argument is wrong, or there is no key.
            AuthenticationError: the service refused the key.
            TransportError: the service refused, or did not answer.
        """
        if not isinstance(config, Mapping):
            raise ConfigError(f"config must be a mapping, got {type(config).__name__}")
        await self._ask(call_id, "accept", dict(config))

    async def reject(self, call_id: str, status_code: int = 603) -> None:
        """Let a call go unanswered.

        Args:
            call_id: the call.
            status_code: what the caller is told, as SIP has it: 603 for declined, 486 for busy.

        Raises:
            ConfigError: an argument is wrong, or there is no key.
            AuthenticationError: the service refused the key.
            TransportError: the service refused, or did not answer.
        """
        fine = isinstance(status_code, int) and not isinstance(status_code, bool)
        if not fine or not 300 <= status_code <= 699:
            raise ConfigError(f"status_code must be an int from 300 to 699, got {status_code!r}")
        await self._ask(call_id, "reject", {"status_code": status_code})

    async def refer(self, call_id: str, target_uri: str) -> None:
        """Pass a call on to somebody else.

        Args:
            call_id: the call.
            target_uri: `tel:...` or `sip:...`.

        Raises:
            ConfigError: an argument is wrong, or there is no key.
            AuthenticationError: the service refused the key.
            TransportError: the service refused, or did not answer.
        """
        if not isinstance(target_uri, str) or not target_uri.startswith(("tel:", "sip:", "sips:")):
            raise ConfigError("target_uri must be a str that begins with tel: or sip:")
        await self._ask(call_id, "refer", {"target_uri": target_uri})

    async def hangup(self, call_id: str) -> None:
        """End a call, one over WebRTC too.

        Args:
            call_id: the call.

        Raises:
            ConfigError: an argument is wrong, or there is no key.
            AuthenticationError: the service refused the key.
            TransportError: the service refused, or did not answer; with the code
                `call_id_not_found` the call was over already.
        """
        await self._ask(call_id, "hangup", None)

    async def _ask(self, call_id: str, verb: str, body: dict[str, Any] | None) -> None:
        if not isinstance(call_id, str) or not call_id:
            raise ConfigError(f"call_id must be a str that is not empty, got {call_id!r}")
        url = f"{self._base_url}/realtime/calls/{quote(call_id, safe='')}/{verb}"
        headers = await self._headers()
        content = b""
        if body is not None:
            content = msgspec.json.encode(body)
            headers["Content-Type"] = "application/json"
        reply = await post(url, content, headers, timeout_s=self._timeout_s)
        if not reply.fine:
            raise refusal(f"to {verb} the call", reply)

    async def _headers(self) -> dict[str, str]:
        key = await find_api_key(self._api_key, is_cloud=self._base_url == _CLOUD_URL)
        return {} if key is None else {"Authorization": f"Bearer {key}"}
