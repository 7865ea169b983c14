"""What the documentation shows runs, and says what it shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import rtaudio
import rtaudio.audio
import rtaudio.transports

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CODE = re.compile(r"```python\n(.*?)```", re.S)
# Names for annotations, at work nowhere else; the pages mention them in their text.
TYPES = {"BytesLike", "Clock", "ConnectOptions", "Encoding", "Injected", "PcmLike", "Samples"}
BLOCKS = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in PAGES
    for number, code in enumerate(CODE.findall(page.read_text("utf-8")))
]
EXAMPLES = {
    "guardrail.py": "said in the end: Five per cent was the average of the last years.",
    "handoff.py": "Refunds did: order 1742 is refunded",
    "push_to_talk.py": "asked for 7.2 s, answered for 2.0 s",
    "scripted_turn.py": "kept:  ['Where is the station?', 'Down the road, on the left.']",
    "telephone_bridge.py": "the model knows what was heard: True",
    "tool_with_approval.py": "ledger: [('Ada', 20.0), ('Bob', 500.0)]",
    "transcribe_clip.py": "tired of sitting by her sister",
}


def run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("code", BLOCKS)
def test_code_on_a_page_runs(code: str) -> None:
    printed = run("-W", "error", "-c", code)
    for expected in re.findall(r"# prints: (.*)", code):
        assert expected in printed


def test_the_script_on_a_page_is_the_one_that_runs() -> None:
    shown = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/engines.md").read_text("utf-8"), re.S)
    assert shown == [(ROOT / "examples/shop.yaml").read_text("utf-8")]


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_an_example_runs_and_prints_what_it_promises(name: str) -> None:
    assert EXAMPLES[name] in run(f"examples/{name}")


@pytest.mark.parametrize("module", [rtaudio, rtaudio.audio, rtaudio.transports], ids=str)
def test_every_public_name_is_shown_at_work(module: ModuleType) -> None:
    shown = [code for page in PAGES for code in CODE.findall(page.read_text("utf-8"))]
    shown += [path.read_text("utf-8") for path in (ROOT / "examples").glob("*.py")]
    words = set(re.findall(r"\w+", "\n".join(shown)))
    assert {name for name in module.__all__ if not name.startswith("__")} <= words | TYPES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_make_target_that_is_mentioned_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    for page in PAGES:
        mentioned = set(re.findall(r"`make ([a-z]+)`", page.read_text("utf-8")))
        assert mentioned <= targets, page.name
