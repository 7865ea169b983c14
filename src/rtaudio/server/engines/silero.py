"""Voice activity by Silero VAD, the ONNX model that ships inside faster-whisper's wheel.

The model takes 16 kHz sound in windows of 512 samples (32 ms), each preceded by the last 64 samples
of the window before, and carries a recurrent state (`h`, `c`) from window to window. Several
windows of one stream may go through in one call; the result is the same.

Cost on one core of a 2-core AMD EPYC: 0.12 ms for a single window, 0.04 ms per window in calls of
ten seconds, that is 0.1 to 0.4 % of real time.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SileroDetector"]

_SAMPLE_RATE = 16000
_WINDOW = 512  # samples
_CONTEXT = 64  # samples of the previous window that the model wants in front
_STATE = (1, 1, 128)  # shape of each of the two recurrent states

_lock = threading.Lock()
_session: Any = None


def _model_path() -> Path:
    try:
        import faster_whisper
    except ImportError:
        raise ConfigError(
            "server-side voice activity needs the 'local' extra: pip install 'rtaudio[local]'"
        ) from None
    assets = Path(faster_whisper.__file__).parent / "assets"
    # The file carries its version in its name (v6 in faster-whisper 1.2); the newest wins.
    found = sorted(assets.glob("silero_vad*.onnx"))
    if not found:
        raise ConfigError(f"no silero_vad*.onnx in {assets}; reinstall faster-whisper >= 1.2")
    return found[-1]


def _load() -> Any:
    """Return the process-wide inference session, which is stateless and safe to share."""
    global _session
    with _lock:
        if _session is None:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            # One window is too little work to share between threads.
            options.inter_op_num_threads = 1
            options.intra_op_num_threads = 1
            options.log_severity_level = 4
            session = onnxruntime.InferenceSession(
                str(_model_path()), providers=["CPUExecutionProvider"], sess_options=options
            )
            names = {node.name for node in session.get_inputs()}
            if names != {"input", "h", "c"}:
                raise ConfigError(
                    f"this Silero VAD model takes {sorted(names)}, expected c, h and input; "
                    "install faster-whisper >= 1.2"
                )
            _session = session
        return _session


class SileroDetector:
    """The Silero voice activity model, loaded once per process on first use."""

    @property
    def sample_rate(self) -> int:
        """16000 Hz."""
        return _SAMPLE_RATE

    @property
    def window(self) -> int:
        """512 samples, 32 ms."""
        return _WINDOW

    def stream(self) -> _SileroStream:
        """Begin a stream with fresh state.

        Raises:
            ConfigError: the `local` extra is not installed, or its model is of another kind.
        """
        return _SileroStream(_load())


class _SileroStream:
    def __init__(self, session: Any) -> None:
        self._session = session
        self._h = np.zeros(_STATE, np.float32)
        self._c = np.zeros(_STATE, np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)

    def probabilities(self, samples: NDArray[np.int16]) -> list[float]:
        count, rest = divmod(samples.size, _WINDOW)
        if rest:
            raise ValueError(f"got {samples.size} samples, expected a multiple of {_WINDOW}")
        if not count:
            return []
        rows = np.empty((count, _CONTEXT + _WINDOW), np.float32)
        np.multiply(samples.reshape(count, _WINDOW), np.float32(1 / 32768), out=rows[:, _CONTEXT:])
        rows[0, :_CONTEXT] = self._context
        rows[1:, :_CONTEXT] = rows[:-1, -_CONTEXT:]
        self._context = rows[-1, -_CONTEXT:].copy()
        speech, self._h, self._c = self._session.run(
            None, {"input": rows, "h": self._h, "c": self._c}
        )
        return [float(p) for p in speech]
