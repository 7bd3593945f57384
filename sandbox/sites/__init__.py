"""One module per site: its addresses, what it answers, and how it refuses."""
