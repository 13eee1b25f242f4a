"""Patient data: found in what a ticket says, moved to its compartment, and given back only to whom may see it.

`shield` runs once, when a ticket is read; `clear` makes the view for a sink. Redacted text is not de-identified text:
rules miss bare first names, misspellings and stories, so a redacted ticket is still treated as sensitive.
"""

from connector.phi.clear import clear
from connector.phi.detect import PhiDetector
from connector.phi.shield import Audit, shield, shield_with_audit

__all__ = ["Audit", "PhiDetector", "clear", "shield", "shield_with_audit"]
