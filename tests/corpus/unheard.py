"""Another hospital's bad mornings, made up to judge the rule by: nothing was ever tuned on them.

It was written without a look at the rule, and has not been changed since it was first tried. People tell of the same
thing in two words or in a whole story, by nickname, by brand or by no name; half of the outages show no error code.
Around them: other trouble with the same things, and requests that the other mornings do not know.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.corpus.outages import Morning, Outage, Report

UNHEARD: tuple[Outage, ...] = (
    Outage(
        "Cisco Jabber",
        ("the phones", "our desk phones", "Cisco phones", "telephones", "Jabber"),
        (
            "no incoming calls on {app}",
            "phones dead",
            "callers get a fast busy, {app} do not ring at all",
            "nobody can call us from outside, {app} stay silent and families complain that the line is busy",
            "{app} show 'registering' and nothing rings",
            "I picked up and there is just a fast busy signal, outside line gone",
            "we can call each other but outside callers get a busy tone, three families told us so on their cell "
            "phones and the answering service says the same, so I guess {app} have a problem",
            "busy signal for everyone who calls the unit ({app})",
            "can't dial out or be reached, fast busy",
        ),
    ),
    Outage(
        "OnGuard",
        ("badge readers", "the doors", "badge access", "OnGuard", "card swipes"),
        (
            "{app} stay red, nobody can get in",
            "doors locked",
            "locked out of the med room, {app} blink red for all of us",
            "I swipe and it blinks red, same for everybody on shift, we prop the door with a chair now",
            "none of our badges open the stairwell any more ({app})",
            "{app} refuse every badge since a few minutes, red light only",
            "staff entrance does not open by badge, security has to let people in one by one and there is a line "
            "outside",
            "red light on every door reader",
            "badges are not accepted at the supply room or the locker room, {app}?",
        ),
    ),
    Outage(
        "Sunquest",
        ("Sunquest", "SQ", "lab label printing", "the collection labels", "Sunquest Collect"),
        (
            "{app} sends no labels to any printer",
            "no labels!!",
            "collection labels do not come out, spooler stuck in {app}",
            "phlebotomy cannot draw because {app} prints nothing, the job just sits in the queue",
            "morning draw is delayed. We collected with handwritten labels because {app} queues every label and none "
            "is printed, and the lab refuses the handwritten ones",
            "label queue hung in {app}",
            "labels pending for all draws, zero printed ({app})",
            "print job for specimen labels stays at 'queued' with {app}",
        ),
        "SQ-2217",
        "SQ-2217 label spooler not accepting jobs",
        ("Collection List", "Specimen Receipt"),
    ),
    Outage(
        "UKG Pro",
        ("UKG", "payroll", "the timecard site", "my timecard", "Kronos UKG"),
        (
            "{app} shows zero hours for the whole pay period",
            "hours gone",
            "all my punches of last week vanished from {app}",
            "my timecard is blank and approval is due today, {app}",
            "as a manager I cannot approve: {app} lists 0.00 hours for each of my 40 people although they all clocked "
            "in, and payroll closes at noon",
            "punches missing for the entire team in {app}",
            "we will not get paid, {app} has no hours",
            "{app}: worked hours are 0.00, last week everything was there",
            "where did my punches go? timecard empty",
        ),
        "UKG-40012",
        "UKG-40012 punch import incomplete",
        ("Timecard", "Manager Approval"),
    ),
    Outage(
        "Martti",
        ("Martti", "interpreter tablets", "the interpreter iPad", "language line", "video interpreter"),
        (
            "{app} never connects to an interpreter",
            "no interpreter",
            "stuck at 'finding an interpreter', {app}",
            "our Vietnamese patient waits, {app} spins at finding interpreter and then drops",
            "tried three of {app}, each one says finding an interpreter and gives up after five minutes; consent for a "
            "Somali speaking family cannot be taken this way",
            "{app} drops the call before any linguist answers",
            "ASL and Spanish both do not connect on {app}",
            "cannot reach linguists by video, the tablet only searches",
        ),
    ),
    Outage(
        "Surescripts",
        ("Surescripts", "e-prescribing", "eRx", "eprescribe", "electronic scripts"),
        (
            "prescriptions sent by {app} do not arrive at the pharmacy",
            "scripts not going out",
            "Walgreens and CVS say they received nothing, {app} shows transmission error",
            "every {app} fails to transmit, I have to print and sign on paper",
            "discharge scripts bounce back to my basket with transmit failed",
            "third patient today who stands at the drug store counter without a prescription: {app} claims it was "
            "sent, later it turns to error, and the pharmacist has nothing on file",
            "{app} transmission to retail pharmacies down?",
            "controlled and regular rx both come back as not delivered ({app})",
        ),
        "NCPDP-900",
        "NCPDP-900 transaction rejected by network",
        ("Discharge Orders", "Rx Refill"),
    ),
    Outage(
        "Rauland",
        ("nurse call", "the call lights", "Rauland", "call bells", "Responder"),
        (
            "{app} do not light up at the station",
            "call bells dead",
            "patients press the button and no light goes on over the door, {app}",
            "no tones and no lights from {app}, we round every 15 minutes",
            "{app} console is dark",
            "a patient waited half an hour because the call button did not alert anybody; the console at the desk is "
            "dark and the hallway domes stay off, we handed out hand bells",
            "dome lights off on the whole hallway",
            "bathroom pull cord does not alarm, {app} out",
        ),
        unit="7 South",
    ),
    Outage(
        "Duo",
        ("Duo", "MFA", "the two factor app", "Duo Mobile", "second factor"),
        (
            "{app} push never arrives",
            "no push",
            "waiting for the {app} prompt, nothing comes to my phone, sign in times out",
            "working from home and can't get in: after the password it waits for {app} and then times out",
            "approve request does not show up on my phone ({app})",
            "all four providers of our clinic are stuck at the sign in page, password is fine but the approval on the "
            "cell phone is never asked for, {app} says timed out, we see patients by video in ten minutes",
            "{app} timed out again and again, text codes do not come either",
            "neither push nor sms nor call from {app}",
        ),
        "AUTH-8841",
        "AUTH-8841 factor service timed out",
    ),
    Outage(
        "OBIX",
        ("OBIX", "fetal monitoring", "the strips", "central fetal display", "FHR tracing"),
        (
            "{app} does not show tracings at the central station",
            "strips gone",
            "tracing gaps for all laboring moms, {app} central is blank",
            "{app} has flat tracings though the bedside monitor is fine",
            "we put a nurse at each bed: bedside monitors work, but nothing is archived and the board at the desk has "
            "flat lines in every room, {app}",
            "fetal heart tracing is not archived by {app}",
            "central monitor lost every strip ({app})",
        ),
        "OBX-19",
        "OBX-19 archive channel closed",
        ("Strip Review",),
        unit="Labor and Delivery",
    ),
    Outage(
        "CBORD",
        ("CBORD", "diet orders", "the tray system", "meal ordering", "kitchen printer feed"),
        (
            "{app} does not get our diet changes, wrong trays come up",
            "wrong trays",
            "NPO patient got breakfast! {app} seems behind",
            "kitchen says they have no tickets from {app}, no trays for new patients",
            "{app} is not updating, the diabetic diets of this morning are missing downstairs",
            "the dietitian changed the diet at six and at nine the kitchen still has the old one. We hear the same "
            "from other floors: trays come by yesterday's list and whoever was admitted at night gets nothing, {app}",
            "no breakfast for any new admit, kitchen never got the diet",
            "meal tickets stopped at the kitchen, {app}",
        ),
    ),
)

# Other trouble with the same things, of one person or place.
BESIDE = (
    *("{app}: wrong name shown for {who}", "please add {who} to {app}", "volume too low, {app} in {room}"),
    *("how do I train {who} on {app}?", "{app} report for {place} wanted by {day}", "cover broken, {app} {device}"),
    *("need a login to {app} for {who}", "screen of {app} at {place} is scratched", "{app} clock is one hour off"),
    *("{app}: change the default for {place} please", "old entries of {who} still in {app}", "{app} invoice {number}"),
    *(
        "{app} in room {room} needs a new battery",
        "can {app} be moved from {place} to {room}?",
        "sound of {app} {device}",
    ),
    *("sticker on {app} {device} unreadable", "{app} manual link leads nowhere", "who supports {app} after {day}?"),
)

# Requests that come in all day long.
ELSEWHERE = (
    *("elevator display at {place} flickers", "TV in room {room} has no sound", "clock in {room} is slow"),
    *("please order {number} cables for {place}", "{who} lost a charger at {place}", "fridge sensor {device} beeps"),
    *("need a loaner laptop for {who} until {day}", "conference line for {day}, {number} people"),
    *("shared mailbox of {place} is full", "mail of {who} bounces at {device}", "spam from someone posing as {who}"),
    *("I clicked a strange link on {device}, what now?", "is this mail about a parcel genuine?"),
    *("scan to mail from {device} ends in the wrong folder", "fax at {place} got {number} junk pages"),
    *("restore a file that {who} deleted on {day}", "drive of {place} has only {number} GB left"),
    *(
        "please rename the {place} channel",
        "name change after wedding, {who}",
        "{who} retires on {day}, close the account",
    ),
    *("new badge photo for {who}", "parking gate code for {who}", "locker key of {room} is lost"),
    *(
        "dictaphone foot pedal on {device} squeaks",
        "barcode scanner at {place} reads twice",
        "wristband printer {device}",
    ),
    *("update of {device} asks for an administrator", "blue screen on {device} after the weekend", "{device} is slow"),
    *("Excel macro of {place} is blocked", "PDF form {number} cannot be signed by {who}", "need Visio for {who}"),
    *("report {number} should also list {place}", "web page of {place} shows old opening hours"),
    *("cannot hear others in the meeting on {device}", "camera of {device} points at the ceiling"),
    *("please unlock {who}, vacation is over", "password of the kiosk at {place} has run out"),
    *("desk in {room} moves on {day}, bring {number} boxes", "power strip at {place} smells", "mouse pad please"),
)

# What people add, whatever it is about.
ASIDES = (
    *(
        "I restarted {device} twice.",
        "{who} has looked at it too.",
        "You can reach me at extension 4{number}.",
        "Second try.",
    ),
    *("I am at {place} until three.", "Not sure whether this is the right address.", "We are short of staff today."),
    *("It worked yesterday.", "My colleague told me to write to you.", "I also left a voicemail about it."),
    *("We have {number} patients waiting.", "Room {room} if you come by.", "Last month you fixed something like it."),
)
_CALLED = {name for outage in UNHEARD for name in outage.names}


@dataclass
class Shift(Morning):
    """A morning with the requests of this hospital among those of the other."""

    def _everyday(self, name: str) -> Report:
        if self.chance.random() < 0.5:
            return super()._everyday(name)
        said = self.chance.choice(ELSEWHERE).format(**self._words())
        return self._other(name, said, "", "elsewhere", "")

    def _trouble(self, app: str) -> str:
        if app not in _CALLED:
            return super()._trouble(app)
        return self.chance.choice(BESIDE).format(app=app, **self._words())

    def _wrapped(self, said: str, channel: str, code: str) -> str:
        text, chance = super()._wrapped(said, channel, code), self.chance
        added = chance.sample(ASIDES, chance.choices((0, 1, 2, 3), (60, 20, 12, 8))[0])
        return " ".join([text, *(each.format(**self._words()) for each in added)])


def shift(seed: int) -> list[Report]:
    """500 reports of seven of the outages among 5,000 other requests, over two hours, in random order."""
    return Shift(seed, random.Random(seed).sample(UNHEARD, 7)).all()
