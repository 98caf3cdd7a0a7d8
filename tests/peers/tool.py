"""A tool of sg3-utils, run on bytes; and what it prints, read as fields.

Belongs here: how a tool is run, which version it is, and how it writes numbers. What its fields mean, each
test says of its own tool.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

YES_NO = {"yes": 1, "no": 0, "true": 1, "false": 0, "set": 1, "clear": 0}


@dataclass(frozen=True)
class Said:
    """What a tool printed."""

    out: str
    err: str


@dataclass(frozen=True)
class Tool:
    """A tool by its name, with the version whose errors the tests list."""

    name: str
    listed: str

    def __str__(self) -> str:
        return self.name

    @property
    def needed(self) -> pytest.MarkDecorator:
        """The mark of tests that run it."""
        return pytest.mark.skipif(
            not shutil.which(self.name), reason=f"{self.name} (sg3-utils) is not installed"
        )

    @cached_property
    def version(self) -> str:
        """The version that is installed: number and date."""
        said = self.run("--version")
        found = re.search(r"version(?: string)?: (.+)", said.out + said.err, re.IGNORECASE)
        assert found, f"{self.name} does not say which version it is"
        return found[1].strip()

    @property
    def is_listed(self) -> bool:
        """Whether the installed version is the one whose errors are listed."""
        return self.version == self.listed

    def run(self, *options: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> Said:
        """Run it with the bytes as standard input."""
        done = subprocess.run(
            [self.name, *options],
            input=data,
            capture_output=True,
            check=False,
            timeout=10,
            env={**os.environ, "LC_ALL": "C", **(env or {})},
        )
        return Said(done.stdout.decode("latin-1"), done.stderr.decode("latin-1"))


def number(text: str, words: Mapping[str, int] = YES_NO) -> int | str:
    """The number a tool printed, -1 for "no limit"; text that is none stays as it is."""
    text = text.strip()
    if text in words:
        return words[text]
    if power := re.search(r"(?<!\w)2(?:\^|\*\*)(\d+)", text):
        return 1 << int(power[1])
    if plain := re.match(r"(0x[0-9a-f]+|-?\d+)(?![\w.])", text):
        return int(plain[1], 0)
    if behind := re.search(r"\[(0x[0-9a-f]+)\]$", text):
        return int(behind[1], 16)
    return text


def colon(line: str, words: Mapping[str, int] = YES_NO) -> tuple[str, int | str]:
    """A line `label: value`, or `label=value`."""
    label, _, value = re.split(r"(: ?|=)", line.strip(), maxsplit=1)
    return label, number(value, words)


def dumped(lines: list[str]) -> bytes:
    """The bytes of a hex dump without addresses."""
    rows = [re.match(r"\s*((?:[0-9a-f]{2} ?(?: |$|(?=[0-9a-f]))){1,24})", line) for line in lines]
    return b"".join(bytes.fromhex(row[1]) for row in rows if row)


SG_VPD = Tool("sg_vpd", listed="1.63 20210328")  # these four are those of sg3-utils 1.46
SG_INQ = Tool("sg_inq", listed="2.10 20210328")
SG_DECODE_SENSE = Tool("sg_decode_sense", listed="1.21 20190602")
SG_COPY_RESULTS = Tool("sg_copy_results", listed="1.23 20180625")
