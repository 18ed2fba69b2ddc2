"""The study's own error, so that the command line can tell a wrong input from a defect."""


class StudyError(ValueError):
    """An input of the study (a file, a vocabulary, an option) that cannot be used."""
