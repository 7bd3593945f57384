"""Audio features of tracks, from the first provider of the chain that knows them."""
