"""Colors mean what the file's profile says: against the formulas of the color spaces themselves."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from gantool import ImageShape
from gantool.data.prepare.color import PROFILE_LIMIT, Profile, profile_of
from gantool.data.prepare.decoding import decode, decode_one, quiet_decoders
from gantool.data.prepare.fingerprint import Rendering
from tests.data import icc

pytestmark = pytest.mark.quick

ADOBE_TO_XYZ = np.array(  # Adobe RGB (1998) Color Image Encoding, section 4.3.5.3; D65
    [[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]]
)
XYZ_TO_SRGB = np.array(  # IEC 61966-2-1; D65
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)
D50_TO_D65 = np.array(  # Bradford
    [
        [0.9555766, -0.0230393, 0.0631636],
        [-0.0282895, 1.0099416, 0.0210077],
        [0.0122982, -0.0204830, 1.3299098],
    ]
)
FOUR = ImageShape(3, 4, 4)


def stored(image: Image.Image, kind: str = "PNG", **options: Any) -> Image.Image:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return Image.open(file)


def srgb(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Encode light in [0, 1] as sRGB levels in [0, 255] (IEC 61966-2-1)."""
    light = linear.clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def adobe_as_srgb(levels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return levels of Adobe RGB, [..., 3], as those of sRGB."""
    light = (levels / 255) ** icc.ADOBE_GAMMA
    return srgb(light @ ADOBE_TO_XYZ.T @ XYZ_TO_SRGB.T)


def lab_as_srgb(light: float, a: float, b: float) -> NDArray[np.float64]:
    """Return a color of CIELAB (D50) as levels of sRGB."""
    y = (light + 16) / 116
    f = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * icc.D50
    return srgb(xyz @ D50_TO_D65.T @ XYZ_TO_SRGB.T)


def ink(inks: Sequence[float]) -> tuple[float, float, float]:
    """The color of four inks in [0, 1]; all of them together are black."""
    c, m, y, k = inks
    return (
        100 - 20 * c - 25 * m - 5 * y - 50 * k,
        -30 * c + 40 * m - 10 * y,
        -15 * c - 5 * m + 40 * y - 20 * k,
    )


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
def test_adobe_rgb_becomes_srgb(kind: str) -> None:
    colors = np.random.default_rng(0).integers(0, 256, (6, 6, 3), np.uint8)
    blocks = colors.repeat(16, 0).repeat(16, 1)  # where JPEG's chroma is exact, inside a block
    options = {"quality": 100} if kind in ("JPEG", "WEBP") else {}
    options |= {"lossless": True} if kind == "WEBP" else {}
    file = stored(Image.fromarray(blocks), kind, icc_profile=icc.adobe_rgb(), **options)
    pixels = decode(file, Rendering(ImageShape(3, 96, 96)))[8::16, 8::16]
    expected = adobe_as_srgb(colors)
    assert np.abs(colors - expected).mean() > 5  # or there would be nothing to see
    apart = np.abs(pixels - expected)
    assert apart.mean() < 0.8
    assert apart.max() <= (8 if kind == "JPEG" else 1.5)  # a level of a dark red is several


def test_gray_profiles_count() -> None:
    levels = np.arange(0, 256, 5, dtype=np.uint8)[None].repeat(4, 0)
    file = stored(Image.fromarray(levels), icc_profile=icc.gray(1.0))
    for channels in (1, 3):
        pixels = decode(file, Rendering(ImageShape(channels, *levels.shape)))
        assert np.abs(pixels - srgb(levels / 255)[..., None]).max() <= 1.5
        assert np.ptp(pixels, axis=2).max() == 0


def test_a_color_picture_is_converted_before_it_turns_gray() -> None:
    color = np.array([200, 40, 90], np.uint8)
    picture = Image.new("RGB", (64, 64), tuple(color.tolist()))
    file = stored(picture, "JPEG", quality=100, icc_profile=icc.adobe_rgb())
    expected = adobe_as_srgb(color) @ [0.299, 0.587, 0.114]
    gray = decode(file, Rendering(ImageShape(1, 8, 8)))
    assert np.abs(gray - expected).max() <= 2
    assert abs(color @ [0.299, 0.587, 0.114] - expected) > 4


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
@pytest.mark.parametrize("inks", [(0, 0, 0, 0), (255, 0, 51, 0), (51, 102, 204, 25)])
def test_ink_has_the_color_of_its_press(kind: str, inks: tuple[int, int, int, int]) -> None:
    options = {"quality": 100} if kind == "JPEG" else {}
    page = Image.new("CMYK", (16, 16), inks)
    pixels = decode(stored(page, kind, icc_profile=icc.press(ink), **options), Rendering(FOUR))
    expected = lab_as_srgb(*ink([amount / 255 for amount in inks]))
    assert np.abs(pixels - expected).max() <= 4  # the table has 8 bits
    naive = decode(stored(page, kind, **options), Rendering(FOUR))
    assert inks == (0, 0, 0, 0) or np.abs(naive - expected).max() > 20


def test_transparency_survives() -> None:
    levels = np.full((4, 4, 4), (200, 40, 90, 128), np.uint8)
    file = stored(Image.fromarray(levels), icc_profile=icc.adobe_rgb())
    pixels = decode(file, Rendering(ImageShape(4, 4, 4)))
    assert np.abs(pixels[..., :3] - adobe_as_srgb(levels[..., :3])).max() <= 3
    assert (pixels[..., 3] == 128).all()
    gray = stored(Image.fromarray(levels).convert("LA"), icc_profile=icc.gray(1.0))
    expected = srgb(np.asarray(Image.fromarray(levels).convert("L"))[0, 0] / 255.0)
    assert np.abs(decode(gray, Rendering(ImageShape(4, 4, 4)))[..., :3] - expected).max() <= 3


def without_profile(image: Image.Image) -> NDArray[np.uint8]:
    return decode(stored(image), Rendering(FOUR))


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (9, 9, 3), np.uint8))


def rounded_srgb() -> bytes:
    """The profile that most files carry in one form or another: sRGB, as a table of its curve."""
    levels = np.arange(1024) / 1023
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    table = struct.pack(">I1024H", 1024, *np.rint(light * 65535).astype(int).tolist())
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), b"curv" + bytes(4) + table)
    colorants = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
    named = {
        tag: icc.xyz(of) for tag, of in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)
    }
    tags = {b"desc": icc.text("sRGB IEC61966-2.1"), b"wtpt": icc.xyz(icc.D50), **named, **curves}
    return icc.profile(b"RGB ", tags)


@pytest.mark.parametrize(
    "content", [ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), rounded_srgb()]
)
def test_srgb_itself_changes_nothing(content: bytes) -> None:
    file = stored(noise(), icc_profile=content)
    found = profile_of(file)
    assert found is not None
    assert "sRGB" in found.name
    assert (found.conversion, found.problem) == (None, "")
    assert (decode(file, Rendering(FOUR)) == without_profile(noise())).all()


def test_profiles_can_be_ignored() -> None:
    file = stored(noise(), icc_profile=icc.adobe_rgb())
    pixels = decode(file, Rendering(FOUR, profiles="ignore"))
    assert (pixels == without_profile(noise())).all()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no profile at all", "read"),
        (icc.adobe_rgb()[:200], "read"),
        (icc.profile(b"RGB ", {b"desc": icc.text("hollow")}), "read"),
        (icc.profile(b"RGB ", {b"desc": icc.text("a link")}, kind=b"link"), "kind"),
        (icc.gray(2.2), "RGB"),
        (icc.press(ink), "RGB"),
    ],
)
def test_a_profile_that_cannot_be_used_leaves_the_colors(content: bytes, problem: str) -> None:
    file = stored(noise(), icc_profile=content)
    found = profile_of(file)
    assert found is not None
    assert found.conversion is None
    assert problem in found.problem
    assert (decode(file, Rendering(FOUR)) == without_profile(noise())).all()


class Bulky:
    """A source of one image whose profile is far too large."""

    classes = ()

    def __len__(self) -> int:
        return 1

    def image(self, index: int) -> Image.Image:
        return stored(noise(), "JPEG", icc_profile=icc.adobe_rgb() + bytes(PROFILE_LIMIT))

    def label(self, index: int) -> int | None:
        return None

    def name(self, index: int) -> str:
        return "bulky.jpg"

    def stamp(self, index: int) -> tuple[int, int]:
        return 0, 0


def test_a_profile_larger_than_any_real_one_costs_its_image() -> None:
    with quiet_decoders():
        decoded = decode_one(Bulky(), 0, Rendering(FOUR))
    assert decoded.pixels is None
    assert decoded.reason == "color profile larger than 4 MB"


def test_tables_that_can_be_endless_are_not_read() -> None:
    """`D2B0` may hold any number of references to one table; littlecms would prefer it."""
    element = struct.pack(">4sIHH12f", b"matf", 0, 3, 3, *([0.0] * 9), 0.9642, 1.0, 0.8249)
    program = struct.pack(">4sIHHIII", b"mpet", 0, 3, 3, 1, 24, len(element)) + element
    plain = icc.adobe_rgb()
    tags = dict(_tags(plain))
    content = bytearray(icc.profile(b"RGB ", {**tags, b"D2B0": program}))
    content[8:12] = struct.pack(">I", 0x04300000)  # such tables exist since version 4
    white = ImageCms.ImageCmsTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(bytes(content))),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
        "RGB",
        "RGB",
    ).apply(noise())
    assert np.asarray(white).min() > 250  # this is what the table says
    pixels = decode(stored(noise(), icc_profile=bytes(content)), Rendering(ImageShape(3, 9, 9)))
    assert np.abs(pixels - adobe_as_srgb(np.asarray(noise()))).max() <= 1.5


def _tags(content: bytes) -> list[tuple[bytes, bytes]]:
    (count,) = struct.unpack_from(">I", content, 128)
    entries = [struct.unpack_from(">4sII", content, 132 + 12 * at) for at in range(count)]
    return [(name, content[start : start + size]) for name, start, size in entries]


def test_a_profile_is_read_once_for_all_images(monkeypatch: pytest.MonkeyPatch) -> None:
    first = profile_of(stored(noise(), icc_profile=icc.adobe_rgb("once")))
    monkeypatch.setattr(ImageCms, "ImageCmsTransform", None)
    again = profile_of(stored(noise(), icc_profile=icc.adobe_rgb("once")))
    assert isinstance(first, Profile)
    assert again is first
