"""Mailboxes on a server, by IMAP (RFC 3501; UIDPLUS RFC 4315, MOVE RFC 6851, response codes RFC 5530)."""
