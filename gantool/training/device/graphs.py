"""The whole step as one CUDA graph: recorded once, then replayed without Python in between."""

from __future__ import annotations

import copy
import logging
import math
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import torch
from torch.nn.utils import get_total_norm

from gantool.errors import PluginError
from gantool.training.regularization import penalty_of
from gantool.training.step.update import take_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from torch import Tensor

    from gantool.data.batches import Batch
    from gantool.training.game import Game
    from gantool.training.randomness import Draw

log = logging.getLogger("gantool")

WARM_UP = 3
"""Steps of a kind that are made eagerly before one is recorded: libraries choose their kernels and
optimizers make their state then."""

TOLERANCE = 0.1
"""Share of a step by which its recording may differ: a GPU adds in any order, in bf16 arithmetic,
and Adam magnifies that. A recording that misses the draws or the images differs by more than 1."""


class Recorder(Protocol):
    """Records work on the device."""

    def record(
        self, work: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        """Return what does the same work again, on the same tensors.

        Args:
            work: Is called once, and need not be carried out.
            generators: What it draws from; they are seeded anew before each replay.
        """


class CudaRecorder:
    """Records CUDA graphs, which share one pool of memory."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def record(
        self, work: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        """Return what replays the graph of the work."""
        graph = torch.cuda.CUDAGraph()
        # from 2.14 on torch finds them by itself
        if torch.__version__ < (2, 14):  # type: ignore[operator]
            for generator in generators:
                graph.register_generator_state(generator)
        stream = torch.cuda.current_stream()
        try:
            # other threads go on reading images meanwhile
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                work()
        finally:
            torch.cuda.set_stream(stream)  # which torch forgets when a recording fails
        return graph.replay


@dataclass(frozen=True)
class _Recording:
    """A recorded step: what it reads real images from, the figures it adds, where it draws."""

    reals: Sequence[Batch]
    names: tuple[str, ...]
    places: Sequence[Draw]
    replay: Callable[[], None]


class GraphedTurns:
    """Makes steps eagerly until it has seen each kind of them, and replays them from then on.

    There is a kind for every combination of lazily applied penalties, and for steps that end a log
    interval. An odd last batch is always worked on eagerly. Both ways share all tensors. Each
    recording is first tried beside the step itself; one that does something else ends recording.
    """

    def __init__(self, game: Game, recorder: Recorder) -> None:
        self._game = game
        self._recorder: Recorder | None = recorder
        self._seen: Counter[Hashable] = Counter()
        self._recordings: dict[Hashable, _Recording] = {}
        self._memory: list[object] = []

    @property
    def is_recording(self) -> bool:
        """Whether steps are recorded: until one cannot be."""
        return self._recorder is not None

    def __call__(self, reals: Sequence[Batch], step: int) -> None:
        """Make a step, as `take_turns` does."""
        kind = self._kind(reals, step)
        self._follow_optimizers()
        if kind in self._recordings:
            self._replay(self._recordings[kind], reals, step)
        elif self._recorder is not None and self._is_due(kind, reals):
            self._record(self._recorder, kind, reals, step)
        else:
            take_turns(self._game, reals, step)

    def _kind(self, reals: Sequence[Batch], step: int) -> Hashable:
        """Return what tells steps apart that run different operations."""
        sizes = tuple(len(real.images) for real in reals)
        applied = tuple(
            (step * each.turn.updates + index) % active.every == 0
            for each in self._game.competitors.values()
            for active in self._game.regularization.having(penalty_of(each.player), each.player)
            for index in range(each.turn.updates)
        )
        return sizes, self._game.totals.is_closing, applied

    def _is_due(self, kind: Hashable, reals: Sequence[Batch]) -> bool:
        """Whether steps of a kind have been seen often enough, and are worth it."""
        self._seen[kind] += 1
        usual = all(real.rows.total == self._game.batches.size for real in reals)
        return usual and self._seen[kind] > WARM_UP

    def _record(
        self, recorder: Recorder, kind: Hashable, reals: Sequence[Batch], step: int
    ) -> None:
        """Make a step and keep its recording, if that does the same."""
        failure, recording = "another process could not record it", None
        try:
            recording = self._recorded(recorder, reals, step)
        except (RuntimeError, PluginError) as error:  # the step itself tells whose fault it is
            failure = str(error).partition("\n")[0]
        game = self._game
        everywhere = game.ranks.all(recording is not None, game.device.device)
        if recording is None or not everywhere:
            self._give_up(failure)
            take_turns(game, reals, step)
            return
        replayed = partial(self._replay, recording, reals, step)
        agrees = _rehearse(game, replayed, partial(take_turns, game, reals, step))
        if not game.ranks.all(agrees is not False, game.device.device):
            self._give_up("a recording did not do what its step does")
        elif agrees:
            self._recordings[kind] = recording

    def _recorded(self, recorder: Recorder, reals: Sequence[Batch], step: int) -> _Recording:
        """Return a step's recording; where that fails, a RuntimeError, or a plugin's error."""
        streams, totals = self._game.streams, self._game.totals
        held = [_copied(real) for real in reals]
        with streams.held() as places, totals.observed() as names:
            replay = recorder.record(
                lambda: take_turns(self._game, held, step), streams.generators()
            )
        return _Recording(held, tuple(names), list(places), replay)

    def _follow_optimizers(self) -> None:
        """Begin anew if optimizers have, as when a run goes back to its first step."""
        memory = _memory_of(self._game)
        if [*map(id, memory)] != [*map(id, self._memory)]:  # other tensors, if with equal numbers
            self._recordings, self._seen, self._memory = {}, Counter(), memory

    def _give_up(self, reason: str) -> None:
        """Make all further steps eagerly, and say why."""
        log.warning("steps cannot be recorded and are made one by one: %s", reason)
        self._recorder = None
        self._recordings.clear()
        self._game.streams.forget()

    def _replay(self, recording: _Recording, reals: Sequence[Batch], step: int) -> None:
        for held, real in zip(recording.reals, reals, strict=True):
            held.images.copy_(real.images)
            if held.labels is not None and real.labels is not None:
                held.labels.copy_(real.labels)
        self._game.streams.start(recording.places, step)
        self._game.totals.count(recording.names)
        recording.replay()


def _rehearse(game: Game, replayed: Callable[[], None], eager: Callable[[], None]) -> bool | None:
    """Return whether a recording changes the weights as the step itself does; make that step.

    None if the step leads to weights that are not finite, which compare with nothing. The game is
    put back in between; what the eager step leaves is what remains.
    """
    before = [copy.deepcopy(part.state()) for part in game.parts]
    start = _weights(game)
    replayed()
    by_recording = _weights(game)
    for part, saved in zip(game.parts, before, strict=True):
        part.load(saved)  # type: ignore[arg-type]  # each its own
    eager()
    by_itself = _weights(game)
    moved = {player: _distance(start[player], by_itself[player]) for player in start}
    if not all(map(math.isfinite, moved.values())):
        return None
    return all(
        _distance(by_recording[player], by_itself[player]) <= TOLERANCE * moved[player]
        for player in start
    )


def _weights(game: Game) -> dict[str, list[Tensor]]:
    """Return copies of what each player's optimizer trains."""
    return {
        each.player: [parameter.detach().clone() for parameter in each.parameters]
        for each in game.competitors.values()
    }


@torch.no_grad()
def _distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    differences = torch._foreach_sub(list(one), list(other))
    return float(get_total_norm(differences, foreach=True))


def recorded(game: Game, *, insists: bool) -> GraphedTurns | None:
    """Return what makes steps from recordings, even with several ranks where the recipe insists.

    None, and why in the log, where steps cannot be recorded.
    """
    if reason := reason_for_eager_steps(game, insists=insists):
        level = logging.WARNING if insists else logging.INFO
        log.log(level, "steps are not recorded: %s", reason)
        return None
    return GraphedTurns(game, CudaRecorder())


def reason_for_eager_steps(game: Game, *, insists: bool) -> str | None:
    """Return why a game's steps on CUDA are not recorded, even where the recipe `insists`."""
    for active in game.regularization.active:
        if not active.component.capturable:
            return f"regularizer '{active.stream}' is not capturable"
        if active.overrides("around_update"):
            return f"regularizer '{active.stream}' makes updates its own way"
    if not insists and game.ranks.count > 1:
        return "several processes train together"
    return None


def _memory_of(game: Game) -> list[object]:
    """Return what each player's optimizer remembers of its first weight, nothing at first."""
    return [
        value
        for each in game.competitors.values()
        for value in each.optimizer.state.get(each.parameters[0], {}).values()
    ]


def _copied(batch: Batch) -> Batch:
    labels = None if batch.labels is None else batch.labels.clone()
    return batch._replace(images=batch.images.clone(), labels=labels)
