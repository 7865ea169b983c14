"""The `rtaudio` command: one module per subcommand, each importing its layers when it runs."""

from __future__ import annotations

__all__: list[str] = []
