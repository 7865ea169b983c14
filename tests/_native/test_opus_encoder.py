"""The Opus encoder against opuslib on the same libopus, its controls, and bad input."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.audio import OpusDecoder, OpusEncoder, libopus_features, opus_packet_info
from rtaudio.errors import AudioError, OpusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.audio import Samples

RATES = (8000, 12000, 16000, 24000, 48000)
FRAMES_MS = (2.5, 5, 10, 20, 40, 60, 80, 100, 120)
OTHER_SETTINGS: dict[str, Any] = {
    "application": "audio",
    "bitrate": 20000,
    "complexity": 3,
    "rate_control": "cbr",
    "fec": True,
    "packet_loss_percent": 30,
    "dtx": True,
    "bandwidth": "wideband",
    "max_bandwidth": "mediumband",
    "signal": "music",
}
"""Of every control a value that is not its default."""


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("application", ["voip", "audio", "lowdelay"])
def test_packets_and_sound_are_those_of_opuslib(
    opuslib: Any,
    speechlike: Callable[..., Samples],
    sample_rate: int,
    channels: int,
    application: Any,
) -> None:
    frame = sample_rate // 50
    pcm = speechlike(sample_rate, 0.4, channels)
    ours = OpusEncoder(sample_rate, channels=channels, application=application, complexity=10)
    name = "restricted_lowdelay" if application == "lowdelay" else application
    theirs = opuslib.Encoder(sample_rate, channels, name)
    theirs.complexity = 10
    decode, reference = OpusDecoder(sample_rate, channels), opuslib.Decoder(sample_rate, channels)
    for start in range(0, len(pcm), frame * channels):
        block = pcm[start : start + frame * channels]
        packet = ours.encode(block)
        assert packet == theirs.encode(block.tobytes(), frame)
        assert decode.decode(packet).tobytes() == reference.decode(packet, frame)


def test_a_round_trip_keeps_the_sound(speechlike: Callable[..., Samples]) -> None:
    pcm = speechlike(24000, 1.0)
    encoder, decoder = OpusEncoder(24000, application="lowdelay", bitrate=96000), OpusDecoder(24000)
    heard = np.concatenate([decoder.decode(encoder.encode(b)) for b in pcm.reshape(-1, 480)])
    lag = encoder.lookahead
    sent, heard = pcm[4800:-lag].astype(float), heard[4800 + lag :].astype(float)
    assert np.corrcoef(sent, heard)[0, 1] > 0.98


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("frame_ms", FRAMES_MS)
def test_frames_of_every_legal_length_are_taken(sample_rate: int, frame_ms: float) -> None:
    samples = round(frame_ms * sample_rate / 1000)
    packet = OpusEncoder(sample_rate, complexity=0).encode(np.zeros(samples, np.int16))
    assert len(OpusDecoder(sample_rate).decode(packet)) == samples


def test_the_into_form_gives_the_same_packets_and_allocates_nothing(speech: Samples) -> None:
    one, other = OpusEncoder(24000), OpusEncoder(24000)
    buffer = bytearray(1500)
    blocks = speech.reshape(-1, 480)
    for block in blocks[:50]:
        packet = one.encode(block)
        assert buffer[: other.encode_into(block, buffer)] == packet
    block = bytes(blocks[50])
    other.encode_into(block, buffer)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(20):
            other.encode_into(block, buffer)
        # What is left is the number that each call returns.
        assert tracemalloc.get_traced_memory()[1] - before < 200
    finally:
        tracemalloc.stop()


def test_a_small_buffer_lowers_the_quality_instead_of_failing(speech: Samples) -> None:
    encoder = OpusEncoder(24000, bitrate=64000)
    buffer = bytearray(40)
    assert all(encoder.encode_into(block, buffer) <= 40 for block in speech.reshape(-1, 480))


def test_no_room_for_a_packet_is_refused() -> None:
    with pytest.raises(OpusError, match="no room"):
        OpusEncoder(24000).encode_into(bytes(960), bytearray())


def test_the_defaults_are_those_documented() -> None:
    encoder = OpusEncoder(24000)
    assert encoder.application == "voip"
    assert encoder.complexity == 10
    assert encoder.rate_control == "constrained_vbr"
    assert encoder.fec is encoder.dtx is encoder.in_dtx is False
    assert encoder.packet_loss_percent == encoder.dred_ms == 0
    assert encoder.bandwidth is None
    assert encoder.signal is None
    assert encoder.max_bandwidth == "fullband"
    assert encoder.bitrate > 6000


@pytest.mark.parametrize("name", OTHER_SETTINGS)
def test_a_property_set_and_a_keyword_given_are_the_same(name: str, speech: Samples) -> None:
    value = OTHER_SETTINGS[name]
    given, changed = OpusEncoder(24000, **{name: value}), OpusEncoder(24000)
    assert getattr(changed, name) != value
    setattr(changed, name, value)
    assert getattr(changed, name) == getattr(given, name) == value
    for block in speech[: 480 * 30].reshape(-1, 480):
        assert given.encode(block) == changed.encode(block)


@pytest.mark.parametrize("name", [name for name in OTHER_SETTINGS if name != "application"])
def test_every_control_but_the_application_changes_while_the_stream_runs(
    name: str, speech: Samples
) -> None:
    encoder = OpusEncoder(24000)
    default = getattr(encoder, name)
    for value in (OTHER_SETTINGS[name], default):
        encoder.encode(speech[:480])
        setattr(encoder, name, value)
        assert getattr(encoder, name) == value


def test_a_lower_bit_rate_makes_shorter_packets_and_none_is_libopus_choice(speech: Samples) -> None:
    encoder = OpusEncoder(24000)
    blocks = speech.reshape(-1, 480)
    long = sum(len(encoder.encode(block)) for block in blocks)
    chosen = encoder.bitrate
    encoder.bitrate = 8000
    short = sum(len(encoder.encode(block)) for block in blocks)
    assert short < long / 2
    encoder.bitrate = None
    assert encoder.bitrate == chosen


def test_constant_bit_rate_makes_packets_of_one_length(speech: Samples) -> None:
    encoder = OpusEncoder(24000, bitrate=24000, rate_control="cbr")
    assert {len(encoder.encode(block)) for block in speech.reshape(-1, 480)} == {60}
    encoder.rate_control = "vbr"
    assert len({len(encoder.encode(block)) for block in speech.reshape(-1, 480)}) > 10


@pytest.mark.parametrize(
    "bandwidth", ["narrowband", "mediumband", "wideband", "superwideband", "fullband"]
)
def test_packets_have_the_bandwidth_asked_for(bandwidth: Any, speech: Samples) -> None:
    encoder = OpusEncoder(48000, bandwidth=bandwidth)
    packets = [encoder.encode(block) for block in speech[: 960 * 20].reshape(-1, 960)]
    # Only SILK has mediumband; in the other modes libopus takes the next one up.
    wanted = {bandwidth, "wideband"} if bandwidth == "mediumband" else {bandwidth}
    assert {opus_packet_info(packet).bandwidth for packet in packets} <= wanted


def test_no_packet_has_more_than_the_largest_bandwidth(speech: Samples) -> None:
    encoder = OpusEncoder(48000, bitrate=64000, max_bandwidth="wideband")
    packets = [encoder.encode(block) for block in speech[: 960 * 20].reshape(-1, 960)]
    assert {opus_packet_info(packet).bandwidth for packet in packets} == {"wideband"}


def test_the_loss_prepared_for_follows_fec_until_it_is_given(speech: Samples) -> None:
    encoder = OpusEncoder(24000)
    encoder.fec = True
    assert encoder.packet_loss_percent == 10
    encoder.packet_loss_percent = 3
    encoder.fec = False
    assert encoder.packet_loss_percent == 3
    encoder.packet_loss_percent = None
    assert encoder.packet_loss_percent == 0
    blocks = speech.reshape(-1, 480)
    for percent, copies in ((0, False), (40, True)):
        encoder = OpusEncoder(24000, bitrate=32000, fec=True, packet_loss_percent=percent)
        packets = [encoder.encode(block) for block in blocks]
        assert any(opus_packet_info(packet).has_fec for packet in packets) is copies


def test_silence_is_not_worth_sending_with_dtx(speech: Samples) -> None:
    encoder = OpusEncoder(24000, dtx=True)
    for block in speech[-480 * 20 :].reshape(-1, 480):
        encoder.encode(block)
    lengths = [len(encoder.encode(bytes(960))) for _ in range(50)]
    assert encoder.in_dtx
    assert lengths[-1] <= 2


def test_the_application_changes_before_the_first_frame_and_after_a_reset() -> None:
    encoder = OpusEncoder(24000)
    lookahead = encoder.lookahead
    encoder.application = "lowdelay"
    assert encoder.lookahead == lookahead - 24000 * 4 // 1000
    encoder.encode(bytes(960))
    with pytest.raises(OpusError, match="before the first frame"):
        encoder.application = "voip"
    encoder.reset()
    encoder.application = "audio"
    assert encoder.application == "audio"


def test_a_reset_encoder_equals_a_new_one_with_its_options(
    speechlike: Callable[..., Samples],
) -> None:
    block = speechlike(48000, 0.02)
    encoder = OpusEncoder(48000, bitrate=20000, dtx=True)
    first = encoder.encode(block)
    encoder.encode(block)
    encoder.reset()
    assert encoder.bitrate == 20000
    assert encoder.dtx
    assert encoder.encode(block) == first


def test_threads_that_share_an_encoder_each_get_whole_packets(
    speechlike: Callable[..., Samples],
) -> None:
    encoder = OpusEncoder(16000, complexity=0)
    block = speechlike(16000, 0.02)

    def encode_many() -> list[bytes]:
        return [encoder.encode(block) for _ in range(200)]

    def turn_controls() -> list[bytes]:
        for step in range(200):
            encoder.bitrate = 8000 + 100 * step
            encoder.complexity = step % 3
        return []

    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(each) for each in [encode_many, turn_controls, *[encode_many] * 3]]
        packets = [packet for job in jobs for packet in job.result()]
    assert len(packets) == 800
    decoder = OpusDecoder(16000)
    assert {decoder.decode(packet).shape for packet in packets} == {(320,)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sample_rate", 44100),
        ("sample_rate", 24000.0),
        ("sample_rate", None),
        ("channels", 3),
        ("channels", True),
        ("application", "music"),
        ("application", ["voip"]),
        ("application", None),
        ("bitrate", 499),
        ("bitrate", 512001),
        ("bitrate", True),
        ("bitrate", 24000.0),
        ("bitrate", "24000"),
        ("complexity", 11),
        ("complexity", -1),
        ("complexity", False),
        ("complexity", 2**70),
        ("rate_control", "vbr!"),
        ("rate_control", True),
        ("fec", 1),
        ("fec", None),
        ("packet_loss_percent", 101),
        ("packet_loss_percent", 0.1),
        ("dtx", 0),
        ("bandwidth", 8000),
        ("bandwidth", "wide"),
        ("max_bandwidth", None),
        ("signal", "speech"),
        ("dred_ms", 1050),
        ("dred_ms", 15),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(name: str, value: Any) -> None:
    shown = "a list" if isinstance(value, list) else str(value)
    with pytest.raises(OpusError) as refused:
        OpusEncoder(**{"sample_rate": 24000, name: value})
    assert shown in str(refused.value)
    if name in ("sample_rate", "channels"):
        return
    encoder = OpusEncoder(24000)
    before = getattr(encoder, name)
    with pytest.raises(OpusError):
        setattr(encoder, name, value)
    assert getattr(encoder, name) == before


def test_sound_given_as_a_setting_is_not_shown() -> None:
    with pytest.raises(OpusError) as refused:
        OpusEncoder(24000, bitrate=b"secret" * 100)  # type: ignore[arg-type]
    assert "secret" not in str(refused.value)


def test_deep_redundancy_is_refused_where_libopus_was_built_without() -> None:
    if "dred" in libopus_features():
        assert OpusEncoder(24000, dred_ms=100).dred_ms == 100
        return
    with pytest.raises(OpusError, match="built without DRED"):
        OpusEncoder(24000, dred_ms=100)


def test_a_frame_of_another_length_is_refused_and_the_stream_goes_on(
    speechlike: Callable[..., Samples],
) -> None:
    block = speechlike(24000, 0.02)
    one, other = OpusEncoder(24000), OpusEncoder(24000)
    for count in (0, 1, 481, 3000):
        with pytest.raises(AudioError, match=rf"{count} .*480"):
            one.encode(np.zeros(count, np.int16))
        assert one.encode(block) == other.encode(block)
