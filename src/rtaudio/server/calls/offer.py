"""What a call's offer has to have, looked for before anything is set up for it (RFC 9429)."""

from __future__ import annotations

import re

from rtaudio.protocol import InvalidEvent

__all__ = ["check_offer"]

_SECTION = re.compile(r"^(?=m=)", re.MULTILINE)
_DIRECTION = re.compile(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", re.MULTILINE)
_OPUS = re.compile(r"^a=rtpmap:\d+ opus/48000/2\s*$", re.MULTILINE | re.IGNORECASE)
# Chromium takes some sixty. aiortc's time for reading them grows with the square.
_MOST_LINES = 512


def check_offer(sdp: str) -> None:
    """Check that an offer is for a call: one section of sound as Opus, and one for events.

    Raises:
        InvalidEvent: it is not; the message says what is missing.
    """
    if not sdp.startswith("v=0"):
        raise _refuse("it is no session description; that begins with v=0")
    if sdp.count("\n") > _MOST_LINES:
        raise _refuse(f"it has more than {_MOST_LINES} lines")
    common, *parts = _SECTION.split(sdp)
    sections: dict[str, str] = {}
    for text in parts:
        kind = (text[2:].split() or [""])[0]
        if kind not in ("audio", "application"):
            raise _refuse(f"it has a section of {kind[:20]!r}; a call has sound and events only")
        if kind in sections:
            raise _refuse(f"it has several sections of {kind!r}, expected one")
        sections[kind] = text
    if "audio" not in sections:
        raise _refuse("it has no section of sound (m=audio)")
    if "application" not in sections or "webrtc-datachannel" not in sections["application"]:
        raise _refuse("it has no data channel; open one called oai-events before making the offer")
    sound = sections["audio"]
    if not _OPUS.search(sound):
        raise _refuse("Opus (opus/48000/2) is not among its codecs, the only one spoken here")
    # A direction may be said once for all sections; sendrecv is what is not said.
    direction = _DIRECTION.search(sound) or _DIRECTION.search(common)
    if direction is not None and direction[1] not in ("sendrecv", "recvonly"):
        raise _refuse(f"its sound is {direction[1]}, so that no answer can be heard")


def _refuse(why: str) -> InvalidEvent:
    return InvalidEvent(f"The offer cannot be used: {why}.", code="invalid_offer", param="sdp")
