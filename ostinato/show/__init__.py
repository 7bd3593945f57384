"""What commands print: for people by default, one JSON document with `--json`."""
