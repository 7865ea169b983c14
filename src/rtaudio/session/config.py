"""The configuration that a session begins with."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rtaudio.protocol import merge_session_config, normalise_session_config
from rtaudio.transports.websocket import DEFAULT_MODEL

if TYPE_CHECKING:
    from rtaudio.session.context import RunContext
    from rtaudio.session.offer import Offer
    from rtaudio.session.options import RealtimeSessionOptions
    from rtaudio.transports import RealtimeTransport

__all__ = ["default_config", "initial_config", "is_transcription", "wanted_tracing"]

_log = logging.getLogger("rtaudio.session")

_DEFAULTS: dict[str, Any] = {
    "type": "realtime",
    "output_modalities": ["audio"],
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "gpt-4o-mini-transcribe"},
            "turn_detection": {"type": "semantic_vad"},
            "noise_reduction": None,
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": 1},
    },
}


def is_transcription(options: RealtimeSessionOptions) -> bool:
    """Whether the session only transcribes."""
    return options.config is not None and options.config.get("type") == "transcription"


def default_config(transport: RealtimeTransport, *, attached: bool) -> dict[str, Any]:
    """Settings where the application gives none.

    Args:
        transport: whose own defaults go first.
        attached: the session controls a call that runs already.
    """
    config = merge_session_config(_DEFAULTS, transport.session_defaults)
    if attached or transport.medium == "none":
        # What the call was made with stays, such as the format of a telephone line.
        for side in ("input", "output"):
            del config["audio"][side]["format"]
    return config


async def initial_config(
    offer: Offer | None,
    options: RealtimeSessionOptions,
    context: RunContext,
    *,
    defaults: Mapping[str, Any] = _DEFAULTS,
    model: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build what the first `session.update` carries, in wire form.

    A transcription session carries what the application gave and nothing else: the service has no
    use for anything more, and refuses much of it.

    Args:
        offer: whose instructions, voice, prompt and tools count; None leaves them to the service.
        options: the session's options.
        context: handed to instructions functions.
        defaults: settings where the application gives none.
        model: wins over the options' model.
        overrides: settings that win over those of the options.

    Raises:
        ConfigError: a setting is wrong.
    """
    given = normalise_session_config(options.config or {})
    if overrides:
        given = merge_session_config(given, normalise_session_config(overrides))
    if is_transcription(options):
        return given
    config = merge_session_config(defaults, _voice(offer))
    config = merge_session_config(config, given)
    config["model"] = model or options.model or config.get("model") or DEFAULT_MODEL
    if offer is not None:
        agent = offer.agent
        config["instructions"] = await agent.resolve_instructions(context)
        # Always a list: leaving tools out would keep those of an earlier configuration alive.
        config["tools"] = offer.wire()
        prompt = await agent.resolve_prompt(context)
        if prompt is not None:
            config["prompt"] = prompt
    config = merge_session_config(config, _provider_data(options.config, overrides))
    config.pop("tracing", None)
    return config


def _voice(offer: Offer | None) -> dict[str, Any]:
    if offer is None or offer.agent.voice is None:
        return {}
    return {"audio": {"output": {"voice": offer.agent.voice}}}


def _provider_data(*configs: Mapping[str, Any] | None) -> dict[str, Any]:
    """What wins even over the agent's own settings, but for prompt and tools."""
    merged: dict[str, Any] = {}
    for config in filter(None, configs):
        given = config.get("provider_data", config.get("providerData"))
        merged = merge_session_config(merged, given or {})
    return {key: value for key, value in merged.items() if key not in ("prompt", "tools")}


def wanted_tracing(options: RealtimeSessionOptions) -> Any:
    """What `session.tracing` should be: `"auto"`, None (off) or a mapping."""
    if options.workflow_name is None or options.tracing_disabled:
        ignored = [n for n in ("group_id", "trace_metadata") if getattr(options, n) is not None]
        if ignored:
            _log.warning("%s without effect: tracing has no workflow_name", " and ".join(ignored))
    if options.tracing_disabled:
        return None
    if options.workflow_name is None:
        return "auto"
    tracing: dict[str, Any] = {"workflow_name": options.workflow_name}
    if options.group_id is not None:
        tracing["group_id"] = options.group_id
    if isinstance(options.trace_metadata, Mapping):
        tracing["metadata"] = dict(options.trace_metadata)
    return tracing
