"""Where calls are put through: how they begin, how they are found, and how they end."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rtaudio.server.calls.offer import check_offer
from rtaudio.server.refused import Refused

if TYPE_CHECKING:
    from rtaudio.server.calls.call import Call
    from rtaudio.server.config import SessionConfig
    from rtaudio.server.line import Line
    from rtaudio.server.service import Service

__all__ = ["Switchboard", "calls_possible", "media_addresses"]

_log = logging.getLogger(__name__)


def calls_possible() -> bool:
    """Whether what calls need is installed."""
    return find_spec("aiortc") is not None


def media_addresses(host: str) -> list[str] | None:
    """Tell where the sound of calls may arrive, by where the service listens.

    Args:
        host: as `RealtimeServer` takes it.

    Returns:
        That address; None, which stands for all of this machine's, where it is none.
    """
    if host == "localhost":
        return ["127.0.0.1"]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return None if address.is_unspecified else [str(address)]


class Switchboard:
    """Makes calls, and keeps them until they are over.

    Args:
        service: holds their sessions.
        host: where the service listens.
    """

    def __init__(self, service: Service, host: str) -> None:
        self._service = service
        self._addresses = media_addresses(host)
        self._open: dict[str, tuple[Call, asyncio.Task[None]]] = {}

    def __len__(self) -> int:
        return len(self._open)

    async def begin(self, offer: str, config: SessionConfig) -> tuple[str, str]:
        """Take an offer.

        Args:
            offer: a session description.
            config: of the session, to begin with.

        Returns:
            The call's id, and the answer.

        Raises:
            InvalidEvent: the offer cannot be used.
            Refused: there are as many sessions as there may be, or the service cannot take calls.
        """
        if not calls_possible():
            raise Refused(
                "This service cannot take calls: install aiortc (pip install 'rtaudio[webrtc]').",
                code="webrtc_not_available",
                status=501,
            )
        from rtaudio.server.calls.call import Call

        check_offer(offer)
        self._service.check_room()
        call = Call(
            self._service.heard_rate,
            self._service.voice_rate,
            addresses=self._addresses,
            max_waiting_bytes=self._service.limits.message_bytes,
        )
        self._service.admit(call.line, "webrtc")
        try:
            answer = await call.answer(offer)
        except BaseException:
            self._service.release(call.line)
            await call.close()
            raise
        task = asyncio.create_task(self._hold(call, config))
        self._open[call.id] = call, task
        return call.id, answer

    async def attach(self, call_id: str, line: Line) -> None:
        """Let another client take part in a call's session, until it goes or the call is over.

        Raises:
            Refused: there is no such call.
        """
        call, _ = self._find(call_id)
        await call.line.attach(line)

    async def hang_up(self, call_id: str) -> None:
        """End a call, and wait until it is over.

        Raises:
            Refused: there is no such call.
        """
        call, task = self._find(call_id)
        await call.line.close()
        await asyncio.wait([task])

    async def close(self) -> None:
        """End all calls."""
        open_ = list(self._open.values())
        for call, _ in open_:
            await call.line.close()
        await asyncio.gather(*(task for _, task in open_), return_exceptions=True)

    async def _hold(self, call: Call, config: SessionConfig) -> None:
        try:
            await self._service.serve(call.line, config, call.sound)
        except Exception as error:
            _log.error("a call failed: %s", type(error).__name__)  # its text may hold content
        finally:
            del self._open[call.id]
            await call.close()

    def _find(self, call_id: str) -> tuple[Call, asyncio.Task[None]]:
        try:
            return self._open[call_id]
        except KeyError:
            raise Refused(
                "There is no such call, or it is over.",
                code="call_id_not_found",
                param="call_id",
                status=404,
            ) from None
