"""The conversation as a pure state machine: no sockets, no tasks, no clock of its own."""

from __future__ import annotations

from rtaudio.conversation.conversation import Conversation
from rtaudio.conversation.history import History
from rtaudio.conversation.items import ContentPart, Item
from rtaudio.conversation.playback import Playback
from rtaudio.conversation.prices import PriceTable
from rtaudio.conversation.retention import AudioRetention
from rtaudio.conversation.sequencer import ResponseSequencer
from rtaudio.conversation.usage import Usage
from rtaudio.conversation.usage_limit import UsageLimit

__all__ = [
    "AudioRetention",
    "ContentPart",
    "Conversation",
    "History",
    "Item",
    "Playback",
    "PriceTable",
    "ResponseSequencer",
    "Usage",
    "UsageLimit",
]
