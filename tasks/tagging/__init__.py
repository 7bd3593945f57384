"""Tags by the champions: every track and film of the warehouse, or a user's own table."""

from tasks.tagging.champions import load_champions
from tasks.tagging.files import FileReport, tag_file
from tasks.tagging.films import RatingReport, rate_films
from tasks.tagging.tracks import TaggingReport, tag_tracks

__all__ = ["FileReport", "RatingReport", "TaggingReport", "load_champions", "rate_films", "tag_file", "tag_tracks"]
