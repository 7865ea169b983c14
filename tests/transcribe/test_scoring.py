"""Word error rates: normalised texts, and references found by path or name."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtaudio.errors import ConfigError
from rtaudio.transcribe import scoring
from rtaudio.transcribe.scoring import Reference, Score, Scorer


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    pytest.importorskip("jiwer")
    pytest.importorskip("whisper_normalizer")
    return Scorer()


def test_case_punctuation_and_contractions_are_no_errors(scorer: Scorer) -> None:
    assert scorer.score("It's twenty dogs, Mr. Smith!", "it is 20 dogs mister smith").errors == 0


def test_errors_are_counted_per_reference_word(scorer: Scorer) -> None:
    score = scorer.score("one whale swam far away", "one snail swam away today")
    assert (score.errors, score.words, score.wer) == (3, 5, 0.6)


def test_no_text_at_all_is_all_errors(scorer: Scorer) -> None:
    assert scorer.score("one whale", "").wer == 1.0


def test_an_empty_reference_is_right_when_nothing_was_heard(scorer: Scorer) -> None:
    assert scorer.score("", "").wer == 0.0
    assert scorer.score("(applause)", "thank you").wer == 1.0


def test_scores_add_up_to_the_corpus() -> None:
    assert (Score(1, 10) + Score(3, 10)).wer == 0.2


def test_other_languages_use_the_basic_normaliser(scorer: Scorer) -> None:
    del scorer
    assert Scorer("de").score("Grüße, Welt!", "grüße welt").errors == 0


def test_without_the_extra_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scoring, "scoring_available", lambda: False)
    with pytest.raises(ConfigError, match=r"pip install 'rtaudio\[score\]'"):
        Scorer()


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_a_reference_is_found_relative_to_its_own_folder(tmp_path: Path) -> None:
    reference = Reference()
    reference.add_file(write(tmp_path / "s/reference.jsonl", '{"path": "a.wav", "text": "A"}\n'))
    assert reference.text_for(tmp_path / "s" / "a.wav") == "A"


def test_a_reference_is_found_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reference = Reference()
    reference.add_file(write(tmp_path / "s/ref.jsonl", '{"path": "in/a.wav", "text": "A"}\n'))
    assert reference.text_for(Path("in/a.wav")) == "A"


def test_a_bare_name_counts_only_when_it_is_unambiguous(tmp_path: Path) -> None:
    reference = Reference()
    rows = '{"path": "x/a.wav", "text": "1"}\n\n{"path": "y/a.wav", "text": "2"}\n'
    reference.add_file(write(tmp_path / "ref.jsonl", rows + '{"path": "y/b.wav", "text": "B"}'))
    assert reference.text_for(Path("elsewhere/b.wav")) == "B"
    assert reference.text_for(Path("elsewhere/a.wav")) is None
    assert reference.text_for(tmp_path / "y" / "a.wav") == "2"


@pytest.mark.parametrize("line", ["nonsense", '{"path": "a.wav"}', "[1]"])
def test_a_line_that_is_no_reference_is_refused(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "ref.jsonl", line + "\n")
    with pytest.raises(ConfigError, match="line 1: a reference row is"):
        Reference().add_file(path)


def test_a_missing_reference_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the reference"):
        Reference().add_file(tmp_path / "none.jsonl")
