"""The people and groups of the emulated hospital, known to both systems."""

from __future__ import annotations

from dataclasses import dataclass

DOMAIN = "northfield-hospital.example"


@dataclass(frozen=True)
class Person:
    """Somebody at the hospital. `desk`: works at the service desk; `active`: may still log in."""

    login: str
    name: str
    title: str
    department: str
    email: str
    active: bool = True
    desk: bool = False


def _person(line: str) -> Person:
    login, name, address, title, department, flags = line.split("|")
    email = address if "@" in address else f"{address}@{DOMAIN}"
    return Person(login, name, title, department, email, "gone" not in flags, "desk" in flags)


PEOPLE: tuple[Person, ...] = tuple(
    _person(line)
    for line in """
atwumasi|Agnes Twumasi|agnes.twumasi|Registered Nurse|4 West Medical|
kbrandt|Karen Brandt|karen.brandt|Charge Nurse|Emergency Department|
pnandakumar|Priya Nandakumar|priya.nandakumar|Hospitalist|Internal Medicine|
hzhou|Helen Zhou|helen.zhou|Medical Technologist|Laboratory|
sreyes|Sofia Reyes|sofia.reyes|Pharmacist|Pharmacy|
nfarrow|Nadia Farrow|nadia.farrow|Scheduler|Cardiology Clinic|
lferreira|Luis Ferreira|luis.ferreira|Radiology Technologist|Imaging|
acastellan|Amir Castellan|amir.castellan|IT Manager|Information Services|
isorlie|Ingrid Sørlie|ingrid.sorlie|Family Physician|Ambulatory Clinic|
bmunoz|Beatriz Muñoz|beatriz.munoz|Unit Clerk|4 West Medical|
tokafor|Tom Okafor|tom.okafor|Respiratory Therapist|Intensive Care|
rteague|Rosalind Teague|rosalind.teague|Infusion Nurse|Infusion Center|
opike|Owen Pike|owen.pike|Registrar|Patient Access|
mdale|Marcus Dale|marcus.dale|Anesthesiologist|Operating Rooms|
mhalloran|Maeve Halloran|maeve.halloran|Midwife|Labor and Delivery|
jweiss|Jürgen Weiss|juergen.weiss|Surgeon|Operating Rooms|
jprice|Jonah Price|jonah.price|Billing Specialist|Revenue Cycle|
glindqvist|Gus Lindqvist|gus.lindqvist|Pharmacy Technician|Pharmacy|
dokonkwo|Dora Okonkwo|dora.okonkwo|Nurse Educator|Nursing Education|
smueller|Sophie Müller|sophie.mueller|Clinical Informaticist|Clinical Informatics|
lwhitfield|Lena Whitfield|lena.whitfield|Dietitian|Nutrition Services|
faubert|Frédéric Aubert|frederic.aubert|Oncologist|Infusion Center|
malvarez|Maria Alvarez|maria.alvarez@northhospital.example|Registered Nurse|Sister Hospital|
ward4desk1|Ward 4 Front Desk|ward4|Shared workstation|4 West Medical|
ward4desk2|Ward 4 Back Desk|ward4|Shared workstation|4 West Medical|
kvogel|Karl Vogel|left.in.june|Registered Nurse|Emergency Department|gone
npetrov|Nina Petrov|nina.petrov|Service Desk Analyst|Information Services|desk
ofarouk|Omar Farouk|omar.farouk|EHR Analyst|Information Services|desk
lpark|Linda Park|linda.park|Service Desk Lead|Information Services|desk
""".strip().splitlines()
)

DEFAULT_GROUP = "Service Desk"
GROUPS: tuple[str, ...] = (
    DEFAULT_GROUP,
    "Desktop and Devices",
    "Identity and Access",
    "Printing and Labels",
    "Interfaces and Integration",
    "EHR Access and Scheduling",
    "EHR Inpatient and Orders",
    "EHR Ambulatory",
    "EHR Pharmacy",
    "EHR Laboratory",
    "EHR Imaging",
    "EHR Surgery",
    "EHR Emergency",
    "EHR Oncology",
    "Patient Portal",
    "EHR Revenue Cycle",
    "Clinical Informatics",
    "Reporting and Analytics",
    "Security and Privacy",
    "Facilities",
)
