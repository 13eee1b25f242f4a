"""Pages for people."""

from connector.web.page import page

__all__ = ["page"]
