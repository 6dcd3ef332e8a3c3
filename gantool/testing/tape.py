"""Stands in for CUDA graphs where there is no GPU: records operations and does them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


class TapeRecorder:
    """Records every operation with the very tensors it works on, as a CUDA graph does.

    A replay knows nothing of Python: a number that was different in the recorded step is what it
    was then, and a tensor that was not written in place is another one than the replay reads.
    """

    def record(
        self, work: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        """Record the work's operations, leave everything as it was, and return their replay."""
        tape = _Tape()
        with tape:
            work()
        tape.undo()
        return tape.replay


class _Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Operations, their arguments, and what the tensors that existed before held."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._operations: list[tuple[Any, Any, Any, list[Tensor]]] = []
        self._made: set[int] = set()
        self._before: dict[int, tuple[Tensor, Tensor]] = {}

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for tensor in _tensors((args, kwargs)):
            place = tensor.untyped_storage().data_ptr()
            if place not in self._made and place not in self._before:
                self._before[place] = (tensor, tensor.detach().clone())
        result = func(*args, **kwargs)
        outputs = _tensors(result)
        self._made |= {tensor.untyped_storage().data_ptr() for tensor in outputs} - set(
            self._before
        )
        self._operations.append((func, args, kwargs, outputs))
        return result

    @torch.no_grad()
    def undo(self) -> None:
        """Put back what was there before: capturing a graph computes nothing."""
        for tensor, held in self._before.values():
            tensor.copy_(held)

    @torch.no_grad()
    def replay(self) -> None:
        """Do every operation again, into the tensors that it made."""
        for func, args, kwargs, outputs in self._operations:
            for made, again in zip(outputs, _tensors(func(*args, **kwargs)), strict=True):
                if made.data_ptr() != again.data_ptr():
                    made.detach().copy_(again)


def _tensors(values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)]
