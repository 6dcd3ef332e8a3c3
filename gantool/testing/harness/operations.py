"""The operations of torch in a step: recorded and done again, or refused where a device waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from typing_extensions import override

from gantool.testing.promises import require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

READS_BACK = frozenset({"_local_scalar_dense", "equal", "masked_select", "nonzero", "_unique2"})
"""Operations of torch that make the program wait for a result or its shape."""
INDEXING = frozenset({"index", "index_put", "index_put_"})


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


class Overheard(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses, inside a hook, operations that a recorded update could not replay."""

    def __init__(self, hook: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.hook = hook
        self._excuses = _Excuses()

    @override
    def __enter__(self) -> Self:
        self._excuses.__enter__()  # type: ignore[no-untyped-call]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    @override
    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._excuses.__exit__(*error)  # type: ignore[no-untyped-call]

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
        read = (name in READS_BACK or masks) and not self._excuses.under_way
        what = "indexes by a mask" if masks else f"reads a number from the device ({name})"
        require(not read, f"`{self.hook}` {what}; keep it a tensor, or set capturable = False")
        return func(*args, **(kwargs or {}))


class _Excuses(TorchFunctionMode):
    """Notes calls that read numbers on a CPU only, to refuse bad ones."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way = False

    @override
    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = (*args[1:], *(kwargs or {}).values())
        self.under_way = func is torch.nn.functional.one_hot and any(n > 0 for n in given)
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.under_way = False


def _is_mask(index: Any) -> bool:
    return isinstance(index, torch.Tensor) and index.dtype == torch.bool
