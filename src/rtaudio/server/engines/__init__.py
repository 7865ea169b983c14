"""Speech engines behind the realtime service: one interface in `base`, one file per engine."""

from __future__ import annotations

__all__: list[str] = []
