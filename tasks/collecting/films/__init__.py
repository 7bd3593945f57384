"""TMDB's films: the list of popular ones, by API or by its site, and the page of each film."""
