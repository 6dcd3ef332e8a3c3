"""What leaves a run comes back the same, and what was tampered with is refused."""

from __future__ import annotations

import json
import os
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from typing_extensions import override

import gantool
from gantool import Exporter, PluginError, Trained, UsageError
from gantool.cli.runs.export import chosen_exporters
from gantool.evaluation.sampling.trained import TrainedRun
from gantool.exporting import exporting
from gantool.exporting.exporting import trained_generator
from gantool.exporting.folder import ExportedFolder
from gantool.launch import load
from gantool.runs.checkpoints import Checkpoints

Train = Callable[..., TrainedRun]
Damage = Callable[[ExportedFolder], object]


def export(run: TrainedRun, names: list[str], folder: ExportedFolder) -> None:
    """Export a run as the command line does."""
    exporting.export(run, chosen_exporters(names), folder)


def weights_of(folder: ExportedFolder) -> Path:
    """Return the file of weights."""
    return folder.path / "generator.safetensors"


@pytest.fixture
def exported(run: TrainedRun, tmp_path: Path) -> ExportedFolder:
    """A conditional run's generator as safetensors."""
    folder = ExportedFolder(tmp_path / "exported")
    export(run, ["safetensors"], folder)
    return folder


def test_a_loaded_folder_draws_what_the_run_draws(
    run: TrainedRun, exported: ExportedFolder
) -> None:
    shutil.rmtree(run.folder.path / "checkpoints")
    loaded = gantool.load(exported.path)
    assert torch.allclose(loaded.sample(70, seed=3), run.sample(70, seed=3), atol=1e-5)
    one = loaded.sample(5, seed=1, label="dusk")
    assert torch.allclose(one, run.sample(5, seed=1, label=1), atol=1e-5)
    assert not torch.allclose(one, loaded.sample(5, seed=1, label="dawn"), atol=1e-3)
    assert (loaded.step, loaded.classes, loaded.averaged) == (12, run.classes, False)
    with pytest.raises(UsageError, match="no class 'noon'"):
        loaded.sample(1, label="noon")


@pytest.mark.parametrize(
    "tables",
    [
        {"ema": {"half_life_images": 10.0}},
        {"regularizers": [{"use": "spectral-norm", "player": "generator"}]},
        {"sampling": {"batch_statistics": "standing"}},
        {"sampling": {"batch_statistics": "batch"}},
        {"device": {"name": "cpu", "precision": "float64"}},
    ],
    ids=["ema", "spectral-norm", "standing", "batch", "float64"],
)
def test_averages_norms_statistics_and_precision_are_kept(
    trained: Train, tmp_path: Path, tables: dict[str, Any]
) -> None:
    run = trained(**tables)
    before = run.sample(20, seed=2)
    folder = ExportedFolder(tmp_path / "exported")
    export(run, ["safetensors"], folder)
    assert torch.allclose(gantool.load(folder.path).sample(20, seed=2), before, atol=1e-4)
    assert torch.equal(run.sample(20, seed=2), before)  # the run itself is left as it was
    names = load_file(weights_of(folder))
    assert not [name for name in names if "parametrizations" in name]


def test_images_that_depend_on_their_batch_go_nowhere_else(trained: Train, tmp_path: Path) -> None:
    run = trained(sampling={"batch_statistics": "batch"})
    with pytest.raises(UsageError, match="depend on their batch cannot be exported as html"):
        export(run, ["html"], ExportedFolder(tmp_path / "exported"))
    assert not (tmp_path / "exported").exists()


def test_a_generator_that_is_more_than_its_architecture_is_refused(run: TrainedRun) -> None:
    run.network.register_forward_hook(lambda module, inputs, images: images + 0.1)
    with pytest.raises(UsageError, match=r"more than its architecture builds: .* differ by 0\.1"):
        trained_generator(run)


def rewrite_config(**changes: Any) -> Damage:
    def damage(folder: ExportedFolder) -> None:
        config = json.loads(folder.config.read_text())
        folder.config.write_text(json.dumps(config | changes))

    return damage


def rewrite_options(**changes: Any) -> Damage:
    def damage(folder: ExportedFolder) -> None:
        config = json.loads(folder.config.read_text())
        config["architecture"]["options"] |= changes
        folder.config.write_text(json.dumps(config))

    return damage


def rewrite_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Damage:
    def damage(folder: ExportedFolder) -> None:
        tensors = load_file(weights_of(folder))
        change(tensors)
        save_file(tensors, weights_of(folder))

    return damage


def cut(size: int) -> Damage:
    return lambda folder: weights_of(folder).write_bytes(weights_of(folder).read_bytes()[:size])


def pickle_weights(folder: ExportedFolder) -> None:
    torch.save({"table.weight": torch.zeros(1)}, weights_of(folder))


def claim_much(folder: ExportedFolder) -> None:
    header = b'{"x": {"dtype": "F32", "shape": [99999999999], "data_offsets": [0, 399999999996]}}'
    weights_of(folder).write_bytes(struct.pack("<Q", len(header)) + header + b"1234")


FIRST = "blocks.0.0.weight"
DAMAGES: dict[str, tuple[Damage, str]] = {
    "cut inside the header": (cut(100), "damaged, or no safetensors"),
    "cut inside the data": (cut(3000), "damaged, or no safetensors"),
    "empty": (cut(0), "damaged, or no safetensors"),
    "a pickle": (pickle_weights, "damaged, or no safetensors"),
    "a header that claims much": (claim_much, "damaged, or no safetensors"),
    "no weights": (lambda folder: weights_of(folder).unlink(), "cannot be read"),
    "a missing tensor": (rewrite_weights(lambda t: t.pop(FIRST)), f"{FIRST} is missing"),
    "an unknown tensor": (
        rewrite_weights(lambda t: t.update(more=torch.zeros(1))),
        "more is unknown",
    ),
    "another shape": (
        rewrite_weights(lambda t: t.update({FIRST: torch.zeros(2)})),
        f"expected {FIRST} to be float32",
    ),
    "another type": (
        rewrite_weights(lambda t: t.update({FIRST: t[FIRST].half()})),
        "got float16",
    ),
    "other numbers": (
        rewrite_weights(lambda t: t[FIRST].mul_(1.01)),
        "its weights were changed",
    ),
    "a fingerprint that is none": (rewrite_config(fingerprint="0x12"), "fingerprint"),
    "no JSON": (lambda folder: folder.config.write_text("{"), "is not a generator's config"),
    "deep JSON": (
        lambda folder: folder.config.write_text("[" * 100_000),
        "is not a generator's config",
    ),
    "no text": (lambda folder: folder.config.write_bytes(b"\xff\xfe"), "not a generator's config"),
    "too much JSON": (
        lambda folder: folder.config.write_text(" " * (5 << 20)),
        "too large for a generator's config",
    ),
    "another version": (rewrite_config(version=2), "version"),
    "an unknown key": (rewrite_config(code="import os"), "code"),
    "a wrong type": (rewrite_config(latent_dim="12"), "latent_dim"),
    "other latents": (rewrite_config(latent_dim=13), "latent_dim is 13, the architecture's is 12"),
    "other classes": (rewrite_config(classes=["one"]), "expected blocks.0.2.gain.weight"),
    "an unknown architecture": (
        rewrite_config(architecture={"use": "nothing", "options": {}}),
        "unknown architecture 'nothing'",
    ),
    "an unknown option": (rewrite_options(colour=1), "colour"),
    "another width": (rewrite_options(width=7), "of another generator: expected"),
    "an enormous width": (rewrite_options(width=1 << 20), "of another generator: expected"),
    "a width beyond numbers": (rewrite_options(width=1 << 62), "cannot be built"),
    "another size": (
        rewrite_config(image={"channels": 3, "height": 17, "width": 16}),
        "height and width must be among",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_damaged_or_forged_is_refused(exported: ExportedFolder, damage: str) -> None:
    change, message = DAMAGES[damage]
    change(exported)
    start = time.monotonic()
    with pytest.raises(UsageError) as refused:
        gantool.load(exported.path).sample(1)
    assert message in refused.value.message
    assert "\n" not in refused.value.message
    assert time.monotonic() - start < 5


def test_options_that_a_folder_did_not_know_are_named(exported: ExportedFolder) -> None:
    rewrite_weights(lambda t: t.pop(FIRST))(exported)
    document = json.loads(exported.config.read_text())
    del document["architecture"]["options"]["conditioning"]
    exported.config.write_text(json.dumps(document))
    with pytest.raises(UsageError, match="of another generator") as refused:
        load(exported.path).sample(1)
    assert f'{exported.config} does not say conditioning = "norm"' in str(refused.value.hint)


def test_a_snapshot_of_the_hub_is_opened(exported: ExportedFolder, tmp_path: Path) -> None:
    """The Hub's cache holds links, in snapshots, to files that are called after their content."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "main"
    exported.path.rename(blobs)
    snapshot.mkdir(parents=True)
    for file in blobs.iterdir():
        (snapshot / file.name).symlink_to(Path("../../blobs") / file.name)
    assert load(snapshot).sample(2).shape[0] == 2


@pytest.mark.parametrize("name", ["config.json", "generator.safetensors"])
def test_pipes_and_circles_in_a_folder_are_refused(exported: ExportedFolder, name: str) -> None:
    (exported.path / name).unlink()
    os.mkfifo(exported.path / name)
    with pytest.raises(UsageError):
        load(exported.path).sample(1)
    (exported.path / name).unlink()
    (exported.path / name).symlink_to(name)
    with pytest.raises(UsageError):
        load(exported.path).sample(1)


def test_a_folder_with_nothing_in_it_is_refused(tmp_path: Path, exported: ExportedFolder) -> None:
    with pytest.raises(UsageError, match=r"neither recipe\.toml nor config\.json"):
        gantool.load(tmp_path)
    with pytest.raises(UsageError, match="it has no checkpoints"):
        load(exported.path, checkpoint="best")


def test_files_of_others_are_not_written_over(run: TrainedRun, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("mine")
    with pytest.raises(UsageError, match=r"not an export's: README\.md"):
        export(run, ["safetensors"], ExportedFolder(tmp_path))
    assert readme.read_text() == "mine"


def test_another_generator_takes_the_place_of_the_first(
    run: TrainedRun, exported: ExportedFolder
) -> None:
    export(run, ["html"], exported)
    page = exported.path / "generator.html"
    assert page.exists()
    export(run, ["safetensors"], exported)
    assert page.exists()
    first = TrainedRun(run.folder, "cpu", "0")
    export(first, ["safetensors"], exported)
    assert not page.exists()
    assert gantool.load(exported.path).step == 0
    assert torch.allclose(gantool.load(exported.path).sample(4), first.sample(4), atol=1e-5)


def test_another_run_of_the_same_recipe_is_another_generator(
    trained: Train, tmp_path: Path
) -> None:
    folder = ExportedFolder(tmp_path / "exported")
    export(trained(), ["html"], folder)
    shutil.rmtree(tmp_path / "run")
    export(trained(training={"seed": 1}), ["safetensors"], folder)
    assert folder.forms() == ("safetensors:safetensors",)
    assert not (folder.path / "generator.html").exists()


def test_the_best_checkpoint_is_the_one_with_the_lowest_score(run: TrainedRun) -> None:
    best = TrainedRun(run.folder, "cpu", "best")
    with pytest.raises(UsageError, match="no checkpoint of the run has a score"):
        best.sample(1)
    saved = Checkpoints(run.folder.checkpoints, run.status.identifier)
    newest, first = saved.all()
    saved.rate(newest, 2.0)
    saved.rate(first, 1.0)
    assert TrainedRun(run.folder, "cpu", "best").step == 0
    with pytest.raises(UsageError, match="got '7'") as refused:
        TrainedRun(run.folder, "cpu", "7").sample(1)
    assert refused.value.hint == "newest, best, or the steps of one: 12, 0"


def test_two_exports_do_not_mix_in_one_folder(
    run: TrainedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second comes while the first is writing, and finds out before it writes anything."""
    folder, said = ExportedFolder(tmp_path / "both"), []

    def second(*arguments: object) -> str:
        monkeypatch.undo()
        with pytest.raises(UsageError, match="another export is writing into"):
            export(run, ["safetensors"], folder)
        said.append("refused")
        said_by: str = exporting._write(*arguments)  # type: ignore[arg-type]
        return said_by

    monkeypatch.setattr(exporting, "_write", second)
    export(run, ["safetensors"], folder)
    assert said == ["refused"]
    assert gantool.load(folder.path).step == 12
    names = {path.name for path in folder.path.iterdir()}
    assert names == {
        "config.json",
        "files.json",
        "generator.safetensors",
        "README.md",
        "samples.png",
    }


def forget_the_list(folder: ExportedFolder) -> None:
    """Leave a folder as version 0.1.0 did."""
    folder.manifest.unlink()


def test_a_folder_of_0_1_is_loaded_listed_and_replaced(
    run: TrainedRun, exported: ExportedFolder
) -> None:
    export(run, ["html"], exported)
    forget_the_list(exported)
    assert gantool.load(exported.path).step == 12
    assert set(exported.forms()) == {"safetensors:safetensors", "browser:html"}
    export(run, ["html"], exported)
    assert exported.listed().keys() == {"safetensors:safetensors", "browser:html"}
    forget_the_list(exported)
    export(TrainedRun(run.folder, "cpu", "0"), ["safetensors"], exported)
    assert not (exported.path / "generator.html").exists()


@pytest.mark.parametrize(
    "name", ["../stolen", "/etc/passwd", "a/b", "..", "", "a\\b", "C:x", "nul\0"]
)
def test_a_list_leads_nowhere_else(run: TrainedRun, exported: ExportedFolder, name: str) -> None:
    exported.manifest.write_text(json.dumps({"safetensors:safetensors": [name]}))
    for use in (lambda: load(exported.path).sample(1), lambda: export(run, ["html"], exported)):
        with pytest.raises(UsageError, match=r"files\.json is not a list of exported files"):
            use()


class Copies(Exporter):
    """Writes files of given names."""

    name = "copies"
    files: tuple[str, ...] = ("copy.bin",)
    """Their names."""
    failing: bool = False
    """Whether it fails when it has written them."""

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        print("a line for nobody")
        for name in self.files:
            (folder / name).write_bytes(trained.name.encode())
        if self.failing:
            raise RuntimeError("no more ink")
        return "copies"


def write(run: TrainedRun, exporter: Exporter, folder: ExportedFolder) -> None:
    exporting.export(run, {"third:copies": exporter}, folder)


def test_files_that_are_not_written_any_more_go(
    run: TrainedRun, exported: ExportedFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    write(run, Copies(files=("a", "b")), exported)
    write(run, Copies(files=("b", "c")), exported)
    assert exported.listed()["third:copies"] == ("b", "c")
    names = {path.name for path in exported.path.iterdir()}
    assert names == {path.name for path in exported.files()}
    assert {"b", "c", "generator.safetensors"} < names
    assert "a" not in names
    assert "for nobody" not in capsys.readouterr().out


def test_an_exporter_that_fails_leaves_nothing(run: TrainedRun, tmp_path: Path) -> None:
    folder = ExportedFolder(tmp_path / "exported")
    with pytest.raises(PluginError, match=r"'copies' failed in export .*no more ink"):
        write(run, Copies(failing=True), folder)
    assert not folder.path.exists()
    with pytest.raises(PluginError, match="wrote no file"):
        write(run, Copies(files=()), folder)
    assert not folder.path.exists()


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("config.json", "a file of gantool"),
        ("files.json", "a file of gantool"),
        ("generator.safetensors", "a file of exporter 'safetensors:safetensors'"),
        ("notes.txt", "not an export's: notes.txt"),
    ],
)
def test_names_that_are_taken_are_refused(
    run: TrainedRun, exported: ExportedFolder, name: str, owner: str
) -> None:
    (exported.path / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in exported.path.iterdir()}
    with pytest.raises(UsageError, match=owner):
        write(run, Copies(files=(name,)), exported)
    assert {path.name: path.read_bytes() for path in exported.path.iterdir()} == before
