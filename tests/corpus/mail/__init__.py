"""Mails as hospitals have them: each with what it is to be read as. `CORPUS` holds them all, by name."""

from __future__ import annotations

from .case import Case
from .contents import CONTENTS
from .machines import MACHINES
from .talks import TALKS

CORPUS: dict[str, Case] = {case.name: case for case in (*TALKS, *MACHINES, *CONTENTS)}
assert len(CORPUS) == len(TALKS) + len(MACHINES) + len(CONTENTS), "two cases have one name"
