"""Listen for operations that make a program wait for the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import torch
from torch.overrides import TorchFunctionMode
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
    """Knows of calls that look at numbers on a CPU alone, to refuse bad ones.

    Attributes:
        under_way: Whether such a call is.
    """

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
