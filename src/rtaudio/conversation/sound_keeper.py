"""Which sound belongs to which item, as the events of a conversation tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from rtaudio import protocol
from rtaudio.audio import AudioClip, AudioFormat
from rtaudio.conversation.items import kept_sound, with_sound
from rtaudio.conversation.sent_sound import SentSound
from rtaudio.conversation.sound_store import SoundStore, SoundTally

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtaudio.conversation.events import Audio
    from rtaudio.conversation.item_list import ItemList
    from rtaudio.conversation.items import Item
    from rtaudio.conversation.retention import AudioRetention
    from rtaudio.conversation.settings import WireSettings
    from rtaudio.conversation.sound_file import Writing

__all__ = ["SoundKeeper"]


class SoundKeeper:
    """Keeps the sound of one conversation, and gives it to the items of its history.

    Args:
        retention: how sound is kept, and how much of it.
        settings: the wire's formats, and whether the service detects turns.
        history: whose items get the sound.
        writings: where files that are to be written go.
        tally: where it is counted what became of sounds.

    Attributes:
        store: all that is kept.
        sent: the user's side; hears of positions and commits.
    """

    def __init__(
        self,
        retention: AudioRetention,
        settings: WireSettings,
        history: ItemList,
        writings: list[Writing],
        tally: SoundTally,
    ) -> None:
        self.store = SoundStore(retention, writings, tally)
        self.sent = SentSound(self.store, settings.input)
        self._settings = settings
        self._history = history
        # Sounds that still grow, by the response that they are part of.
        self._spoken: dict[str, set[tuple[str, int]]] = {}
        # Items that the application gave to the service and that are not back yet.
        self._given: dict[str, Item] = {}

    # What the model says.

    def spoken(self, audio: Audio, start_s: float) -> None:
        """A piece of an answer is delivered, to begin to play at this time."""
        key = (audio.item_id, audio.content_index)
        sound = self.store.get(*key)
        if sound is None:
            sound = self.store.begin("assistant", self._settings.output, *key)
            self._spoken.setdefault(audio.response_id, set()).add(key)
            self._history.attach(sound)
        self.store.append(sound, audio.data, start_s)

    def part_ended(self, item_id: str, content_index: int) -> None:
        """The service has produced all sound of a part."""
        sound = self.store.get(item_id, content_index)
        if sound is not None:
            self.store.finish(sound)

    def response_ended(self, response_id: str | None) -> None:
        """No more sound of this response can come."""
        for key in self._spoken.pop(response_id or "", ()):
            self.part_ended(*key)

    def truncated(self, event: protocol.ConversationItemTruncated) -> None:
        """The service has cut a part where the listener interrupted it."""
        sound = self.store.get(event.item_id, event.content_index)
        if sound is not None:
            self.store.cut(sound, event.audio_end_ms * sound.sample_rate // 1000)

    # What the user says.

    def committed(self, item_id: str) -> None:
        """An item was made of what the user said, and `sent` has heard of it."""
        sound = self.store.get(item_id, 0)
        if sound is not None:
            self._history.attach(sound)

    # Items.

    def give(self, items: Iterable[Item]) -> None:
        """The service is asked to take these items in; they come back from it without sound."""
        for item in items:
            if any(kept_sound(part) is not None for part in item.content):
                self._given[item.item_id] = item

    def adopt(self, wire: protocol.Item) -> None:
        """An item came from the service: where we have no sound of it, its own is taken."""
        if not isinstance(wire, protocol.MessageItem) or not wire.id:
            return
        for index, part in enumerate(wire.content):
            if part.audio and self.store.get(wire.id, index) is None:
                side = _side(wire.role)
                spoken = self._settings.output if side == "assistant" else self._settings.input
                sound = self.store.begin(side, spoken, wire.id, index)
                self.store.append(sound, part.audio, None)
                self.store.finish(sound)

    def with_sounds(self, item: Item) -> Item:
        """The item with all sound of it that there is."""
        given = self._given.pop(item.item_id, None)
        content = list(item.content)
        for index, part in enumerate(content):
            if part.type not in ("input_audio", "output_audio"):
                continue
            sound = self.store.get(item.item_id, index)
            if sound is None and given is not None and index < len(given.content):
                clip = kept_sound(given.content[index])
                if isinstance(clip, AudioClip):
                    wire = AudioFormat("pcm16", clip.sample_rate)
                    sound = self.store.begin(_side(item.role), wire, item.item_id, index)
                    self.store.append(sound, clip.mono().samples.tobytes(), None)
                    self.store.finish(sound)
            if sound is not None:
                content[index] = with_sound(part, sound)
        return msgspec.structs.replace(item, content=tuple(content))

    def deleted(self, item_id: str) -> None:
        """The service has dropped an item, unless only to take it in again changed."""
        if item_id not in self._given:
            self.store.forget(item_id)

    # The connection.

    def suspended(self) -> None:
        """The connection broke, and another takes its place, which counts from its beginning."""
        self.disconnected()
        self.sent = SentSound(self.store, self._settings.input)
        self.sent.detects(self._settings.detects_turns)

    def disconnected(self) -> None:
        """Nothing more will come."""
        self.sent.end()
        for response_id in list(self._spoken):
            self.response_ended(response_id)
        self._given.clear()


def _side(role: str | None) -> Literal["user", "assistant"]:
    return "assistant" if role == "assistant" else "user"
