"""The Keras network: what is in its graph, and that every other form of it says the same."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import h5py
import keras
import numpy as np
import pytest
from core_fixtures import BACKBONES, draw_bone
from numpy.typing import NDArray

from bonexray import BonexrayError, FractureClassifier
from bonexray.blocks import block_shape, fill, kernel_off_blocks, kernel_on_blocks
from bonexray.checkpoint import LAYOUT, read_checkpoint, verify_files
from bonexray.errors import CheckpointError
from bonexray.geometry import letterbox
from bonexray.keras_model import _fill_backbone, first_layers, scaling_terms
from bonexray.litert_file import read_weights
from bonexray.runtime import Network
from training.learning.initialisation import initialised_layers, reaches_conv5
from training.learning.network import (
    BACKBONE,
    HEAD,
    SCALING,
    build_network,
    letterboxed_part,
    pooled_part,
    set_trainable,
    split_network,
)
from training.learning.recipe import RECIPES
from training.learning.serving import BEFORE_STAGES, grey_network, serving_network
from training.making.conversion import convert_network, to_litert
from training.making.export import complete
from training.making.plan import Plan
from training.train import _build, _in_float32


@pytest.fixture(scope="module", params=BACKBONES)
def fresh(request: pytest.FixtureRequest) -> keras.Model:
    """Return a network with a random start."""
    keras.utils.set_random_seed(0)
    return build_network(request.param, 224, "none")


def colour(grey: NDArray) -> NDArray[np.float32]:
    """The batch of one that Keras takes."""
    return np.repeat(np.asarray(grey, np.float32)[None, ..., None], 3, axis=-1)


def test_the_scaling_in_the_graph_is_the_backbones_own(fresh: keras.Model) -> None:
    """Grey pixels come out as `preprocess_input` makes them."""
    pixels = colour(np.arange(256).reshape(16, 16))
    application = {"mobilenetv2": keras.applications.mobilenet_v2, "resnet50": keras.applications.resnet50}
    expected = application[fresh.name].preprocess_input(pixels.copy())
    np.testing.assert_allclose(fresh.get_layer(SCALING)(pixels), expected, atol=1e-5)


def test_only_stock_layers_are_used(fresh: keras.Model) -> None:
    """So that no code of ours is needed to load it."""
    layers = [layer for layer in fresh._flatten_layers() if not isinstance(layer, keras.Model)]
    assert {type(layer).__module__.split(".")[0] for layer in layers} == {"keras"}
    assert not any(isinstance(layer, keras.layers.Lambda) for layer in layers)


def blocks_of(grey: NDArray) -> NDArray[np.float32]:
    """The batch of one that a served network takes."""
    batch = np.full(block_shape(len(grey)), np.nan, np.float32)
    fill(batch, grey)
    return batch


def test_on_blocks_of_grey_it_is_the_same_network(fresh: keras.Model) -> None:
    """Up to the border, where the network pads with what is neither black nor white."""
    grey = np.random.default_rng(0).uniform(0, 255, (224, 224)).astype(np.float32)
    three = serving_network(fresh).predict(colour(grey), verbose=0)
    blocks = grey_network(fresh).predict(blocks_of(grey), verbose=0)
    for name, values in three.items():
        np.testing.assert_allclose(blocks[name], values, rtol=1e-3, atol=1e-4 * np.abs(values).max(), err_msg=name)


@pytest.mark.parametrize(("side", "lead"), [(3, 0), (7, 1)])
def test_a_kernel_comes_back_from_blocks_as_one_that_gives_the_same(side: int, lead: int) -> None:
    """Smaller than the one that went there, or as small; and going there again changes nothing."""
    random = np.random.default_rng(0)
    kernel, terms = random.normal(size=(side, side, 3, 4)), random.normal(size=(2, 3))
    there = kernel_on_blocks(kernel, terms, lead)
    back = kernel_off_blocks(there, kernel.shape, terms, lead)
    np.testing.assert_allclose(kernel_on_blocks(back, terms, lead), there, atol=1e-9)
    assert 0 < np.linalg.norm(back) < np.linalg.norm(kernel)
    with pytest.raises(ValueError, match="expected"):
        kernel_off_blocks(there.reshape(1, -1, *there.shape[2:]), kernel.shape, terms, lead)
    with pytest.raises(ValueError, match="sides up to 7"):
        kernel_off_blocks(np.zeros((16, 16, 5, 4)), (31, 31, 3, 4), terms, lead)


def test_a_backbone_without_a_convolution_is_told_as_such() -> None:
    """A stranger's configuration may name one; what rebuilds it catches a ValueError."""
    with pytest.raises(ValueError, match="no convolution"):
        first_layers(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]))


@pytest.mark.parametrize("scaling", ["backbone", "unit"])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_what_is_rebuilt_from_a_float32_file_is_the_network_it_was_made_of(
    backbone: str, scaling: str, tmp_path: Path
) -> None:
    """Maps and probability, to the arithmetic of float32: the first kernel comes back from its blocks."""
    keras.utils.set_random_seed(1)
    network = build_network(backbone, 64, "none", scaling=scaling)
    random = np.random.default_rng(2)
    for layer in network.get_layer(BACKBONE).layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, values.shape) for values in layer.get_weights()])
    path, grey = tmp_path / "model.tflite", draw_bone(64, 64, seed=5).astype(np.float32)
    path.write_bytes(convert_network(network, "float32"))
    rebuilt = keras.models.clone_model(network)
    _fill_backbone(rebuilt.get_layer(BACKBONE), read_weights(path), scaling_terms(network))
    rebuilt.get_layer(HEAD).set_weights(network.get_layer(HEAD).get_weights())
    once, again = (serving_network(one)(colour(grey)) for one in (network, rebuilt))
    for name, values in once.items():
        np.testing.assert_allclose(again[name], values, rtol=1e-3, atol=1e-4 * np.abs(values).max(), err_msg=name)


@pytest.mark.parametrize("size", [96, 100])
def test_only_rows_and_columns_that_a_stage_reads_are_computed(size: int) -> None:
    """ResNet50 gives the same, on maps of even and of odd sides, with a quarter of the work before each stage."""
    keras.utils.set_random_seed(0)
    network = build_network("resnet50", size, "none")
    grey = draw_bone(size, size, seed=1).astype(np.float32)
    served = grey_network(network)
    three, blocks = serving_network(network)(colour(grey)), served(blocks_of(grey))
    np.testing.assert_allclose(blocks["cells"], three["cells"], rtol=1e-3, atol=1e-4 * np.abs(three["cells"]).max())
    layers = {layer.name: layer for layer in served._flatten_layers()}
    for block, stage in BEFORE_STAGES.items():
        assert layers[f"{block}_2_conv"].output.shape[1:3] == layers[f"{stage}_1_conv"].input.shape[1:3]
        assert layers[f"{stage}_0_conv"].strides == (1, 1)


def test_files_for_blocks_and_for_three_channels_are_served_and_no_others(tmp_path: Path) -> None:
    """Checkpoints of before take three equal channels; what takes another number is refused with what it takes."""
    network = build_network("mobilenetv2", 64, "none")
    files = {5: convert_network(network, "float32"), 3: to_litert(serving_network(network))}
    pixels = draw_bone(64, 64, seed=3).astype(np.float32)
    for channels, content in files.items():
        (tmp_path / f"{channels}.tflite").write_bytes(content)
    blocks, three = (Network(tmp_path / f"{channels}.tflite", 64)(pixels)["cells"] for channels in files)
    np.testing.assert_allclose(blocks, three, atol=1e-4 * np.abs(three).max())
    given = keras.Input((64, 64, 2), batch_size=1, name="pixels")
    (tmp_path / "2.tflite").write_bytes(to_litert(keras.Model(given, {"cells": given[..., 0]})))
    with pytest.raises(
        CheckpointError, match=r"takes .*\(1, 64, 64, 2\).*: expected `pixels` alone, \(1, 32, 32, 5\) or"
    ):
        Network(tmp_path / "2.tflite", 64)
    with pytest.raises(
        CheckpointError, match=r"takes .*\(1, 32, 32, 5\).*: expected `pixels` alone, \(1, 65, 65, 3\) in"
    ):
        Network(tmp_path / "5.tflite", 65)
    with pytest.raises(BonexrayError, match="image size 65: expected an even number"):
        grey_network(build_network("mobilenetv2", 65, "none"))


def test_keras_letterboxes_as_the_package_does(fresh: keras.Model, radiograph: NDArray) -> None:
    """To a twentieth of a grey level, on a picture of a hospital's size."""
    inside = keras.Model(fresh.input, fresh.get_layer("letterbox").output)
    ours = letterbox(radiograph, 224)
    theirs = keras.ops.convert_to_numpy(inside(colour(radiograph)))[0]
    np.testing.assert_allclose(theirs[..., 0], theirs[..., 2], atol=1e-3)
    assert np.abs(theirs[..., 0] - ours).max() < 0.05


def test_litert_agrees_with_keras_on_the_same_pixels(whole: Path) -> None:
    """|Δp| <= 2e-3 on letterboxed images of several shapes: float16 weights against float32."""
    clf = FractureClassifier.from_pretrained(whole)
    network = keras.saving.load_model(whole)
    for seed, shape in enumerate([(1800, 1100), (900, 1400), (320, 240), (150, 600)]):
        pixels = letterbox(draw_bone(*shape, seed=seed), clf.checkpoint.image_size)
        expected = float(network.predict(colour(pixels), verbose=0)[0, 0])
        assert clf.predict(pixels).probability == pytest.approx(expected, abs=2e-3)


def test_stock_keras_loads_the_folder_without_our_code(whole: Path, radiograph: NDArray, tmp_path: Path) -> None:
    """A process that never imported bonexray gets the same probability from the pixels as they are."""
    np.save(tmp_path / "x.npy", colour(radiograph))
    code = (
        "import sys, numpy, keras\n"
        f"network = keras.saving.load_model({str(whole)!r})\n"
        f"print('p', float(network.predict(numpy.load({str(tmp_path / 'x.npy')!r}), verbose=0)[0, 0]))\n"
        "assert not {'bonexray', 'training'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    probability = float(done.stdout.split("p ")[-1])
    assert FractureClassifier.from_pretrained(whole).predict(radiograph).probability == pytest.approx(
        probability, abs=1e-2
    )


def test_the_rebuilt_keras_model_is_the_served_network(bundled: Path, radiograph: NDArray) -> None:
    """The bundled checkpoints leave Keras' weights out; what is rebuilt says the same, and can be trained.

    Where the served network quantises its activations, the same is what that was allowed to cost.
    """
    clf = FractureClassifier.from_pretrained(bundled)
    assert not (bundled / LAYOUT.keras_weights).exists()
    network = clf.keras_model()
    pixels = letterbox(radiograph, clf.checkpoint.image_size)
    rebuilt = float(network.predict(colour(pixels), verbose=0)[0, 0])
    borne = 5 * clf.checkpoint.provenance.get("serving", {}).get("limit", 1e-3)
    assert np.log(rebuilt / (1 - rebuilt)) == pytest.approx(clf.predict(pixels).logit, abs=borne)
    assert network.trainable_weights


def test_a_checkpoint_is_completed_for_the_hub(bundled: Path, tmp_path: Path) -> None:
    """Keras' directory is added; the network that serves stays the same bytes."""
    complete(bundled, tmp_path / "complete")
    complete(bundled, tmp_path / "complete")
    made = read_checkpoint(tmp_path / "complete")
    verify_files(tmp_path / "complete", made, (*LAYOUT.keras, LAYOUT.network))
    assert made.files[LAYOUT.network] == read_checkpoint(bundled).files[LAYOUT.network]


def test_fine_tuning_starts_where_it_is_told_and_leaves_batch_norm_alone(fresh: keras.Model) -> None:
    """A layer's name, all of them, or none."""
    first = {"mobilenetv2": "block_13_expand", "resnet50": "conv5_block1_1_conv"}[fresh.name]
    layers = fresh.get_layer(BACKBONE).layers
    set_trainable(fresh, first)
    start = [layer.name for layer in layers].index(first)
    assert layers[start].trainable
    assert not any(layer.trainable for layer in layers[:start])
    assert not any(layer.trainable for layer in layers if isinstance(layer, keras.layers.BatchNormalization))
    set_trainable(fresh, "none")
    assert not any(layer.trainable for layer in layers)
    with pytest.raises(BonexrayError, match="conv9"):
        set_trainable(fresh, "conv9")


def test_the_two_parts_of_a_network_are_the_whole(fresh: keras.Model) -> None:
    """Whatever is trained first, frozen part and trained part give the pooled features, and share the weights."""
    pixels = colour(draw_bone(224, 224, seed=1))
    expected = letterboxed_part(fresh, 224).predict(pixels, verbose=0)
    for first in ("", RECIPES[fresh.name]["default"].first_trained):
        frozen, trained = split_network(fresh, first)
        pooled = pooled_part(fresh, trained)
        np.testing.assert_allclose(pooled.predict(frozen.predict(pixels, verbose=0), verbose=0), expected, rtol=1e-4)
        kept = {id(weight) for weight in fresh.weights}
        assert {id(weight) for weight in trained.weights} <= kept
    with pytest.raises(BonexrayError, match="residual block"):
        split_network(fresh, {"mobilenetv2": "block_7_project", "resnet50": "conv4_block4_2_conv"}[fresh.name])


def write_to_conv4(path: Path) -> keras.Model:
    """Write the weights of a ResNet50 that lack most of conv5, by layer names, and return the whole."""
    source = build_network("resnet50", 64, "none").get_layer(BACKBONE)
    with h5py.File(path, "w") as file:
        for layer in source.layers:
            if layer.weights and (layer.name.startswith("conv5_block1_1") or not layer.name.startswith("conv5")):
                for weight in layer.weights:
                    file.require_group(f"{layer.name}/{layer.name}")[weight.name] = weight.numpy()
                named = [f"{layer.name}/{weight.name}".encode() for weight in layer.weights]
                file[layer.name].attrs["weight_names"] = named
        file.attrs["layer_names"] = [name.encode() for name in file]
    return source


def test_a_mixed_precision_is_saved_in_float32(tmp_path: Path) -> None:
    """The network that ends at conv4 too: the same weights, and nothing left that computes in less."""
    write_to_conv4(tmp_path / "conv1-4.h5")
    recipe = replace(RECIPES["resnet50"]["default"], image_size=64, precision="bfloat16")
    plan = cast(Plan, SimpleNamespace(backbone="resnet50", initial=str(tmp_path / "conv1-4.h5"), recipe=recipe))
    network = _build(plan)
    assert {layer.compute_dtype for layer in network.get_layer(BACKBONE).layers} >= {"bfloat16"}
    assert (network.get_layer(HEAD).compute_dtype, keras.config.dtype_policy().name) == ("float32", "float32")
    exact = _in_float32(network, plan)
    assert {layer.compute_dtype for layer in exact.get_layer(BACKBONE).layers} == {"float32"}
    for one, other in zip(exact.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    pixels = colour(draw_bone(64, 64, seed=2))
    np.testing.assert_allclose(exact.predict(pixels, verbose=0), network.predict(pixels, verbose=0), atol=0.05)


def test_the_network_ends_at_conv4_where_a_file_has_no_weights_for_conv5(tmp_path: Path) -> None:
    """No layer starts at random, though the file has some of conv5; fine-tuned further, a checkpoint ends there too."""
    source = write_to_conv4(tmp_path / "conv1-4.h5")
    network = build_network("resnet50", 64, str(tmp_path / "conv1-4.h5"))
    base = network.get_layer(BACKBONE)
    kept = keras.Model(source.input, source.get_layer("conv4_block6_out").output)
    pixels = colour(draw_bone(64, 64, seed=2)) - 120
    np.testing.assert_allclose(base.predict(pixels, verbose=0), kept.predict(pixels, verbose=0), rtol=1e-4, atol=1e-4)
    assert not any(layer.name.startswith("conv5") for layer in base.layers)
    assert "through conv4" in initialised_layers("resnet50", str(tmp_path / "conv1-4.h5"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text(network.to_json())
    assert not reaches_conv5(str(tmp_path / "run"))
    assert reaches_conv5("none")
    assert reaches_conv5("imagenet")


@pytest.mark.parametrize(
    ("backbone", "weights", "named"),
    [
        ("vgg16", "none", "vgg16.*mobilenetv2, resnet50"),
        ("mobilenetv2", "nowhere.h5", "nowhere.h5.*do not exist"),
        ("mobilenetv2", __file__, "test_network.py do not fit"),
    ],
)
def test_bad_weights_are_named_in_one_line(backbone: str, weights: str, named: str) -> None:
    """An unknown network, a missing file, a file that is no HDF5."""
    with pytest.raises(BonexrayError, match=named) as caught:
        build_network(backbone, 64, weights)
    assert "\n" not in str(caught.value)


def test_weights_of_the_other_backbone_are_refused(tmp_path: Path) -> None:
    """They would otherwise leave every layer at its random start, silently."""
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.create_group("block_1_expand")["kernel:0"] = np.zeros((1, 1, 16, 96), np.float32)
    with pytest.raises(BonexrayError, match="name no layer of resnet50"):
        build_network("resnet50", 64, str(tmp_path / "other.h5"))


def test_the_provenance_says_where_training_started(bundled: Path) -> None:
    """Random, downloaded, or a checkpoint."""
    assert initialised_layers("resnet50", "none") == "random start"
    assert initialised_layers("resnet50", "imagenet") == "ImageNet"
    assert "checkpoint" in initialised_layers("resnet50", str(bundled))
