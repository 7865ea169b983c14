"""The asyncio shell: sessions, their options and agents."""

from __future__ import annotations

from rtaudio.conversation.calls import FunctionCall
from rtaudio.conversation.history import History
from rtaudio.conversation.prices import PriceTable
from rtaudio.conversation.retention import AudioRetention
from rtaudio.conversation.tracker import PlaybackTracker
from rtaudio.conversation.usage_limit import UsageLimit
from rtaudio.session.agent import RealtimeAgent
from rtaudio.session.approvals import DEFAULT_REJECTION, FunctionApproval
from rtaudio.session.context import RunContext
from rtaudio.session.guardrails import GuardrailResult, InputGuardrail, OutputGuardrail
from rtaudio.session.handoffs import Handoff, handoff
from rtaudio.session.hosted_mcp import HostedMcpTool
from rtaudio.session.options import RealtimeSessionOptions
from rtaudio.session.reconnect import ReconnectPolicy
from rtaudio.session.session import RealtimeSession
from rtaudio.session.stats import QueueStats, SessionStats
from rtaudio.session.stream import ConsumerTooSlow
from rtaudio.session.tool_guardrails import (
    ToolGuardrailResult,
    ToolInputGuardrail,
    ToolOutputGuardrail,
)
from rtaudio.session.tool_output import background_result
from rtaudio.session.tools import FunctionTool, function_tool

__all__ = [
    "DEFAULT_REJECTION",
    "AudioRetention",
    "ConsumerTooSlow",
    "FunctionApproval",
    "FunctionCall",
    "FunctionTool",
    "GuardrailResult",
    "Handoff",
    "History",
    "HostedMcpTool",
    "InputGuardrail",
    "OutputGuardrail",
    "PlaybackTracker",
    "PriceTable",
    "QueueStats",
    "RealtimeAgent",
    "RealtimeSession",
    "RealtimeSessionOptions",
    "ReconnectPolicy",
    "RunContext",
    "SessionStats",
    "ToolGuardrailResult",
    "ToolInputGuardrail",
    "ToolOutputGuardrail",
    "UsageLimit",
    "background_result",
    "function_tool",
    "handoff",
]
