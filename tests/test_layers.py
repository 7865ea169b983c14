"""The tree shows the architecture: every layer imports only from the layers below it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "rtaudio"

# From the top of the house to its cellar; `errors` lies under everything.
LAYERS = [
    "cli",
    "bench",
    "transcribe",
    "server",
    "session",
    "conversation",
    "transports",
    "protocol",
    "audio",
    "_native",
]
RANK = {name: height for height, name in enumerate(reversed(LAYERS))}

CYTHON_IMPORT = re.compile(r"^\s*(?:from|cimport|import)\s+(rtaudio[\w.]*)", re.MULTILINE)


def imported_modules(path: Path) -> set[str]:
    """Names of the rtaudio modules that a source file imports, wherever in the file it does."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        return set(CYTHON_IMPORT.findall(text))
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                package = path.relative_to(SOURCE.parent).parts[: -node.level]
                found.add(".".join([*package, *filter(None, [node.module])]))
            elif node.module == "rtaudio":
                found |= {f"rtaudio.{alias.name}" for alias in node.names}
            elif node.module:
                found.add(node.module)
    return {name for name in found if name.split(".")[0] == "rtaudio"}


def sources() -> list[Path]:
    return sorted(
        path
        for layer in LAYERS
        for pattern in ("*.py", "*.pyx", "*.pxd")
        for path in (SOURCE / layer).rglob(pattern)
    )


def test_every_folder_of_the_package_is_a_known_layer() -> None:
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert folders == set(LAYERS)


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_from_its_own_layer_and_those_below(path: Path) -> None:
    own = path.relative_to(SOURCE).parts[0]
    for name in imported_modules(path):
        layer = name.split(".")[1] if "." in name else ""
        assert layer in RANK or layer == "errors", f"{name} is not a layer"
        assert layer == "errors" or RANK[layer] <= RANK[own], f"{own} must not import {name}"


def test_the_conversation_has_no_sockets_tasks_or_clock() -> None:
    for path in (SOURCE / "conversation").rglob("*.py"):
        words = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
            )
        }
        assert not words & {"asyncio", "socket", "threading", "time", "websockets"}, path
