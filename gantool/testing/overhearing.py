"""Listen for operations that make a program wait for the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override

from gantool.testing.claims import require

if TYPE_CHECKING:
    from collections.abc import Mapping

READS_BACK = frozenset({"_local_scalar_dense", "equal", "masked_select", "nonzero", "_unique2"})
"""Operations of torch whose result, or its shape, the program waits for."""
INDEXING = frozenset({"index", "index_put", "index_put_"})


class Overheard(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses, inside a hook, operations that a recorded update could not replay.

    Args:
        hook: The hook's name, for the message.
    """

    def __init__(self, hook: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.hook = hook

    @override
    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = func.overloadpacket.__name__
        masks = name in INDEXING and any(_is_mask(index) for index in args[1])
        read = name in READS_BACK or masks
        what = "indexes by a mask" if masks else f"reads a number from the device ({name})"
        require(not read, f"`{self.hook}` {what}; keep it a tensor, or set capturable = False")
        return func(*args, **(kwargs or {}))


def _is_mask(index: Any) -> bool:
    return isinstance(index, torch.Tensor) and index.dtype == torch.bool
