"""The invented artists: who they are, how much they left, and how they paint."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from gantool_artworks.sample import (
    color_fields,
    cutouts,
    facets,
    grids,
    mountains,
    night_skies,
    op_art,
    pointillism,
    portraits,
    still_lifes,
    suprematism,
    woodcuts,
)

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

Paint = Callable[["np.random.Generator", int, int], "Image"]


class Painter(NamedTuple):
    """An invented artist, with the columns of `artists.csv`."""

    name: str
    years: str
    genre: str
    nationality: str
    bio: str
    paintings: int
    paint: Paint

    @property
    def folder(self) -> str:
        """Name of the artist's folder, and beginning of its files' names."""
        return self.name.replace(" ", "_")


ROSTER = (
    Painter(
        "Petra Vierkant",
        "1889 - 1951",
        "Neoplasticism",
        "Dutch",
        "Invented. Grids of primary colors between black bars.",
        180,
        grids.paint,
    ),
    Painter(
        "Odo Nebelmann",
        "1911 - 1974",
        "Color Field,Abstract Expressionism",
        "German",
        "Invented. A few wide fields of color with soft edges.",
        206,
        color_fields.paint,
    ),
    Painter(
        "Lucia Ondalini",
        "1931 - 2004",
        "Op Art",
        "Italian",
        "Invented. Stripes and checks that seem to swell and turn.",
        96,
        op_art.paint,
    ),
    Painter(
        "Celestin Pointel",
        "1861 - 1907",
        "Pointillism,Post-Impressionism",
        "French",
        "Invented. Lakes and meadows built of dots of pure color.",
        232,
        pointillism.paint,
    ),
    Painter(
        "Konstanta Ploskov",
        "1882 - 1938",
        "Suprematism",
        "Russian",
        "Invented. Tilted planes and bars afloat on a pale ground.",
        150,
        suprematism.paint,
    ),
    Painter(
        "Veit Holzstich",
        "1472 - 1529",
        "Northern Renaissance",
        "German",
        "Invented. Mountains and firs cut into wood, printed in black and red.",
        118,
        woodcuts.paint,
    ),
    Painter(
        "Stella Nottara",
        "1853 - 1912",
        "Symbolism,Post-Impressionism",
        "Italian,Swiss",
        "Invented. Night skies in whirling strokes over dark hills.",
        240,
        night_skies.paint,
    ),
    Painter(
        "Cornelis Peerboom",
        "1604 - 1661",
        "Baroque",
        "Flemish",
        "Invented. Fruit and a vase on a table, in light from the left.",
        212,
        still_lifes.paint,
    ),
    Painter(
        "Marguerite Papillon",
        "1870 - 1953",
        "Fauvism",
        "French",
        "Invented. Leaves and seaweed cut from painted paper.",
        128,
        cutouts.paint,
    ),
    Painter(
        "Yukio Seigaiha",
        "1797 - 1858",
        "Ukiyo-e",
        "Japanese",
        "Invented. Ranges of mountains in mist under the disk of the sun.",
        226,
        mountains.paint,
    ),
    Painter(
        "Livia Dorata",
        "1864 - 1919",
        "Symbolism,Art Nouveau",
        "Austrian",
        "Invented. Portraits in robes of ornament before gold.",
        164,
        portraits.paint,
    ),
    Painter(
        "Bruno Tessera",
        "1885 - 1949",
        "Cubism",
        "German,American",
        "Invented. Light broken into facets, as through colored glass.",
        96,
        facets.paint,
    ),
)

SIZE = sum(painter.paintings for painter in ROSTER)
"""Pictures in the whole sample."""
