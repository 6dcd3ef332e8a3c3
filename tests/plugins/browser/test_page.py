"""The page in a real browser: it draws what torch draws."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from gantool import Trained, UsageError
from gantool.evaluation.sampling.trained import TrainedRun
from gantool.exporting.exporting import trained_generator, without_remarks
from gantool_browser import packing
from gantool_browser import page as pages

if TYPE_CHECKING:
    from tests.chromium import Chromium

Wrap = Callable[..., Trained]
PICTURE = "document.getElementById('picture').src"
STATE = "document.getElementById('state').textContent"
COMPUTED = f"{STATE}.includes('computed in')"


def write_page(trained: Trained, name: str, path: Path) -> pages.PageFacts:
    """Write a page as an export does."""
    with without_remarks():
        return pages.write_page(replace(trained, name=name), path, 8)


def open_page(chromium: Chromium, path: Path, fragment: str = "", **window: Any) -> None:
    """Show a page and wait for its first picture."""
    chromium.open(path.as_uri() + fragment, **window)
    chromium.wait_for(f"{PICTURE} && !{STATE}.includes('ing …')")


def shown_pixels(chromium: Chromium) -> NDArray[np.uint8]:
    """Return the picture that the page shows, as its PNG holds it, [H, W, 4]."""
    data = chromium.evaluate(PICTURE).partition(",")[2]
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        return np.asarray(picture.convert("RGBA"))


def torch_pixels(images: Tensor) -> NDArray[np.float64]:
    """Return images [N, C, H, W] in [-1, 1] as exact shades [N, H, W, C] in [0, 255]."""
    return ((images.double() + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1).numpy()


def difference(shown: NDArray[np.uint8], image: NDArray[np.float64]) -> float:
    """Return the largest difference of a shown picture from torch's shades."""
    return float(np.abs(shown[:, :, : image.shape[2]].astype(float) - image).max())


def fragment_of(latent: Tensor, label: int | None = None) -> str:
    numbers = ",".join(repr(each) for each in latent.tolist())
    return f"#latent={numbers}" + ("" if label is None else f"&class={label}")


def test_a_latent_gives_the_picture_of_gantool_sample(
    run: TrainedRun, chromium: Chromium, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    write_page(trained_generator(run), run.name, page)
    latents, labels = run.latents(6, seed=3), run.labels(6, seed=3)
    assert labels is not None
    expected = torch_pixels(run.sample(6, seed=3))
    pictures = []
    for latent, label, image in zip(latents, labels.tolist(), expected, strict=True):
        open_page(chromium, page, fragment_of(latent, label))
        pictures.append(shown_pixels(chromium))
        assert difference(pictures[-1], image) <= 0.501  # rounding to whole shades
    assert len({picture.tobytes() for picture in pictures}) == 6


def test_the_page_checks_its_first_picture_itself_and_asks_nobody(
    run: TrainedRun, chromium: Chromium, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    write_page(trained_generator(run), run.name, page)
    open_page(chromium, page)
    assert difference(shown_pixels(chromium), torch_pixels(run.sample(1))[0]) <= 0.501
    told = chromium.evaluate("document.getElementById('check').textContent")
    assert told.startswith("Checked in this browser")
    assert chromium.complaints == []
    schemes = {address.partition(":")[0] for address in chromium.requests}
    assert schemes <= {"file", "blob", "data"}
    assert sum(address.startswith("file:") for address in chromium.requests) == 1


def test_a_page_whose_numbers_are_damaged_says_so(
    run: TrainedRun, chromium: Chromium, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    write_page(trained_generator(run), run.name, page)
    text = page.read_text(encoding="utf-8")
    start = text.index('<script id="weights"')
    middle = start + (text.index("</script>", start) - start) // 2
    page.write_text(text[:middle] + "QkJC" * 30 + text[middle + 120 :], encoding="utf-8")
    open_page(chromium, page)
    told = chromium.evaluate("document.getElementById('check').textContent")
    assert "other pictures than PyTorch" in told


def test_controls_change_the_picture_and_bring_it_back(
    run: TrainedRun, chromium: Chromium, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    write_page(trained_generator(run), run.name, page)
    open_page(chromium, page, "#seed=7&class=0")
    assert chromium.evaluate("document.getElementById('seed').value") == "7"
    seventh = shown_pixels(chromium)
    chromium.evaluate("document.getElementById('new').click()")
    chromium.wait_for(f"!{STATE}.startsWith('seed 7 ') && {COMPUTED}")
    address = "location.hash.startsWith(`#seed=${document.getElementById('seed').value}&`)"
    assert chromium.evaluate(address), "the address leads to the new picture"
    assert not np.array_equal(shown_pixels(chromium), seventh)
    set_seed = "const s = document.getElementById('seed'); s.value = 7; s.onchange()"
    chromium.evaluate(f"(() => {{ {set_seed} }})()")
    chromium.wait_for(f"{STATE}.startsWith('seed 7 ') && {COMPUTED}")
    assert np.array_equal(shown_pixels(chromium), seventh)
    value = "document.querySelector('.slider output').textContent"
    before = chromium.evaluate(value)
    slide = "const r = document.querySelector('input[type=range]'); r.value = 3; r.oninput()"
    chromium.evaluate(f"(() => {{ {slide} }})()")
    chromium.wait_for(f"{STATE}.includes('1 changed') && {COMPUTED}")
    assert not np.array_equal(shown_pixels(chromium), seventh)
    assert chromium.evaluate(value) == "3.00" != before
    released = "document.querySelector('input[type=range]').onchange()"
    chromium.evaluate(f"({released}, location.hash.startsWith('#latent='))")
    assert chromium.evaluate("location.hash.startsWith('#latent=')")
    chromium.evaluate("document.getElementById('reset').click()")
    chromium.wait_for(f"!{STATE}.includes('changed') && {COMPUTED}")
    assert np.array_equal(shown_pixels(chromium), seventh)
    assert chromium.evaluate(value) == before
    choose = "const c = document.getElementById('class'); c.value = 2; c.onchange()"
    chromium.evaluate(f"(() => {{ {choose} }})()")
    chromium.wait_for("document.getElementById('strip').children.length == 4")
    assert not np.array_equal(shown_pixels(chromium), seventh)
    chromium.evaluate("document.getElementById('strip').children[0].click()")
    chromium.wait_for(f"document.getElementById('class').value == '0' && {COMPUTED}")
    assert np.array_equal(shown_pixels(chromium), seventh)
    names = "[...document.getElementById('class').options].map((option) => option.text)"
    assert chromium.evaluate(names) == list(run.classes)


@pytest.mark.parametrize(
    ("fragment", "told"),
    [
        ("#latent=1,2,3", "expected a latent of 12 numbers, got 3"),
        ("#latent=" + ",".join(["1"] * 11 + ["x"]), "expected a latent of numbers"),
        ("#class=9", "there is no class 9"),
        ("#seed=-1", "expected a seed that is a whole number"),
    ],
)
def test_an_address_that_means_nothing_is_explained(
    run: TrainedRun, chromium: Chromium, tmp_path: Path, fragment: str, told: str
) -> None:
    page = tmp_path / "page.html"
    write_page(trained_generator(run), run.name, page)
    open_page(chromium, page, fragment)
    chromium.wait_for(f"{STATE}.startsWith({told!r})")


def test_pixels_are_whole_device_pixels_and_nothing_overflows(
    run: TrainedRun, chromium: Chromium, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    write_page(trained_generator(run), "a name without any place to break it " + "x" * 90, page)
    for width, scale in ((1100, 1), (1100, 1.25), (390, 3), (320, 2)):
        open_page(chromium, page, width=width, height=800, scale=scale)
        side = chromium.evaluate("document.getElementById('picture').clientWidth")
        across = chromium.evaluate(
            "document.getElementById('picture').getBoundingClientRect().width"
        )
        assert across * scale / 16 == pytest.approx(round(across * scale / 16), abs=1e-2)
        assert side >= 150
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert chromium.evaluate(overflow) <= 0


class Zoo(nn.Module):
    """One of every operation that the page has."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(3, 6)
        self.first = nn.Linear(12, 32)
        self.layer = nn.LayerNorm(32)
        self.plain = nn.Sequential(nn.Conv2d(8, 12, 3, padding=1), nn.BatchNorm2d(12), nn.SiLU())
        self.dilated = nn.Conv2d(12, 16, (3, 5), padding="same", dilation=(2, 1), groups=4)
        self.grouped = nn.ConvTranspose2d(16, 8, 3, 2, 1, output_padding=1, groups=2)
        self.group = nn.GroupNorm(4, 8)
        self.instance = nn.InstanceNorm2d(8, affine=True)
        self.strided = nn.Conv2d(8, 16, 5, stride=(2, 1), padding=2)
        self.last = nn.ConvTranspose2d(4, 3, 4, 2, 1)
        self.gain = nn.Parameter(torch.rand(8, 1, 1) + 0.5)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Return images [N, 3, 32, 32]."""
        joined = torch.cat([latents, self.table(labels)], 1)  # [N, 12]
        joined = joined * torch.rsqrt(joined.square().mean(1, keepdim=True) + 1e-8)  # pixel norm
        start = self.layer(self.first(functional.normalize(joined)))
        maps = functional.elu(start.view(-1, 8, 2, 2)) - 0.25 * start.view(-1, 8, 2, 2)
        maps = self.plain(functional.interpolate(maps, scale_factor=2))  # [N, 12, 4, 4]
        maps = functional.leaky_relu(self.dilated(maps), 0.2)
        maps = self.group(self.grouped(maps))  # [N, 8, 8, 8]
        halves = maps.chunk(2, 1)
        maps = torch.cat([torch.sigmoid(halves[1]), functional.softplus(halves[0])], 1)
        maps = self.instance(maps * self.gain.exp()).clamp(-3, 2)
        maps = maps + maps[:, :, :1, 3:4].expand(-1, -1, 8, 8).transpose(2, 3) / 3
        maps = functional.gelu(self.strided(maps), approximate="tanh")  # [N, 16, 4, 8]
        maps = functional.pixel_shuffle(maps, 2)  # [N, 4, 8, 16]
        maps = maps.permute(0, 1, 3, 2)[:, :, :, 0:8]
        styles = maps.abs().sum((2, 3), keepdim=True).sqrt() / (
            1 + maps.pow(2).mean((1, 2, 3), keepdim=True)
        )
        return torch.tanh(self.last((maps - styles.neg() * 0.01).maximum(-styles)))


class Shaped(nn.Module):
    """Gray pictures, or ones with transparency, from whatever a function makes of latents."""

    def __init__(self, make: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.make = make

    def forward(self, latents: Tensor) -> Tensor:
        """Return images."""
        return self.make(latents * self.scale)


def test_every_operation_computes_what_torch_computes(
    wrap: Wrap, chromium: Chromium, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = Zoo()
    with torch.no_grad():  # statistics that are not 0 and 1
        network.train()(torch.randn(64, 6), torch.randint(3, (64,)))
    plain = wrap(network, 6, (3, 32, 16), classes=3)
    latents, labels = plain.inputs(3, 5)
    images = network(latents, labels)
    assert images.shape == (3, 3, 32, 16)
    assert images.std() > 0.1
    write_page(plain, "zoo", tmp_path / "zoo.html")
    for latent, label, image in zip(latents, labels.tolist(), torch_pixels(images), strict=True):
        open_page(chromium, tmp_path / "zoo.html", fragment_of(latent, label))
        assert difference(shown_pixels(chromium), image) <= 0.501


def test_gray_pictures_are_gray(wrap: Wrap, chromium: Chromium, tmp_path: Path) -> None:
    plain = wrap(Shaped(lambda latents: latents.tanh().view(-1, 1, 4, 4)), 16, (1, 4, 4))
    write_page(plain, "gray", tmp_path / "gray.html")
    open_page(chromium, tmp_path / "gray.html")
    shown = shown_pixels(chromium)
    image = torch_pixels(plain.network(*plain.inputs(1, 0)))[0]
    assert difference(shown, image.repeat(3, axis=2)) <= 0.501


def test_transparent_pictures_are_transparent(
    wrap: Wrap, chromium: Chromium, tmp_path: Path
) -> None:
    plain = wrap(Shaped(lambda latents: latents.tanh().view(-1, 4, 4, 4)), 64, (4, 4, 4))
    write_page(plain, "glass", tmp_path / "glass.html")
    open_page(chromium, tmp_path / "glass.html")
    alpha = torch_pixels(plain.network(*plain.inputs(1, 0)))[0, :, :, 3]
    assert np.abs(shown_pixels(chromium)[:, :, 3] - alpha).max() <= 0.501


def test_float16_weights_stay_within_two_shades(
    run: TrainedRun, chromium: Chromium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "LARGEST_FLOAT32", 1000)
    facts = write_page(trained_generator(run), run.name, tmp_path / "page.html")
    assert facts.precision == "float16"
    latent = run.latents(1, seed=3)[0]
    open_page(chromium, tmp_path / "page.html", fragment_of(latent, 1))
    label = torch.tensor([1])
    image = torch_pixels(run.generate(latent[None], label))[0]
    assert 0 < difference(shown_pixels(chromium), image) <= 2


def test_what_a_page_cannot_hold_or_compute_is_refused(
    run: TrainedRun, wrap: Wrap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.html"
    odd = wrap(Shaped(lambda latents: latents.cumsum(1).view(-1, 1, 4, 4)), 16, (1, 4, 4))
    with pytest.raises(UsageError, match="cannot compute 'cumsum'") as refused:
        write_page(odd, "odd", page)
    assert "onnx" in str(refused.value.hint)
    noisy = wrap(
        Shaped(lambda latents: (latents + torch.randn(1, 16)).view(-1, 1, 4, 4)), 16, (1, 4, 4)
    )
    with pytest.raises(UsageError, match=r"'randn'.*random numbers"):
        write_page(noisy, "noisy", page)
    uneven = wrap(
        Shaped(lambda latents: functional.interpolate(latents.view(-1, 1, 4, 4), size=6)),
        16,
        (1, 6, 6),
    )
    with pytest.raises(UsageError, match=r"'upsample_nearest2d'.*no whole number"):
        write_page(uneven, "uneven", page)
    branching = wrap(
        Shaped(lambda latents: latents.view(-1, 1, 4, 4) if latents.sum() > 0 else -latents),
        16,
        (1, 4, 4),
    )
    with pytest.raises(UsageError, match="cannot be traced"):
        write_page(branching, "branching", page)
    monkeypatch.setattr(packing, "LARGEST_FLOAT32", 1000)
    monkeypatch.setattr(packing, "LARGEST", 2000)
    with pytest.raises(UsageError, match="too many for a page"):
        write_page(trained_generator(run), "large", page)
    assert not page.exists()


def test_the_longest_seed_fits_its_box(run: TrainedRun, chromium: Chromium, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    write_page(trained_generator(run), run.name, page)
    open_page(chromium, page, "#seed=4294967295&class=0")
    fits = "(s => s.scrollWidth <= s.clientWidth)(document.getElementById('seed'))"
    assert chromium.evaluate("document.getElementById('seed').value") == "4294967295"
    assert chromium.evaluate(fits)
