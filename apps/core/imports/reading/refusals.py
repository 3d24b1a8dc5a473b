"""What is wrong with a file as a whole."""

from apps.core.imports.report import Fault


class RefusedFileError(ValueError):
    """A file of which no record can be read, or none may be."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


def refused(code: str, reason: str, line: int | None = None, column: str = "") -> RefusedFileError:
    return RefusedFileError(Fault(reason, line, column, code))
