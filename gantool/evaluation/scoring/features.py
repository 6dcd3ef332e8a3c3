"""The features of images; those of real images are kept in the cache."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from gantool.data.cache import FEATURES, entry_lock, features_cache
from gantool.files.disk import sweep, written_aside
from gantool.files.plain import holds_plain_files, make_plain_folder
from gantool.registry.calling import call, calling, described, misbehaved, owner_of
from gantool.runs.scores import PIXELS, ExtractorStamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from gantool.interfaces.metric import Extractor, Rows

CHUNK_IMAGES = 16
"""Images in a chunk: what fits a processor's caches."""
CHUNK_IMAGES_GPU = 256


class Features(NamedTuple):
    """Features [N, F] of images and, where the extractor is a classifier, logits [N, K]."""

    features: Tensor
    logits: Tensor | None


class FeatureNetwork:
    """An extractor's network on a device, loaded when it is first needed.

    Without an extractor, features are the pixels, scaled to [0, 1].
    """

    def __init__(self, extractor: Extractor | None, device: torch.device) -> None:
        self.extractor = extractor
        self.device = device

    @property
    def name(self) -> str | None:
        """The extractor's name; None for the pixels."""
        return None if self.extractor is None else self.extractor.name

    @cached_property
    def stamp(self) -> ExtractorStamp:
        """Name, weights and resizer, which every score states."""
        if self.extractor is None:
            return ExtractorStamp(PIXELS)
        found = call(self.extractor, "weights_digest")
        if not (found is None or isinstance(found, str)):
            raise misbehaved(self.extractor, "weights_digest", described(found), "text or None")
        digest = found or digest_of(self._network)
        return ExtractorStamp(self.extractor.name, digest, self.extractor.resizer)

    def __call__(
        self, images: Rows, progress: Callable[[int, int], None] | None = None
    ) -> Features:
        """Return the features of uint8 images [N, C, H, W], float32, on the CPU.

        Images with one channel are looked at as gray ones with three; of four channels, the first
        three are.

        Raises:
            MissingExtraError: When the extractor needs what is not installed.
            PluginError: When it returns something else than features [N, F] and logits [N, K].
        """
        size = CHUNK_IMAGES if self.device.type == "cpu" else CHUNK_IMAGES_GPU
        whole: list[Tensor | None] = [None, None]
        for start in range(0, len(images), size):
            rows = slice(start, min(start + size, len(images)))
            for number, part in enumerate(self._look(images[rows])):
                if part is not None:
                    whole[number] = _put(whole[number], rows, part, len(images))
            if progress is not None:
                progress(rows.stop, len(images))
        features, logits = whole
        assert features is not None
        return Features(features, logits)

    def _look(self, images: Tensor) -> Features:
        if self.extractor is None:
            return Features(images.flatten(1).float() / 255, None)
        colored = images[:, :3] if images.shape[1] > 3 else images.expand(-1, 3, -1, -1)
        network = self._network
        with torch.no_grad(), _exact_float32(), calling(self.extractor, "the network's forward"):
            found = network(colored.to(self.device))
        is_pair = isinstance(found, tuple) and len(found) == 2
        features, logits = found if is_pair else (found, None)
        self._check("features [N, F]", features, len(images))
        if logits is None:
            return Features(features.float().cpu(), None)
        self._check("logits [N, K]", logits, len(images))
        return Features(features.float().cpu(), logits.float().cpu())

    @cached_property
    def _network(self) -> nn.Module:
        assert self.extractor is not None
        with torch.random.fork_rng(devices=[]):  # building it may draw numbers
            network = call(self.extractor, "load")
        if not isinstance(network, nn.Module):
            raise misbehaved(self.extractor, "load", described(network), "a torch.nn.Module")
        with calling(self.extractor, "being moved to its device"):
            return network.to(self.device).eval()

    def _check(self, what: str, values: Any, count: int) -> None:
        assert self.extractor is not None
        if isinstance(values, torch.Tensor) and values.dim() == 2 and len(values) == count:
            return
        expected = f"{what} for {count} images"
        owner, forward = owner_of(self.extractor), self._network.forward
        raise owner.misbehaved("the network's forward", described(values), expected, forward)


def _put(whole: Tensor | None, rows: slice, part: Tensor, count: int) -> Tensor:
    """Return all rows with some more of them filled in: never twice in memory."""
    whole = part.new_empty(count, *part.shape[1:]) if whole is None else whole
    whole[rows] = part
    return whole


@contextmanager
def _exact_float32() -> Iterator[None]:
    """Compute in full float32 on GPUs too, so that scores do not depend on the machine."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    allowed = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = False
    try:
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = allowed


def digest_of(network: nn.Module) -> str:
    """Return the SHA-256 of a network's weights and buffers."""
    digest = hashlib.sha256()
    for name, values in sorted(network.state_dict().items()):
        digest.update(f"{name}:{values.dtype}{list(values.shape)};".encode())
        digest.update(values.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


LAYOUT_VERSION = 1
"""Raised whenever the files, or the way in which features are computed, change."""
FILE = "features.safetensors"
BLOCK_IMAGES = 256


def cached_features(
    network: FeatureNetwork, images: Rows, progress: Callable[[int, int], None] | None = None
) -> Features:
    """Return the features of images, uint8 [N, C, H, W], from the cache if they are there.

    They are found by the images' content and the extractor's stamp. Pixels are not kept: they
    are the images. Without a cache that can be written, features are computed every time.
    """
    if network.extractor is None:
        return network(images, progress)
    key = _key(network, images)
    name = f"{network.name}-{len(images)}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    if (found := _read(name, key, len(images))) is not None:
        return found
    found = network(images, progress)
    _write(name, key, found)
    return found


def _key(network: FeatureNetwork, images: Rows) -> str:
    """Return the text that features are found by."""
    digest = hashlib.blake2b(digest_size=16)
    for start in range(0, len(images), BLOCK_IMAGES):
        digest.update(images[start : start + BLOCK_IMAGES].contiguous().numpy().data)
    return json.dumps(
        {
            "layout": LAYOUT_VERSION,
            "images": digest.hexdigest(),
            "shape": list(images.shape),
            "extractor": asdict(network.stamp),
            "device": network.device.type,
        }
    )


def _read(name: str, key: str, count: int) -> Features | None:
    """Return features from the cache; None where they are missing, damaged or of something else."""
    from safetensors import SafetensorError, safe_open

    with suppress(OSError, SafetensorError, KeyError, ValueError):
        path = features_cache() / name / FILE
        if not holds_plain_files(path.parent):
            return None
        with safe_open(path, framework="pt") as file:
            if file.metadata() != {"key": key}:
                return None
            tensors = {entry: file.get_tensor(entry) for entry in file.keys()}  # noqa: SIM118
        os.utime(path)  # its time is that of the last use
        found = Features(tensors["features"], tensors.get("logits"))
        return found if len(found.features) == count else None
    return None


def _write(name: str, key: str, found: Features) -> None:
    """Put features into the cache, if it can be written."""
    from safetensors.torch import save_file

    tensors = {"features": found.features.contiguous()}
    if found.logits is not None:
        tensors["logits"] = found.logits.contiguous()
    try:
        folder = features_cache() / name
        with entry_lock(FEATURES, name):
            make_plain_folder(folder)
            sweep(folder, shared=False)
            with written_aside(folder / FILE) as aside:
                save_file(tensors, aside, metadata={"key": key})
    except OSError as error:
        logging.getLogger("gantool").info("features are not kept: %s", error)
