"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["whole_file"]


@contextmanager
def whole_file(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Write a file beside its final place, and move it there once the block has ended well.

    A reader never sees half of one, and a failure leaves nothing behind but what was there before.

    Args:
        path: the final place; a file that is there already is replaced.
        mode: who may read and write it, less the umask.

    Yields:
        Where to write: an empty file in the same folder.

    Raises:
        OSError: the folder cannot be written to.
    """
    # Made by hand rather than by tempfile, whose files are readable by their owner alone.
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
