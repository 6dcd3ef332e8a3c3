"""Stop signals: noted, handed to the trainer, and the handlers of before put back."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from gantool.training.observers import Observer, StopSignals

if TYPE_CHECKING:
    from tests.training.conftest import Train

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def _guard() -> Iterator[None]:
    """Let no signal of a failing test end the test run."""
    before = {number: signal.getsignal(number) for number in BOTH}
    signal.signal(signal.SIGTERM, lambda *_: None)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_is_noted_and_named(number: signal.Signals) -> None:
    with StopSignals() as signals:
        assert signals.wants_stop() is None
        send(number)
        assert signals.received == number
        assert signals.wants_stop() == number.name


@pytest.mark.parametrize("first", BOTH)
def test_a_second_interrupt_stops_at_once(first: signal.Signals) -> None:
    with StopSignals() as signals:
        send(first)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        assert signals.received == first


def test_a_second_termination_goes_on_waiting_for_the_save() -> None:
    with StopSignals() as signals:
        send(signal.SIGTERM)
        send(signal.SIGTERM)
        assert signals.received == signal.SIGTERM


@pytest.mark.parametrize("fails", [False, True])
def test_the_handlers_of_before_come_back(fails: bool) -> None:
    def mine(*_: object) -> None:
        heard.append(1)

    heard: list[int] = []
    signal.signal(signal.SIGTERM, mine)
    before = [signal.getsignal(number) for number in BOTH]
    with pytest.raises(RuntimeError) if fails else StopSignals(), StopSignals():
        assert signal.getsignal(signal.SIGTERM) is not mine
        if fails:
            raise RuntimeError
    assert [signal.getsignal(number) for number in BOTH] == before
    send(signal.SIGTERM)
    assert heard == [1]


def test_outside_the_main_thread_it_does_nothing() -> None:
    def use() -> None:
        with StopSignals() as signals:
            found.extend([signals.received, signal.getsignal(signal.SIGTERM) is before])

    found: list[object] = []
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert found == [None, True]


def test_a_signal_ends_the_training_after_the_step_it_came_in(train_plain: Train) -> None:
    class Sender(Observer):
        """Sends a signal while the third step is made known."""

        @override
        def after_step(self, step: int) -> None:
            if step == 3:
                send(signal.SIGTERM)

    trainer = train_plain(training={"steps": 8})
    with StopSignals() as signals:
        trainer.train([Sender(), signals])
    assert trainer.step == 3
    assert trainer.stop_reason == "SIGTERM"
