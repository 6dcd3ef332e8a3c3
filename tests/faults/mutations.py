"""Seeded damage of a file, as bit rot, an editor, another program or a stranger would leave it."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**25,
    10**400,
    1e308,
    -1e308,
    5e-324,
    0.5,
    "",
    "x",
    "\x1b]0;owned\x07\x1b[31m",
    "../../../outside",
    "/dev/zero",
    "\ud800",
    "7" * 100_000,
    [],
    {},
    [[[[]]]],
    {"a": {"b": []}},
    ["x", 1, None],
)
"""Values that a field is given instead of its own."""
ODD_TOML = (
    "nan",
    "-1",
    "10000000000000000000000000",
    "1e308",
    '""',
    "[]",
    "{}",
    "true",
    "[[[]]]",
    '"\\u001b[31m"',
    "1979-05-27",
    '"/dev/zero"',
    '["x"]',
    "{ a = 1 }",
    "0x7fffffffffff",
)
TOKENS = (b"NaN", b"Infinity", b"1e999", b"[" * 5000, b"\x00", b"\xff\xfe", b"\r", b"\n\n", b'"')
"""Bytes that are put in somewhere."""

Mutation = Callable[[Path, random.Random], None]


def mutate(path: Path, seed: int) -> str:
    """Damage a file in one of many ways; return the name of the way.

    Args:
        path: The file.
        seed: Says which way, and where.
    """
    chance = random.Random(f"{path.name} {seed}")
    ways = list(_ways(path))
    way = ways[(seed + crc32(path.name.encode())) % len(ways)]
    way(path, chance)
    return way.__name__


def _ways(path: Path) -> Iterator[Mutation]:
    """Yield the ways that make sense for a kind of file."""
    if path.suffix in (".json", ".jsonl"):
        yield from (change_value, drop_key, change_value)
    if path.suffix == ".toml":
        yield from (change_option, change_option)
    if path.suffix in (".json", ".jsonl", ".toml", ".tsv", ".md"):
        yield from (repeat_line, drop_line, lengthen_line)
    yield from (flip_bits, truncate, insert_bytes, replace_file)


def flip_bits(path: Path, chance: random.Random) -> None:
    """Flip one bit, or some."""
    data = bytearray(path.read_bytes() or b"\0")
    for _ in range(chance.choice((1, 1, 3, 40))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def truncate(path: Path, chance: random.Random) -> None:
    """Cut the end off."""
    data = path.read_bytes()
    path.write_bytes(data[: chance.choice((0, 1, chance.randrange(len(data) + 1), len(data) - 1))])


def insert_bytes(path: Path, chance: random.Random) -> None:
    """Put something in."""
    data = path.read_bytes()
    place = chance.randrange(len(data) + 1)
    path.write_bytes(data[:place] + chance.choice(TOKENS) + data[place:])


def replace_file(path: Path, chance: random.Random) -> None:
    """Put something else in the file's place: a folder, a link, a pipe, or nothing."""
    path.unlink()
    match chance.randrange(5):
        case 0:
            path.mkdir()
        case 1:
            path.symlink_to(chance.choice(("/dev/zero", "/etc/passwd", path.name, "..")))
        case 2:
            os.mkfifo(path)
        case 3:
            path.write_bytes(bytes(4096))


def drop_line(path: Path, chance: random.Random) -> None:
    """Leave a line out."""
    lines = path.read_bytes().splitlines(keepends=True) or [b""]
    del lines[chance.randrange(len(lines))]
    path.write_bytes(b"".join(lines))


def repeat_line(path: Path, chance: random.Random) -> None:
    """Say a line again, elsewhere."""
    lines = path.read_bytes().splitlines(keepends=True) or [b""]
    lines.insert(chance.randrange(len(lines) + 1), chance.choice(lines))
    path.write_bytes(b"".join(lines))


def lengthen_line(path: Path, chance: random.Random) -> None:
    """Make one line very long."""
    lines = path.read_bytes().splitlines(keepends=True) or [b""]
    place = chance.randrange(len(lines))
    lines[place] = lines[place].rstrip(b"\n") + b" " * 3_000_000 + b"\n"
    path.write_bytes(b"".join(lines))


def change_value(path: Path, chance: random.Random) -> None:
    """Give a field of a JSON document an odd value."""

    def change(container: Any, key: Any) -> None:
        container[key] = chance.choice(ODD)

    _with_json(path, chance, change)


def drop_key(path: Path, chance: random.Random) -> None:
    """Leave a field out of a JSON document, or call it something else."""

    def drop(container: Any, key: Any) -> None:
        value = container.pop(key)
        if isinstance(container, dict) and chance.random() < 0.5:
            container[f"{key}\x1b[0m"] = value

    _with_json(path, chance, drop)


def _with_json(path: Path, chance: random.Random, act: Callable[[Any, Any], None]) -> None:
    """Do something to a random place of a JSON document, or of one of a file's lines."""
    text = path.read_text(encoding="utf-8")
    parts = text.splitlines() if path.suffix == ".jsonl" else [text]
    number = chance.randrange(len(parts))
    document = {"": json.loads(parts[number])}
    act(*chance.choice(list(_places(document))))
    parts[number] = json.dumps(document.get("", {}))
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container and key below a value."""
    found = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inside in found:
        yield value, key
        if isinstance(inside, dict | list):
            yield from _places(inside)


def change_option(path: Path, chance: random.Random) -> None:
    """Give an option of a recipe an odd value."""
    text = path.read_text(encoding="utf-8")
    options = list(re.finditer(r"(?m)^\w+ = (.*)$", text))
    start, end = chance.choice(options).span(1)
    path.write_text(text[:start] + chance.choice(ODD_TOML) + text[end:], encoding="utf-8")


def restore(folder: Path, pristine: Path) -> None:
    """Put a folder back as it was."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(pristine, folder)
