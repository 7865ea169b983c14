"""What the embedded service adds to its engines: throughput, latency, idle cost, memory.

Usage: python bench/bench_service.py [--part P] [--minutes M] [--rounds N] [--json FILE]

Parts, all by default but the last:

- `throughput`: 32 transcription sessions at once, fed as fast as the service takes it, against the
  same recogniser called directly on the same clips: by one thread per worker in a loop, and by one
  thread in a loop with all cores within one call. Rounds alternate; the best direct one counts.
  Every clip must come back, with the words that the direct call gives.
- `latency`: how much later than its engines the service is, one session at a time. Hearing: from
  the commit to the transcript, less the recogniser's time. Speaking: from `response.create` to the
  first sound, less the voice's time to its first sound. Engines are timed where they are called, so
  what stays is protocol, queue, threads and sockets.
- `turns`: what somebody waits who speaks, at the pace of speech, to a session with the default turn
  detection: from the last sample of speech to the transcript and to the first sound of the answer.
  Turns alternate between a service as it is and one that does not recognise them early.
- `idle`: the processor's share that 300 connected, silent sessions take.
- `soak`: sessions that speak, are answered and leave, for M minutes; the service's memory.

The service runs in a process of its own, the clients in this one, which speaks plain `websockets`
and JSON. Both share the machine's cores with the recogniser, as they would for a user.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from websockets.asyncio.client import connect

from rtaudio.audio import load, resample

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from numpy.typing import NDArray

SAMPLES = Path(__file__).parent.parent / "samples"
NAMES = ("alice.flac", "moby_dick.wav", "pride.wav", "walden.opus")
RATE = 16000
CHUNK_S = 0.1
PACE_S = 0.02  # of sound in a message at the pace of speech
SESSIONS = 32
CLIPS_EACH = 2
IDLE_SESSIONS = 300
QUESTIONS = 60  # measured in `latency`, each kind
TURNS = 20  # measured in `turns`, by each service
SPOKEN = (
    "What is the weather like in Berlin tomorrow?",
    "I would like to book a table for four people, on Friday, at half past seven.",
    "My flight was cancelled, and I have to be in Lisbon on Monday.",
    "Turn on the lights in the kitchen, please.",
    "The number is four, two, seven, one, and the name is Miller.",
)
SOAK_SESSIONS = 8


# The service, in a process of its own.


class Timed:
    """An engine that tells, on standard output, how long each call took to an outside event."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def transcribe(self, *args: Any, **options: Any) -> Iterator[str]:
        begin = time.perf_counter()
        yield from self._engine.transcribe(*args, **options)
        tell("transcribe", time.perf_counter() - begin)

    async def speak(self, text: str, *args: Any, **options: Any) -> AsyncIterator[bytes]:
        begin: float | None = time.perf_counter()
        async with contextlib.aclosing(self._engine.speak(text, *args, **options)) as chunks:
            async for chunk in chunks:
                if begin is not None:
                    tell("speak", time.perf_counter() - begin)
                    begin = None
                yield chunk


def tell(what: str, seconds: float) -> None:
    print(json.dumps({what: seconds}), flush=True)


async def serve(timed: bool, speaks: bool, late: bool) -> None:
    """Serve until the standard input ends."""
    from rtaudio.server import RealtimeServer
    from rtaudio.server.engines.voices import choose_voice
    from rtaudio.server.engines.whisper import WhisperRecogniser

    if late:
        from rtaudio.server.listening.recognition import RecognitionPool

        RecognitionPool.begin_early = lambda *_, **__: None  # type: ignore[method-assign]
    recogniser: Any = WhisperRecogniser()
    recogniser.load()
    voice: Any = choose_voice(None).voice if speaks else None
    if timed:
        recogniser = Timed(recogniser)
        voice = voice and Timed(voice)
    limits = None
    if not speaks:
        from rtaudio.server.limits import Limits

        limits = Limits(sessions=IDLE_SESSIONS)
    async with RealtimeServer(recogniser=recogniser, voice=voice, limits=limits) as server:
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


class Service:
    """The service's process."""

    def __init__(self, *flags: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Service:
        self.url = self.read_line()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def read_line(self) -> str:
        """The next line that the service prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def engine_s(self, what: str) -> float:
        """What the service tells next about its engine."""
        return float(json.loads(self.read_line())[what])

    def processor_s(self) -> float:
        """Seconds of processor time so far, all threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """What the process has in memory."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


# Its clients.


class Client:
    """One session, spoken to in plain JSON."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    async def send(self, kind: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind: str) -> dict[str, Any]:
        """The next event of a kind; an error event is the end of the measurement."""
        while True:
            event: dict[str, Any] = json.loads(await self._socket.recv())
            if event["type"] == "error":
                raise SystemExit(f"the service refused: {event['error']['message']}")
            if event["type"] == kind:
                return event

    async def append(self, samples: NDArray[np.int16]) -> None:
        step = int(CHUNK_S * RATE)
        for at in range(0, samples.size, step):
            audio = base64.b64encode(samples[at : at + step].tobytes()).decode()
            await self.send("input_audio_buffer.append", audio=audio)


@contextlib.asynccontextmanager
async def session(url: str, kind: str, *, detects: bool = False) -> AsyncIterator[Client]:
    """A session that hears 16 kHz, and in which only the client ends turns unless it `detects`."""
    query = "?intent=transcription" if kind == "transcription" else ""
    async with connect(url + query, max_size=None, compression=None, ping_interval=None) as socket:
        client = Client(socket)
        await client.until("session.created")
        sound: dict[str, Any] = {"format": {"type": "audio/pcm", "rate": RATE}}
        if not detects:
            sound["turn_detection"] = None
        if detects or kind == "transcription":
            sound["transcription"] = {"model": "whisper-1"}
        await client.send("session.update", session={"type": kind, "audio": {"input": sound}})
        await client.until("session.updated")
        yield client


def clips() -> list[NDArray[np.int16]]:
    """Mono speech at 16 kHz."""
    found = []
    for name in NAMES:
        clip = load(SAMPLES / name)
        samples = clip.samples if clip.channels == 1 else clip.samples[:, 0].copy()
        found.append(resample(samples, clip.sample_rate, RATE))
    return found


# Throughput.


async def transcribe_all(
    url: str, work: list[list[NDArray[np.int16]]]
) -> tuple[float, list[list[str]]]:
    """Seconds for all sessions' clips, and the words of each."""

    async def one(mine: list[NDArray[np.int16]], words: list[str]) -> None:
        async with session(url, "transcription") as client:

            async def feed() -> None:
                for samples in mine:
                    await client.append(samples)
                    await client.send("input_audio_buffer.commit")

            feeding = asyncio.ensure_future(feed())
            for _ in mine:
                done = await client.until("conversation.item.input_audio_transcription.completed")
                words.append(done["transcript"])
            await feeding

    heard: list[list[str]] = [[] for _ in work]
    begin = time.perf_counter()
    await asyncio.gather(*(one(mine, words) for mine, words in zip(work, heard, strict=True)))
    return time.perf_counter() - begin, heard


def directly(
    recogniser: Any, threads: int, work: list[list[NDArray[np.int16]]]
) -> tuple[float, list[list[str]]]:
    """The same without the service: each thread takes the next clip in a loop."""

    def words(samples: NDArray[np.int16]) -> str:
        return "".join(recogniser.transcribe(samples)).strip()

    flat = [samples for mine in work for samples in mine]
    with ThreadPoolExecutor(threads) as pool:
        begin = time.perf_counter()
        texts = list(pool.map(words, flat))
        seconds = time.perf_counter() - begin
    rest = iter(texts)
    return seconds, [[next(rest) for _ in mine] for mine in work]


def throughput(rounds: int) -> dict[str, Any]:
    from rtaudio.server.engines.whisper import WhisperRecogniser

    sounds = clips()
    work = [[sounds[(i + j) % len(sounds)] for j in range(CLIPS_EACH)] for i in range(SESSIONS)]
    sound_s = sum(samples.size for mine in work for samples in mine) / RATE
    pooled = WhisperRecogniser()
    looped = WhisperRecogniser(workers=1, threads=os.cpu_count())
    seconds: dict[str, list[float]] = {"service": [], "direct, pooled": [], "direct, looped": []}
    lost = different = 0
    with Service() as service:
        for recogniser in (pooled, looped):
            recogniser.load()
        for _ in range(rounds):
            took, heard = asyncio.run(transcribe_all(service.url, work))
            seconds["service"].append(took)
            took, expected = directly(pooled, pooled.workers, work)
            seconds["direct, pooled"].append(took)
            took, _ = directly(looped, 1, work)
            seconds["direct, looped"].append(took)
            for mine, right in zip(heard, expected, strict=True):
                lost += len(right) - len(mine)
                different += sum(a != b for a, b in zip(mine, right, strict=False))
    rates = {name: round(sound_s / statistics.median(took), 2) for name, took in seconds.items()}
    best = max(rates["direct, pooled"], rates["direct, looped"])
    return {
        "sessions": SESSIONS,
        "sound_s": round(sound_s, 1),
        "times_real_time": rates,
        "of_direct": round(rates["service"] / best, 3),
        "transcripts_lost": lost,
        "transcripts_different": different,
    }


# Latency.


async def delays(service: Service, samples: NDArray[np.int16]) -> dict[str, list[float]]:
    """Milliseconds that the service adds, per question."""
    hearing, speaking = [], []
    async with session(service.url, "transcription") as client:
        for _ in range(QUESTIONS):
            await client.append(samples)
            # A speaker's sound comes in as it is spoken: at the end none of it is left to be read.
            await client.send("session.update", session={"type": "transcription"})
            await client.until("session.updated")
            begin = time.perf_counter()
            await client.send("input_audio_buffer.commit")
            await client.until("conversation.item.input_audio_transcription.completed")
            took = time.perf_counter() - begin
            hearing.append(1e3 * (took - service.engine_s("transcribe")))
    async with session(service.url, "realtime") as client:
        for _ in range(QUESTIONS):
            text = {"type": "input_text", "text": "It was the best of times."}
            item = {"type": "message", "role": "user", "content": [text]}
            await client.send("conversation.item.create", item=item)
            await client.until("conversation.item.done")
            begin = time.perf_counter()
            await client.send("response.create")
            await client.until("response.output_audio.delta")
            took = time.perf_counter() - begin
            speaking.append(1e3 * (took - service.engine_s("speak")))
            await client.until("response.done")
    return {"hearing_ms": hearing, "speaking_ms": speaking}


def latency() -> dict[str, Any]:
    with Service("--timed", "--speaks") as service:
        found = asyncio.run(delays(service, clips()[0][: 3 * RATE]))
    return {
        name: {
            "p50": round(statistics.median(values), 2),
            "p95": round(statistics.quantiles(values, n=20)[-1], 2),
            "max": round(max(values), 2),
        }
        for name, values in found.items()
    }


# Turns.


async def spoken() -> list[NDArray[np.int16]]:
    """Sentences, each from its first to its last sample of speech."""
    from rtaudio.server.engines.voices import choose_voice

    voice: Any = choose_voice(None).voice
    found = []
    for text in SPOKEN:
        sound = b"".join([chunk async for chunk in voice.speak(text)])
        samples = resample(np.frombuffer(sound, np.int16), voice.sample_rate, RATE)
        loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max() / 50)
        found.append(samples[loud[0] : loud[-1] + 1])
    return found


async def turn(client: Client, samples: NDArray[np.int16]) -> tuple[float, float, str]:
    """Say something and fall silent; seconds to transcript and first sound, and the transcript."""
    ended: float | None = None

    async def speak() -> None:
        nonlocal ended
        step = int(PACE_S * RATE)
        begin = time.perf_counter()
        for count in itertools.count(1):
            await asyncio.sleep(max(0.0, begin + count * PACE_S - time.perf_counter()))
            chunk = np.zeros(step, np.int16)
            said = samples[(count - 1) * step : count * step]
            chunk[: said.size] = said
            await client.append(chunk)
            if 0 <= count * step - samples.size < step:
                ended = time.perf_counter()

    speaking = asyncio.ensure_future(speak())
    completed = await client.until("conversation.item.input_audio_transcription.completed")
    if ended is None:
        raise SystemExit("a pause within a sentence was taken for the end of the turn")
    transcript_s = time.perf_counter() - ended
    await client.until("response.output_audio.delta")
    sound_s = time.perf_counter() - ended
    speaking.cancel()
    await client.until("response.done")
    return transcript_s, sound_s, completed["transcript"]


async def talk_to(services: dict[str, Service]) -> dict[str, Any]:
    sounds = await spoken()
    found: dict[str, list[tuple[float, float, str]]] = {name: [] for name in services}
    async with contextlib.AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(session(service.url, "realtime", detects=True))
            for name, service in services.items()
        }
        for samples in (sounds[0], *itertools.islice(itertools.cycle(sounds), TURNS)):
            for name, client in clients.items():
                found[name].append(await turn(client, samples))
    figures: dict[str, Any] = {}
    for name, turns in found.items():
        to_transcript, to_sound, _ = zip(*turns[1:], strict=True)  # the first one warms up
        figures[name] = {
            "transcript_ms": round(1e3 * statistics.median(to_transcript)),
            "first_sound_ms": round(1e3 * statistics.median(to_sound)),
            "first_sound_p95_ms": round(1e3 * statistics.quantiles(to_sound, n=20)[-1]),
        }
    texts = [[text for _, _, text in turns] for turns in found.values()]
    return {
        **figures,
        "turns": TURNS,
        "transcripts_different": sum(len(set(said)) > 1 for said in zip(*texts, strict=True)),
    }


def turns() -> dict[str, Any]:
    with Service("--speaks") as early, Service("--speaks", "--late") as late:
        return asyncio.run(talk_to({"early": early, "late": late}))


# Idle sessions.


async def silence(service: Service, seconds: float) -> float:
    """The share of one core that the service uses while nobody says anything."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(IDLE_SESSIONS):
            await stack.enter_async_context(session(service.url, "realtime"))
        await asyncio.sleep(2)
        before, begin = service.processor_s(), time.perf_counter()
        await asyncio.sleep(seconds)
        return (service.processor_s() - before) / (time.perf_counter() - begin)


def idle() -> dict[str, Any]:
    with Service() as service:
        share = asyncio.run(silence(service, 60.0))
    return {"sessions": IDLE_SESSIONS, "core_busy": round(share, 5)}


# Soak.


async def talk(service: Service, samples: NDArray[np.int16], minutes: float) -> dict[str, Any]:
    """Sessions come, speak, are answered, and go."""
    end = time.perf_counter() + 60 * minutes
    turns = 0

    async def one() -> None:
        nonlocal turns
        while time.perf_counter() < end:
            async with session(service.url, "realtime") as client:
                for _ in range(5):
                    await client.append(samples)
                    await client.send("input_audio_buffer.commit")
                    await client.send("response.create")
                    await client.until("response.done")
                    turns += 1

    memory = []
    talking = asyncio.gather(*(one() for _ in range(SOAK_SESSIONS)))
    for _ in range(30):
        await asyncio.wait([talking], timeout=60 * minutes / 30)
        memory.append(round(service.resident_mib(), 1))
    await talking
    return {"minutes": minutes, "turns": turns, "memory_mib": memory}


def soak(minutes: float) -> dict[str, Any]:
    with Service("--speaks") as service:
        return asyncio.run(talk(service, clips()[0][: 2 * RATE], minutes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=["throughput", "latency", "turns", "idle", "soak"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long the soak lasts")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    for flag in ("--serve", "--timed", "--speaks", "--late"):
        parser.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.timed, options.speaks, options.late))
        return
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "throughput": lambda: throughput(options.rounds),
        "latency": latency,
        "turns": turns,
        "idle": idle,
        "soak": lambda: soak(options.minutes),
    }
    wanted = [options.part] if options.part else ["throughput", "latency", "turns", "idle"]
    figures = {}
    for name in wanted:
        figures[name] = parts[name]()
        print(name)
        for key, value in figures[name].items():
            print(f"  {key:<22} {value}")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
