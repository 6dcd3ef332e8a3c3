"""The exporter `safetensors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from gantool import Component, Exporter, UsageError, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from gantool import Trained

FILE = "generator.safetensors"
USAGE = """
```python
import gantool
{imported}
generator = gantool.load({place})
images = generator.sample(16, seed=0{label})  # float32 {shape} in [-1, 1]
```

`generator.safetensors` holds the weights and `config.json` how to build the network; neither \
holds code.
"""


class Safetensors(Exporter):
    """Weights for Python, as data without code: `gantool.load` opens the folder like a run."""

    name = "safetensors"
    loadable: ClassVar[bool] = True

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        from safetensors.torch import save

        tensors = {name: each.contiguous().clone() for name, each in trained.weights.items()}
        (folder / FILE).write_bytes(save(tensors, metadata={"format": "pt"}))
        return "weights and config: gantool.load opens the folder"

    @classmethod
    @override
    def usage(cls, trained: Trained, folder: str, repository: str | None) -> str:
        fetched = "from huggingface_hub import snapshot_download\n" if repository else ""
        return USAGE.format(
            imported=fetched,
            place=f'snapshot_download("{repository}")' if repository else f'"{folder}"',
            label=", label=0" if trained.classes else "",
            shape=[16, *trained.image],
        )

    @classmethod
    @override
    def load(cls, folder: Path) -> Mapping[str, Tensor]:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = folder / FILE
        try:
            return load_file(path)
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
        except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path} is damaged, or no safetensors: {error}") from error


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the exporter."""
    return [Safetensors]
