"""Which offers are for a call, and what is said of the others."""

from __future__ import annotations

import pytest

from rtaudio.protocol import InvalidEvent
from rtaudio.server.calls.offer import check_offer

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
SOUND = "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=sendrecv\r\na=rtpmap:111 opus/48000/2\r\n"
EVENTS = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"


@pytest.mark.parametrize(
    "sdp",
    [
        HEAD + SOUND + EVENTS,
        HEAD + EVENTS + SOUND,
        (HEAD + SOUND + EVENTS).replace("\r\n", "\n"),
        HEAD + SOUND.replace("sendrecv", "recvonly") + EVENTS,
        HEAD + SOUND.replace("a=sendrecv\r\n", "") + EVENTS,
        HEAD + SOUND.replace("opus", "OPUS") + EVENTS,
    ],
)
def test_an_offer_of_sound_and_a_channel_is_for_a_call(sdp: str) -> None:
    check_offer(sdp)


@pytest.mark.parametrize(
    ("sdp", "why"),
    [
        ("", "begins with v=0"),
        ("<html>", "begins with v=0"),
        (HEAD, "no section of sound"),
        (HEAD + SOUND + "a=rtcp-fb:* nack\r\n" * 600 + EVENTS, "more than 512 lines"),
        (HEAD + EVENTS, "no section of sound"),
        (HEAD + SOUND, "no data channel"),
        (HEAD + SOUND + "m=application 9 UDP/BFCP *\r\n", "no data channel"),
        (HEAD + SOUND + SOUND + EVENTS, "several sections of 'audio'"),
        (HEAD + SOUND + EVENTS + VIDEO, "a section of 'video'"),
        (HEAD + SOUND.replace("opus", "PCMU") + EVENTS, "Opus"),
        (HEAD + SOUND.replace("sendrecv", "sendonly") + EVENTS, "sendonly"),
        (HEAD + "a=inactive\r\n" + SOUND.replace("a=sendrecv\r\n", "") + EVENTS, "inactive"),
    ],
)
def test_what_an_offer_lacks_is_said(sdp: str, why: str) -> None:
    with pytest.raises(InvalidEvent, match=why) as error:
        check_offer(sdp)
    assert (error.value.code, error.value.param) == ("invalid_offer", "sdp")
