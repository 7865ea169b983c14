"""What a voice is given to read: text without what nobody would read aloud."""

from __future__ import annotations

import re
import unicodedata

from rtaudio.errors import ConfigError

__all__ = ["MAX_CHARACTERS", "speakable", "stretches"]

MAX_CHARACTERS = 10_000
"""How long a text may be that is spoken in one go; more than ten minutes of speech."""

_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()\s]*\)")
_LINE_MARK = re.compile(r"^[ \t]*(?:[*+-]|#{1,6})[ \t]+", re.MULTILINE)
# Only at the edges of words: 2 * 3 and snake_case keep theirs.
_EMPHASIS = re.compile(r"(?<!\w)[*_~`]+(?=\S)|(?<=\S)[*_~`]+(?!\w)")
_PARAGRAPH = re.compile(r"(?<=\w)[ \t]*\n[ \t]*\n\s*")
_DOUBLE_BRACKET = re.compile(r"\[(?=\[)")
_SPACE_BEFORE_MARK = re.compile(r"\s+([.,;:!?])")

_BREAKS = (  # where an overlong text is cut, the best first
    re.compile(r"[.!?…]+[\"')\]”’]*\s|[。！？]"),  # noqa: RUF001
    re.compile(r"[,;:–—]\s|[、，；]"),  # noqa: RUF001
    re.compile(r"\s"),
)


def speakable(text: str) -> str:
    """Return what of a text can be read aloud, or "" where that is nothing.

    Markup (HTML tags, Markdown's emphasis, links and marks of lists and headings), emoji, control
    characters and everything else that is no text is left out, and white space is made plain.

    Raises:
        ConfigError: the text has more than `MAX_CHARACTERS` characters.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(
            f"the text to speak has {len(text)} characters, expected at most {MAX_CHARACTERS}"
        )
    text = _TAG.sub(" ", text)
    text = _LINK.sub(r"\1", text)
    text = _LINE_MARK.sub("", text)
    text = _EMPHASIS.sub("", text)
    text = _PARAGRAPH.sub(". ", text)
    text = "".join(map(_character, text))
    # Both engines would take what stands in double brackets for names of phonemes.
    text = _DOUBLE_BRACKET.sub("[ ", text)
    # Joiners at the edge of a word are left over from emoji.
    words = (word.strip("\u200c\u200d") for word in text.split())
    text = _SPACE_BEFORE_MARK.sub(r"\1", " ".join(filter(None, words)))
    return text if any(character.isalnum() for character in text) else ""


def _character(character: str) -> str:
    """Return a character, a space in place of it, or nothing."""
    if character.isspace():
        return " "
    code = ord(character)
    category = unicodedata.category(character)
    # Joiners shape words in some scripts; signs below U+2300 (degrees, arrows, trade mark) are
    # read, what comes after them are pictures.
    picture = (category == "So" and code >= 0x2300) or 0x1F3FB <= code <= 0x1F3FF
    if picture or category in ("Cc", "Cs", "Co", "Cn"):
        return " "
    if (category == "Cf" and code not in (0x200C, 0x200D)) or code in (0xFE0E, 0xFE0F, 0x20E3):
        return ""
    return character


def stretches(text: str, longest: int) -> list[str]:
    """Cut a text into stretches of at most `longest` characters.

    They end with a sentence where that is possible, else with a clause, else with a word.
    """
    found = []
    while len(text) > longest:
        end = longest
        for pattern in _BREAKS:
            ends = [match.end() for match in pattern.finditer(text, 0, longest)]
            if ends:
                end = ends[-1]
                break
        found.append(text[:end].strip())
        text = text[end:].lstrip()
    if text:
        found.append(text)
    return found
