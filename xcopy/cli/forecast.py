"""`xcopy-dev probe SRC DST`: whether the storage would do it in the first line, then why, then the units."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from xcopy.api.forecast import Verdict, forecast
from xcopy.api.options import Options
from xcopy.cli.exit_codes import ExitCode, code_of_error
from xcopy.cli.probe import show_side
from xcopy.cli.streams import plain
from xcopy.conversation import Side
from xcopy.limits import Limits
from xcopy.settings import size_text as size

if TYPE_CHECKING:
    import argparse

    from xcopy.api.copy import Copy
    from xcopy.api.forecast import Forecast, PairOffer

WIDTH = 100
BY_HOST = "without --require offload this host would read and write it"
REMARKS = {
    "warning": "warning: ",
    "doubt": "the storage may refuse it all the same: ",
    "quirk": "known of ",
    "caution": "to know of ",
}


def run_forecast(arguments: argparse.Namespace) -> int:
    """Say what a copy from the first device to the second would come to; returns the exit code."""
    source, destination = arguments.devices
    options = Options(transport=arguments.transport, timeout=arguments.timeout)
    found = forecast(source, destination, options)
    code = ExitCode.COPIED if found.error is None else code_of_error(found.error)
    if arguments.json:
        _emit(found, code)
    else:
        _print(found)
    for side in found.sides:
        if side is not None:
            show_side(side, as_json=arguments.json)
    return code


def headline(found: Forecast) -> str:
    """The verdict in one line."""
    word = found.verdict.value
    if found.error is None:
        assert found.copy is not None
        if not found.copy.request.blocks:
            return f"{word}: 0 blocks, so there is nothing to copy"
        tell = "as far as both units tell" if found.verdict is Verdict.YES else "which both units offer"
        return f"{word}: EXTENDED COPY of {size(found.copy.request.bytes)}, {tell}"
    if found.verdict is Verdict.PART:
        assert found.copy is not None
        left = size(found.copy.host_bytes)
        return f"{word}: {left} of {size(found.copy.request.bytes)} not by EXTENDED COPY: {found.reasons[0]}"
    if found.objections:
        return f"{word}: such a copy is refused: {found.reasons[0]}"
    return f"{word}: not by EXTENDED COPY: {found.reasons[0]}"


def _print(found: Forecast) -> None:
    from xcopy.cli.render_text import print_limits

    print(plain(headline(found)))
    for reason in found.reasons[1:]:
        _paragraph(f"and: {reason}")
    for way in found.ways_out:
        _paragraph(f"to change that: {way}")
    if found.shortfall is not None and not found.objections:
        _paragraph(BY_HOST)
    if found.copy is not None:
        _paragraph(_where(found.copy))
    for remark in found.remarks:
        _paragraph(REMARKS[remark.kind] + remark.text)
    for pair in found.pairs:
        print(f"{pair.source.name} -> {pair.destination.name}: {_told(pair)}")
        if isinstance(pair.offer, Limits):
            print_limits(pair.offer)


def _paragraph(text: str) -> None:
    wrapped = textwrap.wrap(
        plain(text),
        WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in wrapped:
        print(line)


def _where(copy: Copy) -> str:
    lba, blocks, to = copy.asked.named(0)
    return (
        f"source LBA {copy.source.base + lba}, destination LBA {copy.destination.base + to}, {blocks} blocks "
        f"of {copy.source.unit.block_size} bytes"
    )


def _told(pair: PairOffer) -> str:
    if not isinstance(pair.offer, Limits):
        return f"no offload, {pair.offer.reason}"
    other = " (the destination does not take them)" if pair.to is Side.SOURCE else ""
    return f"EXTENDED COPY can be tried, commands go to the {pair.to.value}{other}"


def _emit(found: Forecast, code: ExitCode) -> None:
    from xcopy.cli.render_json import emit, limits_fields

    copy = found.copy
    lba, blocks, to = copy.asked.named(0) if copy is not None else (None, None, None)
    emit(
        "verdict",
        verdict=found.verdict.value,
        offload=found.error is None,
        exit=int(code),
        reasons=list(found.reasons),
        objections=[
            {"error": type(error).__name__, "exit": int(code_of_error(error)), "message": str(error)}
            for error in found.objections
        ],
        ways_out=list(found.ways_out),
        source_lba=None if copy is None or lba is None else copy.source.base + lba,
        destination_lba=None if copy is None or to is None else copy.destination.base + to,
        blocks=blocks,
        bytes=None if copy is None else copy.request.bytes,
        host_bytes=None if copy is None else copy.host_bytes,
        remarks=[{"kind": remark.kind, "text": remark.text} for remark in found.remarks],
    )
    for pair in found.pairs:
        limits = pair.offer if isinstance(pair.offer, Limits) else None
        emit(
            "pair",
            source=pair.source.name,
            destination=pair.destination.name,
            offload=limits is not None,
            to=pair.to.value if limits else None,
            limits=limits_fields(limits) if limits else None,
            refused=None if isinstance(pair.offer, Limits) else pair.offer.reason,
        )
