"""Word error rates against reference texts.

Both texts go through Whisper's normaliser first (case, punctuation, numbers, spelling), the custom
in the field, so that figures compare with published ones. Needs the extra `score`.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Reference", "Score", "Scorer", "scoring_available"]


def scoring_available() -> bool:
    """Tell whether the packages of the extra `score` are installed."""
    return all(importlib.util.find_spec(name) for name in ("jiwer", "whisper_normalizer"))


@dataclass(frozen=True, slots=True)
class Score:
    """Word errors of one text, or summed over many.

    Attributes:
        errors: substituted, deleted and inserted words.
        words: words of the reference.
    """

    errors: int
    words: int

    def __add__(self, other: Score) -> Score:
        return Score(self.errors + other.errors, self.words + other.words)

    @property
    def wer(self) -> float:
        """Errors per reference word; with an empty reference 0.0 if nothing was said, else 1.0."""
        return self.errors / self.words if self.words else float(self.errors > 0)


class Scorer:
    """Counts word errors.

    Args:
        language: language of the texts as a two-letter code. English (and None) uses the English
            normaliser, which knows contractions and spelling variants; others the basic one.

    Raises:
        ConfigError: the extra `score` is not installed.
    """

    def __init__(self, language: str | None = None) -> None:
        if not scoring_available():
            raise ConfigError(
                "word error rates need jiwer and whisper-normalizer: pip install 'rtaudio[score]'"
            )
        import jiwer

        self._jiwer: Any = jiwer
        self._normalise: Callable[[str], str]
        if language is None or language.lower().split("-")[0] in {"en", "english"}:
            from whisper_normalizer.english import EnglishTextNormalizer

            self._normalise = EnglishTextNormalizer()
        else:
            from whisper_normalizer.basic import BasicTextNormalizer

            self._normalise = BasicTextNormalizer()

    def score(self, reference: str, text: str) -> Score:
        """Compare a transcript with what was really said."""
        expected, got = self._normalise(reference).strip(), self._normalise(text).strip()
        if not expected:
            return Score(len(got.split()), 0)
        measured = self._jiwer.process_words(expected, got)
        return Score(
            measured.substitutions + measured.deletions + measured.insertions,
            measured.hits + measured.substitutions + measured.deletions,
        )


class _ReferenceRow(msgspec.Struct):
    path: str
    text: str


class Reference:
    """The texts that files are known to contain.

    A row names its file by a path that is absolute, or relative to the reference file's folder or
    to the current directory. A file that none of these name is matched by its bare name, where
    that is unambiguous, so that a folder may be moved away from its reference.
    """

    def __init__(self) -> None:
        self._by_path: dict[str, str] = {}
        self._by_name: dict[str, set[str]] = {}

    def add_file(self, path: Path) -> None:
        """Read rows `{"path", "text"}`; later rows win.

        Raises:
            ConfigError: the file cannot be read, or a line is not such a row.
        """
        try:
            lines = path.read_bytes().splitlines()
        except OSError as error:
            raise ConfigError(f"cannot read the reference {path}: {error.strerror}") from None
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(line, type=_ReferenceRow)
            except msgspec.MsgspecError as error:
                raise ConfigError(
                    f'{path}, line {number}: a reference row is {{"path": ..., "text": ...}} '
                    f"({error})"
                ) from None
            for base in (path.parent, Path()):
                self._by_path[os.path.abspath(base / row.path)] = row.text
            self._by_name.setdefault(Path(row.path).name, set()).add(row.text)

    def add_files(self, paths: Iterable[Path]) -> None:
        """Read several reference files."""
        for path in paths:
            self.add_file(path)

    def __len__(self) -> int:
        return len(self._by_name)

    def text_for(self, path: Path) -> str | None:
        """Return what the file is known to contain, or None."""
        exact = self._by_path.get(os.path.abspath(path))
        if exact is not None:
            return exact
        named = self._by_name.get(path.name, set())
        return next(iter(named)) if len(named) == 1 else None
