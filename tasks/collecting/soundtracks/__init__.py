"""Soundtrack credits of films: IMDb's lists, and MusicBrainz' recordings where IMDb gives none."""
