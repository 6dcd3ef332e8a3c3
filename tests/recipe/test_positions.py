from __future__ import annotations

import random
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import tomlkit

from gantool.recipe.source.toml import KeyPath, find_hazard, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCALARS = (
    "1", "-17", "+0", "1_000", "0xDEAD_beef", "0o17", "0b101",
    "1.5", "-0.0", "6.626e-34", "1e3", "5E+22", "inf", "-nan",
    "true", "false",
    "1979-05-27", "07:32:00", "07:32:00.999999", "1979-05-27T07:32:00Z",
    "1979-05-27 07:32:00.5", "1979-05-27 00:32:00-07:00",
    '""', "''", '"plain"', "'plain'", '"# no comment"', "'[a] = {b}'", r'"quote \" and \\"',
    r'"\u00e9\t"', "'back\\slash'", '"日本, \'x\' = 1"',
    '""""""', "''''''", '"""one"""', "'''one'''", '"""\ntwo\nlines # [x]\n"""', "'''\na = 1\n'''",
    '"""a "quoted" "" end"""', "'''it''s'''", '""""four""""', '"""""five"""""', "''''four''''",
    '"""escaped \\""" inside"""', '"""joined \\\n   line"""',
)  # fmt: skip
KEYS = (
    "a",
    "b-c",
    "d_e",
    "0",
    "1234",
    '"q r"',
    "'s.t'",
    '"[u]"',
    r'"v\"w"',
    r'"\u00e9"',
    '""',
    "true",
)
BLANKS = ("", " ", "  ", "\t")
COMMENTS = ("", "", " # note", "\t# [x] = 'y' \"z")


class Writer:
    """Writes random TOML in every style of the language."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.count = 0

    def document(self) -> str:
        parts = [self.pairs()]
        parts += [self.table() for _ in range(self.chance.randrange(5))]
        return self.chance.choice(("", "\n", "# first\n")) + "".join(parts)

    def key(self) -> str:
        """A key that no other key of the document equals; its styles are mixed."""
        self.count += 1
        style = self.chance.choice(("bare", "basic", "literal"))
        name = f"k{self.count}"
        return {"bare": name, "basic": f'"{name} . ="', "literal": f"'{name}[#]'"}[style]

    def blank(self) -> str:
        return self.chance.choice(BLANKS)

    def dotted(self) -> str:
        names = [self.key()]
        while self.chance.random() < 0.3:
            names.append(self.chance.choice(KEYS))
        return f"{self.blank()}.{self.blank()}".join(names)

    def pair(self, depth: int, *, one_line: bool = False) -> str:
        value = self.value(depth, one_line=one_line)
        return f"{self.dotted()}{self.blank()}={self.blank()}{value}"

    def pairs(self) -> str:
        lines = [
            f"{self.blank()}{self.pair(0)}{self.blank()}{self.chance.choice(COMMENTS)}\n"
            for _ in range(self.chance.randrange(5))
        ]
        return self.chance.choice(("", "\n", "  \n# alone\n")).join(lines)

    def value(self, depth: int, *, one_line: bool = False) -> str:
        kind = self.chance.random()
        if depth < 3 and kind < 0.15:
            return self.array(depth, one_line=one_line)
        if depth < 3 and kind < 0.3:
            return self.inline_table(depth)
        scalars = [scalar for scalar in SCALARS if not (one_line and "\n" in scalar)]
        return self.chance.choice(scalars)

    def array(self, depth: int, *, one_line: bool) -> str:
        gaps = BLANKS if one_line else (*BLANKS, "\n", " # item\n  ")
        text = "["
        count = self.chance.randrange(4)
        for index in range(count):
            text += self.chance.choice(gaps) + self.value(depth + 1, one_line=one_line)
            text += self.chance.choice(gaps)
            text += "," if index < count - 1 or self.chance.random() < 0.5 else ""
        return f"{text}{self.chance.choice(gaps)}]"

    def inline_table(self, depth: int) -> str:
        pairs = [self.pair(depth + 1, one_line=True) for _ in range(self.chance.randrange(3))]
        return f"{{{self.blank()}{f'{self.blank()},{self.blank()}'.join(pairs)}{self.blank()}}}"

    def table(self) -> str:
        name = self.dotted()
        if self.chance.random() < 0.5:
            return f"{self.blank()}[{self.blank()}{name}{self.blank()}]\n{self.pairs()}"
        text = ""
        for _ in range(self.chance.randrange(1, 4)):
            text += f"[[{self.blank()}{name}{self.blank()}]] # entry\n{self.pairs()}"
            if self.chance.random() < 0.5:
                text += f"[{name}.{self.key()}]\n{self.pairs()}"
            inner = self.key()
            for _ in range(self.chance.randrange(3)):
                text += f"[[{name}.{inner}]]\n{self.pairs()}"
        return text


def kitlike(seed: int) -> str:
    """A document as tomlkit writes it."""
    data = tomllib.loads(Writer(seed).document())
    return tomlkit.dumps(data)


def walk(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every part of a document with its path, tables and arrays too."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, inside in value.items():
            yield from walk(inside, (*path, name))
    elif isinstance(value, list):
        for index, inside in enumerate(value):
            yield from walk(inside, (*path, index))


def is_leaf(value: Any) -> bool:
    return not isinstance(value, dict | list)


def check(text: str) -> int:
    """Compare every recorded span with what tomllib reads there; return how many leaves."""
    document = tomllib.loads(text)
    positions = locate(text)
    assert not positions.repeated
    parts = dict(walk(document))
    leaves = 0
    for path, value in parts.items():
        if is_leaf(value):
            leaves += 1
            assert path in positions.values, (path, text)
        if path in positions.values:
            start, end = positions.values[path]
            assert repr(tomllib.loads(f"x = {text[start:end]}")["x"]) == repr(value), (path, text)
        if isinstance(path[-1], str):
            start, end = positions.keys[path]
            assert list(tomllib.loads(f"{text[start:end]} = 0")) == [path[-1]], (path, text)
    for path, (start, end) in positions.headers.items():
        assert path in parts
        assert text[start] == "[" and text[end - 1] == "]", (path, text)  # noqa: PT018
        assert "\n" not in text[start:end]
    known = positions.keys.keys() | positions.values.keys() | positions.headers.keys()
    assert known <= parts.keys(), (known - parts.keys(), text)
    return leaves


@pytest.mark.parametrize("write", [lambda seed: Writer(seed).document(), kitlike])
def test_text_at_each_span_reads_as_the_value(write: Callable[[int], str]) -> None:
    leaves = sum(check(text) for seed in range(200) if not find_hazard(text := write(seed)))
    assert leaves > 1000


def test_every_kind_of_scalar_is_among_them() -> None:
    text = "".join(f"k{index} = {scalar} # end\n" for index, scalar in enumerate(SCALARS))
    assert check(text) == len(SCALARS)


def test_damaged_text_never_fails() -> None:
    chance = random.Random(0)
    texts = 0
    for seed in range(60):
        text = Writer(seed).document()
        for _ in range(30):
            cut = chance.randrange(len(text) + 1)
            junk = chance.choice(("", "]", "[", "{", '"', "'''", "=", ".", ",", "#", "\r", "é"))
            locate(text[:cut] + junk + text[cut + chance.randrange(3) :])
            texts += 1
    assert texts == 1800


def test_headers_keys_and_values_are_told_apart() -> None:
    text = '[optimizer.discriminator]\nlearning_rate = 4e-3\n[[metrics]]\nuse = "a"\n[[metrics]]\n'
    positions = locate(text)

    def at(span: tuple[int, int]) -> str:
        return text[slice(*span)]

    assert at(positions.header(("optimizer", "discriminator"))) == "[optimizer.discriminator]"
    assert at(positions.key(("optimizer", "discriminator"))) == "discriminator"
    assert at(positions.key(("optimizer",))) == "optimizer"
    assert at(positions.value(("optimizer", "discriminator", "learning_rate"))) == "4e-3"
    assert positions.header(("metrics", 1)) == (len(text) - len("[[metrics]]\n"), len(text) - 1)


def test_unknown_path_falls_back_to_its_known_beginning() -> None:
    text = "[training]\nsteps = 5\n"
    positions = locate(text)
    assert positions.value(("training", "steps", 3, "x")) == (19, 20)
    assert positions.header(("training", "epochs")) == (0, 10)
    assert positions.key(("loss", "use")) == (0, 0)


def test_second_definitions_are_remembered_with_the_first() -> None:
    text = "a = 1\n[b]\nc = {d = 1, d = 2}\n[b]\n"
    repeated = locate(text).repeated
    assert [(first.start, second.start) for first, second in repeated] == [(15, 22), (7, 30)]
