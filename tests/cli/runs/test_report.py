"""`gantool report`, and the page that a run writes by itself."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

from gantool.data.cache import prepared_cache
from gantool.evaluation import neighbors
from gantool.runs.folder import RunFolder
from gantool.runs.status import hold

RUN = Path("runs/a")


@pytest.fixture
def trained(gantool: Callable[..., Any], recipe: Path) -> RunFolder:
    """Train the tiny recipe."""
    log = ("--set", "training.log_every_steps=1")
    assert gantool("run", recipe, "--out", RUN, "--quiet", *log).code == 0
    return RunFolder(RUN)


def page(path: Path) -> str:
    text = path.read_text(encoding="utf-8").partition("</style>")[2]
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_a_run_writes_its_report(trained: RunFolder) -> None:
    said = page(trained.report)
    assert "Run completed Steps 2 " in said
    assert "generated pictures, outlined" in said
    assert "Peak memory" in said
    assert "log_every_steps = 1 was 10" in said
    assert "differs from tiny as its file has it" in said


def test_the_path_is_printed(gantool: Callable[..., Any], trained: RunFolder) -> None:
    trained.report.unlink()
    outcome = gantool("report", RUN)
    assert outcome.code == 0
    assert outcome.stdout == f"{trained.report}\n"
    assert f"report    {trained.report}" in outcome.stderr
    assert "of 256 generated pictures are copies" in page(trained.report)


def test_files_of_ones_own_choice(gantool: Callable[..., Any], trained: RunFolder) -> None:
    words = ("--out", "page.html", "--animation", "training.webp", "--no-neighbors", "--quiet")
    outcome = gantool("report", RUN, *words)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout == "training.webp\npage.html\n"
    assert "They were not looked for: --no-neighbors." in page(Path("page.html"))
    with Image.open("training.webp") as film:
        assert film.format == "WEBP"


def test_the_page_is_opened(
    gantool: Callable[..., Any], trained: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(typer, "launch", opened.append)
    assert gantool("report", RUN, "--no-neighbors").code == 0
    assert opened == []
    assert gantool("report", RUN, "--no-neighbors", "--open").code == 0
    assert opened == [trained.report.resolve().as_uri()]


def test_without_prepared_images_the_page_says_why_there_are_no_neighbors(
    gantool: Callable[..., Any], trained: RunFolder
) -> None:
    shutil.rmtree(prepared_cache())
    assert gantool("report", RUN).code == 0
    said = page(trained.report)
    assert "They were not looked for: the images that runs/a was trained on are not" in said
    assert "gantool data prepare runs/a/recipe.toml" in said
    assert not list(prepared_cache().glob("*/"))  # nothing was decoded


def test_features_are_looked_at_where_they_are_known(
    gantool: Callable[..., Any], recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbors, "GENERATED", 8)
    text = recipe.read_text() + '[[metrics]]\nuse = "kid"\nsubset_size = 4\n'
    recipe.write_text(text + '[evaluation]\nextractor = "random-conv"\ncount = 6\n')
    log = ("--set", "training.log_every_steps=1")
    assert gantool("run", recipe, "--out", RUN, "--quiet", *log).code == 0
    assert gantool("report", RUN, "--quiet").code == 0
    assert "nearest to it in the features of random-conv" in page(RUN / "report.html")


def test_a_run_that_goes_on_can_be_looked_at(
    gantool: Callable[..., Any], trained: RunFolder
) -> None:
    with hold(trained):
        assert gantool("report", RUN, "--no-neighbors").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere",), "no run in nowhere: recipe.toml is missing"),
        ((RUN, "--out", "page.pdf"), "--out is a .html file, got page.pdf"),
        ((RUN, "--animation", "a.gif"), "--animation is a .webp file, got a.gif"),
    ],
)
def test_what_cannot_be_done_is_refused(
    gantool: Callable[..., Any], trained: RunFolder, words: tuple[object, ...], message: str
) -> None:
    outcome = gantool("report", *words)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert message in outcome.stderr


@pytest.mark.parametrize("words", [(), ("--no-neighbors",), ("--animation", "a.webp")])
def test_a_run_without_figures_is_refused(
    gantool: Callable[..., Any], trained: RunFolder, words: tuple[str, ...]
) -> None:
    trained.metrics.unlink()
    outcome = gantool("report", RUN, *words)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "nothing of run runs/a was logged yet" in outcome.stderr
    assert "figures are logged every 1 steps" in outcome.stderr


def test_without_grids_there_is_no_animation(
    gantool: Callable[..., Any], trained: RunFolder
) -> None:
    shutil.rmtree(trained.samples)
    outcome = gantool("report", RUN, "--animation", "a.webp")
    assert outcome.code == 2
    assert "has drawn no sample grid yet" in outcome.stderr


REPLAY = '''
from __future__ import annotations

from pathlib import Path

from gantool import Architecture, hookimpl


class Replay(Architecture):
    """A generator that has stored its training images."""

    name = "replay"
    latent_dim: int = 4
    images: Path
    """Folder of PNG files."""

    def check(self, image, classes):
        pass

    def generator(self, image, classes):
        import numpy, torch
        from PIL import Image

        class Generator(torch.nn.Module):
            def __init__(self, folder):
                super().__init__()
                files = sorted(folder.iterdir())
                pixels = numpy.stack([numpy.asarray(Image.open(file)) for file in files])
                stored = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
                self.register_buffer("stored", stored)
                self.nothing = torch.nn.Parameter(torch.zeros(()))

            def forward(self, latents):
                chosen = (latents[:, 0].abs() * 1e4).long() % len(self.stored)
                return self.stored[chosen] + 0 * self.nothing

        return Generator(self.images)

    def discriminator(self, image, classes):
        import torch

        layers = torch.nn.Flatten(), torch.nn.Linear(image.channels * image.height * image.width, 1)
        return torch.nn.Sequential(*layers, torch.nn.Flatten(0))


@hookimpl
def gantool_components():
    return [Replay]
'''


def test_a_generator_that_replays_its_training_images_is_called_out(
    gantool: Callable[..., Any], install: Callable[..., None], tmp_path: Path
) -> None:
    """Its Fréchet distance is better than that of one half of the real images to the other."""
    random = np.random.default_rng(0)
    folder = tmp_path / "stored"
    folder.mkdir()
    for number in range(200):
        coarse = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((16, 16)).save(folder / f"{number:03}.png")
    install("third-replay", REPLAY)
    recipe = tmp_path / "replay.toml"
    recipe.write_text(
        f"""
dataset = {{ use = "folder", folder = "{folder}" }}
architecture = {{ use = "replay", images = "{folder}" }}
loss.use = "bce"
metrics = [{{ use = "fid" }}, {{ use = "memorization" }}]
image.size = 16
training = {{ steps = 2, batch_size = 20, log_every_steps = 1 }}
evaluation = {{ extractor = "random-conv", count = 400 }}
device.name = "cpu"
""",
        encoding="utf-8",
    )
    assert gantool("run", recipe, "--out", RUN, "--quiet").code == 0
    report = RunFolder(RUN).report
    assert "It repeats its training images" in page(report)
    outcome = gantool("evaluate", RUN, "--metrics", "fid", "--quiet", "--json")
    (score,) = json.loads(outcome.stdout)["scores"]
    assert score["mean"] < score["floor"]
    assert gantool("report", RUN, "--quiet").code == 0
    said = page(report)
    assert "256 of 256 generated images (100 %) are copies of" in said
    assert "Scores such as FID cannot see this" in said
