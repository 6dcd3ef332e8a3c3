"""Moving pictures: animated WebP and GIF, and MP4 where the extra `video` is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.errors import MissingExtraError, UsageError
from gantool.files.durable import make_folder, written_aside
from gantool.reporting.page.images import pick_evenly, read_picture, unmagnified

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

    Args:
        frames: uint8 [N, H, W, C] with 1, 3 or 4 channels.
        path: The file; its suffix says the format.

    Raises:
        OSError: When the file cannot be written.
        UsageError, MissingExtraError: As `check_film` does.
    """
    check_film(path)
    side = max(frames.shape[1:3])
    factor = max(1, FILM_SIDE // side)
    magnified = frames.repeat(factor, axis=1).repeat(factor, axis=2)  # [N, H f, W f, C]
    make_folder(path.parent)
    with written_aside(path) as aside:
        if path.suffix.lower() == ".mp4":
            _write_mp4(_opaque(magnified), aside)
        else:
            _write_animation(magnified, aside, lossless=side <= LOSSLESS_SIDE)


def _write_animation(frames: NDArray[np.uint8], path: Path, *, lossless: bool) -> None:
    from PIL import Image

    is_gif = path.suffix.lower() == ".gif"
    shown = _opaque(frames) if is_gif else frames
    first, *rest = [
        Image.fromarray(frame[:, :, 0] if frame.shape[2] == 1 else frame) for frame in shown
    ]
    options = (
        {} if is_gif else {"lossless": lossless, "quality": 60 if lossless else 88, "method": 3}
    )
    first.save(
        path,
        format="GIF" if is_gif else "WEBP",
        save_all=True,
        append_images=rest,
        duration=round(1000 / FRAMES_PER_SECOND),
        loop=0,
        **options,
    )


def _write_mp4(frames: NDArray[np.uint8], path: Path) -> None:
    """Write H.264 that browsers play: 4:2:0, even sides."""
    import imageio_ffmpeg
    import numpy as np

    rgb = frames.repeat(3, axis=3) if frames.shape[3] == 1 else frames
    odd = [(0, size % 2) for size in rgb.shape[1:3]]
    rgb = np.pad(rgb, ((0, 0), *odd, (0, 0)), mode="edge")
    writer = imageio_ffmpeg.write_frames(
        str(path),
        (rgb.shape[2], rgb.shape[1]),
        fps=FRAMES_PER_SECOND,
        quality=8,
        macro_block_size=1,
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


MOST_FRAMES = 120
FRAME_MILLISECONDS = 350
LAST_MILLISECONDS = 2500
WIDTH = 640
"""Pixels up to which frames are magnified by a whole factor."""
TEXT_PIXELS = 16
PAPER, INK = (24, 24, 24), (230, 230, 230)
QUALITY = 82


def write_animation(
    grids: Sequence[tuple[str, Path]], tile: tuple[int, int], count: int, path: Path
) -> None:
    """Write an animated WebP of a run's sample grids, which holds the last one for a while.

    Args:
        grids: A label, as in "epoch 10", and the PNG file of each, in order; at least one.
        tile: Height and width of an image in a grid.
        count: Images in a grid.
        path: The WebP file, written aside and renamed.

    Raises:
        OSError: When a grid cannot be read or the file not written.
        ValueError: When there is no grid.
    """
    if not grids:
        raise ValueError("expected at least one grid to animate, got none")
    frames = [
        _frame(unmagnified(read_picture(grid), tile, count), label)
        for label, grid in pick_evenly(grids, MOST_FRAMES)
    ]
    size = (max(frame.width for frame in frames), max(frame.height for frame in frames))
    frames = [_padded(frame, size) for frame in frames]
    durations = [*[FRAME_MILLISECONDS] * (len(frames) - 1), LAST_MILLISECONDS]
    make_folder(path.parent)
    with written_aside(path) as aside:
        frames[0].save(
            aside,
            format="WEBP",
            save_all=True,
            append_images=frames[1:],
            duration=durations,
            loop=0,
            quality=QUALITY,
            method=4,
        )


def _frame(grid: NDArray[np.uint8], label: str) -> Image:
    """Return a grid with its label below."""
    from PIL import Image, ImageDraw, ImageFont

    factor = max(1, WIDTH // grid.shape[1])
    large = grid.repeat(factor, axis=0).repeat(factor, axis=1)
    picture = Image.fromarray(large[:, :, 0] if large.shape[2] == 1 else large).convert("RGBA")
    height = picture.height + 2 * TEXT_PIXELS
    frame = Image.new("RGB", (picture.width, height), PAPER)
    frame.paste(picture, (0, 0), picture)
    place = (TEXT_PIXELS // 2, picture.height + TEXT_PIXELS)
    font = ImageFont.load_default(TEXT_PIXELS)
    ImageDraw.Draw(frame).text(place, label, fill=INK, font=font, anchor="lm")
    return frame


def _padded(frame: Image, size: tuple[int, int]) -> Image:
    """Return a frame of the size of all others: a run that goes on may draw other grids."""
    from PIL import Image

    if frame.size == size:
        return frame
    padded = Image.new("RGB", size, PAPER)
    padded.paste(frame, (0, 0))
    return padded
