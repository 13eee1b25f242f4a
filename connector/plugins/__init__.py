"""What a source and a sink are: the protocols, and the values that pass between them and the engine.

A plugin is found by its entry point (`connector.sources`, `connector.sinks`), imported at first use, and built as
`PluginClass(name, settings, tools)`, where `settings` is an instance of the class's own `settings` model. It imports
`ticket`, `errors`, `clock`, this module and `wire`, and nothing else of ours. The suites in `connector.contract`
say what every plugin must do.
"""

from __future__ import annotations

from connector.plugins.changes import Article, Change, ChangePage, Known, Said, Status
from connector.plugins.keys import KEY_LIMIT, Key
from connector.plugins.limits import ONE_REQUEST, Allowance, Cost, Limiter, Unlimited
from connector.plugins.settings import (
    Clearance,
    IntakeSettings,
    PluginSettings,
    Secret,
    Secrets,
    SinkSettings,
    SourceSettings,
    WebAddress,
)
from connector.plugins.sinks import PROBLEM, OneByOne, Parents, Sink, SinkTools
from connector.plugins.sources import (
    Acknowledges,
    Asks,
    Counted,
    Notifies,
    Page,
    Reading,
    Record,
    Rejected,
    Reply,
    Source,
    SourceTools,
    TakesPosts,
)
from connector.plugins.writes import Can, Do, FieldSpec, Job, Look, Outcome, Receipt, Remote, Resolved, Write

__all__ = [
    "KEY_LIMIT",
    "ONE_REQUEST",
    "PROBLEM",
    "Acknowledges",
    "Allowance",
    "Article",
    "Asks",
    "Can",
    "Change",
    "ChangePage",
    "Clearance",
    "Cost",
    "Counted",
    "Do",
    "FieldSpec",
    "IntakeSettings",
    "Job",
    "Key",
    "Known",
    "Limiter",
    "Look",
    "Notifies",
    "OneByOne",
    "Outcome",
    "Page",
    "Parents",
    "PluginSettings",
    "Reading",
    "Receipt",
    "Record",
    "Rejected",
    "Remote",
    "Reply",
    "Resolved",
    "Said",
    "Secret",
    "Secrets",
    "Sink",
    "SinkSettings",
    "SinkTools",
    "Source",
    "SourceSettings",
    "SourceTools",
    "Status",
    "TakesPosts",
    "Unlimited",
    "WebAddress",
    "Write",
]
