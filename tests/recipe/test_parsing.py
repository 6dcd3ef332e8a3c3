from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from gantool.errors import RecipeError
from gantool.recipe.reading import read_recipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gantool.recipe.schema import Recipe
    from gantool.registry.catalog import Catalog

SYNTAX = {
    "open header": (
        "x = 1\n[dataset\n",
        "not TOML: expected ']' at the end of a table declaration",
        "bad.toml:2:9",
    ),
    "bare word": ("[loss]\nuse = hinge\n", "not TOML: invalid value", "bad.toml:2:7"),
    "missing value": ("[loss]\nuse =\n", "not TOML: invalid value", "bad.toml:2:6"),
    "missing equals": (
        "[loss]\nuse 'bce'\n",
        "not TOML: expected '=' after a key in a key/value pair",
        "bad.toml:2:5",
    ),
    "two values": (
        "steps = 1 2\n",
        "not TOML: expected newline or end of document after a statement",
        "bad.toml:1:11",
    ),
    "open quote": (
        "[loss]\nuse = 'bce\nx = 1\n",
        "text whose quote is never closed",
        "bad.toml:2:7",
    ),
    "open quotes": ('a = 1\nb = """x\n\ny"\n', "text whose quote is never closed", "bad.toml:2:5"),
    "open array": ("a = [1,\n2\n\n", "not TOML: unclosed array", "bad.toml:2:1"),
    "option twice": (
        "[loss]\nuse = 'a'\nx = 1\nuse = 'b'\n",
        "'use' is given twice",
        "bad.toml:4:1",
    ),
    "table twice": ("[a]\n[b]\n[a]\n", "'a' is given twice", "bad.toml:3:2"),
    "inline twice": ("a = {b = 1, b = 2}\n", "'b' is given twice", "bad.toml:1:13"),
    "byte order mark": ("\ufeffa = 1\n", "the file starts with a byte order mark", "bad.toml:1:1"),
    "carriage return": (
        "a = 1\rb = 2\n",
        "not TOML: expected newline or end of document after a statement",
        "bad.toml:1:6",
    ),
}


@pytest.mark.parametrize(("text", "message", "place"), SYNTAX.values(), ids=SYNTAX.keys())
def test_syntax_error_is_one_problem_with_its_place(
    complain: Callable[..., str], text: str, message: str, place: str
) -> None:
    lines = complain(text).splitlines()
    assert lines[0] == f"error: {message}"
    assert lines[1].split() == ["-->", place]
    assert lines[-1] == "1 problem; nothing was run"


def test_bare_word_is_offered_quotes(complain: Callable[..., str]) -> None:
    assert complain("[loss]\nuse = spectral-norm  # quotes?\n") == (
        "error: not TOML: invalid value\n"
        "  --> bad.toml:2:7\n"
        "  |\n"
        "2 | use = spectral-norm  # quotes?\n"
        '  |       ^ write "spectral-norm"\n'
        "\n"
        "1 problem; nothing was run"
    )
    assert complain("a = True\n").count("^ write true\n") == 1


def test_second_definition_points_at_the_first(complain: Callable[..., str]) -> None:
    assert complain("[loss]\nuse = 'a'\n\nuse = 'b'\n") == (
        "error: 'use' is given twice\n"
        "  --> bad.toml:4:1\n"
        "  |\n"
        "4 | use = 'b'\n"
        "  | ^^^ first in line 2\n"
        "\n"
        "1 problem; nothing was run"
    )


HOSTILE = {
    "brackets": (b"x = " + b"[" * 500, "brackets nested more than 8 deep", "1:13"),
    "braces": (b"a=1\nx=" + b"{a=" * 500, "brackets nested more than 8 deep", "2:27"),
    "dotted key": (b"a" + b".a" * 20_000 + b" = 1", "a name of more than 8 parts", "1:16"),
    "dotted header": (b"[a" + b" . a" * 9 + b"]", "a name of more than 8 parts", "1:32"),
    "digits": (
        b"x = " + b"1" * 5000,
        "a name or number of 5000 characters, at most 100 fit",
        "1:5",
    ),
    "bytes": (b"# \xc3\xa9\r\nx = '\xff'\n", "a recipe is UTF-8 text, found the byte 0xff", "2:6"),
    "cut character": (b"x = '\xe3\x81", "a recipe is UTF-8 text, found the byte 0xe3", "1:6"),
    "size": (b"#" * 65_537, "a recipe has at most 65,536 bytes, this file has more", "1:1"),
    "null": (b"\x00", "not TOML: invalid statement", "1:1"),
    "quotes": (b'x="""' + b'\\"' * 30_000, "text whose quote is never closed", "1:3"),
    "half quotes": (b"x='''" + b"''a" * 20_000, "text whose quote is never closed", "1:3"),
}


@pytest.mark.parametrize(("content", "message", "place"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_file_is_one_problem_at_once(
    folder: Path, catalog: Catalog, content: bytes, message: str, place: str
) -> None:
    (folder / "bad.toml").write_bytes(content)
    start = time.process_time()
    with pytest.raises(RecipeError) as caught:
        read_recipe("bad.toml", catalog=catalog)
    assert time.process_time() - start < 1
    (problem,) = caught.value.problems
    assert problem.message == message
    assert problem.place == f"bad.toml:{place}"


CROWDED = {
    "options in a line": b"training={" + b",".join(b"a%d=1" % i for i in range(7000)) + b"}",
    "near options": b"[training]\n" + b"".join(b"stepz%d=1\n" % i for i in range(5000)),
    "bad values": b"[training]\n" + b"".join(b"x%d=nan\n" % i for i in range(6000)),
    "entries": b"[[regularizers]]\n" * 3800,
    "tables": b"".join(b"[a%d.b.c.d.e.f.g.h]\n" % i for i in range(2700)),
    "long name": b"[loss]\nuse='bce'\n'" + b"k" * 60_000 + b"'=1",
    "long use": b"[loss]\nuse='" + b"x" * 60_000 + b"'",
    "repeated": b"a=1\n" * 16_000,
}


@pytest.mark.parametrize("content", CROWDED.values(), ids=CROWDED.keys())
def test_thousands_of_problems_take_little_time_and_space(
    folder: Path, catalog: Catalog, content: bytes
) -> None:
    assert len(content) <= 65_536
    (folder / "bad.toml").write_bytes(content)
    start = time.process_time()
    with pytest.raises(RecipeError) as caught:
        read_recipe("bad.toml", catalog=catalog)
    assert time.process_time() - start < 2  # on a loaded machine; a quarter of a second alone
    assert len(caught.value.problems) <= 50
    assert len(str(caught.value)) < 20_000
    assert max(map(len, str(caught.value).splitlines())) < 600


def test_problems_that_are_not_shown_are_counted(complain: Callable[..., str]) -> None:
    text = "[training]\nsteps = 5\n" + "".join(f"x{i} = 1\n" for i in range(70))
    message = complain(text)
    assert message.count("error: ") == 50
    assert message.endswith("\n\n73 problems, of which 50 are shown; nothing was run")


def test_windows_line_ends_keep_lines_and_columns_right(complain: Callable[..., str]) -> None:
    text = "# \r\n[training]\r\nsteps = 'é'\r\n\tstepz = 1\r\n"
    message = complain(f"extends = 'no.toml'\r\n{text}")
    assert "  --> bad.toml:4:9\n  |\n4 | steps = 'é'\n  |         ^^^\n" in message
    assert "  --> bad.toml:5:2\n  |\n5 |  stepz = 1\n  |  ^^^^^ did you mean" in message


def test_messages_hold_no_control_characters(complain: Callable[..., str]) -> None:
    message = complain('[loss]\nuse = "\\u001b[31mred\\u0007"\n["\\u001b[2J"]\n', "\x1b[2J=1")
    assert "unknown loss '\\x1b[31mred\\x07'" in message
    assert all(char.isprintable() or char == "\n" for char in message)


def test_carets_stand_below_wide_characters(complain: Callable[..., str]) -> None:
    message = complain("extends = 'no'\n[loss]\nuse = 'bce'\n'日本' = 1\n")
    assert "4 | '日本' = 1\n  | ^^^^^^ known: real_target\n" in message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_not_waited_for(folder: Path, complain: Callable[..., str]) -> None:
    os.mkfifo(folder / "pipe.toml")
    assert "error: cannot extend 'pipe.toml': there is no file" in complain("extends = 'pipe.toml'")


def test_text_of_every_quoting_is_read(read: Callable[..., Recipe], minimal: str) -> None:
    recipe = read(minimal.replace('"pictures"', "'''pictures'''").replace("steps", '"steps"'))
    assert recipe.document["dataset"]["use"] == "own:pictures"
    assert recipe.tables.training.steps == 10
