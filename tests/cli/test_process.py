"""`xcopy-dev` as a process: start, interruption, a reader that goes away."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import xcopy
from xcopy.cli.main import main

if TYPE_CHECKING:
    from tests.cli.conftest import Directory

MAIN = [sys.executable, "-c", "import sys; from xcopy.cli.main import main; sys.exit(main())"]


def test_the_version_is_said_without_importing_the_product() -> None:
    probe = (
        "import sys; from xcopy.cli.main import main; main(['--version']); "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'argparse', 'construct', 'cdb', 'pyudev'}))"
    )
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [f"xcopy-dev {xcopy.__version__}", "[]"]


def test_the_decisions_do_not_import_a_door_nobody_asked_for() -> None:
    probe = "import sys, xcopy.api.copy; print('pyudev' in sys.modules or 'xcopy.device.sg' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


STOP_AT_THE_THIRD = """
import os, signal, sys
from xcopy.cli.main import main
from xcopy.device.array_dir import open_array
from xcopy.target.faults import Call, Fault
signal.signal(signal.{name}, signal.SIG_DFL)  # whatever whoever runs the tests did with it
kill = Call(lambda: os.kill(os.getpid(), signal.{name}))
array = open_array(sys.argv[1].removeprefix("emu:").removesuffix("/0"))
array.faults.add(Fault(opcode=0x83, nth=3, then=kill))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_copy_ends_with_130_and_says_exactly_what_is_copied(
    array: Directory, name: str
) -> None:

    from xcopy.device.array_dir import create, unit_file
    from xcopy.target.profile import CAPABLE

    small = CAPABLE.but(maximum_segment_length=16 * 512, maximum_segment_count=1)
    directory = array.path.parent / "slow"
    create(directory, units=2, size=2**21, parameters=small)
    unit_file(directory, 0).write_bytes(os.urandom(2**21))
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            STOP_AT_THE_THIRD.format(name=name),
            f"emu:{directory}/0",
            f"emu:{directory}/1",
            "--json",
            "--jobs",
            "2",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    done = json.loads(ran.stdout.splitlines()[-1])
    assert (ran.returncode, done["exit"], done["stopped"]) == (130, 130, "interrupted")
    source = unit_file(directory, 0).read_bytes()
    copied = bytearray(source)
    for part in done["not_copied"]:
        at, end = part["destination_lba"], part["destination_lba"] + part["destination_blocks"]
        copied[at * 512 : end * 512] = bytes((end - at) * 512)
    assert unit_file(directory, 1).read_bytes() == bytes(copied)
    assert 0 < done["bytes"]["offload"] < 2**21


def test_a_reader_that_goes_away_does_not_end_the_copy_in_the_middle(array: Directory) -> None:
    before = array.bytes(1)
    with subprocess.Popen(
        [*MAIN, array.unit(0), array.unit(1), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
        code = process.wait(timeout=60)
    assert b"Traceback" not in errors
    assert array.bytes(1) == (array.bytes(0) if code == 0 else before)


def test_a_closed_standard_error_never_lends_its_number_to_a_unit(array: Directory) -> None:
    before = array.bytes(0)
    look = (
        "import os, sys; from xcopy.cli.main import main; code = main(sys.argv[1:]); "
        "print(os.readlink('/proc/self/fd/2')); sys.exit(code)"
    )
    shell = '"$0" -c "$1" "$2" "$3" 2>&-'
    ran = subprocess.run(
        ["sh", "-c", shell, sys.executable, look, array.unit(0), array.unit(1)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0
    assert ran.stdout.splitlines()[-1] == "/dev/null"
    assert (array.bytes(0), array.bytes(1)) == (before, before)


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_full_standard_output_does_not_change_how_a_copy_ends(
    array: Directory, words: tuple[str, ...]
) -> None:
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [*MAIN, array.unit(0), array.unit(1), *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
        )
    assert (
        ran.stderr
        == "xcopy-dev: what is said cannot be written, and is not complete: No space left on device\n"
    )
    assert (ran.returncode, array.bytes(1) == array.bytes(0)) == (0, True)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("list",), 1),
        (("emu", "profiles"), 1),
        (("decode", "--list"), 1),
        (("--version",), 1),
        (("{0}", "{1}", "--dry-run"), 1),
        (("{0}", "{1}", "--dry-run", "--json"), 1),
        (("probe", "{0}", "{1}"), 1),
        (("none", "none", "--json"), 2),
        (("{0}", "{1}", "--json", "--no-such-option"), 2),
    ],
)
def test_what_cannot_be_said_is_an_exit_code_and_a_line_on_standard_error_once(
    array: Directory, words: tuple[str, ...], code: int, unbuffered: str
) -> None:
    named = [word.format(array.unit(0), array.unit(1)) for word in words]
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [*MAIN, *named],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert ran.returncode == code
    assert ran.stderr.count("what is said cannot be written, and is not complete: No space left") == 1
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("words", [("list",), ("none", "none", "--json"), ("--version",)])
def test_a_reader_that_has_gone_is_no_word_worth(words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run([*MAIN, *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert ran.returncode == (2 if "none" in words else 1)
    assert [line for line in ran.stderr.splitlines() if "none: no such file" not in line] == []


@pytest.mark.parametrize("words", [("decode",), ("decode", "-")])
def test_a_closed_standard_input_is_an_empty_one(words: tuple[str, ...]) -> None:
    closed = f"exec {shlex.join([*MAIN, *words])} <&-"
    ran = subprocess.run(["sh", "-c", closed], capture_output=True, text=True, check=False)
    assert (ran.returncode, "the input is empty" in ran.stderr) == (2, True)


@pytest.mark.parametrize(
    ("name", "code", "said"), [("SIGTERM", 130, 1), ("SIGHUP", 130, 1), ("SIGUSR1", 0, 0)]
)
def test_a_signal_before_a_copy_begins_is_as_ctrl_c_or_has_no_answer_yet(
    array: Directory, name: str, code: int, said: int
) -> None:
    script = (
        "import os, signal, sys\n"
        "from xcopy.cli import copy, main\n"
        "prepare = copy.prepare\n"
        f"signal.signal(signal.{name}, signal.SIG_DFL)\n"
        f"copy.prepare = lambda *a: (os.kill(os.getpid(), signal.{name}), prepare(*a))[1]\n"
        "sys.exit(main.main())\n"
    )
    words = [sys.executable, "-c", script, array.unit(0), array.unit(1)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    assert ran.stderr.count("interrupted outside a copy: nothing is in flight") == said


def test_a_full_standard_error_takes_neither_the_report_nor_the_exit_code(array: Directory) -> None:
    wait = STOP_AT_THE_THIRD.format(name="SIGTERM")
    with open("/dev/full", "w") as full:
        stopped = subprocess.run(
            [sys.executable, "-c", wait, array.unit(0), array.unit(1), "--segment", "8KiB", "--rate", "1MiB"],
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            check=False,
            timeout=60,
        )
        refused = subprocess.run([*MAIN, array.unit(0), f"{array.unit(0)}:0"], stderr=full, check=False)
    assert stopped.returncode == 130
    assert stopped.stdout.splitlines()[1].startswith("copied ")
    assert refused.returncode == 3


def test_a_path_that_is_no_text_here_is_written_with_escapes(array: Directory) -> None:
    odd = array.path.parent / "a\udcff"
    array.path.rename(odd)
    ran = subprocess.run(
        [*MAIN, f"emu:{odd}/0", f"emu:{odd}/1"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
    )
    said = [line for line in ran.stderr.splitlines() if b"durable" not in line]
    assert (ran.returncode, said) == (0, [])
    assert b"a\\udcff/0 LBA 0" in ran.stdout


def test_ctrl_c_while_the_command_line_is_read_ends_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("xcopy.cli.arguments._parser", interrupted)
    assert main(["emu:a/0", "emu:a/1"]) == 130


@pytest.mark.parametrize("words", [("--jobs", "x"), ("--timeout", "nan"), ("--no-such-option",)])
def test_json_ends_in_an_error_record_when_the_command_line_cannot_be_read(words: tuple[str, ...]) -> None:
    ran = subprocess.run(
        [*MAIN, "emu:a/0", "emu:a/1", "--json", *words], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert json.loads(ran.stdout.splitlines()[-1])["exit"] == 2


def test_a_signal_that_was_ignored_stays_ignored(array: Directory) -> None:
    look = (
        "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from xcopy.cli import copy as c\nkept = c.say\n"
        "def say(*a):\n    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN; kept(*a)\n"
        "c.say = say\nfrom xcopy.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", look, array.unit(0), array.unit(1)], capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
