"""What carries events between a session and a realtime service."""

from __future__ import annotations

from rtaudio.transports.base import ConnectOptions, RealtimeTransport
from rtaudio.transports.clock import Clock, FakeClock
from rtaudio.transports.faulty import Fault, FaultyTransport, Injected
from rtaudio.transports.recording import RecordedRow, RecordingTransport, read_recording
from rtaudio.transports.replay import ReplayTransport
from rtaudio.transports.scripted import ScriptedTransport
from rtaudio.transports.scripted_model import ScriptedModel
from rtaudio.transports.sip import SipCalls, SipTransport
from rtaudio.transports.twilio import TwilioTransport
from rtaudio.transports.webrtc import WebRTCTransport
from rtaudio.transports.websocket import WebSocketTransport

__all__ = [
    "Clock",
    "ConnectOptions",
    "FakeClock",
    "Fault",
    "FaultyTransport",
    "Injected",
    "RealtimeTransport",
    "RecordedRow",
    "RecordingTransport",
    "ReplayTransport",
    "ScriptedModel",
    "ScriptedTransport",
    "SipCalls",
    "SipTransport",
    "TwilioTransport",
    "WebRTCTransport",
    "WebSocketTransport",
    "read_recording",
]
