"""Fuzzes the kernels, guided by coverage, for a while.

Usage: python fuzz/run.py [--seconds N] [--runs N] [--simd LEVEL] [wire] [opus] [resample]

The kernels are built by clang with coverage, AddressSanitizer and UBSan in build/fuzz. Inputs that
reached new code stay in build/fuzz-corpus, and the next run starts from them; those that fail are
written to build/fuzz-findings. The exit status is 1 where one did.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

TARGETS = ("wire", "opus", "resample")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))

from instrument import ROOT, build_copy, environment_for  # noqa: E402

CORPUS, FINDINGS = ROOT / "build" / "fuzz-corpus", ROOT / "build" / "fuzz-findings"


def prepare(simd: str | None) -> dict[str, str]:
    """Build the kernels, write the seeds; returns the environment to fuzz in."""
    if shutil.which("clang") is None:
        raise SystemExit("fuzzing needs clang; on Debian: apt-get install clang libclang-rt-14-dev")
    try:
        import atheris
    except ImportError:
        raise SystemExit("fuzzing needs atheris; pip install atheris") from None
    folder = build_copy("fuzz", "fuzzer-no-link,address,undefined", "clang")
    # The runtime of the sanitizers and of libFuzzer that belongs to atheris.
    environment = environment_for(folder, [str(Path(atheris.path(), "asan_with_fuzzer.so"))])
    if simd:
        environment["RTAUDIO_SIMD"] = simd
    FINDINGS.mkdir(parents=True, exist_ok=True)
    seeds = [sys.executable, str(HERE / "seeds.py"), str(CORPUS)]
    subprocess.run(seeds, env=environment, check=True)
    return environment


def command(target: str, *options: str) -> list[str]:
    """How a target is run; the address of an input as option runs just that."""
    return [sys.executable, str(HERE / f"fuzz_{target}.py"), *options]


def fuzz(target: str, seconds: int, runs: int, environment: dict[str, str]) -> bool:
    """Run one target; returns whether nothing was found."""
    options = [f"-max_total_time={seconds}", f"-runs={runs}", "-timeout=20", "-rss_limit_mb=3000"]
    options += [f"-artifact_prefix={FINDINGS}/{target}-", "-print_final_stats=1", "-verbosity=0"]
    if target == "wire":
        options += [f"-dict={HERE / 'wire.dict'}", "-max_len=3000"]
    print(f"{target}: {seconds} s", flush=True)
    done = subprocess.run(
        command(target, *options, str(CORPUS / target)), env=environment, check=False
    )
    if done.returncode:
        print(f"{target}: FAILED; to see it again, run it on a file of {FINDINGS}")
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="of each target; 0: no bound")
    parser.add_argument("--runs", type=int, default=-1, help="at most this many inputs of each")
    parser.add_argument("--simd", help="vector level of the kernels")
    parser.add_argument("--again", type=Path, help="run one target on this input only")
    options = parser.parse_args()
    targets = options.targets or list(TARGETS)
    if unknown := set(targets) - set(TARGETS):
        parser.error(f"got {', '.join(sorted(unknown))}; targets are {', '.join(TARGETS)}")
    environment = prepare(options.simd)
    if options.again:
        again = command(targets[0], str(options.again))
        return subprocess.run(again, env=environment, check=False).returncode
    os.nice(5)
    passed = [fuzz(target, options.seconds, options.runs, environment) for target in targets]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
