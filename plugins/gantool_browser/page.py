"""The page: generator, weights and controls in one file that needs nothing else."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import torch

from gantool_browser.packing import as_data, block, choose_precision, pixels_of
from gantool_browser.sliders import strongest_coordinates
from gantool_browser.tracing import trace

if TYPE_CHECKING:
    from pathlib import Path

    from gantool import Trained
    from gantool_browser.packing import Precision


@dataclass(frozen=True)
class PageFacts:
    """What was written.

    Attributes:
        weights: Numbers in the page.
        precision: How they are stored.
    """

    weights: int
    precision: Precision


def write_page(trained: Trained, path: Path, sliders: int) -> PageFacts:
    """Write a page that runs a generator in the browser, offline.

    Args:
        trained: The generator.
        path: The file.
        sliders: How many sliders it has at most.

    Raises:
        UsageError: When the generator uses what the page cannot compute, or is too large.
        OSError: When the file cannot be written.
    """
    program = trace(trained)
    precision = choose_precision(trained, program)
    facts = PageFacts(sum(t.numel() for t in program.used_constants().values()), precision)
    described = _described(trained, facts, strongest_coordinates(trained, sliders))
    data = {**described, "program": as_data(program, precision)}
    path.write_text(_render(trained.name, data, block(program, precision)), encoding="utf-8")
    return facts


def _described(trained: Trained, facts: PageFacts, sliders: list[int]) -> dict[str, Any]:
    """Return what the page says and shows of a generator."""
    latents, *labels = trained.inputs(1, 0)
    with torch.no_grad():
        pixels = pixels_of(trained.network(latents, *labels))[0].permute(1, 2, 0)  # [H, W, C]
    return {
        "name": trained.name,
        "step": trained.step,
        "shape": list(trained.image),
        "latentDim": trained.latent_dim,
        "classes": list(trained.classes),
        "sliders": sliders,
        "weights": facts.weights,
        "first": {
            "latent": latents[0].tolist(),
            "label": int(labels[0]) if labels else 0,
            "pixels": base64.b64encode(bytes(pixels.flatten().tolist())).decode("ascii"),
        },
    }


def _render(name: str, data: dict[str, Any], weights: str) -> str:
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(_resource("page.html"))
    return template.render(
        name=name,
        data=_json(data),
        weights=weights,
        style=_resource("page.css"),
        engine=_resource("engine.js"),
        script=_resource("page.js"),
    )


def _json(data: dict[str, Any]) -> str:
    """Return data as JSON that cannot end the element it stands in."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _resource(name: str) -> str:
    return files("gantool_browser").joinpath(name).read_text(encoding="utf-8")
