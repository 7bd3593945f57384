"""Melon's charts, tonight's and those of past years, and the pages of the songs on them."""
