from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
from PIL import Image, ImageOps

from gantool import ImageShape
from gantool.data.prepare import decoding
from gantool.data.prepare.decoding import decode, decode_one, quiet_decoders
from gantool.data.prepare.fingerprint import Fit, Rendering, Resample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Draw = Callable[..., Image.Image]

pytestmark = pytest.mark.quick

RED, BLUE = (255, 0, 0), (0, 0, 255)


class Single:
    """A source of one file."""

    classes = ()

    def __init__(self, path: Path) -> None:
        self.path = path

    def __len__(self) -> int:
        return 1

    def image(self, index: int) -> Image.Image:
        return Image.open(self.path)

    def label(self, index: int) -> int | None:
        return None

    def name(self, index: int) -> str:
        return self.path.name

    def stamp(self, index: int) -> tuple[int, int]:
        return 0, 0


def stored(image: Image.Image, kind: str, **options: Any) -> Image.Image:
    """The image as an opened file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return Image.open(file)


def reason(path: Path) -> str:
    with quiet_decoders():
        decoded = decode_one(Single(path), 0, Rendering(ImageShape(3, 16, 16)))
    assert (decoded.pixels is None) == bool(decoded.reason)
    return decoded.reason


def triangle(pixels: np.ndarray, size: int) -> np.ndarray:
    """Resize the first axis of [M, ...] by averages under a triangle as wide as two new pixels."""
    scale = len(pixels) / size
    support = max(scale, 1.0)
    centers = (np.arange(size) + 0.5) * scale
    places = np.arange(len(pixels)) + 0.5
    weights = np.maximum(0, 1 - np.abs(places - centers[:, None]) / support)  # [size, M]
    return np.tensordot(weights / weights.sum(1, keepdims=True), pixels, 1)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (7, 21), (90, 50)])
def test_stretching_averages_over_all_pixels(picture: Draw, height: int, width: int) -> None:
    image = picture(1, 60, 44)
    wide = triangle(np.asarray(image, float).swapaxes(0, 1), width).swapaxes(0, 1)
    expected = triangle(wide, height)
    pixels = decode(stored(image, "PNG"), Rendering(ImageShape(3, height, width)))
    assert pixels.dtype == np.uint8
    assert np.abs(pixels - expected).max() <= 1.01  # two roundings


def test_jpeg_decoder_is_told_the_size(picture: Draw) -> None:
    image, whole = (stored(picture(2, 640, 480), "JPEG", quality=95) for _ in range(2))
    pixels = decode(image, Rendering(ImageShape(3, 60, 60)))
    assert image.size == (80, 60)  # an eighth, and not less than was asked for
    expected = np.asarray(whole.resize((60, 60), Image.Resampling.BILINEAR), float)
    assert np.abs(pixels - expected).mean() < 2


def test_jpeg_gives_gray_without_color(picture: Draw) -> None:
    image, whole = (stored(picture(2, 64, 64), "JPEG", quality=95) for _ in range(2))
    expected = np.asarray(whole.convert("L"), float)
    pixels = decode(image, Rendering(ImageShape(1, 64, 64)))
    assert pixels.shape == (64, 64, 1)
    assert np.abs(pixels[..., 0] - expected).mean() < 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_exif_orientation_is_applied(picture: Draw, kind: str, turn: int, fit: Fit) -> None:
    upright = picture(3, 96, 64)
    inverse = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    method = inverse.get(turn, decoding.UPRIGHT.get(turn))
    lying = upright if method is None else upright.transpose(method)
    exif = Image.Exif()
    exif[decoding.ORIENTATION] = turn
    shape = ImageShape(3, 20, 26)
    options = {"lossless": True} if kind == "WEBP" else {"quality": 98} if kind == "JPEG" else {}
    image = stored(lying, kind, exif=exif, **options)
    assert ImageOps.exif_transpose(image).size == (96, 64)
    pixels = decode(stored(lying, kind, exif=exif, **options), Rendering(shape, fit))
    expected = decode(stored(upright, kind, **options), Rendering(shape, fit))
    assert np.abs(pixels.astype(int) - expected).max() <= (6 if kind == "JPEG" else 1)


def test_malformed_exif_says_nothing(picture: Draw) -> None:
    nonsense = b"Exif\x00\x00II*\x00\xff\xff\xff\xff nonsense"
    with quiet_decoders():
        image = stored(picture(4), "JPEG", exif=nonsense)
        pixels = decode(image, Rendering(ImageShape(3, 8, 8)))
    assert pixels.shape == (8, 8, 3)


def test_orientation_that_does_not_exist_is_upright(picture: Draw) -> None:
    exif = Image.Exif()
    exif[decoding.ORIENTATION] = 9
    assert decoding.orientation(stored(picture(4), "JPEG", exif=exif)) == 1


def test_color_of_sixteen_bits_keeps_its_high_bytes(png: Callable[..., bytes]) -> None:
    row = b"\0" + struct.pack(">HHH", 65535, 25700, 0) * 4
    image = Image.open(io.BytesIO(png(4, 4, row * 4, depth=16)))
    pixels = decode(image, Rendering(ImageShape(3, 2, 2)))
    assert (pixels == (255, 100, 0)).all()


def test_cropping_keeps_the_center() -> None:
    image = Image.new("RGB", (30, 10), (0, 255, 0))
    image.paste(RED, (10, 0, 15, 10))
    image.paste(BLUE, (15, 0, 20, 10))
    pixels = decode(stored(image, "PNG"), Rendering(ImageShape(3, 10, 10), "crop"))
    assert (pixels[:, :5] == RED).all()
    assert (pixels[:, 5:] == BLUE).all()


@pytest.mark.parametrize(("width", "height"), [(30, 10), (10, 30), (11, 10), (1, 1), (1, 200)])
def test_padding_shows_the_whole_image_on_black(width: int, height: int) -> None:
    image = Image.new("RGB", (width, height), RED)
    pixels = decode(stored(image, "PNG"), Rendering(ImageShape(3, 12, 12), "pad"))
    scale = 12 / max(width, height)
    inside = max(1, round(width * scale)), max(1, round(height * scale))
    columns, rows = (pixels == RED).all(2).any(0), (pixels == RED).all(2).any(1)
    assert (columns.sum(), rows.sum()) == inside
    assert abs(int(np.flatnonzero(columns).mean() * 2) - 11) <= 1  # centered
    assert (pixels[~rows] == 0).all()
    assert (pixels[:, ~columns] == 0).all()


def test_padding_with_transparency_is_transparent() -> None:
    pixels = decode(
        stored(Image.new("RGB", (8, 4), RED), "PNG"), Rendering(ImageShape(4, 8, 8), "pad")
    )
    assert (pixels[0] == 0).all()
    assert (pixels[4] == (*RED, 255)).all()


def solid(mode: str, color: Any) -> Image.Image:
    return Image.new(mode, (9, 9), color)


def palette(*, transparent: bool) -> Image.Image:
    image = solid("P", 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    if transparent:
        image.info["transparency"] = 1
    return image


MODES = {
    "1": (solid("1", 1), (255, 255, 255, 255)),
    "L": (solid("L", 77), (77, 77, 77, 255)),
    "LA": (solid("LA", (77, 128)), (77, 77, 77, 128)),
    "P": (palette(transparent=False), (200, 100, 50, 255)),
    "P with a transparent color": (palette(transparent=True), (200, 100, 50, 0)),
    "RGB": (solid("RGB", (200, 100, 50)), (200, 100, 50, 255)),
    "RGBA": (solid("RGBA", (200, 100, 50, 51)), (200, 100, 50, 51)),
    "I;16": (Image.fromarray(np.full((9, 9), 51400, np.uint16)), (200, 200, 200, 255)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_mode_becomes_the_right_color(mode: str, channels: int) -> None:
    image, color = MODES[mode]
    opened = stored(image, "PNG", transparency=image.info.get("transparency"))
    pixels = decode(opened, Rendering(ImageShape(channels, 4, 4)))
    assert pixels.shape == (4, 4, channels)
    *rgb, alpha = color
    on_white = [value * alpha / 255 + 255 - alpha for value in rgb]
    gray = 0.299 * on_white[0] + 0.587 * on_white[1] + 0.114 * on_white[2]
    expected = {1: [gray], 3: on_white, 4: color if alpha else (0, 0, 0, 0)}[channels]
    tolerance = 3 if channels == 4 else 1.01  # premultiplied at alpha 51, a level is five
    assert np.abs(pixels - np.array(expected)).max() <= tolerance


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    values = np.linspace(0, 65535, 256 * 4).astype(np.uint16).reshape(32, 32)
    pixels = decode(stored(Image.fromarray(values), "PNG"), Rendering(ImageShape(1, 32, 32)))
    assert np.abs(pixels[..., 0] - values / 257).max() <= 0.5


def test_cmyk_jpeg_has_its_colors() -> None:
    image = stored(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    assert image.mode == "CMYK"
    pixels = decode(image, Rendering(ImageShape(3, 8, 8)))
    assert np.abs(pixels.astype(int) - RED).max() < 8


def test_transparent_color_does_not_bleed() -> None:
    """A half-transparent edge shows white, never the color hidden below full transparency."""
    image = Image.new("RGBA", (8, 8), (0, 255, 0, 0))
    image.paste((*RED, 255), (0, 0, 4, 8))
    pixels = decode(stored(image, "PNG"), Rendering(ImageShape(3, 3, 3))).astype(int)
    assert (pixels[..., 0] >= 254).all()  # red and white both are full of red
    assert (abs(pixels[..., 1] - pixels[..., 2]) <= 1).all()  # nothing green


def test_animation_gives_its_first_frame() -> None:
    frames = [solid("RGB", RED), solid("RGB", BLUE)]
    image = stored(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert image.is_animated  # type: ignore[attr-defined]
    pixels = decode(image, Rendering(ImageShape(3, 4, 4)))
    assert (pixels == RED).all()


def test_bomb_is_refused_before_it_is_loaded(
    tmp_path: Path, png: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decoding.PIXEL_LIMIT == Image.MAX_IMAGE_PIXELS
    warned = png(9500, 9500)
    (tmp_path / "warned.png").write_bytes(warned)
    (tmp_path / "error.png").write_bytes(png(65000, 65000))
    assert reason(tmp_path / "warned.png") == "larger than 89 megapixels"
    assert reason(tmp_path / "error.png") == "larger than 89 megapixels"
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # a plugin may have lifted Pillow's limit
    assert reason(tmp_path / "error.png") == "larger than 89 megapixels"


def test_reasons_are_plain(tmp_path: Path, picture: Draw) -> None:
    picture(5, 64, 64).save(tmp_path / "good.jpg")
    whole = (tmp_path / "good.jpg").read_bytes()
    picture(5, 64, 64).save(tmp_path / "good.png")
    broken = bytearray((tmp_path / "good.png").read_bytes())
    broken[45:60] = bytes(15)
    contents = {
        "empty.jpg": b"",
        "page.jpg": b"<!DOCTYPE html><html><body>404</body></html>",
        "half.jpg": whole[: len(whole) // 2],
        "half.png": (tmp_path / "good.png").read_bytes()[:-2000],
        "broken.png": bytes(broken),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "float.tiff")
    assert reason(tmp_path / "good.jpg") == ""
    assert reason(tmp_path / "empty.jpg") == "not an image"
    assert reason(tmp_path / "page.jpg") == "not an image"
    assert reason(tmp_path / "half.jpg") == "truncated"
    assert reason(tmp_path / "half.png") == "truncated"
    assert reason(tmp_path / "broken.png").startswith("corrupt: ")
    assert reason(tmp_path / "float.tiff") == "32-bit values, whose range is not known"
    assert reason(tmp_path / "absent.png") == "missing"
    assert reason(tmp_path) == "unreadable: Is a directory"


@pytest.mark.parametrize("resample", get_args(Resample))
def test_the_filter_can_be_chosen(picture: Draw, resample: Resample) -> None:
    image = picture(6, 60, 44)
    expected = image.resize((16, 20), Image.Resampling[resample.upper()])
    pixels = decode(stored(image, "PNG"), Rendering(ImageShape(3, 20, 16), resample=resample))
    assert (pixels == np.asarray(expected)).all()


def test_a_jpeg_can_be_decoded_whole(picture: Draw) -> None:
    image, whole = (stored(picture(2, 640, 480), "JPEG", quality=95) for _ in range(2))
    pixels = decode(image, Rendering(ImageShape(3, 60, 60), draft=False))
    assert image.size == (640, 480)
    assert (pixels == np.asarray(whole.resize((60, 60), Image.Resampling.BILINEAR))).all()
