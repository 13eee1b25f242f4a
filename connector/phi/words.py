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
    a about access accounts action activity acuity admission admissions after again age alert alerts all
    allergies allergy also always an and any appears appointment appointments are armband arrival arrived as at
    bands banner based be bed because before being billing board brochure but by call came can cannot care cart
    chart charts check class clinic code comes communication complaint complaints could data date demographics
    desk did directory discharge discharged discovery document documents does doing dr due during education
    encounter engagement entered entry error estimate estimates experience failed file files financial first
    flag flow folder for form forms from get gets goes group had handoff has have header health help her here
    his history home hospital how i id identification identifier identity if image in index info information
    inquiry instructions intake is issue it its keep keeper kiosk label labels last letter letters link list
    lists location log login lookup management map mar med medical medication medications merge message messages
    monitor monitoring movement name names navigator need needs never new next no not note notes now number
    numbers of off old on one online only open or order orders our out outreach overview panel payment pick
    placement please population portal portals preferences present privacy process profile provider
    questionnaire quick record records registration relations reminder report reporting reports request requests
    result results review room rooms row safety satisfaction says schedule scheduled scheduler scheduling screen
    search see select self services service should shows sign sip since snapshot some states station status
    still sticker summary support survey surveys system tab taken team test thank thanks that the their them
    then there these they this time timeline title to today tool tracking transfer transport type types unable
    unit update urgent user value verification view visit visits volume was wait waiting we website were what
    when where which who will with workflow workqueue workspace worklist would wristband wristbands wrong yes
    you your zip hello hi dear epic cerner windows citrix outlook monday tuesday wednesday thursday friday
    saturday sunday nurse rn doctor physician can't doesn't isn't won't
    """)
