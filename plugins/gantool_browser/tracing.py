"""From a generator's exported graph to a program."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch

from gantool import UsageError
from gantool_browser.folding import fold
from gantool_browser.operations import ALIASES, OPERATIONS
from gantool_browser.program import Program, Unsupported

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

    from gantool import Trained

WAY_OUT = "export it as onnx instead, which knows more operations"


def trace(trained: Trained) -> Program:
    """Return the program of a generator.

    Raises:
        UsageError: When it cannot be traced, or uses an operation that the page does not have;
            the message names it.
    """
    try:
        exported = torch.export.export(trained.network, trained.inputs(1, 0), strict=False)
        exported = exported.run_decompositions({})
    except Exception as error:  # whatever a plugin's generator does that cannot be traced
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(f"the generator cannot be traced: {reason}", WAY_OUT) from error
    return fold(_Translation(exported).program())


@dataclass(frozen=True)
class _Several:
    """The outputs of an operation that has more than one."""

    names: tuple[str, ...]


class _Translation:
    """Follows a graph node by node."""

    def __init__(self, exported: ExportedProgram) -> None:
        self._graph = exported.graph
        signature = exported.graph_signature
        held = {**exported.state_dict, **exported.constants}
        targets = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        self._held = {name: held[target] for name, target in targets.items()}
        self._made: dict[str, str | _Several] = {}
        self._program = Program()

    def program(self) -> Program:
        """Return the whole program."""
        for node in self._graph.nodes:
            if node.op == "placeholder":
                self._placeholder(node)
            elif node.op == "output":
                self._program.output = self._read(node.args[0][0])
            else:
                self._made[node.name] = self._call(node)
        return self._program

    def _placeholder(self, node: Node) -> None:
        if node.name in self._held:
            self._made[node.name] = self._program.constant(self._held[node.name])
            return
        self._made[node.name] = node.name
        self._program.inputs.append(node.name)
        self._program.shapes[node.name] = tuple(node.meta["val"].shape)

    def _call(self, node: Node) -> str | _Several:
        if node.target is operator.getitem:
            return self._item(*cast("tuple[Any, int]", node.args))
        name = _name(node)
        if self._is_constant(node):
            return self._computed(node, name)
        operation = OPERATIONS.get(ALIASES.get(name, name))
        if operation is None:
            raise _unsupported(name)
        try:
            made = operation(self._program, _shape(node), **self._arguments(node))
        except Unsupported as error:
            raise _unsupported(name, str(error)) from error
        return made if isinstance(made, str) else _Several(tuple(made))

    def _item(self, source: Any, index: int) -> str:
        made: str | _Several = self._made[source.name]
        if isinstance(made, _Several):
            name: str = made.names[index]
            return name
        if index != 0:  # the statistics beside what was normalized
            raise _unsupported(_name(source), f"its output {index} is used")
        return made

    def _is_constant(self, node: Node) -> bool:
        """Whether a node depends on neither latent nor label."""
        return all(self._read(each) in self._program.constants for each in node.all_input_nodes)

    def _computed(self, node: Node, name: str) -> str:
        """Compute now what is the same for every image."""
        target: Any = node.target
        if torch.Tag.nondeterministic_seeded in getattr(target, "tags", ()):
            raise _unsupported(name, "it draws random numbers of its own")
        constants = self._program.constants

        def value(each: Node) -> Any:
            return constants[self._read(each)]

        arguments = torch.fx.map_arg((node.args, node.kwargs), value)
        with torch.no_grad():
            made = target(*arguments[0], **arguments[1])
        if not isinstance(made, torch.Tensor):
            raise _unsupported(name, "on weights alone")
        return self._program.constant(made)

    def _read(self, node: Node) -> str:
        made = self._made[node.name]
        if isinstance(made, _Several):
            raise _unsupported(_name(node), "its outputs are used together")
        return made

    def _arguments(self, node: Node) -> dict[str, Any]:
        """Return a node's arguments by name, defaults included; tensors by the names of arrays."""
        schema: Any = node.target
        said = dict(zip((a.name for a in schema._schema.arguments), node.args, strict=False))
        said = {a.name: a.default_value for a in schema._schema.arguments} | said | node.kwargs
        return {
            ("input" if name == "self" else name): torch.fx.map_arg(value, self._read)
            for name, value in said.items()
        }


def _name(node: Node) -> str:
    """Return an operation's name without namespace and overload: "conv2d"."""
    return str(node.target).removeprefix("aten.").partition(".")[0]


def _shape(node: Node) -> Any:
    """Return the shape of a node's (first) output; of several of the same kind, all shapes."""
    value = node.meta["val"]
    if isinstance(value, list):
        return [tuple(each.shape) for each in value]
    return tuple((value[0] if isinstance(value, tuple) else value).shape)


def _unsupported(name: str, reason: str = "") -> UsageError:
    detail = f" ({reason})" if reason else ""
    return UsageError(
        f"the browser page cannot compute '{name}'{detail}, which this generator uses", WAY_OUT
    )
