"""Loss curves of a run, as the report draws them, and how sure the discriminator was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.files.disk import written_aside
from gantool.reporting.figures import LABELS, SCORES
from gantool.text import visible

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gantool.runs.curves import Curve, Curves, Values

COLORS = {"discriminator": "#0e7490", "generator": "#be185d"}


def draw_curves(curves: Curves, path: Path, title: str = "") -> None:
    """Draw both losses over the epochs and, if recorded, the discriminator's scores below.

    Each recorded value is drawn faintly and their moving mean strongly, of a long run the least
    and greatest of each stretch. Where a value is missing, NaN or infinite, the lines have a gap.

    The PNG file is written aside and renamed.
    """
    if not curves:
        raise ValueError("expected at least one record to draw, got none")
    figure = make_figure(curves, title)
    with written_aside(path) as aside:
        figure.savefig(aside, format="png", dpi=120)


def make_figure(curves: Curves, title: str = "") -> Figure:
    """Return what `draw_curves` draws, without pyplot and so without global state."""
    from matplotlib.figure import Figure

    scored = any(curves.curve(name).is_known for name in SCORES.values())
    ratios = [2, 1] if scored else [1]
    figure = Figure(figsize=(8, 6.4 if scored else 4.4), layout="constrained")
    panels = figure.subplots(len(ratios), sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    _draw_losses(panels[0], curves)
    panels[0].set_title(visible(title), loc="left", parse_math=False)
    if scored:
        _draw_scores(panels[1], curves)
    panels[-1].set_xlabel("epoch")
    return figure


def _draw_losses(panel: Axes, curves: Curves) -> None:
    from gantool.reporting.page.charts import fit, smooth

    losses = [curves.curve(f"{player}_loss") for player in COLORS]
    for (player, color), curve in zip(COLORS.items(), losses, strict=True):
        _draw_line(panel, curves.epochs, curve, player.capitalize(), color)
    faint = [values for loss in losses for values in (loss.lows, loss.highs)]
    scale = fit([smooth(loss.means) for loss in losses], faint)
    panel.set_ylim(scale.low, scale.high)
    _finish(panel, "loss")


def _draw_scores(panel: Axes, curves: Curves) -> None:
    for player, name in SCORES.items():
        _draw_line(panel, curves.epochs, curves.curve(name), LABELS[name], COLORS[player])
    panel.axhline(0.5, color="0.6", linewidth=0.8, linestyle=(0, (4, 4)), zorder=0)
    panel.set_ylim(-0.02, 1.02)
    _finish(panel, "D(x)")


def _draw_line(panel: Axes, epochs: Values, curve: Curve, label: str, color: str) -> None:
    """Draw the values faintly and their moving mean strongly, or a dot where there is only one."""
    import numpy as np

    from gantool.reporting.page.charts import smooth

    marker = "o" if np.isfinite(curve.means).sum() == 1 else ""
    across, values = curve.extremes(epochs)
    panel.plot(across, values, color=color, alpha=0.33, linewidth=0.9)
    panel.plot(epochs, smooth(curve.means), color=color, linewidth=1.8, label=label, marker=marker)


def _finish(panel: Axes, quantity: str) -> None:
    panel.set_ylabel(quantity)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(color="0.92", linewidth=0.8)
    panel.set_axisbelow(True)
    panel.set_xlim(left=0)
    panel.legend(
        frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.3
    )
