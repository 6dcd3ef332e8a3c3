"""Accord of all processes on a step after which to stop or save, though only one wants it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gantool.training.device.device import AHEAD

if TYPE_CHECKING:
    from gantool.training.device.ranks import Ranks
    from gantool.training.saving import Saver


@dataclass
class Accord:
    """Lets every process learn of a wish before the step after which it is granted.

    Wishes go through the store, without a collective: nobody waits. All-reduces keep the
    processes within one step of each other, and hosts run at most `AHEAD` steps ahead of their
    GPUs, so a wish for a step that far off reaches everybody in time.

    Attributes:
        ranks: Who must agree; a single process has its way at once.
        on_gpu: Whether hosts run ahead.
    """

    ranks: Ranks
    on_gpu: bool = False
    _read: int = 0
    _granted: dict[str, tuple[int, str]] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)

    def reason_to_stop(self, wish: str | None, step: int) -> str | None:
        """Return why all processes stop after this step; None while they go on.

        Args:
            wish: Why this process wants to stop, if it does.
            step: Steps completed.
        """
        return self._agreed("stop", wish, step)

    def is_time_to_save(self, saver: Saver | None, step: int) -> bool:
        """Return whether all processes save after this step.

        Only the first one's clock counts; steps are counted by each.
        """
        if saver is None:
            return False
        wish = "time" if self.ranks.index == 0 and saver.is_due_by_time(step) else None
        return self._agreed("save", wish, step) is not None or saver.is_due_by_steps(step)

    def _agreed(self, what: str, wish: str | None, step: int) -> str | None:
        if self.ranks.store is None:
            return wish
        if wish is not None and what not in self._asked:
            self._ask(what, wish, step + 1 + (AHEAD + 1 if self.on_gpu else 0))
        self._listen()
        at, why = self._granted.get(what, (step + 1, ""))
        if step < at:
            return None
        self._asked.discard(what)
        del self._granted[what]
        return why

    def _ask(self, what: str, why: str, at: int) -> None:
        assert self.ranks.store is not None  # asked before
        number = self.ranks.store.add("wishes", 1)
        self.ranks.store.set(f"wish {number}", json.dumps([what, at, why]))
        self._asked.add(what)

    def _listen(self) -> None:
        """Read the wishes that are new; of two for the same thing, the first counts."""
        assert self.ranks.store is not None  # asked before
        while self._read < self.ranks.store.add("wishes", 0):
            self._read += 1
            what, at, why = json.loads(self.ranks.store.get(f"wish {self._read}"))
            self._granted.setdefault(what, (at, why))
