"""The features of real images, kept in the cache: they are the same in every evaluation."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from gantool.data.cache import FEATURES, entry_lock, features_cache
from gantool.evaluation.features import Features
from gantool.files.asides import sweep
from gantool.files.durable import written_aside
from gantool.files.plain import holds_plain_files, make_plain_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gantool.evaluation.features import FeatureNetwork
    from gantool.interfaces.metric import Rows

LAYOUT_VERSION = 1
"""Raised whenever the files, or the way in which features are computed, change."""
FILE = "features.safetensors"
BLOCK_IMAGES = 256


def cached_features(
    network: FeatureNetwork, images: Rows, progress: Callable[[int, int], None] | None = None
) -> Features:
    """Return the features of images, computing them unless that was done before.

    They are found by the images' content and the extractor's stamp. Pixels are not kept: they
    are the images. Without a cache that can be written, features are computed every time.

    Args:
        network: What looks at the images.
        images: uint8 [N, C, H, W].
        progress: Called with the images looked at and the images in all.
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
    """Return what the features depend on."""
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
    try:
        folder = features_cache() / name
        with entry_lock(FEATURES, name):
            make_plain_folder(folder)
            sweep(folder, shared=False)
            _save(folder / FILE, key, found)
    except OSError as error:
        logging.getLogger("gantool").info("features are not kept: %s", error)


def _save(path: Path, key: str, found: Features) -> None:
    from safetensors.torch import save_file

    tensors = {"features": found.features.contiguous()}
    if found.logits is not None:
        tensors["logits"] = found.logits.contiguous()
    with written_aside(path) as aside:
        save_file(tensors, aside, metadata={"key": key})
