"""Reasons why a generator cannot be said in ONNX, in sentences that its author can use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gantool import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATOR = re.compile(r"No ONNX function found for <OpOverload\(op='([\w.]+)'")
"""How torch names an operator that it cannot translate."""
FROZEN = re.compile(r"Constraints violated \(batch\)")
DECIDES = re.compile(r"data-dependent")
LINE = re.compile(r'File "([^"]+)", line (\d+), in \w+')
OF_TORCH = ("/torch/", "<")
"""What the files of torch, and those that it makes up, have in their names."""
ANYWAY = "gantool export --to safetensors writes the weights all the same"


def refusal(error: BaseException, program: Any = None) -> UsageError:
    """Return the error that says what keeps a generator from being written, and what would help.

    Args:
        error: What torch raised.
        program: What torch has made of the generator, if it came so far.
    """
    reason, way_out = _told(error, program)
    return UsageError(f"the generator cannot be said in ONNX: {reason}", way_out)


def _told(error: BaseException, program: Any) -> tuple[str, str]:
    """Return the reason and the way out."""
    text = "\n".join(str(each) for each in _causes(error))
    if match := OPERATOR.search(text):
        place = _place(_trace_of(match[1], program))
        return f"it has no operator for torch's {match[1]}{place}", f"use others; {ANYWAY}"
    if FROZEN.search(text):
        return (
            "its forward works on the images of a batch one by one, so that it would hold for "
            "batches of 2 only",
            f"work on the whole batch at once, as with view(-1, ...); {ANYWAY}",
        )
    if DECIDES.search(text):
        reason = f"what its forward does depends on the numbers that it computes{_place(text)}"
        return reason, f"choose by torch.where in place of if; {ANYWAY}"
    first = str(error).strip().partition("\n")[0]
    return f"{first or type(error).__name__}{_place(text)}", ANYWAY


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what caused it, the first cause last."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__


def _trace_of(operator: str, program: Any) -> str:
    """Return where a program calls an operator, or one that is made of it."""
    name = operator.rpartition(".")[2].strip("_")
    nodes = () if program is None else program.graph.nodes
    traces = (str(node.meta.get("stack_trace")) for node in nodes if name in str(node.target))
    return next(traces, "")


def _place(text: str) -> str:
    """Return " (file:line)" of the last line that is not torch's own; nothing if none is told."""
    told = [each for each in LINE.finditer(text) if not any(part in each[1] for part in OF_TORCH)]
    return f" ({told[-1][1]}:{told[-1][2]})" if told else ""
