"""A hospital's bad morning, made up: reports of outages among everything else that people ask for.

It was written before the rule that it tries, and knows nothing of it. Each outage has several ways in which people see
it and many words for each; buttons leave fields out, mails name the application by nickname or not at all, bots catch
little, and fingers slip. Around it: other trouble with the same application, the same words about another one, and
what comes in every day. `SEEN` are the outages that a rule may be tuned on, `UNSEEN` those that it is judged by.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.corpus import everyday
from tests.corpus.everyday import APPLICATIONS, BRIEF, EVERYDAY, GREETINGS, PEOPLE, PLACES, THANKS


@dataclass(frozen=True)
class Outage:
    """What breaks, and how people tell of it. `{app}` is one of the application's names."""

    application: str
    names: tuple[str, ...]
    symptoms: tuple[str, ...]
    code: str = ""
    error: str = ""
    activities: tuple[str, ...] = ()
    record: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Report:
    """One request. `outage` is the truth: the number of the outage that it reports, or None."""

    name: str
    at: float
    channel: str
    person: int
    summary: str
    text: str
    outage: int | None = None
    family: str = ""
    application: str = ""
    environment: str = ""
    code: str = ""
    error: str = ""
    activity: str = ""
    record: str = ""
    unit: str = ""
    workstation: str = ""


SEEN: tuple[Outage, ...] = (
    Outage(
        "Willow Inpatient",
        ("Willow", "Willow Inpatient", "the pharmacy module", "pharmacy verification"),
        (
            "{app} verification queue does not load, just spins",
            "orders are stuck in the verification queue of {app}",
            "can't verify any meds, the queue stays empty and {app} hangs",
            "{app} frozen when I open the verify queue",
            "verification work queue in {app} times out",
            "pharmacists cannot verify orders, {app} keeps loading forever",
            "nothing appears in the med verification queue since a few minutes, {app} is hanging",
        ),
        "PHM-5003",
        "PHM-5003: verification queue service not responding",
        ("Verification Queue", "Order Verification"),
    ),
    Outage(
        "Cadence",
        ("Cadence", "the scheduling system", "Cadence scheduling"),
        (
            "appointments cannot be booked, {app} says slot search failed",
            "{app} search for open slots returns nothing",
            "unable to schedule any appointment in {app}, search error",
            "when I look for an open slot {app} crashes",
            "{app} throws an error on every appointment search",
            "front desk can't make appointments, the slot finder in {app} is broken",
        ),
        "SCH-1187",
        "SCH-1187 slot search failed: index offline",
        ("Appointment Desk", "Book It"),
    ),
    Outage(
        "Haiku",
        ("Haiku", "the phone app", "Haiku on my iPhone"),
        (
            "{app} logs me out right after sign in",
            "cannot stay signed in to {app}, session ends immediately",
            "{app} kicks me back to the sign in page again and again",
            "session expired message every time I open {app}",
            "{app} says my session has ended, loop of signing in",
        ),
        "MOB-302",
        "Session ended (MOB-302)",
        ("Sign in",),
    ),
    Outage(
        "Network",
        ("network", "wifi", "the wireless"),
        (
            "no {app} on the whole floor, computers on wheels are disconnected",
            "{app} dropped, all COWs lost connection",
            "we have no {app} connection on our carts",
            "{app} is down here, workstations on wheels show disconnected",
            "carts keep losing {app} and we cannot chart at bedside",
        ),
        unit="5 East",
    ),
    Outage(
        "Radiant",
        ("Radiant", "the imaging module", "PACS link in Radiant"),
        (
            "images do not open from {app}, viewer stays black",
            "black screen when launching the image viewer out of {app}",
            "cannot view any studies, {app} viewer window is blank",
            "the viewer that {app} starts shows nothing but black",
            "no pictures, viewer from {app} opens blank",
        ),
        "IMG-77",
        "Viewer handshake failed IMG-77",
        ("Image Viewer", "Study Review"),
    ),
    Outage(
        "Clarity",
        ("Clarity", "the reports", "Clarity reporting"),
        (
            "last night's census report has not arrived, {app} shows data of yesterday",
            "{app} data was not refreshed, the census numbers are old",
            "daily census in {app} is stale",
            "morning extract did not run, {app} stops at yesterday",
            "numbers in the census report are from yesterday, {app} refresh failed",
        ),
        "ETL-9",
        "ETL-9 extract aborted",
        (),
        "RPT 889120",
    ),
    Outage(
        "OpTime",
        ("OpTime", "the OR system", "OpTime surgery log"),
        (
            "cannot document in the surgical log, {app} says record locked",
            "{app} locks every case, log cannot be edited",
            "all OR cases are read only in {app}, locked by another user it says",
            "the log for my case is locked by SYSTEM in {app}",
            "implants cannot be charted because {app} has the case locked",
        ),
        "LCK-2040",
        "LCK-2040 record locked by SYSTEM",
        ("Surgical Log", "Intraop Log"),
    ),
)

UNSEEN: tuple[Outage, ...] = (
    Outage(
        "Beaker",
        ("Beaker", "the lab system", "Beaker lab"),
        (
            "specimen labels come out without barcode from {app}",
            "barcode missing on every specimen label, {app} prints only text",
            "{app} labels have no bar code, analyzers refuse the tubes",
            "tubes cannot be scanned because {app} leaves the barcode off the label",
            "collection labels from {app} print blank where the barcode should be",
            "analyzer rejects specimens, label has no barcode ({app})",
        ),
        "LBL-640",
        "LBL-640 symbology font not found",
        ("Specimen Collection", "Label Print"),
        "LPF 30412",
    ),
    Outage(
        "MyChart",
        ("MyChart", "the patient portal", "portal"),
        (
            "patients call that {app} shows no test results",
            "test results page in {app} is empty for everybody",
            "results tab of {app} says come back later",
            "no lab results visible in {app}, patients are complaining",
            "{app} does not display results since this morning",
            "results are not released to {app}, page is empty",
        ),
        "WEB-503",
        "WEB-503 upstream results service unavailable",
        ("Test Results",),
    ),
    Outage(
        "Pyxis",
        ("Pyxis", "the med cabinet", "Pyxis cabinets"),
        (
            "patients missing on {app}, cannot pull medications",
            "{app} does not list our new admissions, ADT seems behind",
            "patient list on {app} is hours old, no meds can be dispensed",
            "cannot dispense, my patient is not found at {app}",
            "none of today's admits show up in {app}",
            "{app} has no new patients, we override everything",
        ),
        "",
        "",
        (),
        unit="",
    ),
    Outage(
        "Citrix",
        ("Citrix", "Hyperspace via Citrix", "the virtual desktop"),
        (
            "{app} session will not launch, stuck at connecting",
            "cannot start {app}, it hangs on preparing your desktop",
            "{app} says no available resource and closes",
            "launching {app} fails with no resources available",
            "unable to launch {app}, waiting for connection forever",
            "nobody in my office can start {app}, connecting window stays",
        ),
        "ICA-1030",
        "ICA-1030: protocol driver error",
        (),
    ),
    Outage(
        "Dragon",
        ("Dragon", "dictation", "Dragon Medical"),
        (
            "{app} microphone is recognised but no words are typed",
            "nothing appears when I dictate, {app} stays silent",
            "{app} does not transcribe, profile could not be loaded",
            "speech profile fails to load in {app}",
            "cannot dictate notes, {app} profile server unreachable",
            "{app} is listening but text never shows up",
        ),
        "DMO-218",
        "DMO-218 user profile server unreachable",
        ("Notes",),
    ),
    Outage(
        "Resolute",
        ("Resolute", "billing", "Resolute billing"),
        (
            "claims batch rejected by the clearinghouse, {app} sends wrong payer id",
            "all claims bounce, payer id is wrong in {app}",
            "every claim from {app} comes back rejected: invalid payer",
            "{app} claim run failed, clearinghouse says payer unknown",
            "rejections for all claims of today, invalid payer identifier ({app})",
        ),
        "CLM-A7",
        "CLM-A7 payer identifier invalid",
        ("Claim Edit Workqueue",),
        "EPM 5120",
    ),
    Outage(
        "ASAP",
        ("ASAP", "the ED track board", "ED board"),
        (
            "{app} does not refresh, patients who left are still on it",
            "track board frozen, {app} shows the state of an hour ago",
            "{app} tracking board is not updating beds",
            "beds on {app} are wrong, board stopped refreshing",
            "{app} board stuck, new arrivals do not show",
            "the board in the emergency department has not updated, {app}",
        ),
        "",
        "",
        ("Track Board",),
        unit="Emergency",
    ),
)


@dataclass
class Morning:
    """Everything that comes in within `hours`. One seed, one morning."""

    seed: int
    outages: Sequence[Outage] = UNSEEN
    reports: int = 500
    unrelated: int = 5000
    hours: float = 2.0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def all(self) -> list[Report]:
        """In the order in which they arrive, which is not that in which they were made."""
        made = [*self._of_outages(), *self._unrelated()]
        self.chance.shuffle(made)
        return made

    # ── outages ──

    def _of_outages(self) -> Iterator[Report]:
        if not self.reports:
            return
        share = self.reports // len(self.outages)
        for number, outage in enumerate(self.outages):
            count = share + (self.reports - share * len(self.outages) if number == 0 else 0)
            lasts = self.hours * 3600 * self.chance.uniform(0.35, 0.95)
            begins = self.chance.uniform(0.0, self.hours * 3600 - lasts)
            people = self.chance.sample(range(PEOPLE), count)
            for index in range(count):
                at = begins + lasts * self.chance.betavariate(1.2, 1.8)
                yield self._of_outage(f"o{number}-{index}", at, people[index], number, outage)

    def _of_outage(self, name: str, at: float, person: int, number: int, outage: Outage) -> Report:
        chance = self.chance
        channel = chance.choices(("button", "email", "chatbot"), (5, 3, 2))[0]
        called = chance.choices(outage.names, (6, *[2] * (len(outage.names) - 1)))[0]
        said = chance.choice(outage.symptoms).format(app=called)
        known = channel == "button"
        code = outage.code if chance.random() < (0.5 if known else 0.2) else ""
        # Where the button's fields must do.
        summary = chance.choice(BRIEF) if known and chance.random() < 0.08 else self._slipped(said)
        text = self._wrapped(summary, channel, code if not known else "")
        place = outage.unit if outage.unit and chance.random() < 0.8 else chance.choice(PLACES)
        return Report(
            name, at, channel, person, summary, text, number, "outage",
            application=outage.application if known and chance.random() < 0.85 else "",
            environment="PRD" if known and chance.random() < 0.9 else "",
            code=code if known else "",
            error=outage.error if known and code and chance.random() < 0.6 else "",
            activity=chance.choice(outage.activities) if outage.activities and known and chance.random() < 0.6 else "",
            record=outage.record if outage.record and known and chance.random() < 0.3 else "",
            unit=place if known and (outage.unit or chance.random() < 0.7) else "",
            workstation=f"WS-{chance.randrange(4000):04d}" if known else "",
        )  # fmt: skip

    # ── everything else ──

    def _unrelated(self) -> Iterator[Report]:
        decoys = list(self._decoys())
        yield from decoys
        for index in range(self.unrelated - len(decoys)):
            yield self._everyday(f"n-{index}")

    def _decoys(self) -> Iterator[Report]:
        """The same application with other trouble, and the same words about other applications."""
        chance = self.chance
        if not self.reports:
            return
        for number, outage in enumerate(self.outages):
            for index in range(max(2, self.unrelated // 300)):
                said = self._trouble(chance.choice(outage.names))
                yield self._other(f"d{number}-{index}", said, outage.application, "other-error", self._code())
            others = [app for app in APPLICATIONS if app != outage.application]
            for index, other in enumerate(chance.sample(others, min(10, max(2, self.unrelated // 500)))):
                said = outage.symptoms[0].format(app=other)
                yield self._other(f"w{number}-{index}", said, other, "same-words", self._code())

    def _everyday(self, name: str) -> Report:
        chance = self.chance
        kind = chance.choices(tuple(EVERYDAY), [weight for weight, _ in EVERYDAY.values()])[0]
        if kind == "application":
            app = chance.choice(APPLICATIONS)
            said = self._trouble(app)
            return self._other(name, said, app, kind, self._code() if chance.random() < 0.2 else "")
        if kind in everyday.DEVICES:
            said = " ".join(chance.choice(some) for some in everyday.DEVICES[kind]).format(**self._words())
        else:
            said = chance.choice(EVERYDAY[kind][1]).format(**self._words())
        return self._other(name, said, "", kind, "")

    def _other(self, name: str, said: str, app: str, family: str, code: str) -> Report:
        chance = self.chance
        channel = chance.choices(("button", "email", "chatbot"), (4, 4, 2))[0]
        known = channel == "button"
        summary = chance.choice(BRIEF) if known and chance.random() < 0.05 else self._slipped(said)
        return Report(
            name, chance.uniform(0, self.hours * 3600), channel, chance.randrange(PEOPLE), summary,
            self._wrapped(summary, channel, code if not known and chance.random() < 0.3 else ""), None, family,
            application=app if known and app and chance.random() < 0.85 else ("Hyperspace" if known else ""),
            environment=chance.choices(("PRD", "TST"), (19, 1))[0] if known and chance.random() < 0.9 else "",
            code=code if known else "",
            activity=chance.choice(("Chart Review", "In Basket", "Orders", "Patient List", "")) if known else "",
            record=f"ETX {chance.randrange(10**5, 10**6)}" if known and chance.random() < 0.04 else "",
            unit=chance.choice(PLACES) if known and chance.random() < 0.7 else "",
            workstation=f"WS-{chance.randrange(4000):04d}" if known else "",
        )  # fmt: skip

    def _trouble(self, app: str) -> str:
        words = self._words()
        thing, ill = (self.chance.choice(some).format(**words) for some in (everyday.THINGS, everyday.ILLS))
        return self.chance.choice(everyday.OTHER_TROUBLE).format(app=app, thing=thing, ill=ill)

    def _code(self) -> str:
        return f"{self.chance.choice(('ERR', 'APP', 'SYS', 'UI', 'DB'))}-{self.chance.randrange(100, 9999)}"

    def _words(self) -> dict[str, str]:
        """What everyday requests are about: this room, that printer, some colleague."""
        chance = self.chance
        return {
            "room": f"{chance.randrange(1, 9)}{chance.randrange(10, 60)}",
            "place": chance.choice(PLACES),
            "device": f"{chance.choice(('PRN', 'WS', 'LT', 'MFP'))}-{chance.randrange(1000, 9999)}",
            "who": chance.choice(("Dr. Brown", "Kim", "our new hire", "a traveler nurse", "the resident", "Pat")),
            "day": chance.choice(("Monday", "tomorrow", "next week", "Friday", "the 1st")),
            "number": str(chance.randrange(2, 40)),
        }

    # ── how people write ──

    def _slipped(self, text: str) -> str:
        words = text.split(" ")
        for _ in range(self.chance.choices((0, 1, 2), (70, 22, 8))[0]):
            index = self.chance.randrange(len(words))
            words[index] = self._typo(words[index])
        said = " ".join(words)
        style = self.chance.random()
        return said.upper() if style < 0.04 else said.capitalize() if style < 0.4 else said

    def _typo(self, word: str) -> str:
        if len(word) < 5:
            return word
        at = self.chance.randrange(1, len(word) - 2)
        way = self.chance.randrange(3)
        if way == 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return word[:at] + word[at + 1 :] if way == 1 else word[:at] + word[at] + word[at:]

    def _wrapped(self, said: str, channel: str, code: str) -> str:
        chance = self.chance
        parts = [chance.choice(GREETINGS) if channel == "email" else "", said]
        parts.append(f"It shows {code}." if code else "")
        parts.append(chance.choice(THANKS) if channel == "email" or chance.random() < 0.2 else "")
        return " ".join(part for part in parts if part)
