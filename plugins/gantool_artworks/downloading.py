"""Fetching the Kaggle set."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from shlex import quote
from typing import TYPE_CHECKING

from gantool import DataError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

HANDLE = "ikarus777/best-artworks-of-all-time"
ADDRESS = f"https://www.kaggle.com/api/v1/datasets/download/{HANDLE}"


def download_artworks(into: Path) -> None:
    """Fetch the Kaggle set with kagglehub.

    Raises:
        MissingExtraError: When kagglehub is not installed.
        DataError: When it fails, or the folder holds something else.
    """
    with redirect_stdout(sys.stderr):  # stdout is data; kagglehub reports its progress there
        try:
            import kagglehub
        except ImportError as error:
            raise MissingExtraError(
                "downloading the artworks needs kagglehub, which is not installed",
                f"pip install 'gantool[kaggle]', or without it: {by_hand(into)}",
            ) from error
        try:
            kagglehub.dataset_download(HANDLE, output_dir=str(into))
        except FileExistsError as error:
            raise DataError(f"{into} is not empty", "remove it, or name another folder") from error
        except Exception as error:  # kagglehub has no error of its own for "no network"
            message = f"the artworks could not be downloaded: {str(error) or type(error).__name__}"
            raise DataError(message, f"try again, or {by_hand(into)}") from error


def by_hand(into: Path) -> str:
    """Return the command that fetches the zip file, which is read as it is."""
    folder, file = quote(str(into)), quote(str(into / "best-artworks.zip"))
    return f"mkdir -p {folder} && curl -L -o {file} {ADDRESS}"
