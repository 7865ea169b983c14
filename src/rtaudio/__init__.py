"""Live speech with realtime models, on a Cython audio path."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("rtaudio")
