"""When many reports are of one outage. Pure: what a ticket is known by, how like two are, and what belongs together."""
