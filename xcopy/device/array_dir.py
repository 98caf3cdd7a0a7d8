"""The emulated array kept in a directory: array.json says what it is, unit-N.img hold the blocks.

Which files there are, and how the array is made of them. The bytes of a unit's file are `file_backing`'s
question, what a unit answers `xcopy.target`'s.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
import weakref
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from cdb.copy_results import OperatingParameters
from xcopy.device import worker
from xcopy.device.file_backing import FileBacking
from xcopy.errors import AccessError, UsageError
from xcopy.target.array import Array, serial
from xcopy.target.identity import ARRAY_ID_LENGTH
from xcopy.target.profile import STRICT
from xcopy.target.profiles import PROFILES
from xcopy.target.unit import BLOCK_SIZES, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xcopy.target.profile import Profile

FORMAT = 2
BEFORE_PROFILES = 1  # a format without a profile's name, and with all that is kept of one
OVERRIDES = ("advertised", "enforced", "chunk_size")
DESCRIPTION = "array.json"
MAXIMUM_GRANULARITY = 1 << 16  # blocks
MAXIMUM_UNITS = 256  # each open unit holds a file descriptor

_lock = Lock()
_opened: weakref.WeakValueDictionary[tuple[str, int, int, int], Array] = weakref.WeakValueDictionary()


def unit_file(directory: str | os.PathLike[str], number: int) -> Path:
    """Where the blocks of a unit are kept."""
    return Path(directory) / f"unit-{number}.img"


def create(
    directory: str | os.PathLike[str],
    *,
    units: int,
    size: int,
    block_size: int | Sequence[int] = 512,
    third_party_copy: bool | Sequence[bool] = True,
    read_only: bool | Sequence[bool] = False,
    granularity: int | Sequence[int] = 0,
    profile: str = STRICT.name,
    parameters: OperatingParameters | None = None,
    enforced: OperatingParameters | None = None,
    chunk_size: int | None = None,
) -> None:
    """Make an array of `units` units of `size` bytes, all zeros and sparse; a sequence has one value a unit.

    A unit with a `granularity` is thin: so many blocks get storage together, or lose it. `profile` is the
    name of one of `PROFILES`; `parameters` that it advertises, those it holds to and its chunk size may be
    others, and what is advertised is held to unless `enforced` says something else.

    The directory is made unless it is there and empty. What cannot be made is a `UsageError`, and
    nothing of it is left behind.
    """
    _check_count(units)
    if profile not in PROFILES:
        raise UsageError(f"there is no profile {profile}; there are {', '.join(PROFILES)}")
    described = [
        {
            "number": number,
            "block_size": block,
            "blocks": _whole_blocks(size, block),
            "third_party_copy": bool(copy),
            "read_only": bool(protected),
            "granularity": _granularity(granule),
        }
        for number, (block, copy, protected, granule) in enumerate(
            zip(
                _each("block_size", block_size, units),
                _each("third_party_copy", third_party_copy, units),
                _each("read_only", read_only, units),
                _each("granularity", granularity, units),
                strict=True,
            )
        )
    ]
    array_id = os.urandom(ARRAY_ID_LENGTH)
    content = {
        "format": FORMAT,
        "array_id": array_id.hex(),
        "profile": profile,
        **_overrides(parameters, enforced or parameters, chunk_size),
        "units": [{**unit, "serial": serial(array_id, n)} for n, unit in enumerate(described)],
    }
    path = Path(directory)
    try:
        _make(path, content, units, size)
    except OverflowError:
        raise UsageError(f"cannot make an array in {path}: no file is {size} bytes long") from None
    except OSError as error:
        raise UsageError(f"cannot make an array in {path}: {error.strerror or error}") from error


def open_array(directory: str | os.PathLike[str]) -> Array:
    """The array in a directory; every call for the same directory gives the same `Array` while one is in use.

    No array there, a damaged array.json, or an image that is missing or has another size is a `UsageError`;
    no permission is an `AccessError`.
    """
    path = Path(os.path.realpath(directory))
    with _lock:
        content, key = _read(path)
        described = _units(path, content)
        for unit in described:
            _check_image(unit_file(path, unit["number"]), unit)
        array = _opened.get(key)
        if array is None:
            array = _opened[key] = _build(path, content, described)
        return array


def _overrides(
    advertised: OperatingParameters | None, enforced: OperatingParameters | None, chunk_size: int | None
) -> dict[str, Any]:
    """What of the profile is another here, as it is kept."""
    values = (advertised and advertised.values(), enforced and enforced.values(), chunk_size)
    return {name: value for name, value in zip(OVERRIDES, values, strict=True) if value is not None}


def _check_count(units: int) -> None:
    if not 1 <= units <= MAXIMUM_UNITS:
        raise UsageError(f"an array has 1 to {MAXIMUM_UNITS} units, not {units}")


def _whole_blocks(size: int, block_size: int) -> int:
    if block_size not in BLOCK_SIZES:
        raise UsageError(f"a block is 512 or 4096 bytes, not {block_size}")
    if size <= 0 or size % block_size:
        below = size // block_size * block_size
        near = f"{below} or {below + block_size}" if below > 0 else f"{block_size}"
        raise UsageError(
            f"a unit of {size} bytes is not made of whole {block_size}-byte blocks; {near} bytes would be"
        )
    return size // block_size


def _granularity(blocks: int) -> int:
    if not 0 <= blocks <= MAXIMUM_GRANULARITY:
        raise UsageError(
            f"a thin unit gets storage for 1 to {MAXIMUM_GRANULARITY} blocks together, not {blocks}; "
            "0 makes a unit that is not thin"
        )
    return blocks


def _each(name: str, value: int | bool | Sequence[int] | Sequence[bool], units: int) -> Sequence[int | bool]:
    """One value for every unit."""
    if isinstance(value, int):
        return [value] * units
    if len(value) != units:
        raise UsageError(f"{name}: {units} units need {units} values, {len(value)} were given")
    return value


def _make(path: Path, content: dict[str, Any], units: int, size: int) -> None:
    """The directory, the images, and array.json last: a directory without it is no array."""
    made: list[Path] = []
    try:
        try:
            path.mkdir()
            made.append(path)
        except FileExistsError:
            if not path.is_dir():
                raise UsageError(f"{path} is there and is not a directory") from None
            if any(path.iterdir()):
                raise UsageError(f"{path} is not empty; an array wants a new or an empty directory") from None
        for number in range(units):
            made.append(unit_file(path, number))
            with made[-1].open("xb") as image:
                image.truncate(size)
        made.append(path / DESCRIPTION)
        with made[-1].open("x", encoding="ascii") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        for each in reversed(made):
            with contextlib.suppress(OSError):
                each.rmdir() if each == path else each.unlink()
        raise


def _read(path: Path) -> tuple[dict[str, Any], tuple[str, int, int, int]]:
    """What array.json says, and what tells this array.json from any other."""
    description = path / DESCRIPTION
    try:
        with description.open("rb") as file:
            found = os.fstat(file.fileno())
            content = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            f"{path} holds no emulated array: there is no {DESCRIPTION}; xcopy-dev emu create makes one"
        ) from None
    except PermissionError as error:
        raise AccessError(f"{description}: {error.strerror}") from error
    except OSError as error:
        raise UsageError(f"{description}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{description} is damaged: {error}") from error
    if not isinstance(content, dict) or content.get("format") not in (BEFORE_PROFILES, FORMAT):
        raise UsageError(f"{description} is damaged: it is not an array of format {FORMAT}")
    return content, (str(path), found.st_dev, found.st_ino, found.st_mtime_ns)


def _units(path: Path, content: dict[str, Any]) -> list[dict[str, Any]]:
    """The units array.json describes, every value of the right kind."""
    kinds = {"number": int, "serial": str, "block_size": int, "blocks": int, "granularity": int}
    flags = {"third_party_copy": bool, "read_only": bool}
    listed = content.get("units")
    if not isinstance(listed, list) or not listed:
        raise UsageError(f"{path / DESCRIPTION} is damaged: it lists no units")
    for unit in listed:
        if isinstance(unit, dict):
            unit.setdefault("granularity", 0)  # arrays made when there were no thin units
        for name, kind in {**kinds, **flags}.items():
            if not isinstance(unit, dict) or type(unit.get(name)) is not kind:
                raise UsageError(f"{path / DESCRIPTION} is damaged: a unit has no right {name}")
    return listed


def _check_image(image: Path, unit: dict[str, Any]) -> None:
    size = unit["blocks"] * unit["block_size"]
    try:
        found = image.stat()
    except FileNotFoundError:
        raise UsageError(f"{image} is missing: unit {unit['number']} of the array has no blocks") from None
    except OSError as error:
        raise AccessError(f"{image}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{image} is not a file")
    if found.st_size != size:
        raise UsageError(f"{image} is {found.st_size} bytes long, {DESCRIPTION} says {size}")


def _build(path: Path, content: dict[str, Any], described: list[dict[str, Any]]) -> Array:
    try:
        units = [
            Unit(
                **unit,
                backing=FileBacking(
                    unit_file(path, unit["number"]),
                    unit["blocks"] * unit["block_size"],
                    writable=not unit["read_only"],
                ),
            )
            for unit in described
        ]
        return Array(
            units,
            _profile(content),
            array_id=bytes.fromhex(content["array_id"]),
            now=time.monotonic,
            token_bytes=os.urandom,
            later=_in_the_background,
            pause=time.sleep,
        )
    except OSError as error:
        raise AccessError(f"{error.filename or path}: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path / DESCRIPTION} is damaged: {error}") from error


def _in_the_background(do: Callable[[], None]) -> None:
    worker.start(do, "copy in the background")


def _profile(content: dict[str, Any]) -> Profile:
    """The profile by its name, with what is kept of it here."""
    named = content["format"] == FORMAT
    profile = PROFILES.get(content["profile"]) if named else STRICT
    if profile is None:
        raise ValueError(f"there is no profile {content['profile']}; there are {', '.join(PROFILES)}")
    kept = {name: content[name] for name in OVERRIDES if name in content or not named}
    changes: dict[str, Any] = {name: _parameters(kept[name]) for name in kept.keys() - {"chunk_size"}}
    if "enforced" in changes:
        changes["enforces"] = changes.pop("enforced")
    if "chunk_size" in kept:
        changes["chunk_size"] = int(kept["chunk_size"])
    return replace(profile, **changes)


def _parameters(found: dict[str, Any]) -> OperatingParameters:
    """Operating parameters from array.json; packed once, so that a value no field holds is found here."""
    known = {name: found[name] for name in OperatingParameters.field_names()}
    known["implemented_types"] = tuple(known["implemented_types"])
    parameters = OperatingParameters(**known)
    parameters.pack()
    return parameters
