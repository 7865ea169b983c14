"""From appended sound to turns, items and transcripts."""
