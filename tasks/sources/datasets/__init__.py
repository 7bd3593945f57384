"""Data set files that the operator brings: recognised by their columns, checked row by row, landed in the lake."""

from tasks.sources.datasets.importing import ImportReport, import_files

__all__ = ["ImportReport", "import_files"]
