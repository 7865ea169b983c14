"""`rtaudio serve`: the realtime service on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import math
import os
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from rtaudio.errors import ConfigError, TransportError

if TYPE_CHECKING:
    from rtaudio.server import RealtimeServer
    from rtaudio.server.engines.base import Responder
    from rtaudio.server.engines.voices import VoiceChoice

__all__ = ["serve"]

_IN_THE_CLEAR = (
    "Without TLS the token and all speech travel in the clear: give --tls-cert and --tls-key, or "
    "put a proxy in front that speaks TLS."
)


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's own needs --token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.")] = 8765,
    model: Annotated[
        str | None, typer.Option(help="Recogniser: a model folder, or faster-whisper's name.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Two-letter code. Default: found out from the speech.")
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(
            help="YAML or JSON file of rules to answer by. Default: say back what was heard."
        ),
    ] = None,
    chat: Annotated[
        str | None,
        typer.Option(
            help="URL of a chat endpoint like OpenAI's that answers; its key is RTAUDIO_CHAT_KEY."
        ),
    ] = None,
    chat_model: Annotated[
        str | None, typer.Option(help="The model to ask for there. Default: the endpoint's own.")
    ] = None,
    voice: Annotated[
        str | None,
        typer.Option(help="A Piper voice. Default: the one that is installed, or espeak-ng."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="What clients must present; better given as RTAUDIO_TOKEN, which `ps` can't see.",
            show_default=False,
        ),
    ] = None,
    session_limit: Annotated[
        float, typer.Option(min=0, help="Minutes after which a session is ended; 0 for never.")
    ] = 60.0,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Certificate chain in PEM form: the service speaks TLS.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="Its private key, where that is in a file of its own.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Origin of a web page that may use the service, such as https://example.org; may "
            "be repeated. '*' is any page and needs --token. Default: only the service's own."
        ),
    ] = None,
    max_sessions: Annotated[
        int, typer.Option(min=1, help="Sessions at the same time; more are refused.")
    ] = 256,
    idle_limit: Annotated[
        float,
        typer.Option(min=0, help="Minutes without a message that end a connection; 0 for never."),
    ] = 30.0,
) -> None:
    """Serve the realtime protocol on this machine: speech and text in, transcripts and answers out.

    Connect any client of the protocol to the printed address, or open the console in a browser.
    Ctrl-C ends the service.
    """
    from rtaudio.server import Limits, RealtimeServer
    from rtaudio.server.access import is_loopback
    from rtaudio.server.engines.voices import choose_voice
    from rtaudio.server.engines.whisper import WhisperRecogniser
    from rtaudio.server.web.tls import server_context

    if tls_key is not None and tls_cert is None:
        raise ConfigError("--tls-key says nothing without --tls-cert FILE")
    tls = None if tls_cert is None else server_context(tls_cert, tls_key)
    recogniser = WhisperRecogniser(model, language)
    # Read here rather than as the option's default: help texts show defaults.
    token = token if token is not None else os.environ.get("RTAUDIO_TOKEN")
    responder = _responder(script, chat, chat_model)
    choice = choose_voice(voice)
    server = RealtimeServer(
        host,
        port,
        recogniser=recogniser,
        responder=responder,
        voice=choice.voice,
        token=token,
        allow_origins=allow_origin or (),
        tls=tls,
        limits=Limits(
            sessions=max_sessions,
            session_s=60 * session_limit or math.inf,
            idle_s=60 * idle_limit or math.inf,
        ),
    )
    if tls is None and not is_loopback(host):
        typer.echo(_IN_THE_CLEAR, err=True)
    try:
        asyncio.run(_run(server, choice))
    except OSError as error:
        raise TransportError(f"cannot listen on {host} port {port}: {error.strerror}") from None
    except KeyboardInterrupt:
        typer.echo("Stopped.")


def _responder(script: Path | None, chat: str | None, chat_model: str | None) -> Responder | None:
    from rtaudio.server.engines.chat import ChatResponder
    from rtaudio.server.engines.script import ScriptResponder

    if script is not None and chat is not None:
        raise ConfigError("--script and --chat both answer; give one of them")
    if chat_model is not None and chat is None:
        raise ConfigError("--chat-model says nothing without --chat URL")
    if chat is not None:
        return ChatResponder(chat, model=chat_model, api_key=os.environ.get("RTAUDIO_CHAT_KEY"))
    return None if script is None else ScriptResponder.from_file(script)


async def _run(server: RealtimeServer, choice: VoiceChoice) -> None:
    from rtaudio.server.calls.switchboard import calls_possible

    async with server:
        typer.echo(f"Listening at {server.url} (Ctrl-C ends it)")
        where = server.calls_url if calls_possible() else "none; pip install 'rtaudio[webrtc]'"
        typer.echo(f"Calls over WebRTC: {where}")
        typer.echo(f"Console: {server.console_url}")
        typer.echo(f"Voice: {choice.found}{'' if choice.voice else '; answers come as text'}")
        await asyncio.get_running_loop().create_future()
