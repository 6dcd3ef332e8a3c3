"""The tutorial, from its first command to its last, with fewer steps and smaller networks."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from gantool.cli.app import main
from gantool.registry.catalog import installed

DOCS = Path(__file__).parents[2] / "docs"
TUTORIAL = (DOCS / "tutorial.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"(?:^`(?P<file>[\w.]+)`:\n\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
SMALL = [
    "--set=architecture.width=4",
    "--set=architecture.latent_dim=8",
    "--set=training.batch_size=6",
    "--set=device.name=cpu",
]
OWN = ["--set=dataset.use=folder", "--set=dataset.folder=pictures"]
OF_CLASSES = ["--set=dataset.use=folder", "--set=dataset.folder=classes"]
"""Instead of the pictures that `quickstart` would paint, which takes longer."""
CLASSES = ["Stella Nottara", "Odo Nebelmann"]
QUICK = {
    "run": [*SMALL, "--steps=2"],
    "resume": ["--steps=3"],
    "evaluate": ["--extractor=random-conv", "--count=12"],
}
"""What is put after the arguments of a command: the last word counts."""
QUICK_PYTHON = ('"training.steps=100"', '"training.steps=2", "training.batch_size=6"')
COUNT = 100
ODD = [
    "DSC00001.jpg",
    "IMG_0001.JPG",
    "IMG_0002.JPG",
    "Screenshot 2026-01-02 at 10.11.12.png",
    "boat_1.jpg",
    "my painting 1.jpg",
    "закат.1.jpg",
    "日の出.jpg",
    "a'b.jpg",
    "$(x) -rf.png",
]
COMMANDS = {"run", "resume", "sample", "evaluate", "compare", "report", "export", "data inspect"}


class Block(NamedTuple):
    """A block of the tutorial; a file's has its name above it."""

    file: str | None
    language: str
    code: str

    def commands(self) -> list[list[str]]:
        """Return what follows `gantool` in each line that starts so."""
        lines = self.code.splitlines()
        return [shlex.split(line)[1:] for line in lines if line.startswith("gantool ")]


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page's text."""
    return [Block(*found.group("file", "language", "code")) for found in BLOCK.finditer(page)]


BLOCKS = blocks_of(TUTORIAL)


def quick(arguments: list[str]) -> list[str]:
    """Return a command's arguments in their reduced form."""
    said = [] if "--protocol" in arguments else QUICK.get(arguments[0], [])
    pictures = OF_CLASSES if "training.conditional=true" in arguments else OWN
    own = pictures if arguments[:2] == ["run", "quickstart"] else []
    return [*arguments, *own, *(said if "--dry-run" not in arguments else SMALL)]


def carry_out(arguments: list[str]) -> None:
    try:
        code: object = main(arguments)
    except SystemExit as end:
        code = end.code
    assert code == 0, shlex.join(arguments)


def execute(block: Block) -> None:
    """Do what a reader would do with a block."""
    match block:
        case Block(file=str(name), language="toml", code=code):
            Path(name).write_text(code, encoding="utf-8")
        case Block(language="bash"):
            for arguments in block.commands():
                carry_out(quick(arguments))
        case Block(language="python", code=code):
            exec(code.replace(*QUICK_PYTHON), {})
        case _:
            raise AssertionError(f"nobody reads this block: {block.code}")


@pytest.fixture
def working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, in which there are 100 pictures with names as people have them."""
    (tmp_path / "pictures").mkdir()
    names = [*ODD, *(f"{number}.jpg" for number in range(COUNT - len(ODD)))]
    for number, name in enumerate(names):
        color = (2 * number, 90, 255 - 2 * number)
        picture = Image.effect_noise((40, 48), 60).convert("RGB")
        blended = Image.blend(picture, Image.new("RGB", (40, 48), color), 0.5)
        blended.save(tmp_path / "pictures" / name)
        if number < len(CLASSES) * 8:
            folder = tmp_path / "classes" / CLASSES[number % len(CLASSES)]
            folder.mkdir(parents=True, exist_ok=True)
            blended.save(folder / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_on_classes_can_be_followed(
    working: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = blocks_of((DOCS / "classes.md").read_text(encoding="utf-8"))
    assert len(blocks) == 4
    for block in blocks:
        execute(block)
    assert str(tuple(sorted(CLASSES))) in capsys.readouterr().out
    with Image.open(working / "classes.png") as grid, Image.open(working / "nottara.png") as one:
        assert grid.width > 4 * grid.height  # two rows of eight, and names
        assert one.width == one.height


def test_the_tutorial_can_be_followed_from_beginning_to_end(
    working: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for block in BLOCKS:
        execute(block)
    said = capsys.readouterr()
    assert "torch.Size([4, 3, 32, 32])" in said.out
    assert f"{COUNT} files, of which {COUNT} can be used" in said.err
    made = ("overview.png", "comparison.html", "exported/generator.html", "runs/mine/report.html")
    for name in made:
        assert (working / name).stat().st_size > 0
    assert {path.name for path in (working / "runs").iterdir()} == {
        "base",
        "classes",
        "first",
        "mine",
        "seed-7",
        "spectral",
    }


def test_the_tutorial_shows_every_command_of_a_run() -> None:
    used = [arguments for block in BLOCKS for arguments in block.commands()]
    names = {arguments[0] for arguments in used} | {" ".join(each[:2]) for each in used}
    assert names >= COMMANDS


def test_what_the_reduced_form_replaces_exists_too() -> None:
    catalog = installed()
    extractors = set(re.findall(r"--extractor ([\w-]+)", TUTORIAL))
    assert extractors == {"efficientnet-lite0", "inception"}
    for name in extractors:
        catalog.find("extractor", name)
    extras = set(re.findall(r"'\.\[([\w-]+)\]'", TUTORIAL))
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert extras
    for extra in extras:
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra
