"""Which words a command line may have: commands, options, and what is written after them.

What they mean to a copy is in a file of the same name as the command. Only the command at hand is built up,
for a command line is read before every copy.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xcopy import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LONGEST_TIMEOUT = 4_000_000  # seconds: SG_IO counts milliseconds in 32 bits
MOST_SEGMENTS = 0xFFFF
WHOLE = "whole"
UNSAID = ""  # a bare --force: what it is to override is not said
BARE = {"--verify": WHOLE, "--verify-only": WHOLE, "--force": UNSAID}  # without "=", the next word is a unit
SCOPE = "=sample[:N[:SEED]]"
EPILOG = """\
LBA and COUNT are logical blocks (COUNT in the source's), decimal or 0x; with KiB, MiB, GiB, TiB or kB, MB,
GB, TB they are bytes and have to be whole blocks. Without COUNT the copy goes to the end of the source.
A unit is /dev/sdX, a partition, /dev/sgN, a link to one of them, or emu:DIRECTORY/NUMBER.
Of files, numbers are bytes, and DST is made where it is not there: xcopy-dev a.img:0+1GiB b.img:4KiB

exit codes: 0 all copied, 1 stopped or failed with part or nothing copied, 2 usage, 3 refused as unsafe,
4 not supported and no other means allowed, 5 a verification found a difference, 130 interrupted
"""


def read(argv: Sequence[str]) -> argparse.Namespace:
    """What the words say, `command` the first of it; SystemExit when help or a complaint has been printed."""
    words = [f"{word}={BARE[word]}" if word in BARE else word for word in argv] or ["--help"]
    if words[0] not in (*COMMANDS, "-h", "--help"):
        words.insert(0, "copy")
    return _parser(words[0]).parse_args(words)


def _parser(chosen: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xcopy-dev",
        usage="xcopy-dev [copy] SRC[:LBA[+COUNT]] DST[:LBA] [options]\n"
        "       xcopy-dev reflink SRC NEW | resume FILE | list [DEV...] | probe SRC [DST]\n"
        "       xcopy-dev decode [FILE|-|HEX...]\n"
        "       xcopy-dev emu create DIR | emu profiles | emu serve DIR | emu clean | --version",
        description="Copy blocks between SCSI units by letting the storage copy (EXTENDED COPY).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"xcopy-dev {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", prog="xcopy-dev")
    for name, command in COMMANDS.items():
        if name == chosen or chosen not in COMMANDS:
            command.add(commands.add_parser(name, help=command.help, allow_abbrev=False))
    return parser


def _add_copy(copy: argparse.ArgumentParser) -> None:
    copy.usage = "xcopy-dev [copy] SRC[:LBA[+COUNT]] DST[:LBA] [options]"
    copy.epilog = EPILOG
    copy.formatter_class = argparse.RawDescriptionHelpFormatter
    copy.add_argument("source", metavar="SRC[:LBA[+COUNT]]")
    copy.add_argument("destination", metavar="DST[:LBA]")
    copy.add_argument("--method", choices=("auto", "offload", "host"), default="auto")
    copy.add_argument(
        "--require", choices=("offload",), help="fail (exit 4) rather than copy by another means"
    )
    copy.add_argument(
        "--dry-run", action="store_true", help="show the plan and the exact bytes; write nothing"
    )
    copy.add_argument(
        "--ranges",
        metavar="FILE",
        help="copy many ranges: lines 'SRC_LBA COUNT DST_LBA'; - is standard input",
    )
    copy.add_argument(
        "--prefer",
        choices=("offload", "either", "speed"),
        default="either",
        help="in a long copy, try the host too: never, to tell (default), or to take what is faster",
    )
    copy.add_argument("--jobs", type=int, metavar="N", help="commands in flight; found out if not given")
    copy.add_argument("--segment", type=_size, metavar="SIZE", help="of each segment; found out if not given")
    copy.add_argument(
        "--segments-per-command", type=_count, metavar="N", help="found out while copying if not given"
    )
    copy.add_argument(
        "--sparse",
        choices=("auto", "always", "never"),
        help="what a thin unit has no storage for is zeroed, not copied: where it pays (default), all of it, "
        "never; between files holes stay holes (default), zeros become holes as well, or holes are filled",
    )
    copy.add_argument("--rate", type=_size, metavar="SIZE", help="copy, or compare, no more in a second")
    copy.add_argument("--journal", metavar="FILE", help="record what is copied, for xcopy-dev resume FILE")
    copy.add_argument(
        "--journal-interval",
        type=_seconds,
        metavar="SECONDS",
        help="between two records (default 5)",
    )
    _add_verify(copy)
    copy.add_argument(
        "--verify-only",
        nargs="?",
        type=_scope,
        const=WHOLE,
        metavar=SCOPE,
        help="copy and write nothing: compare what is there, all of it or a sample",
    )
    _add_force(copy)
    copy.add_argument(
        "--freeze", action="store_true", help="freeze what is mounted of the source while blocks are copied"
    )
    copy.add_argument(
        "--yes", "-y", action="store_true", help="on a terminal, do not ask before what is there is destroyed"
    )
    _add_files(copy)
    copy.add_argument("--verbose", "-v", action="store_true", help="limits and where each came from")
    _add_ways(copy)


def _add_files(copy: argparse.ArgumentParser) -> None:
    files = copy.add_argument_group("between files")
    files.add_argument(
        "--reflink",
        choices=("auto", "always", "never"),
        help="share blocks where that can be (auto), fail (exit 4) where it cannot, or copy every byte",
    )
    files.add_argument("--sync", action="store_true", help="end when the copy survives a loss of power")
    files.add_argument(
        "--move", action="store_true", help="SRC and DST may overlap in one file, as by memmove"
    )
    files.add_argument(
        "--extents",
        action="store_true",
        help="onto a unit: have the storage copy the file's blocks, found by FIEMAP (ext4, xfs, ocfs2)",
    )
    files.add_argument(
        "--explain", action="store_true", help="which means will be tried, why others not; write nothing"
    )


def _add_reflink(reflink: argparse.ArgumentParser) -> None:
    reflink.description = "Make the new file NEW that shares all blocks of SRC, or fail (exit 4)."
    reflink.add_argument("source", metavar="SRC")
    reflink.add_argument("destination", metavar="NEW")
    reflink.add_argument("--sync", action="store_true", help="end when the new file survives a loss of power")
    reflink.add_argument("--json", action="store_true", help="JSON lines on standard output")


def _add_resume(resume: argparse.ArgumentParser) -> None:
    resume.description = "Go on with a copy that was begun with --journal FILE: same units, same options."
    resume.add_argument("journal", metavar="FILE")
    _add_verify(resume)
    _add_force(resume)
    resume.add_argument("--verbose", "-v", action="store_true", help="limits and where each came from")
    resume.add_argument("--json", action="store_true", help="JSON lines on standard output")


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--verify",
        nargs="?",
        type=_scope,
        const=WHOLE,
        metavar=SCOPE,
        help="compare what is copied with the source: all of it, or N pieces of 64 KiB (sample: 1000)",
    )


def _add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--force",
        action="append",
        type=_kinds,
        metavar="=KIND[,KIND...]",
        help="write to a destination although it is in use in these ways; a refusal names them",
    )


def _add_list(words: argparse.ArgumentParser) -> None:
    words.description = (
        "List the SCSI units of this machine, each once with all its paths. No command is sent, no device\n"
        "opened, so any user may; what the kernel does not show is said to be unknown, and why."
    )
    words.formatter_class = argparse.RawDescriptionHelpFormatter
    words.add_argument(
        "devices", nargs="*", metavar="DEV", help="only these, or emu:DIR for an array's units"
    )
    words.add_argument("--json", action="store_true", help="JSON lines on standard output")


def _add_probe(probe: argparse.ArgumentParser) -> None:
    probe.formatter_class = argparse.RawDescriptionHelpFormatter
    probe.usage = (
        "xcopy-dev probe SRC[:LBA[+COUNT]] DST[:LBA] [options]\n       xcopy-dev probe DEV... [options]"
    )
    probe.description = (
        "Say whether the storage would do a copy, by which limits, and what stands against it; or what a\n"
        "unit is and can do. Units are only asked: nothing is written."
    )
    probe.epilog = (
        "exit codes, of SRC and DST: 0 the storage would do all of it, as far as both units tell; else what\n"
        "--require offload would end with: 1 a unit cannot be asked, 2 usage, 3 unsafe, 4 not supported"
    )
    probe.add_argument("devices", nargs="+", metavar="DEV", help="as in a copy; of two, SRC comes first")
    _add_ways(probe)


def _add_emu(emu: argparse.ArgumentParser) -> None:
    on_array = emu.add_subparsers(dest="emu_command", required=True)
    create = on_array.add_parser(
        "create", help="make an array of units that are files in DIR", allow_abbrev=False
    )
    create.add_argument("directory", metavar="DIR")
    create.add_argument("--units", type=int, default=2, metavar="N", help="how many (default 2)")
    create.add_argument("--size", default="64MiB", metavar="SIZE", help="of each unit (default 64MiB)")
    create.add_argument("--block-size", type=int, default=512, metavar="BYTES", help="512 or 4096")
    create.add_argument(
        "--thin", type=int, metavar="BLOCKS", help="thin units: so many blocks get or lose storage together"
    )
    create.add_argument(
        "--profile",
        default="strict",
        metavar="NAME",
        help="a kind of array, from emu profiles (default strict)",
    )
    profiles = on_array.add_parser(
        "profiles", help="the kinds of arrays that create can make", allow_abbrev=False
    )
    serve = on_array.add_parser(
        "serve", help="make the units of DIR disks of this kernel, until Ctrl-C", allow_abbrev=False
    )
    serve.add_argument("directory", metavar="DIR")
    serve.add_argument("--nexuses", type=int, default=1, metavar="N", help="initiators (default 1)")
    clean = on_array.add_parser(
        "clean", help="remove the disks that a killed serve left behind", allow_abbrev=False
    )
    for each in (profiles, serve, clean):
        each.add_argument("--json", action="store_true", help="JSON lines on standard output")


def _add_decode(decode: argparse.ArgumentParser) -> None:
    decode.formatter_class = argparse.RawDescriptionHelpFormatter
    decode.description = (
        "Say what bytes mean: commands, parameter lists, results, VPD pages, sense data, ROD tokens.\n"
        "Without FILE or HEX, standard input is read: hex as tools print it, or binary. A sense that\n"
        "follows its command and parameter list in the input is shown with the field it points at."
    )
    decode.epilog = "exit codes: 0 all is read, 1 something is damaged, 2 not to be read or not recognised"
    decode.add_argument("input", nargs="*", metavar="FILE|-|HEX")
    decode.add_argument("--as", dest="structure", metavar="NAME", help="what the bytes are, from --list")
    decode.add_argument("--list", action="store_true", help="the names of all structures, and of groups")
    decode.add_argument("--json", action="store_true", help="JSON lines on standard output")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= LONGEST_TIMEOUT:
        raise argparse.ArgumentTypeError(f"{text}: seconds above 0 and up to {LONGEST_TIMEOUT}")
    return seconds


def _kinds(text: str) -> frozenset[str]:
    from xcopy.claim import forced
    from xcopy.errors import UsageError

    if text == UNSAID:
        return frozenset()
    try:
        return forced(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error).partition(": ")[2]) from error


def _scope(text: str) -> str:
    from xcopy.errors import UsageError
    from xcopy.verification import scope_of

    try:
        scope_of(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _size(text: str) -> int:
    from xcopy.errors import UsageError
    from xcopy.ranges import parse_quantity

    try:
        quantity = parse_quantity(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if quantity.scale is None or not quantity.number:
        raise argparse.ArgumentTypeError(f"{text}: a size has a suffix and is more than 0, such as 4MiB")
    return quantity.number * quantity.scale


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_SEGMENTS:
        raise argparse.ArgumentTypeError(f"{text}: a number from 1 to {MOST_SEGMENTS}")
    return int(text)


def _add_ways(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output")
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="for each command")
    parser.add_argument(
        "--transport", choices=("sg", "sgio"), default="sg", help="how commands are sent (default sg)"
    )


@dataclass(frozen=True, slots=True)
class Command:
    """A word that begins a command line: what it is for, and what adds its arguments to a parser."""

    help: str
    add: Callable[[argparse.ArgumentParser], None]


COMMANDS = {
    "copy": Command("copy blocks (the default)", _add_copy),
    "reflink": Command("make a file that shares all blocks of another", _add_reflink),
    "resume": Command("go on with a copy from its journal", _add_resume),
    "list": Command("list SCSI units, their paths and who uses them", _add_list),
    "probe": Command("show what units are and can do", _add_probe),
    "decode": Command("say what bytes mean", _add_decode),
    "emu": Command("the emulated array", _add_emu),
}
