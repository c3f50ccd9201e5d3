"""Files and ZIPs of files, one by one: a ZIP is unpacked member by member, and can neither fill the disk nor escape."""

import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

ENCRYPTED = 1  # of the flags of a ZIP's member
MOST_BYTES = 1_000_000_000  # that the members of one ZIP may unpack to
# Damage, a compression or an encryption that Python does not know.
UNREADABLE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError, zlib.error)


def count(paths: Sequence[str]) -> int:
    """Count the images, those within ZIPs too."""
    total = 0
    for path in paths:
        try:
            with zipfile.ZipFile(path) as archive:
                total += len(_listed(archive))
        except UNREADABLE:
            total += 1
    return total


def unpack(paths: Sequence[str], folder: Path) -> Iterator[tuple[str, Path | str]]:
    """Yield the name of each image with its file, or with the reason why there is none."""
    for path in map(Path, paths):
        if not zipfile.is_zipfile(path):
            yield path.name, path
            continue
        try:
            with zipfile.ZipFile(path) as archive:
                yield from _members(archive, folder)
        except UNREADABLE as error:
            yield path.name, f"the ZIP cannot be read: {error}"


def _members(archive: zipfile.ZipFile, folder: Path) -> Iterator[tuple[str, Path | str]]:
    members, own = _listed(archive), Path(archive.filename or "").name
    if not members:
        yield own, "the ZIP holds no file: expected radiographs"
    if sum(one.file_size for one in members) > MOST_BYTES:
        yield own, f"the ZIP unpacks to over {MOST_BYTES // 1_000_000} MB"
        return
    for number, member in enumerate(members):
        if member.flag_bits & ENCRYPTED:
            yield member.filename, "is encrypted: expected a ZIP without a password"
            continue
        target = folder / str(number)  # its own name may be too long, or a path
        try:
            with archive.open(member) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
        except UNREADABLE as error:
            yield member.filename, f"cannot be unpacked: {error}"
        else:
            yield member.filename, target


def _listed(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the members of a ZIP that may be images: no folders, nothing hidden."""
    return [one for one in archive.infolist() if not one.is_dir() and not _hidden(one.filename)]


def _hidden(name: str) -> bool:
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith(".")
