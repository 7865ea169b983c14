"""Races `rtaudio transcribe` against calling faster-whisper directly on the same files.

Usage: python bench/bench_transcribe.py [--rounds N] [--json FILE] [PATH...]

Both run as whole processes on the same files and the same model, alternating, so that a noisy
machine hurts both alike; the medians are compared, and each round's words are scored against the
reference texts. Direct means what a careful user would write by hand: one `WhisperModel` with its
defaults, fed file by file. What this does not show: gains from a faster engine or from batching,
since both sides run the same recogniser.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

SAMPLES = Path(__file__).parent.parent / "samples"

DIRECT = """
import json, sys
from faster_whisper import WhisperModel
from rtaudio.server.engines.whisper import resolve_model

model = WhisperModel(resolve_model(None), device="cpu")
with open(sys.argv[1], "w", encoding="utf-8") as out:
    for path in sys.argv[2:]:
        segments, _ = model.transcribe(path)
        text = " ".join(segment.text.strip() for segment in segments)
        out.write(json.dumps({"path": path, "text": text}) + "\\n")
"""


def run(command: list[str]) -> float:
    """Seconds of wall time that the command took; its output is shown only when it fails."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} exited {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def read_rows(path: Path) -> dict[str, str]:
    """File name to text, from rows of transcripts or of references."""
    rows = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    return {Path(row["path"]).name: row["text"] for row in rows}


def word_error_rate(reference: dict[str, str], heard: dict[str, str]) -> float:
    """Errors over all words of the reference, as a fraction."""
    import jiwer
    from whisper_normalizer.english import EnglishTextNormalizer

    normalise = EnglishTextNormalizer()
    if reference.keys() != heard.keys():
        raise SystemExit(f"rows are missing: {sorted(reference.keys() ^ heard.keys())}")
    names = sorted(reference)
    return float(
        jiwer.wer([normalise(reference[n]) for n in names], [normalise(heard[n]) for n in names])
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("paths", nargs="*", type=Path, help="audio files; default: samples/")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()

    reference = read_rows(SAMPLES / "reference.jsonl")
    if options.paths:
        reference = {p.name: reference[p.name] for p in options.paths}
    files = [str(p) for p in options.paths] or [str(SAMPLES / name) for name in reference]
    rtaudio = str(Path(sys.executable).with_name("rtaudio"))

    seconds: dict[str, list[float]] = {"direct": [], "rtaudio": []}
    rates: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "rows.jsonl")
        commands = {
            "direct": [sys.executable, "-c", DIRECT, str(out), *files],
            "rtaudio": [rtaudio, "transcribe", "-o", str(out), *files],
        }
        for _ in range(options.rounds):
            for name, command in commands.items():
                out.unlink(missing_ok=True)
                seconds[name].append(run(command))
                rates[name] = word_error_rate(reference, read_rows(out))

    figures = {
        name: {
            "median_s": round(statistics.median(values), 3),
            "min_s": round(min(values), 3),
            "max_s": round(max(values), 3),
            "wer": round(rates[name], 4),
        }
        for name, values in seconds.items()
    }
    ratio = figures["rtaudio"]["median_s"] / figures["direct"]["median_s"]
    where = {
        "cpu_count": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "faster_whisper": version("faster-whisper"),
        "rtaudio": version("rtaudio"),
        "rounds": options.rounds,
    }
    print(f"{'':10}{'median s':>10}{'min':>8}{'max':>8}{'WER %':>8}")
    for name, row in figures.items():
        print(
            f"{name:10}{row['median_s']:10.2f}{row['min_s']:8.2f}{row['max_s']:8.2f}"
            f"{100 * row['wer']:8.2f}"
        )
    print(f"wall time ratio {ratio:.2f}")
    if options.json is not None:
        document = {**where, "ratio": round(ratio, 3), "runs": figures}
        options.json.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
