"""Boots a guest with a stock kernel under QEMU's software emulation and runs pytest, or a program, in it.

Belongs here: virtme-ng's command line, the time-out, and what counts as an answer from the guest.
Does not know what the tests or the program are. The guest's root is this machine's, read-only below an
overlay: the same virtual environment and the same checkout. /dev/kvm is never used: it may exist and hang.
"""

from __future__ import annotations

import compileall
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / ".cache/vm/kernel"
TIMEOUT = 3600.0  # seconds for the boot and all tests: two quiet cores need a fifth
HUNG = 600  # seconds after which one test is ended with its stack, and all: the slowest takes one
MEMORY = "6G"
PARAMETERS = (
    "log_buf_len=16M",  # the kernel's log is evidence, it must hold a whole test
    "oops=panic",
    "console=hvc0",  # to console.log
    "nompath",  # to udev's rules: of every disk multipath would be asked whether it is a path
    "modprobe.blacklist=kvm_amd,kvm_intel,ahci,i2c_i801,iTCO_wdt",  # slow to load, of no use here
)
CPU = "-cpu max,-erms"  # `rep movsb`, which memcpy takes for fast, is slow under emulation
FATAL = ("Kernel panic", "BUG:", "Oops", "Out of memory")
PYTEST = (  # with `{results}` for the shared directory; measuring coverage takes it two thirds longer
    *("-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"),
    *("-o", f"faulthandler_timeout={HUNG}", "-o", "faulthandler_exit_on_timeout=true"),
    "--junitxml={results}/junit.xml",
)
TOOLS = (
    "qemu-system-x86_64",
    "busybox",
    "file",
    "udevadm",
    "modprobe",
    "dmsetup",
    "sg_xcopy",
    "sfdisk",
    "lvm",
)


def why_not() -> str | None:
    """What keeps this machine from booting the guest, in a few words; None when nothing does."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [tool for tool in TOOLS if not shutil.which(tool, path=path)]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if not KERNEL.exists():
        return f"no kernel at {KERNEL.relative_to(ROOT)}"
    return None


def run(results: Path, tests: list[str], *, timeout: float = TIMEOUT, vng: str | None = None) -> str | None:
    """Run pytest on `tests` in the guest; what went wrong in one sentence, or None for an answer.

    `results` receives what the guest left: junit.xml, `exit` with pytest's exit status; and console.log, the
    kernel's own words. A test that hangs ends the run, with no report.
    """
    for earlier in ("exit", "junit.xml"):
        (results / earlier).unlink(missing_ok=True)
    compile_tests(tests)
    return execute(results, [*PYTEST, *tests], timeout=timeout, vng=vng) or judge(results)


def compile_tests(tests: list[str]) -> None:
    """Have pytest write what it makes of the modules; whatever is wrong with them the guest will say."""
    argv = [sys.executable, "-m", "pytest", "-qq", "--collect-only", "-p", "no:cacheprovider", *tests]
    writes = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(argv, cwd=ROOT, env=writes, capture_output=True, check=False)


def execute(
    results: Path, program: list[str], *, timeout: float = TIMEOUT, vng: str | None = None
) -> str | None:
    """Run Python with these arguments in the guest; what went wrong in one sentence, or None.

    `{results}` in an argument is a directory to leave results in, copied to `results` at the end.
    """
    for package in ("cdb", "xcopy"):  # or every process in the guest compiles them again, and slowly
        compileall.compile_dir(ROOT / package, quiet=1)
    with tempfile.TemporaryDirectory(prefix="xcopy-dev-vm-") as shared:
        words = [word.replace("{results}", shared) for word in program]
        trouble = boot(Path(shared), words, timeout, vng or str(Path(sys.executable).parent / "vng"))
        shutil.copytree(shared, results, dirs_exist_ok=True)
    return trouble


def boot(shared: Path, program: list[str], timeout: float, vng: str) -> str | None:
    """Start the guest and wait for its end; trouble in one sentence if it has to be stopped."""
    argv = [vng, *options(shared, program)]
    environment = os.environ | {"PATH": f"{Path(vng).parent}:{os.environ.get('PATH', '')}"}
    guest = subprocess.Popen(
        argv,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,  # never a file: QEMU would open it again and write over its start
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    echo = threading.Thread(target=show, args=(guest.stdout,), daemon=True)
    echo.start()
    try:
        status = guest.wait(timeout)
    except subprocess.TimeoutExpired:
        return f"the guest hung: no end after {timeout:.0f} s, it was stopped"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(guest.pid, signal.SIGKILL)
        guest.wait()
        echo.join()
        if guest.stdout:
            guest.stdout.close()
    if not (shared / "exit").exists():
        return (
            f"the guest ended (status {status}) without a result: it never booted, or its kernel "
            f"panicked; console.log ends: {last_words(shared / 'console.log')}"
        )
    return None


def show(output: IO[bytes] | None) -> None:
    """Print what the guest says as it says it."""
    for line in output or ():
        sys.stdout.write(line.decode(errors="replace").replace("\r\n", "\n"))
        sys.stdout.flush()


def options(shared: Path, program: list[str]) -> list[str]:
    """virtme-ng's options: the kernel, the shared directory, a cached view of this machine."""
    script = ROOT / "tests/vm/guest.sh"
    cached = f"{ROOT}:{sysconfig.get_path('stdlib')}"
    return [
        *("--run", str(KERNEL.resolve()), "--disable-kvm", "--user", "root"),
        *("--cpus", str(min(4, os.cpu_count() or 1)), "--memory", MEMORY),
        f"--rwdir={shared}",
        f"--append={' '.join(PARAMETERS)}",
        f"--qemu-opts={CPU} -chardev file,id=words,path={shared}/console.log"
        " -device virtio-serial-pci -device virtconsole,chardev=words"
        " -fsdev local,id=cached,path=/,security_model=none,readonly=on,multidevs=remap"
        " -device virtio-9p-pci,fsdev=cached,mount_tag=cached",
        "--exec",
        shlex.join(["bash", str(script), str(shared), cached, sys.executable, *program]),
    ]


def judge(results: Path) -> str | None:
    """What is wrong with the results themselves, in one sentence; None when they can be read."""
    status = (results / "exit").read_text().strip()
    if not (results / "junit.xml").exists():
        return (
            f"the guest's pytest (exit status {status}) left no report: a test hung, if stacks end its output"
        )
    return None


def last_words(console: Path) -> str:
    """Why the kernel ended, or else the last thing it said."""
    said = console.read_text(errors="replace").splitlines() if console.exists() else []
    reasons = [line for line in said if any(word in line for word in FATAL)]
    return (reasons[:1] or said[-1:] or ["none"])[0].strip()
