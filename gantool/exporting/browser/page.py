"""The page: generator, weights and controls in one file that needs nothing else."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import torch

from gantool.evaluation.sampling.draws import to_pixels
from gantool.exporting.browser.packing import as_data, block, choose_precision
from gantool.exporting.browser.sliders import strongest_coordinates
from gantool.exporting.browser.tracing import trace
from gantool.files.durable import written_aside

if TYPE_CHECKING:
    from pathlib import Path

    from gantool.exporting.browser.packing import Precision
    from gantool.exporting.plain import PlainGenerator


@dataclass(frozen=True)
class PageFacts:
    """What was written.

    Attributes:
        weights: Numbers in the page.
        precision: How they are stored.
    """

    weights: int
    precision: Precision


def write_page(plain: PlainGenerator, name: str, path: Path) -> PageFacts:
    """Write a page that runs a generator in the browser, offline.

    Args:
        plain: The generator.
        name: What the page calls it.
        path: The file.

    Raises:
        UsageError: When the generator uses what the page cannot compute, or is too large.
        OSError: When the file cannot be written.
    """
    plain.check_single("html")
    program = trace(plain)
    precision = choose_precision(plain, program)
    facts = PageFacts(sum(t.numel() for t in program.used_constants().values()), precision)
    data = {**_described(plain, name, facts), "program": as_data(program, precision)}
    with written_aside(path) as aside:
        aside.write_text(_render(name, data, block(program, precision)), encoding="utf-8")
    return facts


def _described(plain: PlainGenerator, name: str, facts: PageFacts) -> dict[str, Any]:
    """Return what the page says and shows of a generator."""
    config = plain.config
    latents, *labels = plain.inputs(1)
    with torch.no_grad():
        pixels = to_pixels(plain.network(latents, *labels))[0]  # [H, W, C]
    return {
        "name": name,
        "step": config.step,
        "shape": [config.image.channels, config.image.height, config.image.width],
        "latentDim": config.latent_dim,
        "classes": list(config.classes),
        "sliders": strongest_coordinates(plain),
        "weights": facts.weights,
        "first": {
            "latent": latents[0].tolist(),
            "label": int(labels[0]) if labels else 0,
            "pixels": base64.b64encode(pixels.tobytes()).decode("ascii"),
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
    return files("gantool.exporting.browser").joinpath(name).read_text(encoding="utf-8")
