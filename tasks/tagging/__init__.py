"""Tags by the champions: every track of the warehouse, or a user's own table."""

from tasks.tagging.champions import load_champions
from tasks.tagging.files import FileReport, tag_file
from tasks.tagging.tracks import TaggingReport, tag_tracks

__all__ = ["FileReport", "TaggingReport", "load_champions", "tag_file", "tag_tracks"]
