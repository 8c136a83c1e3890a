"""Why a database file is refused, each with what to do about it."""

from collections.abc import Sequence
from pathlib import Path

from actors.errors import GreenroomError
from actors.ports import StorageUnavailable


class JournalOverloaded(StorageUnavailable):
    """More writes wait for the disk than the journal holds; this one was not taken."""


class StorageRefused(GreenroomError):  # noqa: N818  the domain's word: a file is refused
    """A database file will not be opened; nothing in it was changed.

    :param path: the file.
    :param message: what is wrong and what to do, for an operator.
    """

    reason = "storage_refused"

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class InUse(StorageRefused):
    """Another engine has the file.

    :param holder: the other process's id, if it could be read.
    """

    reason = "in_use"

    def __init__(self, path: Path, holder: int | None) -> None:
        who = f"process {holder}" if holder else "another process"
        super().__init__(
            path,
            f"in use by {who}. Stop that engine first, or give this one another data directory."
            " Backup and export work beside a running engine.",
        )
        self.holder = holder


class NewerVersion(StorageRefused):
    """A newer Greenroom has written the file.

    :param unknown: names of the migrations this version does not know.
    """

    reason = "newer_version"

    def __init__(self, path: Path, unknown: Sequence[str]) -> None:
        super().__init__(
            path,
            f"written by a newer version (unknown migrations: {', '.join(unknown)})."
            " Install that version, or start from a backup made before the upgrade.",
        )
        self.unknown = tuple(unknown)


class NotOurs(StorageRefused):
    """The file is a database, but of another program."""

    reason = "not_ours"

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, "this is not a Greenroom database. Give the engine another data directory."
        )


class Unwritable(StorageRefused):
    """The file, or the folder it is in, cannot be written."""

    reason = "unwritable"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            path,
            f"cannot be written ({why}). The engine needs to write the file and its folder:"
            " check owner, permissions and whether the disk is mounted read-only.",
        )


class Damaged(StorageRefused):
    """The file is damaged.

    :param findings: what the check found, the first few lines.
    """

    reason = "damaged"

    def __init__(self, path: Path, findings: Sequence[str]) -> None:
        super().__init__(
            path,
            f"damaged ({'; '.join(findings[:3])}). Keep the file and its -wal beside it as they"
            " are. `greenroom salvage` copies every event that can still be read, entity by entity"
            " up to the first gap, into a new file; a backup holds what it held when it was made.",
        )
        self.findings = tuple(findings)
