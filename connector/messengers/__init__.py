"""Telling people: by mail, by a signed callback, by a bot's service, or in a way of the source's own."""
