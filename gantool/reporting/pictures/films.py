"""Moving pictures: animated WebP and GIF, and MP4 where the extra `video` is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gantool.errors import MissingExtraError, UsageError
from gantool.files.disk import make_folder, written_aside
from gantool.reporting.page.images import pick_evenly, read_picture, unmagnified
from gantool.reporting.pictures.grids import magnified, to_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

FRAMES_PER_SECOND = 24
FILM_SIDE = 384
"""Pixels up to which small frames are magnified."""
LOSSLESS_SIDE = 64
"""Frames up to this size are kept as they are: lossy compression would smear their few pixels."""
BACKGROUND = 32
"""Gray behind transparent frames, where a format knows no transparency."""
SUFFIXES = (".webp", ".gif", ".mp4")

MOST_GRIDS = 120
GRID_MILLISECONDS = 350
LAST_MILLISECONDS = 2500
GRID_WIDTH = 640
"""Pixels up to which grids are magnified by a whole factor."""
TEXT_PIXELS = 16
PAPER, INK = (24, 24, 24), (230, 230, 230)


def check_film(path: Path) -> None:
    """Refuse a name that says no known format, and MP4 without its extra.

    Raises:
        UsageError: When the suffix is another one.
        MissingExtraError: When the extra `video` is needed and missing.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"a film is a file named *{', *'.join(SUFFIXES)}, got {path}")
    if suffix == ".mp4":
        try:
            import imageio_ffmpeg  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                "MP4 needs a package that is not installed: imageio-ffmpeg",
                'pip install "gantool[video]", or name a .webp file',
            ) from error


def save_film(frames: NDArray[np.uint8], path: Path) -> None:
    """Write frames as one moving picture that loops, magnified by a whole factor.

    They are uint8 [N, H, W, C] with 1, 3 or 4 channels; the file's suffix says the format.

    Raises:
        UsageError, MissingExtraError: As `check_film` does.
    """
    check_film(path)
    suffix, side = path.suffix.lower(), max(frames.shape[1:3])
    frames = magnified(frames, max(1, FILM_SIDE // side))
    duration = round(1000 / FRAMES_PER_SECOND)
    lossless = side <= LOSSLESS_SIDE
    make_folder(path.parent)
    with written_aside(path) as aside:
        if suffix == ".mp4":
            _write_mp4(_opaque(frames), aside)
        elif suffix == ".gif":
            _write(list(map(to_image, _opaque(frames))), aside, duration, format="GIF")
        else:
            options = {"lossless": lossless, "quality": 60 if lossless else 88, "method": 3}
            _write(list(map(to_image, frames)), aside, duration, format="WEBP", **options)


def write_animation(
    grids: Sequence[tuple[str, Path]], tile: tuple[int, int], count: int, path: Path
) -> None:
    """Write an animated WebP of a run's sample grids, which holds the last one for a while.

    Each grid of `count` images of height and width `tile` is a PNG file with a label, as in
    "epoch 10". The WebP file is written aside and renamed.
    """
    if not grids:
        raise ValueError("expected at least one grid to animate, got none")
    frames = [
        _labeled(unmagnified(read_picture(grid), tile, count), label)
        for label, grid in pick_evenly(grids, MOST_GRIDS)
    ]
    # a run that goes on may draw larger grids
    size = max(frame.width for frame in frames), max(frame.height for frame in frames)
    frames = [_pasted(frame, size) for frame in frames]
    durations = [*[GRID_MILLISECONDS] * (len(frames) - 1), LAST_MILLISECONDS]
    make_folder(path.parent)
    with written_aside(path) as aside:
        _write(frames, aside, durations, format="WEBP", quality=82, method=4)


def _write(frames: list[Image], path: Path, duration: int | list[int], **options: Any) -> None:
    """Write frames that loop; `duration` is in milliseconds."""
    first, *rest = frames
    first.save(path, save_all=True, append_images=rest, duration=duration, loop=0, **options)


def _write_mp4(frames: NDArray[np.uint8], path: Path) -> None:
    """Write H.264 that browsers play: 4:2:0, even sides."""
    import imageio_ffmpeg
    import numpy as np

    rgb = frames.repeat(3, axis=3) if frames.shape[3] == 1 else frames
    odd = [(0, size % 2) for size in rgb.shape[1:3]]
    rgb = np.pad(rgb, ((0, 0), *odd, (0, 0)), mode="edge")
    size = (rgb.shape[2], rgb.shape[1])
    writer = imageio_ffmpeg.write_frames(
        str(path), size, fps=FRAMES_PER_SECOND, quality=8, macro_block_size=1
    )
    writer.send(None)
    try:
        for frame in rgb:
            writer.send(frame.tobytes())
    finally:
        writer.close()


def _opaque(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return frames without transparency: what shows through is dark gray."""
    import numpy as np

    if frames.shape[3] != 4:
        return frames
    alpha = frames[..., 3:].astype(np.float32) / 255
    mixed = frames[..., :3] * alpha + BACKGROUND * (1 - alpha)
    return mixed.round().astype(np.uint8)


def _labeled(grid: NDArray[np.uint8], label: str) -> Image:
    """Return a grid with its label below."""
    from PIL import ImageDraw, ImageFont

    picture = to_image(magnified(grid, max(1, GRID_WIDTH // grid.shape[1]))).convert("RGBA")
    frame = _pasted(picture, (picture.width, picture.height + 2 * TEXT_PIXELS))
    place = (TEXT_PIXELS // 2, picture.height + TEXT_PIXELS)
    font = ImageFont.load_default(TEXT_PIXELS)
    ImageDraw.Draw(frame).text(place, label, fill=INK, font=font, anchor="lm")
    return frame


def _pasted(picture: Image, size: tuple[int, int]) -> Image:
    """Return a picture at the top left of an opaque one of another size."""
    from PIL import Image

    frame = Image.new("RGB", size, PAPER)
    frame.paste(picture, (0, 0), picture if picture.mode == "RGBA" else None)
    return frame
