"""Examples: `flights.toml`, and the functions that it names."""
