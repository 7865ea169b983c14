"""Contenders that are measured in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtaudio.bench.report import MemoryRow, Row

__all__ = ["ABSENT_STATUS", "run_alone"]

ABSENT_STATUS = 3
"""With which a module ends where a package is missing; the last line of stderr says which."""

TIMEOUT_S = 300


def run_alone(row: Row | MemoryRow, module: str, *arguments: object) -> dict[str, Any] | None:
    """Run a module for the contender of a row.

    Args:
        row: a failure is noted in it.
        module: prints one JSON object as the last line; its first argument is the contender.
        *arguments: the others.

    Returns:
        The object, or None after a failure.
    """
    command = [sys.executable, "-m", module, row.contender, *map(str, arguments)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        row.status, row.problem = "wrong", f"not done after {TIMEOUT_S} s"
        return None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        row.status = "absent" if done.returncode == ABSENT_STATUS else "wrong"
        row.problem = last[:200]
        return None
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result
