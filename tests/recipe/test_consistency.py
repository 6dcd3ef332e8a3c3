from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gantool import Scheduled
from gantool.errors import PluginError
from gantool.interfaces.dataset import ImageShape
from gantool.recipe.check.consistency import culprit

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.recipe.check.consistency import Takes
    from gantool.recipe.schema import Recipe

pytestmark = pytest.mark.quick


def test_architecture_refuses_images_it_cannot_make(
    complain: Callable[..., str], minimal: str
) -> None:
    refused = "architecture 'dcgan': dcgan makes images of sides 16, 32, 64, 128 or 256, not"
    assert complain(minimal, "image.size=[100, 64]") == (
        f"error: {refused} 100\n"
        "  --> --set image.size=[100, 64]\n"
        "  = set it to 64 or 128\n"
        "\n"
        "1 problem; nothing was run"
    )
    said = f"{minimal}[image]\nsize = 33\n"
    assert complain(said) == (
        f"error: {refused} 33\n"
        "   --> bad.toml:10:8\n"
        "   |\n"
        "10 | size = 33\n"
        "   |        ^^ set it to 32 or 64\n"
        "\n"
        "1 problem; nothing was run"
    )


def test_what_no_other_shape_would_mend_is_the_architectures(
    complain: Callable[..., str], minimal: str
) -> None:
    narrow = minimal.replace('use = "dcgan"\n', 'use = "dcgan"\nwidth = 3\n')
    assert complain(narrow, "image.size=32").startswith(
        "error: architecture 'dcgan': dcgan needs a width of at least 4\n  --> bad.toml:3:1\n"
    )


@pytest.mark.parametrize(
    ("takes", "shape", "classes", "expected"),
    [
        (lambda s, c: s.height == 64, ImageShape(3, 33, 64), 0, ("image.size", "set it to 64")),
        (lambda s, c: s.height > 40, ImageShape(3, 33, 33), 2, ("image.size", "set it to 64")),
        (lambda s, c: s.channels == 3, ImageShape(4, 64, 64), 0, ("image.channels", "set it to 3")),
        (lambda s, c: s.channels < 3, ImageShape(3, 64, 64), 0, ("image.channels", "set it to 1")),
        (lambda s, c: not c, ImageShape(3, 64, 64), 2, ("training.conditional", "set it to false")),
        (lambda s, c: False, ImageShape(3, 64, 64), 2, None),
    ],
)
def test_the_option_that_is_to_blame_is_found(
    takes: Takes, shape: ImageShape, classes: int, expected: tuple[str, str] | None
) -> None:
    path, way_out = culprit(takes, shape, classes)
    assert (path and (".".join(path), way_out)) == expected


def test_architecture_is_asked_whether_it_can_be_conditional(
    complain: Callable[..., str], read: Callable[..., Recipe], minimal: str
) -> None:
    narrow = "architecture.width=4"
    assert read(minimal, narrow).tables.training.conditional is False
    told = complain(minimal, narrow, "training.conditional=true")
    assert told.startswith(
        "error: architecture 'dcgan': dcgan needs a width of at least 8 to be conditional\n"
        "  --> --set training.conditional=true\n"
    )


def test_regularizer_refuses_what_it_cannot_work_with(
    complain: Callable[..., str], read: Callable[..., Recipe], minimal: str
) -> None:
    text = f"{minimal}[[regularizers]]\nuse = 'codes'\ncount = 100\n"
    assert read(text, "architecture.latent_dim=100").regularizers
    few = "architecture.latent_dim=32"
    assert complain(text, few) == (
        "error: regularizer 'codes': 100 codes need as many latents, and there are 32\n"
        "  --> bad.toml:9:1\n"
        "  |\n"
        "9 | [[regularizers]]\n"
        "  | ^^^^^^^^^^^^^^^^\n"
        "\n"
        "1 problem; nothing was run"
    )
    assert read(text, few, "regularizers.codes.weight=0").regularizers  # it is left out then


def test_regularizer_that_needs_labels_is_refused_without(
    complain: Callable[..., str], read: Callable[..., Recipe], minimal: str
) -> None:
    text = f"{minimal}[[regularizers]]\nuse = 'classifier'\n"
    told = complain(text).splitlines()[0]
    way_out = "it needs labels: set conditional = true in [training]"
    assert told == f"error: regularizer 'classifier': {way_out}"
    assert read(text, "training.conditional=true").regularizers


def test_crash_of_the_check_names_the_regularizer(
    read: Callable[..., Recipe], minimal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"{minimal}[[regularizers]]\nuse = 'codes'\n"
    codes = type(read(text).regularizers[0])
    monkeypatch.setattr(codes, "check", lambda *_: 1 / 0)
    with pytest.raises(PluginError, match=r"regularizer 'codes' of plugin .* ZeroDivisionError"):
        read(text)


def test_crash_of_the_check_names_the_architecture(
    read: Callable[..., Recipe], minimal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageShape, "height", None)
    with pytest.raises(PluginError, match="architecture 'dcgan' of plugin 'own' failed in"):
        read(minimal)


@pytest.mark.parametrize(
    ("extra", "overrides", "message", "place"),
    [
        (
            "accumulate = 3\n",
            (),
            "a batch of 128 images does not divide into 3 equal slices",
            "bad.toml:9:14",
        ),
        (
            "accumulate = 3\n",
            ("training.accumulate=5", "training.batch_size=12"),
            "a batch of 12 images does not divide into 5 equal slices",
            "--set training.accumulate=5",
        ),
        (
            "[sampling]\nweights = 'ema'\n",
            (),
            "no average of the weights is kept to sample from",
            "bad.toml:10:11",
        ),
    ],
)
def test_options_that_contradict_each_other(
    complain: Callable[..., str],
    minimal: str,
    extra: str,
    overrides: tuple[str, ...],
    message: str,
    place: str,
) -> None:
    lines = complain(minimal + extra, *overrides).splitlines()
    assert lines[0] == f"error: {message}"
    assert lines[1].split("--> ")[1] == place
    assert lines[-1] == "1 problem; nothing was run"


def test_average_that_is_kept_can_be_sampled_from(
    read: Callable[..., Recipe], minimal: str
) -> None:
    recipe = read(f"{minimal}[sampling]\nweights = 'ema'\n[ema]\nhalf_life_images = 1000\n")
    assert recipe.tables.ema.half_life_images == Scheduled(1000.0)
    assert recipe.warnings == ()


def test_gradient_penalty_on_batchnorm_is_warned_of(
    read: Callable[..., Recipe], minimal: str
) -> None:
    text = f"{minimal}[[regularizers]]\nuse = 'r1'\n[[regularizers]]\nuse = 'l2'\n"
    warning = (
        "regularizer 'r1' takes the gradient of each image's own logit, but architecture 'dcgan' "
        "mixes the images of a batch: set discriminator_norm = 'none'"
    )
    assert read(text).warnings == (warning,)
    assert read(text, "regularizers.r1.gamma=0").warnings == ()
    assert read(text, "architecture.discriminator_norm=none").warnings == ()


def test_gradient_penalty_beside_what_mixes_images_is_warned_of(
    read: Callable[..., Recipe], minimal: str
) -> None:
    single = minimal.replace('"dcgan"\n', "\"dcgan\"\ndiscriminator_norm = 'none'\n")
    mixing = "[[regularizers]]\nuse = 'deviation'\n"
    penalty = "[[regularizers]]\nuse = 'r1'\n"
    assert read(single + mixing).warnings == ()
    assert read(single + penalty).warnings == ()
    assert read(single + mixing + penalty).warnings == (
        "regularizer 'r1' takes the gradient of each image's own logit, but regularizer "
        "'deviation' mixes the images of a batch: leave it out",
    )


def test_loss_of_a_mean_over_slices_is_warned_of(read: Callable[..., Recipe], minimal: str) -> None:
    sliced = "training.accumulate=4"
    assert read(minimal, sliced).warnings == ()
    assert read(minimal, "loss.use=mean").warnings == ()
    assert read(minimal, "loss.use=mean", sliced).warnings == (
        "loss 'mean' compares images with the whole batch, but accumulate = 4 lets it see 32 of "
        "128 at once",
    )


@pytest.mark.parametrize(
    ("idle", "active", "warning"),
    [
        ("ema.start_step=5", "ema.half_life_images=9", "[ema] start_step"),
        ("ema.ramp_up=0.5", "ema.half_life_images=9", "[ema] ramp_up"),
        ("training.label_sampling=uniform", "training.conditional=true", "[training] label_sampl"),
        ("evaluation.every_epochs=5", "metrics=[{use='distance'}]", "[evaluation] every_epochs"),
        ("evaluation.extractor=features", "metrics=[{use='distance'}]", "[evaluation] extractor"),
        (
            "optimizer.generator.final_learning_rate=1e-4",
            "optimizer.schedule=cosine",
            "the generator's final_learning_rate",
        ),
    ],
)
def test_option_without_effect_is_warned_of(
    read: Callable[..., Recipe], minimal: str, idle: str, active: str, warning: str
) -> None:
    (told,) = read(minimal, idle).warnings
    assert told.startswith(warning)
    assert read(minimal, idle, active).warnings == ()
    assert read(minimal, active).warnings == ()


@pytest.mark.parametrize(
    ("overrides", "warnings"),
    [
        (("optimizer.learning_rate=0",), ("both learning rates are 0: nothing is trained",)),
        (("optimizer.generator.learning_rate=0",), ()),
        (
            (
                "optimizer.generator.schedule=linear",
                "optimizer.generator.learning_rate=1e-4",
                "optimizer.generator.final_learning_rate=0.1",
            ),
            ("the generator's learning rate rises, from 0.0001 to 0.1",),
        ),
    ],
)
def test_odd_learning_rates_are_warned_of(
    read: Callable[..., Recipe],
    minimal: str,
    overrides: tuple[str, ...],
    warnings: tuple[str, ...],
) -> None:
    assert read(minimal, *overrides).warnings == warnings


def test_extractor_of_gray_images_is_warned_of(read: Callable[..., Recipe], minimal: str) -> None:
    named = ("metrics=[{use='distance'}]", "evaluation.extractor=features")
    recipe = read(minimal, *named, "image.channels=1")
    assert recipe.warnings == (
        "extractor 'features' looks at 3 channels, but the images have 1",
    )  # fmt: skip
    assert recipe.extractor is not None
    assert recipe.extractor.name == "features"
    assert read(minimal, *named).warnings == ()
