from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import pytest
from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator, model_validator

from gantool.errors import MissingExtraError, RecipeError
from gantool.interfaces.architecture import Architecture
from gantool.interfaces.component import Component
from gantool.interfaces.dataset import Dataset
from gantool.interfaces.loss import Loss
from gantool.interfaces.metric import Evidence, Extractor, Metric
from gantool.interfaces.regularizer import LazyOption, PlayerOption, Regularizer
from gantool.recipe.reading import read_recipe
from gantool.recipe.schema import Recipe
from gantool.registry.catalog import Catalog
from gantool.registry.plugin import Plugin
from gantool_optimizers.plugin import SGD, Adam, AdamW, RMSprop

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from gantool.interfaces.dataset import ImageShape, ImageSource


class Pictures(Dataset):
    """Images of a folder."""

    name = "pictures"
    folder: Path | None = None
    lists: tuple[Path, ...] = ()
    source: Literal["auto"] | Path = "auto"

    def open(self, cache: Path) -> ImageSource:
        raise NotImplementedError


class Shelf(Dataset):
    """Images that must be named."""

    name = "shelf"
    folder: Path
    weights: dict[str, float] = Field(default_factory=dict)

    def open(self, cache: Path) -> ImageSource:
        raise NotImplementedError


class Convolutions(Architecture):
    """Sides that are powers of two."""

    name = "dcgan"
    latent_dim: PositiveInt = 150
    width: PositiveInt = 64
    first_norm: bool = True
    initialization: Literal["pytorch", "normal"] = "pytorch"
    discriminator_norm: Literal["batch", "none"] = "batch"

    def check(self, image: ImageShape, classes: int) -> None:
        if image.height & (image.height - 1):
            msg = f"dcgan makes images of sides 16, 32, 64, 128 or 256, not {image.height}"
            raise ValueError(msg)
        if self.width < 4:
            msg = "dcgan needs a width of at least 4"
            raise ValueError(msg)
        if classes and self.width < 8:
            msg = "dcgan needs a width of at least 8 to be conditional"
            raise ValueError(msg)

    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        raise NotImplementedError

    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        raise NotImplementedError

    def batch_coupling(self) -> str | None:
        return "set discriminator_norm = 'none'" if self.discriminator_norm == "batch" else None


class _NoTerms(Loss):
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        raise NotImplementedError

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        raise NotImplementedError


class Entropy(_NoTerms):
    """Binary cross-entropy."""

    name = "bce"
    real_target: float = Field(default=1.0, gt=0, le=1)


class Hinge(_NoTerms):
    """Hinge loss, without options."""

    name = "hinge"


class Mean(_NoTerms):
    """Compares images with a mean."""

    name = "mean"
    couples_batch = True


class Aliased(_NoTerms):
    """An option whose name Python reserves, and a validator of its own."""

    name = "aliased"
    weight: NonNegativeFloat = Field(default=1.0, alias="lambda")
    even: int = 2

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            msg = f"expected an even number, got {value}"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.weight == 0 and self.even == 0:
            msg = "lambda and even cannot both be 0"
            raise ValueError(msg)
        return self


class Crashing(_NoTerms):
    """A validator with a bug."""

    name = "crashing"
    width: int = 1

    @field_validator("width")
    @classmethod
    def _crash(cls, value: int) -> int:
        if value == 2:
            raise MissingExtraError("crashing needs the package wide")
        return len(value)  # type: ignore[arg-type]


class Decay(PlayerOption):
    """L2."""

    name = "l2"
    strength = "weight_decay"
    weight_decay: NonNegativeFloat = 0.0


class GradientPenalty(LazyOption, Regularizer):
    """R1."""

    name = "r1"
    strength = "gamma"
    uses_image_gradient = True
    gamma: NonNegativeFloat = 10.0


class Deviation(Regularizer):
    """Mixes the images of a batch."""

    name = "deviation"

    def batch_coupling(self) -> str | None:
        return "leave it out"


class Codes(Regularizer):
    """Codes that are read off images."""

    name = "codes"
    strength = "weight"
    weight: NonNegativeFloat = 1.0
    count: PositiveInt = 10

    def check(self, image: ImageShape, classes: int, latent_dim: int) -> None:
        if self.count > latent_dim:
            msg = f"{self.count} codes need as many latents, and there are {latent_dim}"
            raise ValueError(msg)


class Classifier(Regularizer):
    """Tells classes."""

    name = "classifier"
    needs_labels = True


class Distance(Metric):
    """Distance of features."""

    name = "distance"
    direction: ClassVar[Literal["lower", "higher", "none"]] = "lower"

    def compute(self, evidence: Evidence) -> dict[str, float]:
        raise NotImplementedError


class Features(Extractor):
    """Features with a default."""

    name = "features"

    def load(self) -> nn.Module:
        raise NotImplementedError


class Particular(Extractor):
    """Features of weights that must be named."""

    name = "particular"
    weights: Path

    def load(self) -> nn.Module:
        raise NotImplementedError


COMPONENTS: tuple[type[Component], ...] = (
    Pictures,
    Shelf,
    Convolutions,
    Entropy,
    Hinge,
    Mean,
    Aliased,
    Crashing,
    Decay,
    GradientPenalty,
    Deviation,
    Codes,
    Classifier,
    Distance,
    Features,
    Particular,
)

MINIMAL = """\
[dataset]
use = "pictures"
[architecture]
use = "dcgan"
[loss]
use = "bce"
[training]
steps = 10
"""


@pytest.fixture
def catalog() -> Catalog:
    own = Plugin("own", "own.plugin", "gantool-own", "1.0", COMPONENTS)
    second = Plugin("second", "second.plugin", "gantool-second", "1.0", (Hinge,))
    optimizers = Plugin(
        "optimizers", "gantool_optimizers.plugin", "gantool", "1.0", (Adam, AdamW, RMSprop, SGD)
    )
    return Catalog([own, second, optimizers])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, so that messages name files without it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def minimal() -> str:
    """The shortest recipe."""
    return MINIMAL


@pytest.fixture
def read(folder: Path, catalog: Catalog) -> Callable[..., Recipe]:
    """Write a recipe as bad.toml and read it.

    Keyword arguments are the texts of further recipes, by the names of their files.
    """

    def write_and_read(text: str, *overrides: str, **others: str) -> Recipe:
        for name, content in {**others, "bad": text}.items():
            (folder / f"{name}.toml").write_text(content, encoding="utf-8", newline="")
        return read_recipe("bad.toml", overrides, catalog=catalog)

    return write_and_read


@pytest.fixture
def complain(read: Callable[..., Recipe]) -> Callable[..., str]:
    """Write and read a recipe as `read` does, and return the message of its RecipeError."""

    def message(text: str, *overrides: str, **others: str) -> str:
        with pytest.raises(RecipeError) as caught:
            read(text, *overrides, **others)
        assert caught.value.exit_code == 2
        return str(caught.value)

    return message
