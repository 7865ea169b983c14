"""pylibsrtp's encryption of packets, without what it makes anew for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["packet_function"]

_SIGNATURE = "srtp_err_status_t(*)(struct srtp_ctx_t_ *, void *, int *)"
# A datagram that takes the usual way through the world, and what encryption adds to it at most.
_MOST_BYTES = 1500
_MOST_ADDED = 256


def packet_function(
    session: Any, name: Literal["protect", "unprotect", "protect_rtcp", "unprotect_rtcp"]
) -> Callable[[bytes], bytes]:
    """Make a function that does to packets what this method of a session does.

    It raises a ValueError where the method raises pylibsrtp's. Where this release of pylibsrtp has
    other parts, it is the method itself.

    Args:
        session: pylibsrtp's.
        name: the method.
    """
    usual: Callable[[bytes], bytes] = getattr(session, name)
    try:
        from pylibsrtp._binding import ffi, lib

        function = getattr(lib, f"srtp_{name}")
        if ffi.typeof(function).cname != _SIGNATURE:
            return usual
        handle = session._srtp[0]
    except (AttributeError, ImportError, TypeError):
        return usual
    memory = ffi.new("char[]", _MOST_BYTES + _MOST_ADDED)
    room = ffi.buffer(memory)
    length = ffi.new("int *")

    def process(packet: bytes) -> bytes:
        size = len(packet)
        if size > _MOST_BYTES:
            raise ValueError(f"a packet of {size} bytes is too long: {_MOST_BYTES} fit a datagram")
        room[:size] = packet
        length[0] = size
        if function(handle, memory, length):
            raise ValueError(f"SRTP could not {name} a packet")
        return room[: length[0]]  # type: ignore[no-any-return]

    # The handle is the session's, and goes with it.
    process.session = session  # type: ignore[attr-defined]
    return process
