"""Bytes of a file that may end anywhere: nothing is read, or reserved, beyond its end."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pathflow._errors import CheckpointError

_LONGEST_LINE = 1024


@dataclass(frozen=True, eq=False)
class Source:
    """A file, or a part of one, with its size.

    Arguments:
        file: open for reading.
        size: in bytes.
        where: what error messages call it.
    """

    file: BinaryIO
    size: int
    where: str

    @classmethod
    def of(cls, file: BinaryIO, path: Path) -> "Source":
        """A whole file, read from its start."""
        size = file.seek(0, 2)
        file.seek(0)
        return cls(file, size, str(path))

    @property
    def position(self) -> int:
        """Where the next byte is read."""
        return self.file.tell()

    def refusal(self, message: str) -> CheckpointError:
        """The error for something wrong just before the position."""
        return CheckpointError(f"{self.where}: at byte {self.position}, {message}")

    def take(self, count: int, what: str) -> bytes:
        """The next bytes.

        Raises:
            CheckpointError: there are fewer; `what` names them.
        """
        self.need(count, what)
        content = self.file.read(count)
        if len(content) != count:
            raise self.refusal(f"{what} ends early; the file changes while it is read.")
        return content

    def skip(self, count: int, what: str) -> None:
        """Passes the next bytes over.

        Raises:
            CheckpointError: there are fewer; `what` names them.
        """
        self.need(count, what)
        self.file.seek(count, 1)

    def line(self, what: str) -> str:
        """The next bytes up to a line feed, which is not part of them.

        Raises:
            CheckpointError: there is none near, or the bytes are no UTF-8.
        """
        content = self.file.readline(_LONGEST_LINE)
        if not content.endswith(b"\n"):
            raise self.refusal(f"{what} has no end within {_LONGEST_LINE} bytes.")
        return self.text(content[:-1], what)

    def text(self, content: bytes, what: str) -> str:
        """Bytes as text.

        Raises:
            CheckpointError: they are no UTF-8.
        """
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise self.refusal(f"{what} is no UTF-8 text ({error.reason}).") from None

    def need(self, count: int, what: str) -> None:
        """Refuses a size that the file does not have left.

        Raises:
            CheckpointError: it has not.
        """
        left = self.size - self.position
        if count > left:
            raise self.refusal(
                f"{what} takes {count} bytes and {left} are left; the file is cut short or damaged."
            )
