"""The command line's own parts: how a command starts and ends, and what it puts on the screen."""
