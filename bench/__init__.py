"""Speed and memory, measured beside the goals. `make bench`; never part of the tests."""
