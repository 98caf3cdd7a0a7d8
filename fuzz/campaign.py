"""Inputs that reach further, by atheris: `python -m fuzz.campaign LAW [libFuzzer option ...]`.

Belongs here: what libFuzzer is told. It keeps every input that reaches code no other did in .cache/fuzz/LAW,
where `mutations` finds them, and writes one that breaks the law to .cache/fuzz/LAW-crash-...;
`python -m fuzz.campaign LAW FILE` runs that again.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["cdb", "xcopy"]):
    from fuzz.decoders import LAWS

from fuzz.mutations import FOUND
from fuzz.seeds import LONGEST, seeds

LIMITS = ("-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0")


def main(law: str, options: list[str]) -> None:
    """Run one law until an input breaks it or the options say stop."""
    corpus = FOUND / law
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(law)):
        (corpus / f"seed-{number:04}").write_bytes(seed)
    told = [*LIMITS, f"-max_len={LONGEST[law]}", f"-artifact_prefix={FOUND}/{law}-"]
    where = [str(corpus)] if all(option.startswith("-") for option in options) else []
    atheris.Setup([sys.argv[0], *told, *options, *where], LAWS[law])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
