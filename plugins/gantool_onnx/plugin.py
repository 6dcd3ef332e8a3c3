"""The exporter `onnx`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from gantool import Component, Exporter, MissingExtraError, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from gantool import Trained

FILE = "generator.onnx"
USAGE = """
```python
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("generator.onnx")
latents = np.random.standard_normal((16, {latent_dim})).astype(np.float32)
inputs = {{"latents": latents{labels}}}
(images,) = session.run(None, inputs)  # float32 {shape} in [-1, 1]
```
"""


class Onnx(Exporter):
    """ONNX, for every runtime that speaks it: any number of images at a time.

    Inputs are `latents`, float32 [N, latent_dim], and for a conditional generator `labels`, int64
    [N]; the output is `images`, float32 [N, C, H, W] in [-1, 1]. The file is run with onnxruntime
    and handed out only where its images are torch's, to within 1e-5.
    """

    name = "onnx"
    needs_independent_images: ClassVar[bool] = True

    @override
    def check(self) -> None:
        try:
            import onnx  # noqa: F401
            import onnxruntime  # noqa: F401
            import onnxscript  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                f"ONNX needs a package that is not installed: {error.name}",
                'pip install "gantool[onnx]"',
            ) from error

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        from gantool_onnx.graph import write_graph

        difference = write_graph(trained, folder / FILE)
        return f"ONNX checked with onnxruntime: at most {difference:.1e} from torch"

    @classmethod
    @override
    def usage(cls, trained: Trained, folder: str, repository: str | None) -> str:
        return USAGE.format(
            latent_dim=trained.latent_dim,
            labels=', "labels": np.zeros(16, np.int64)' if trained.classes else "",
            shape=[16, *trained.image],
        )


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the exporter."""
    return [Onnx]
