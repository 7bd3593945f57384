"""Spotify's tracks for the songs that charts, soundtracks and listings name."""
