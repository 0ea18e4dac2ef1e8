"""Client of a running UI's HTTP API."""
