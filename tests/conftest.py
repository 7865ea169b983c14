"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# Machines are busy at times, and sanitizers and emulators slow: no test fails for how long it took.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
