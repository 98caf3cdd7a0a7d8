"""`xcopy-dev emu`: an emulated array in a directory, made, and served as disks of this kernel."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xcopy.cli.exit_codes import ExitCode
from xcopy.ranges import parse_quantity

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from xcopy.api.serve import Cleaned, Serving

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK = 0.2  # seconds between two looks at whether all is well
LONGEST_NAME = 12  # of a profile
THREAD_TURN = 0.0005  # seconds: a command often crosses from thread to thread


def run_emu(arguments: argparse.Namespace) -> int:
    """What was asked for of the emulated array."""
    return RUN[arguments.emu_command](arguments)


def run_create(arguments: argparse.Namespace) -> int:
    """Make the array and say how to name its units. A SIZE without suffix is bytes."""
    from xcopy.device.array_dir import create

    size = parse_quantity(arguments.size)
    create(
        arguments.directory,
        units=arguments.units,
        size=size.number * (size.scale or 1),
        block_size=arguments.block_size,
        granularity=_granularity(arguments.thin),
        profile=arguments.profile,
    )
    names = [f"emu:{arguments.directory.rstrip('/')}/{number}" for number in range(arguments.units)]
    kind = "" if arguments.thin is None else f", thin in {arguments.thin} blocks"
    said = f"{arguments.size} each, {arguments.block_size}-byte blocks{kind}, profile {arguments.profile}"
    print(f"created {', '.join(names)}: {said}")
    return ExitCode.COPIED


def _granularity(thin: int | None) -> int:
    """How many blocks get storage together, 0 where nothing is said of it."""
    if thin is not None and thin < 1:
        from xcopy.errors import UsageError

        raise UsageError(f"--thin {thin}: a thin unit gets storage for 1 block or more together")
    return thin or 0


def run_profiles(arguments: argparse.Namespace) -> int:
    """Say which kinds of arrays there are, a line each."""
    from xcopy.target.profiles import PROFILES

    for profile in PROFILES.values():
        if arguments.json:
            from xcopy.cli.render_json import emit

            emit("profile", name=profile.name, description=profile.description)
        else:
            print(f"{profile.name:<{LONGEST_NAME}} {profile.description}")
    return ExitCode.COPIED


def run_serve(arguments: argparse.Namespace) -> int:
    """Make the disks, name them, wait for a signal, remove them. A second signal ends commands under way."""
    from xcopy.api.serve import serve

    sys.setswitchinterval(THREAD_TURN)
    with _held_back() as signals:
        serving = serve(arguments.directory, nexuses=arguments.nexuses)
        try:
            _say_ready(serving, in_json=arguments.json)
            while not serving.trouble and signal.sigtimedwait(signals, LOOK) is None:
                pass
            trouble = serving.trouble
        finally:
            _close(serving, signals)
    for sentence in trouble:
        print(f"xcopy-dev: {sentence}", file=sys.stderr)
    code = ExitCode.STOPPED if trouble else ExitCode.COPIED
    _say_removed(len(serving.units), code, in_json=arguments.json)
    return code


def run_clean(arguments: argparse.Namespace) -> int:
    """Remove what a killed `emu serve` left, and say what that was."""
    from xcopy.api.serve import clean

    cleaned = clean()
    _say_cleaned(cleaned, in_json=arguments.json)
    return ExitCode.COPIED


@contextmanager
def _held_back() -> Iterator[set[signal.Signals]]:
    """Signals that end the serving wait until they are asked for; one that is ignored stays so."""
    heard = {number for number in STOP_SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    try:
        yield heard
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _close(serving: Serving, signals: set[signal.Signals]) -> None:
    """Close, in a thread, so that a signal meanwhile can end the commands that are waited for."""
    from concurrent.futures import Future

    from xcopy.device import worker

    done: Future[None] = Future()

    def close() -> None:
        try:
            serving.close()
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    worker.start(close, "closing")
    while not done.done():
        if signal.sigtimedwait(signals, LOOK) is not None:
            print("xcopy-dev: commands under way are ended with an error", file=sys.stderr)
            serving.fail()
    done.result()


def _say_ready(serving: Serving, *, in_json: bool) -> None:
    if in_json:
        from xcopy.cli.render_json import emit

        for name in serving.cleared:
            emit("removed", name=name)
        for unit in serving.units:
            emit(
                "unit",
                unit=unit.unit,
                nexus=unit.nexus,
                disk=unit.disk,
                sg=unit.sg,
                block_size=unit.block_size,
                blocks=unit.blocks,
            )
        emit("ready", disks=len(serving.units))
        return
    for name in serving.cleared:
        print(f"removed {name}, left behind by a process that was killed")
    for unit in serving.units:
        nodes = " ".join(node for node in (unit.disk, unit.sg) if node)
        print(
            f"{nodes}  unit {unit.unit}, nexus {unit.nexus}: {unit.blocks} blocks of {unit.block_size} bytes"
        )
    print("ready; Ctrl-C or SIGTERM removes them", flush=True)


def _say_removed(count: int, code: ExitCode, *, in_json: bool) -> None:
    if in_json:
        from xcopy.cli.render_json import emit

        emit("done", exit=int(code), removed=count)
    else:
        print(f"removed {count} disks")


def _say_cleaned(cleaned: Cleaned, *, in_json: bool) -> None:
    if in_json:
        from xcopy.cli.render_json import emit

        for name in cleaned.removed:
            emit("removed", name=name)
        for name in cleaned.alive:
            emit("served", name=name)
        emit("done", exit=0, removed=len(cleaned.removed))
        return
    for name in cleaned.removed:
        print(f"removed {name}")
    for name in cleaned.alive:
        print(f"left {name}: a process serves it")
    if not cleaned.removed:
        print("nothing was left behind")


RUN = {"create": run_create, "profiles": run_profiles, "serve": run_serve, "clean": run_clean}
