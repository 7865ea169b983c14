"""Batch transcription: files in, transcripts out, through realtime sessions.

`inputs` expands what was typed, `prepare` and `segment` turn a file into turns, `line` carries
turns over a session, `runner` keeps a few lines busy, `rows` and `writers` put down what came
back, `scoring` and `summary` say how good and how fast it was.
"""

from __future__ import annotations

__all__: list[str] = []
