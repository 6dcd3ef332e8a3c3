"""Options of a run's recipe, which may name what is not installed, or be damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_TILES = 100_000
"""A recipe that asks for more images in a grid is not believed."""
LARGEST_SIDE = 2**16


def option(document: Mapping[str, Any], table: str, name: str, otherwise: Any = None) -> Any:
    """Return an option of a resolved recipe, if its table and it are there."""
    options = document.get(table)
    return options.get(name, otherwise) if isinstance(options, dict) else otherwise


def grid_images(document: Mapping[str, Any]) -> int:
    """Return how many images a sample grid holds; 1 where the recipe makes no sense."""
    count = option(document, "sampling", "count", 1)
    return count if type(count) is int and 0 < count <= MOST_TILES else 1


def tile(document: Mapping[str, Any]) -> tuple[int, int]:
    """Return height and width of a run's images; 1 where the recipe makes no sense."""
    size = option(document, "image", "size")
    sides = size if isinstance(size, list) and len(size) == 2 else [size, size]
    height, width = (
        side if type(side) is int and 0 < side <= LARGEST_SIDE else 1 for side in sides
    )
    return height, width
