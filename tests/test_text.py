"""Names are told apart, unknown ones are guessed, and nothing steers a terminal."""

from __future__ import annotations

from gantool.text import guess, numbered, visible


def test_names_are_numbered_from_their_second_occurrence() -> None:
    assert numbered(["csv", "l2", "csv", "csv"]) == ["csv", "l2", "csv-2", "csv-3"]


def test_a_guess_names_as_many_as_were_asked_for() -> None:
    known = ["hinge", "hinged", "softplus"]
    assert guess("hinges", known) in ("did you mean 'hinge'?", "did you mean 'hinged'?")
    assert "' or 'hinge" in str(guess("hinges", known, most=3))
    assert guess("wasserstein", known) is None


def test_only_what_was_asked_for_is_kept_of_control_characters() -> None:
    assert visible("a\x1b[2J\n") == "a\\x1b[2J\n"
    assert visible("a\tb\n", kept="") == "a\\tb\\n"
