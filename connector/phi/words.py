"""Word lists of the rules: names that are also words, and words that follow "patient" without being a name."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


# A name among these counts only with a capital and beside another of the patient's names.
COMMON = words("""
    an as at be by do go he if in is it me my no of on or so to up us we the and but for not you all any can had
    her him his how its let man new now off old one our out own per put ran red run sat saw say see set she sit
    sun ten too two use way who why yes add age air art ash bay bee best bill black blue book brook brown bush
    call care case chance chart check chip church clay coast cook cross daily dale day dean dell drew early east
    eve faith fall field fine flower ford forest fox frank free friend gay gene good grace grant gray green guy
    hall hand hardy harry heath hill home hope house hunter ivory jack jade jasmine jean jewel joy june july
    august april may march judge justice king lab lake lamb lane law lee leaf light lily little long lord love
    low lynn major mark marsh mason mercy mill miller moon more moss nice noble north nurse olive order page
    park parker parks part person pat patience peace pearl penny pepper piper place pleasant pool poppy porter
    power price prince queen rain ray read rich river rob robin rock rod rose ruby rush ryan sage salt sand
    sandy sharp short silver sky small smart snow south spring star stone storm street strong summer sweet swift
    time town trace true van violet walker wall ward water waters wade way weeks wells west white will wind
    winter wise wood woods work yards young post bed shift note notes test unit
    """)

# "Patient Portal", "Patient Is", "Mr Error": what follows the cue here is not a person.
NO_NAME = words("""
    a about access accounts action activity acuity admission admissions admitted after again age alert alerts all
    allergies allergy also always an and any appears appointment appointments are armband arrival arrived as at
    bands banner based be because bed before being billing board brochure but by call came can can't cannot care
    cart cerner chart charts check citrix class clinic code comes communication complaint complaints could data date
    dear demographics desk did directory discharge discharged discovery doctor document documents does doesn't doing
    dr due during education encounter engagement entered entry epic error estimate estimates eval evaluation
    experience failed families family file files financial first flag flow flowsheet folder for form forms friday
    from get gets goes group had handoff has have header health hello help her here hi his history home hospital how
    i id identification identifier identity if image in index info information inquiry instructions intake is isn't
    issue it its keep keeper kiosk label labels last letter letters link list lists location log login lookup
    management map mar med medical medication medications merge message messages monday monitor monitoring movement
    name names navigator need needs never new next no not note notes now number numbers nurse of off old on one
    online only open or order orders our out outlook outreach overview panel patient patients payment physician pick
    placement please population portal portals preferences present privacy process profile provider pt questionnaire
    quick record records registration relations reminder report reporting reports request requests result results
    review rn room rooms row safety satisfaction saturday says schedule scheduled scheduler scheduling screen search
    see seen select self service services should shows sign since sip snapshot some states station status sticker
    still summary sunday support survey surveys system tab taken team test thank thanks that the their them then
    there these they this thursday time timeline title to today tool trackboard tracker tracking transfer transport
    tuesday type types unable unit update urgent user value verification view visit visits volume wait waiting was
    we website wednesday were what when where which who will windows with won't workflow worklist workqueue
    workspace would wristband wristbands wrong yes you your zip
    """)
