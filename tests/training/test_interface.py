"""Every part of the training interface is exercised by a test, which this table names."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from gantool import (
    GameLosses,
    LazyOption,
    Loss,
    PlayerOption,
    Random,
    Regularizer,
    Snapshot,
    Step,
    Update,
)

pytestmark = pytest.mark.quick

HERE = Path(__file__).parent
EXERCISED: dict[type, dict[str, str]] = {
    Step: {
        "player": "test_step::test_an_update_is_shown_its_images_labels_latents_and_logits",
        "real": "test_step::test_an_update_is_shown_its_images_labels_latents_and_logits",
        "fake": "test_step::test_an_update_is_shown_its_images_labels_latents_and_logits",
        "real_labels": "test_step::test_an_update_is_shown_its_images_labels_latents_and_logits",
        "fake_labels": "test_step::test_an_update_is_shown_its_images_labels_latents_and_logits",
        "latents": "test_step::test_an_update_is_shown_its_images_labels_latents_and_logits",
        "real_logits": "test_step::test_an_update_is_shown_its_images_labels_latents_and_logits",
        "fake_logits": "test_step::test_an_update_is_shown_its_images_labels_latents_and_logits",
        "real_features": (
            "test_features::test_the_head_makes_the_logits_of_the_features_that_are_handed_on"
        ),
        "fake_features": (
            "test_features::test_the_head_makes_the_logits_of_the_features_that_are_handed_on"
        ),
        "number": "test_step::test_number_and_progress_are_tensors_that_follow_the_steps",
        "progress": "test_step::test_number_and_progress_are_tensors_that_follow_the_steps",
        "constant": "test_step::test_a_constant_is_a_tensor_of_the_weights_type",
        "random": "test_randomness::test_every_place_and_moment_has_draws_of_its_own",
        "discriminate": "test_step::test_calls_return_what_the_networks_would",
        "features": "test_step::test_calls_return_what_the_networks_would",
        "generate": "test_step::test_calls_return_what_the_networks_would",
        "mapping": "test_styles::test_styles_lie_between_mapping_and_synthesis",
        "synthesis": "test_styles::test_styles_lie_between_mapping_and_synthesis",
        "transform": (
            "test_step::test_what_is_asked_of_an_updates_images_is_asked_of_what_is_shown"
        ),
        "image_gradient": "test_step::test_image_gradients_are_led_back_through_the_transforms",
        "network": "test_step::test_calls_return_what_the_networks_would",
        "game_losses": "test_step::test_game_losses_are_those_of_both_players",
        "snapshot": "test_step::test_a_snapshot_restores_weights_buffers_and_optimizer",
        "state": "test_step::test_a_state_of_another_type_is_refused",
        "average": "test_step::test_the_average_over_one_process_is_the_value_itself",
    },
    Random: {
        "normal": "test_step::test_draws_are_normal_uniform_and_whole_numbers_in_range",
        "uniform": "test_step::test_draws_are_normal_uniform_and_whole_numbers_in_range",
        "integers": "test_step::test_draws_are_normal_uniform_and_whole_numbers_in_range",
    },
    Snapshot: {"restore": "test_step::test_a_snapshot_restores_weights_buffers_and_optimizer"},
    GameLosses: {
        "discriminator": "test_step::test_game_losses_are_those_of_both_players",
        "generator": "test_step::test_game_losses_are_those_of_both_players",
    },
    Update: {
        "gradients": "test_dynamics::test_extragradient_moves_by_the_gradient_found_ahead",
        "apply": "test_dynamics::test_extragradient_moves_by_the_gradient_found_ahead",
    },
    Regularizer: {
        "strength": "test_bystanders::test_a_strength_of_zero_changes_no_bit",
        "needs_real_in_generator": (
            "test_penalties::test_feature_matching_is_given_real_images_in_the_generator_update"
        ),
        "needs_features": (
            "test_features::test_the_head_makes_the_logits_of_the_features_that_are_handed_on"
        ),
        "trained_by": "test_features::test_a_head_that_both_players_train_is_in_one_plain_step",
        "needs_both_graphs": (
            "test_dynamics::test_consensus_optimization_differentiates_in_both_players"
        ),
        "needs_labels": "test_labels::test_regularizer_is_asked_when_classes_are_known",
        "check": "test_labels::test_regularizer_is_asked_when_classes_are_known",
        "prepare": "test_preparation::test_a_wrapper_is_trained_instead_of_the_network",
        "optimizer_options": (
            "test_preparation::test_optimizer_options_reach_the_named_players_optimizer"
        ),
        "make_state": (
            "test_penalties::test_a_penalty_and_its_trained_state_belong_to_the_named_player"
        ),
        "latents": ("test_batches_and_views::test_latents_can_follow_the_discriminators_gradient"),
        "batch": "test_batches_and_views::test_label_flip_swaps_real_and_fake_rows",
        "transform": (
            "test_batches_and_views::test_instance_noise_fades_and_is_new_for_every_view"
        ),
        "sample_weights": (
            "test_batches_and_views::test_top_k_trains_the_generator_on_the_best_fakes"
        ),
        "discriminator_penalty": (
            "test_penalties::"
            "test_r1_of_a_linear_discriminator_is_half_gamma_times_its_squared_weights"
        ),
        "generator_penalty": (
            "test_penalties::test_feature_matching_is_given_real_images_in_the_generator_update"
        ),
        "after_update": (
            "test_dynamics::test_weight_clipping_keeps_the_named_players_weights_in_the_box"
        ),
        "figures": "test_updates::test_what_a_regularizer_tells_is_recorded_as_it_was_then",
        "around_update": "test_dynamics::test_unrolled_comes_back_from_its_look_ahead",
    },
    PlayerOption: {
        "player": (
            "test_penalties::test_a_penalty_and_its_trained_state_belong_to_the_named_player"
        ),
    },
    LazyOption: {
        "every_steps": "test_penalties::test_a_lazy_penalty_equals_an_eager_one_on_average",
    },
    Loss: {
        "needs_real_in_generator": (
            "test_updates::"
            "test_a_loss_is_given_real_logits_in_the_generator_update_only_if_it_needs_them"
        ),
        "discriminator": "test_updates::test_terms_that_are_not_one_an_image_are_refused",
        "generator": "test_updates::test_terms_that_are_not_one_an_image_are_refused",
    },
}
SPOKEN_FOR_ELSEWHERE = {
    "uses_image_gradient",  # what a recipe is warned by
    "batch_coupling",  # likewise
    "couples_batch",  # likewise
    "capturable",  # what a recorded step asks for
    "kind",
    "model_config",
}


def members(kind: type) -> set[str]:
    """Return the public names that a class adds, annotated fields included."""
    own = {*vars(kind), *vars(kind).get("__annotations__", {})}
    if issubclass(kind, tuple):
        own = set(getattr(kind, "_fields", ()))
    return {name for name in own if not name.startswith("_")} - SPOKEN_FOR_ELSEWHERE


@cache
def names_in(module: str) -> tuple[set[str], set[str]]:
    """Return the tests of a module, and every name that it uses or defines."""
    tree = ast.parse((HERE / f"{module}.py").read_text(encoding="utf-8"))
    tests, names = set(), set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name):
                names.add(name)
                tests.add(name)
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.keyword(arg=str(name)):
                names.add(name)
            case ast.Constant(value=str(text)):
                names.update(text.split())
    return tests, names


@pytest.mark.parametrize("kind", EXERCISED, ids=lambda kind: kind.__name__)
def test_the_table_names_every_public_member(kind: type) -> None:
    assert set(EXERCISED[kind]) == members(kind)


@pytest.mark.parametrize(
    ("member", "test"),
    [(member, test) for table in EXERCISED.values() for member, test in table.items()],
)
def test_the_named_test_exists_and_its_module_uses_the_member(member: str, test: str) -> None:
    module, _, name = test.partition("::")
    tests, names = names_in(module)
    assert name in tests
    assert member in names
