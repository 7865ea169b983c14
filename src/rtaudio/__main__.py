"""`python -m rtaudio`: the same as the `rtaudio` command."""

from __future__ import annotations

from rtaudio.cli.main import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
