"""The collectors: each brings one source into the lake, knows what is fresh, and reports states by name."""
