"""Bytes of a file that may end anywhere: nothing is read, or reserved, beyond its end."""

import io

from pathflow._errors import CheckpointError

_LONGEST_LINE = 1024


class Source:
    """A file, or a part of one, that is read from its start.

    Arguments:
        file: open for reading, at its start.
        size: in bytes.
        where: what error messages call it.
    """

    def __init__(self, file: io.BufferedIOBase, size: int, where: str):
        self._file = file
        self.size = size
        self.where = where
        self.position = 0

    def refusal(self, message: str) -> CheckpointError:
        """The error for something wrong just before the position."""
        return CheckpointError(f"{self.where}: at byte {self.position}, {message}")

    def take(self, count: int, what: str) -> bytes:
        """The next bytes.

        Raises:
            CheckpointError: there are fewer; `what` names them.
        """
        if count > self.size - self.position:
            raise self._too_short(count, what)
        content = self._file.read(count)
        self.position += len(content)
        if len(content) != count:
            raise self.refusal(f"{what} ends early; the file changes while it is read.")
        return content

    def go(self, position: int, what: str) -> None:
        """Reads on at another place.

        Raises:
            CheckpointError: it is beyond the end; `what` names what would be passed over.
        """
        if position > self.size:
            raise self._too_short(position - self.position, what)
        self.position = self._file.seek(position)

    def line(self, what: str) -> str:
        """The next bytes up to a line feed, which is not part of them.

        Raises:
            CheckpointError: there is none near, or the bytes are no UTF-8.
        """
        content = self._file.readline(_LONGEST_LINE)
        self.position += len(content)
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

    def _too_short(self, count: int, what: str) -> CheckpointError:
        return self.refusal(
            f"{what} takes {count} bytes and {self.size - self.position} are left; the file is cut "
            "short or damaged."
        )
