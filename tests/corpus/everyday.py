"""What a service desk hears every day, and how people begin and end what they write."""

from __future__ import annotations

from collections.abc import Mapping

PEOPLE = 9000
PLACES = (
    *("4 West", "5 East", "6 North", "ICU", "NICU", "Emergency", "Pharmacy", "Radiology", "Oncology Clinic", "Lab"),
    *("Main OR", "Labor and Delivery", "Cardiology", "Front Desk", "Registration", "Billing Office", "Pediatrics"),
    *("Family Medicine", "Endoscopy", "PACU", "Dialysis", "Physical Therapy", "Home Health", "Warehouse"),
)
APPLICATIONS = (
    *("Willow Inpatient", "Cadence", "Haiku", "Radiant", "Clarity", "OpTime", "Beaker", "MyChart", "Pyxis", "Citrix"),
    *("Dragon", "Resolute", "ASAP", "Stork", "Beacon", "Cupid", "Prelude", "Kaleidoscope", "Welcome", "Canto", "Rover"),
    *("Secure Chat", "Outlook", "Teams", "SharePoint", "Kronos", "Workday", "PACS", "Vocera", "Lawson", "SlicerDicer"),
)
GREETINGS = (
    "Hi,",
    "Hello team,",
    "Good morning,",
    "Dear help desk,",
    "URGENT!",
    "",
    "Hi all,",
    "Hey,",
    "To whom it may concern:",
)
THANKS = (
    *("Thanks!", "Thank you", "Please help asap", "Please call me back", "Patients are waiting.", "Regards", "", ""),
    *("This is holding us up.", "Any idea when it is fixed?", "Sent from my iPhone", "Please advise."),
)
BRIEF = ("help", "not working", "Problem", "see screenshot", "error", "please call", "issue", "need help please")

# Other trouble with an application: a person's own, never an outage. Each is one of the things and one of their ills.
THINGS = (
    *(
        "smart phrase",
        "tool bar",
        "spell check",
        "preference list",
        "column {number}",
        "drop down",
        "print group {number}",
    ),
    *("default department", "shortcut", "order set {number}", "tooltip", "signature block", "filter", "side bar"),
    *(
        "reminder",
        "template {number}",
        "letter head",
        "font",
        "pick list",
        "color of the tabs",
        "start page",
        "hot key",
    ),
    *(
        "phone number of {place}",
        "alert {number}",
        "attending of {room}",
        "favorites list",
        "address label",
        "sticky note",
    ),
    *("referral form", "problem list", "growth chart", "flowsheet row {number}", "macro", "photo of {who}", "worklist"),
    *("after visit summary", "questionnaire {number}", "phrase of {who}", "calendar view", "audit trail", "fax cover"),
    *("snapshot", "synopsis", "navigator section", "immunization history", "allergy banner", "med list", "wait list"),
)
ILLS = (
    *(
        "is missing on {device}",
        "shows the wrong text",
        "is cropped",
        "opens on the wrong monitor",
        "is too small for {who}",
    ),
    *(
        "lists {place} twice",
        "is gone since the update",
        "has a misspelling",
        "prints twice",
        "cannot be sorted by {who}",
    ),
    *(
        "does not remember my choice",
        "closes when I press F{number}",
        "covers the button",
        "is not what {place} agreed on",
    ),
    *("has the wrong date format", "is empty for {who} only", "names a retired drug", "jumps around on {device}"),
    *("should be the default for {place}", "comes up in Spanish", "is greyed out for {who}", "takes {number} clicks"),
    *("was moved and {who} cannot find it", "needs another choice for {place}", "is slow in room {room}"),
    *("underlines everything", "has {number} rows too many", "does not match the paper form", "beeps on {device}"),
)
OTHER_TROUBLE = (
    *("{app}: {thing} {ill}", "{thing} in {app} {ill}", "the {thing} of {app} {ill}", "{thing} {ill}, {app}"),
    *("I think the {thing} {ill} in {app}", "in {app} my {thing} {ill}"),
)

# What breaks one at a time, and how; each device is another one.
DEVICES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "printer": (
        (
            "printer {device}",
            "{device} at {place}",
            "the printer in room {room}",
            "label printer {device}",
            "copier {device}",
        ),
        (
            *("is out of toner", "has a paper jam", "prints streaks", "is offline", "does not feed from tray {number}"),
            *(
                "smells burnt",
                "prints everything on A5",
                "asks for a PIN",
                "wants service",
                "must be mapped to {device}",
            ),
            *(
                "scans upside down",
                "eats envelopes",
                "prints blank pages",
                "is very loud",
                "staples at the wrong corner",
            ),
        ),
    ),
    "hardware": (
        (
            *(
                "mouse of {who}",
                "monitor {device}",
                "keyboard in room {room}",
                "docking station at {place}",
                "scanner {device}",
            ),
            *("badge reader {number}", "headset of {who}", "laptop {device}", "cart {device}", "camera in {room}"),
            *(
                "tablet {device}",
                "projector at {place}",
                "thin client {device}",
                "signature pad {number}",
                "speaker in {room}",
            ),
        ),
        (
            *("is broken", "flickers", "has sticky keys", "is dead", "does not beep", "will not scan wristbands"),
            *("does not hold its charge", "crackles", "does not turn on", "has a bent wheel", "fell down", "got wet"),
            *(
                "overheats",
                "makes a humming noise",
                "has a cracked corner",
                "is missing its cable",
                "shows a blue tint",
            ),
            *("drops wifi", "reboots by itself", "is stuck in its mount", "was taken by somebody", "needs a lock"),
        ),
    ),
    "phone": (
        ("desk phone {number}", "extension {number}", "voicemail of {who}", "pager of {who}", "Vocera badge {number}"),
        (
            *("has no dial tone", "must be forwarded to {place}", "has a stuck light", "was lost at {place}"),
            *("rings only once", "has the wrong name on it", "must be swapped", "cannot dial long distance", "echoes"),
        ),
    ),
    "software": (
        (
            "Visio on {device}",
            "Adobe of {who}",
            "Excel budget of {place}",
            "Teams on {device}",
            "Outlook of {who}",
            "Zoom on {device}",
            "calendar of room {room}",
            "SharePoint of {place}",
            "OneDrive of {who}",
            "Chrome on {device}",
        ),
        (
            *("must be installed", "has no license", "gives a name error", "shows the camera upside down"),
            *("moves mails to junk", "cannot be booked by {who}", "has no plugin", "does not sync one folder"),
            *("wants an update every day", "has lost its bookmarks", "opens in safe mode", "is in German"),
            *("must be shared with {who}", "has a corrupt file", "prints the wrong sheet", "forgot its signature"),
        ),
    ),
    "move": (
        ("{device} at {place}", "desk {number} in {room}", "the cart of {place}", "cabinet {number}", "old {device}"),
        (
            "must move to {place} on {day}",
            "can be picked up",
            "needs a second screen by {day}",
            "goes to surplus on {day}",
        ),
    ),
}

# What is asked in the same words every day, kind -> (weight, wordings); those without are of the things above.
EVERYDAY: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "application": (34, ()),
    "printer": (8, ()),
    "hardware": (9, ()),
    "phone": (5, ()),
    "software": (6, ()),
    "move": (4, ()),
    "password": (
        10,
        (
            "forgot my password, please reset",
            "password reset needed for {who}",
            "my password expired and I am locked out",
            "account locked after too many tries",
            "please unlock my account",
            "can't log in, password does not work any more",
            "I need a new password, was on vacation",
            "reset my windows password please",
        ),
    ),
    "access": (
        10,
        (
            "new hire {who} starts {day}, needs access",
            "please give {who} access to the {place} shared folder",
            "access request for {who}: {place} schedule template",
            "remove {who} from the {place} distribution list",
            "need badge access to {place} from {day}",
            "extend the account of {who} until {day}",
            "{who} moved to {place}, change the security class",
        ),
    ),
    "question": (
        9,
        (
            "how do I see the schedule of {who} for {day}?",
            "where can I find the forms for {place}?",
            "is there training for {place} on {day}?",
            "who owns the {place} dashboard?",
            "can the {place} whiteboard have {number} rows?",
            "thank you for fixing {device}",
            "request: add {place} to the pick list",
            "the handout for {place} names {who} wrongly",
        ),
    ),
    "vpn": (
        5,
        (
            "VPN token of {who} expired",
            "cannot connect to VPN from home, {who}",
            "new phone, MFA must be set up for {who}",
            "authenticator code rejected for {who}",
            "guest wifi code for {place} please",
        ),
    ),
}
