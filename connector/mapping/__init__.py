"""The admin's YAML: which sink field gets what from the ticket. Loaded and checked as a whole, then rendered."""

from connector.mapping.catalogue import Entry, ticket_fields, transforms
from connector.mapping.load import MappedField, Mapping, load
from connector.mapping.model import schema
from connector.mapping.render import Rendered, render, render_comment

__all__ = [
    "Entry",
    "MappedField",
    "Mapping",
    "Rendered",
    "load",
    "render",
    "render_comment",
    "schema",
    "ticket_fields",
    "transforms",
]
