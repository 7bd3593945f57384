"""Finds the tracks that soundtrack credits and chart songs speak of, by normalised title and performer.

| module | does |
| --- | --- |
| `texts` | what titles, names and albums mean, read once and kept |
| `candidates` | brings together pairs worth scoring: equal titles, and near titles of one artist |
| `likeness` | how alike two names or two titles are |
| `deciding` | one score and method for each pair, and which pairs are matches |
| `changes` | which credits and songs have to be looked at anew since the last night |
| `blocks` | many queries matched in blocks, by workers elsewhere |
| `catalogue` | the step of a refresh: from the warehouse's credits and charts to its matches |
"""

from tasks.matching.catalogue import MatchReport, match_all
from tasks.matching.deciding import MATCHES, best_only, match

__all__ = ["MATCHES", "MatchReport", "best_only", "match", "match_all"]
