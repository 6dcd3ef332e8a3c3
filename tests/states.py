"""States of trainers, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor


def leaves(value: object, path: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield everything in a state by its path."""
    if isinstance(value, Tensor):
        form = f"{value.dtype} {tuple(value.shape)} "
        yield path, form.encode() + value.detach().contiguous().numpy().tobytes()
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from leaves(part, f"{path}/{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from leaves(part, f"{path}/{index}")
    else:
        yield path, repr(value).encode()
