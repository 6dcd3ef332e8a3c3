from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gantool.reporting.console.run import ConsoleObserver
from gantool.training.observers import Record
from tests.curves import curves_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from gantool.reporting.console.messages import Level
    from tests.reporting.conftest import FakeClock

pytestmark = pytest.mark.quick

STEPS = 600
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def figures(step: int) -> dict[str, float]:
    return {
        "real_score": 0.75,
        "fake_score": 0.25,
        "discriminator_loss": 1.25 - step / 1000,
        "generator_loss": 2.0 + step / 100,
        "discriminator_gradient_norm": 1.5,
        "generator_gradient_norm": 4.5,
        "penalty/r1": 0.0125,
    }


def observer(console: Console, level: Level, clock: FakeClock, start: int = 0) -> ConsoleObserver:
    return ConsoleObserver(
        console,
        level,
        steps=STEPS,
        epochs=STEPS / 68,
        images_per_step=128,
        device="cpu, float32",
        start_step=start,
        clock=clock,
    )


def live(watch: ConsoleObserver, clock: FakeClock, until: int = STEPS, start: int = 0) -> None:
    """Let the observer see a run of eight steps a second and a record every ten steps."""
    for step in range(start + 1, until + 1):
        clock.advance(0.125)
        watch.after_step(step)
        if step % 10 == 0:
            watch.at_log(Record(step, step / 68, figures(step)))


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_log_holds_plain_lines_ten_seconds_apart(log_console: Console, clock: FakeClock) -> None:
    with observer(log_console, "normal", clock) as watch:
        live(watch, clock)
    lines = text(log_console).splitlines()
    assert lines[0] == "training: 600 steps, 8.8 epochs, on cpu, float32"
    steps = [int(line.split()[1].partition("/")[0]) for line in lines[1:]]
    assert steps == [10, 90, 170, 250, 330, 410, 490, 570, 600]
    assert lines[2] == (
        "step 90/600  epoch 1.3  D loss 1.1600  G loss 2.9000  D(real) 0.750  D(fake) 0.250  "
        "D gradient 1.5000  G gradient 4.5000  r1 penalty 0.0125  1024 images/s  1 min 4 s left"
    )
    assert lines[-1].endswith("1024 images/s  done in 1 min 15 s")
    assert all(char.isprintable() or char == "\n" for char in text(log_console))


def test_verbose_writes_every_record_once(log_console: Console, clock: FakeClock) -> None:
    with observer(log_console, "verbose", clock) as watch:
        live(watch, clock)
    lines = text(log_console).splitlines()
    assert len([line for line in lines if "D loss" in line]) == STEPS // 10
    assert lines[-1] == "step 600/600  done in 1 min 15 s"


def test_quiet_writes_nothing(
    log_console: Console, screen_console: Callable[..., Console], clock: FakeClock
) -> None:
    for console in (log_console, screen_console()):
        with observer(console, "quiet", clock) as watch:
            live(watch, clock)
        assert text(console) == ""


def test_a_log_of_a_resumed_run_says_where_it_goes_on_and_where_it_stopped(
    log_console: Console, clock: FakeClock
) -> None:
    with observer(log_console, "normal", clock, start=300) as watch:
        live(watch, clock, start=300, until=405)
    lines = text(log_console).splitlines()
    assert lines[0] == "training from step 300: 600 steps, 8.8 epochs, on cpu, float32"
    assert lines[-1].startswith("step 405/600  epoch 6  D loss 0.8500")
    assert lines[-1].endswith("stopped after 13 s")


def test_forced_color_does_not_put_a_moving_picture_into_a_file(clock: FakeClock) -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), _environ={"FORCE_COLOR": "1", "TERM": "xterm"})
    with observer(console, "normal", clock) as watch:
        live(watch, clock)
    assert "\x1b" not in text(console)
    assert max(map(len, text(console).splitlines())) > 80  # never cut or broken


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_terminal_ends_with_the_whole_picture(
    screen_console: Callable[..., Console], clock: FakeClock, width: int
) -> None:
    console = screen_console(width)
    with observer(console, "normal", clock) as watch:
        live(watch, clock)
    last = text(console).rpartition("\x1b[2K")[2]
    expected = (
        "100%",
        "done in 1 min 15 s",
        "step 600 of 600",
        "epoch 8.8 of 8.8",
        "1,024 images/s",
    )
    for part in (*expected, "0.6500", "8.0000", "D(real)", "0.750", "D(fake)", "0.250", "1.5000"):
        assert part in last
    for part in ("4.5000", "r1 penalty", "0.0125", "cpu, float32"):
        assert part in last


def test_a_terminal_is_redrawn_at_most_twice_a_second(
    screen_console: Callable[..., Console], clock: FakeClock
) -> None:
    console = screen_console()
    with observer(console, "normal", clock) as watch:
        live(watch, clock)
    pictures = text(console).count("discriminator")
    assert 150 <= pictures <= 153  # of 600 steps in 75 seconds


def fail_after(watch: ConsoleObserver, console: Console, clock: FakeClock) -> None:
    with watch:
        live(watch, clock, until=300)
        assert text(console).rfind(HIDE) > text(console).rfind(SHOW)
        raise ZeroDivisionError


def test_a_terminal_is_as_before_when_training_fails(
    screen_console: Callable[..., Console], clock: FakeClock
) -> None:
    console = screen_console()
    streams = sys.stdout, sys.stderr
    watch = observer(console, "normal", clock)
    with pytest.raises(ZeroDivisionError):
        fail_after(watch, console, clock)
    assert text(console).rfind(SHOW) > text(console).rfind(HIDE)
    assert text(console).endswith("\n" + SHOW)
    assert (sys.stdout, sys.stderr) == streams
    assert "stopped after 38 s" in text(console)


def test_no_color_is_respected(screen_console: Callable[..., Console], clock: FakeClock) -> None:
    colorful, plain = screen_console(), screen_console(NO_COLOR="1")
    for console in (colorful, plain):
        with observer(console, "normal", clock) as watch:
            live(watch, clock)
    assert "\x1b[36m" in text(colorful)  # cyan
    assert "\x1b[3" not in text(plain)
    assert "\x1b[38" not in text(plain)


def test_verbose_lines_stand_above_the_picture(
    screen_console: Callable[..., Console], clock: FakeClock
) -> None:
    console = screen_console(200)
    with observer(console, "verbose", clock) as watch:
        live(watch, clock, until=30)
    assert text(console).count("D loss") == 3


SAMPLES = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)


def test_samples_are_drawn_once_above_the_picture(
    screen_console: Callable[..., Console], clock: FakeClock
) -> None:
    console = screen_console()
    with observer(console, "normal", clock) as watch:
        live(watch, clock, until=90)
        before = len(text(console))
        watch.show_samples(90, SAMPLES)
        live(watch, clock, start=90, until=200)
    shown = text(console)[before:]
    assert text(console).count("▀") == shown.count("▀") > 800
    assert shown.count("samples after step 90, epoch 1.3") == 1
    caption, last = shown.index("samples after"), shown.rindex("▀")
    drawn_after = shown[last:]
    assert "discriminator" not in shown[caption:last]
    assert "step 200 of 600" in drawn_after
    lines = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown[caption:last]).splitlines()
    assert len(lines) <= 40 - 8
    assert max(map(len, lines)) <= 80


def test_samples_need_a_terminal_with_colors_and_room(
    log_console: Console, screen_console: Callable[..., Console], clock: FakeClock
) -> None:
    low = screen_console()
    low.height = 12
    dull = screen_console(NO_COLOR="1")
    for console in (log_console, low, dull, screen_console(50)):
        with observer(console, "normal", clock) as watch:
            watch.show_samples(90, SAMPLES)
        assert "samples after" not in text(console)
        assert "▀" not in text(console)


def test_a_resumed_run_shows_its_curves_from_the_beginning(
    screen_console: Callable[..., Console], clock: FakeClock
) -> None:
    console = screen_console()
    records: list[dict[str, Any]] = [
        {"step": step, "epoch": step / 68, **figures(step)} for step in (150, 300, 450)
    ]
    records[0] |= {"generator_loss": None, "non_finite": ["generator_loss"]}
    with observer(console, "normal", clock, start=300) as watch:
        watch.recall(curves_of(records))
        watch.restored(300, {})
        live(watch, clock, start=300, until=310)
    row = next(line for line in reversed(text(console).splitlines()) if "discriminator" in line)
    assert len(re.findall(r"[▁▂▃▄▅▆▇█]+", row)[0]) == 14 * 310 // 600 + 1


def test_a_rollback_takes_the_bar_back(log_console: Console, clock: FakeClock) -> None:
    with observer(log_console, "verbose", clock) as watch:
        live(watch, clock, until=100)
        watch.restored(50, {})
        live(watch, clock, start=50, until=60)
    lines = text(log_console).splitlines()
    assert [int(line.split()[1].partition("/")[0]) for line in lines[-3:]] == [100, 60, 60]
    assert "1024 images/s" in lines[-2]  # steps that were taken back do not count


def test_a_terminal_of_another_size_is_wiped_before_it_is_drawn_on(
    screen_console: Callable[..., Console], clock: FakeClock
) -> None:
    console = screen_console(100)
    wiped = "\x1b[2J"
    with observer(console, "normal", clock) as watch:
        live(watch, clock, until=100)
        assert wiped not in text(console)
        console.width = 60
        live(watch, clock, start=100, until=200)
        assert text(console).count(wiped) == 1
