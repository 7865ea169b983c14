from typing_extensions import Buffer

__all__ = ["decode_audio_delta", "encode_append"]

def encode_append(pcm: Buffer, event_id: str | None = None) -> bytes: ...
def decode_audio_delta(
    message: bytes | bytearray | memoryview | str,
) -> tuple[str | None, str, str, int, int, bytes] | None: ...
