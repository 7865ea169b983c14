from __future__ import annotations

import logging
from typing import Any

import pytest

from rtaudio import ConfigError, RealtimeAgent, RealtimeSessionOptions, RunContext
from rtaudio.conversation import Conversation
from rtaudio.session.config import initial_config, wanted_tracing
from rtaudio.session.offer import prepare_offer


async def build(agent: RealtimeAgent | None = None, **fields: Any) -> dict[str, Any]:
    model = fields.pop("connect_model", None)
    context = RunContext(fields.get("context"), Conversation())
    options = RealtimeSessionOptions(**fields)
    offer = await prepare_offer(agent, context) if agent is not None else None
    return await initial_config(offer, options, context, model=model)


@pytest.mark.parametrize(
    ("fields", "model"),
    [
        ({}, "gpt-realtime-2.1"),
        ({"config": {"model": "c"}}, "c"),
        ({"config": {"model": "c"}, "model": "o"}, "o"),
        ({"model": "o", "connect_model": "a"}, "a"),
    ],
)
async def test_model_of_connect_beats_option_beats_config(fields: Any, model: str) -> None:
    assert (await build(**fields))["model"] == model


async def test_a_bare_session_is_configured_by_the_defaults_alone() -> None:
    assert await build(RealtimeAgent("a")) == {
        "type": "realtime",
        "model": "gpt-realtime-2.1",
        "instructions": "",
        "output_modalities": ["audio"],
        "tools": [],
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


@pytest.mark.parametrize(
    "config",
    [
        {"audio": None},
        {"audio": {"input": None, "output": None}},
        {"audio": {"input": {"turn_detection": {}, "format": None}}},
        {"turn_detection": {}, "output_audio_format": None},
    ],
)
async def test_what_says_nothing_leaves_the_defaults(config: Any) -> None:
    assert await build(RealtimeAgent("a"), config=config) == await build(RealtimeAgent("a"))


async def test_settings_of_the_model_arrive_under_their_wire_names() -> None:
    given = {
        "toolChoice": "required",
        "parallelToolCalls": False,
        "reasoning": {"effort": "low"},
        "maxOutputTokens": 100,
        "outputModalities": ["text"],
    }
    assert {
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low"},
        "max_output_tokens": 100,
        "output_modalities": ["text"],
    }.items() <= (await build(config=given)).items()


async def test_provider_data_wins_over_all_but_prompt_and_tools() -> None:
    agent = RealtimeAgent("a", "be brief", prompt={"id": "p"}, voice="ash")
    provided = {
        "model": "deployment",
        "instructions": "theirs",
        "output_modalities": ["text"],
        "tools": [1],
        "prompt": {"id": "x"},
        "tracing": "auto",
        "audio": {"output": {"speed": 2}},
    }
    for key in ("provider_data", "providerData"):
        built = await build(agent, config={key: provided, "toolChoice": "none"}, model="m")
        assert (built["model"], built["instructions"]) == ("deployment", "theirs")
        assert built["output_modalities"] == ["text"]
        assert (built["tools"], built["prompt"]) == ([], {"id": "p"})
        assert built["audio"]["output"]["speed"] == 2
        assert built["audio"]["output"]["voice"] == "ash"
        assert "tracing" not in built
        assert key not in built


async def test_nulls_are_sent_and_sparse_settings_keep_the_other_defaults() -> None:
    config = await build(
        config={"audio": {"input": {"transcription": None, "turnDetection": None}}}
    )
    given = config["audio"]["input"]
    assert given["transcription"] is None
    assert given["turn_detection"] is None
    assert given["format"] == {"type": "audio/pcm", "rate": 24000}


async def test_instructions_are_evaluated_with_context_and_agent() -> None:
    async def instructions(ctx: RunContext, agent: RealtimeAgent) -> str:
        return f"{agent.name} serves {ctx.context}"

    agent = RealtimeAgent("ada", instructions)
    assert (await build(agent, context="bob"))["instructions"] == "ada serves bob"


async def test_instructions_that_are_no_text_are_refused() -> None:
    with pytest.raises(ConfigError, match="'ada' must be a str, got int"):
        await build(RealtimeAgent("ada", lambda _ctx, _agent: 5))  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("config", "voice"),
    [
        ({}, "agent"),
        ({"voice": "flat"}, "flat"),
        ({"voice": "flat", "audio": {"output": {"voice": "nested"}}}, "nested"),
    ],
)
async def test_voice_of_config_beats_the_agents(config: Any, voice: str) -> None:
    config = {**config, "input_audio_format": "g711_ulaw", "output_audio_format": "g711_alaw"}
    built = await build(RealtimeAgent("a", voice="agent"), config=config)
    assert built["audio"]["output"]["voice"] == voice
    assert built["audio"]["input"]["format"] == {"type": "audio/pcmu"}
    assert built["audio"]["output"]["format"] == {"type": "audio/pcma"}
    assert "voice" not in (await build(RealtimeAgent("a")))["audio"]["output"]


async def test_prompt_goes_out_by_its_wire_names() -> None:
    prompt = {"prompt_id": "p", "version": "2", "variables": {"x": "y"}}

    async def fetch(_ctx: RunContext, _agent: RealtimeAgent) -> dict[str, Any]:
        return prompt

    for given in (prompt, fetch, lambda _ctx, _agent: prompt):
        built = await build(RealtimeAgent("a", prompt=given))  # type: ignore[arg-type]
        assert built["prompt"] == {"id": "p", "version": "2", "variables": {"x": "y"}}
    with pytest.raises(ConfigError, match="prompt_id"):
        await build(RealtimeAgent("a", prompt={"version": "2"}))


async def test_without_agent_neither_instructions_nor_tools_are_sent() -> None:
    assert not {"instructions", "tools"} & (await build()).keys()


async def test_tracing_never_travels_in_the_configuration() -> None:
    assert "tracing" not in await build(config={"tracing": "auto"})


@pytest.mark.parametrize(
    ("fields", "tracing", "warns"),
    [
        ({}, "auto", False),
        ({"tracing_disabled": True}, None, False),
        ({"tracing_disabled": True, "workflow_name": "w"}, None, False),
        ({"tracing_disabled": True, "workflow_name": "w", "group_id": "g"}, None, True),
        ({"workflow_name": "w"}, {"workflow_name": "w"}, False),
        (
            {"workflow_name": "w", "group_id": "g", "trace_metadata": {"k": 1}},
            {"workflow_name": "w", "group_id": "g", "metadata": {"k": 1}},
            False,
        ),
        ({"group_id": "g"}, "auto", True),
        ({"trace_metadata": {"k": 1}}, "auto", True),
    ],
)
def test_tracing_follows_the_options(fields: Any, tracing: Any, warns: bool, caplog: Any) -> None:
    with caplog.at_level(logging.WARNING):
        assert wanted_tracing(RealtimeSessionOptions(**fields)) == tracing
    assert bool(caplog.records) is warns
