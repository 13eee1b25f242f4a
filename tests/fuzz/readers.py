"""The readers by name. Each is made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.fuzz import bot, button, mail
from tests.fuzz.target import Target

READERS: Mapping[str, Callable[[], Target]] = {
    "button": button.target,
    "bot": bot.target,
    "mail": mail.target,
}
