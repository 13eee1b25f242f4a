"""The people and groups of the emulated hospital, known to both systems."""

from __future__ import annotations

from dataclasses import dataclass

DOMAIN = "northhospital.example"


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
    login, name, title, department, flags, *email = (part.strip() for part in line.split("|"))
    return Person(
        login, name, title, department, email[0] if email else f"{login}@{DOMAIN}", "gone" not in flags, "desk" in flags
    )


PEOPLE: tuple[Person, ...] = tuple(
    _person(line)
    for line in """
maria.alvarez|Maria Alvarez|Registered Nurse|4 West Medical|
james.okafor|James Okafor|Charge Nurse|Emergency Department|
priya.raman|Priya Raman|Hospitalist|Internal Medicine|
daniel.weiss|Daniel Weiss|Surgeon|Operating Rooms|
sofia.lindqvist|Sofia Lindqvist|Pharmacist|Pharmacy|
tom.becker|Tom Becker|Pharmacy Technician|Pharmacy|
aisha.khan|Aisha Khan|Scheduler|Cardiology Clinic|
grace.kim|Grace Kim|Registrar|Patient Access|
luis.moreno|Luis Moreno|Radiology Technologist|Imaging|
hannah.fischer|Hannah Fischer|Medical Technologist|Laboratory|
ben.carter|Ben Carter|Respiratory Therapist|Intensive Care|
olivia.novak|Olivia Novak|Unit Clerk|4 West Medical|
samuel.adeyemi|Samuel Adeyemi|Anesthesiologist|Operating Rooms|
chloe.martin|Chloé Martin|Oncology Nurse|Infusion Center|
noah.jensen|Noah Jensen|Billing Specialist|Revenue Cycle|
emma.rossi|Emma Rossi|Clinical Informaticist|Clinical Informatics|
david.chen|David Chen|Family Physician|Ambulatory Clinic|
fatima.hassan|Fatima Hassan|Midwife|Labor and Delivery|
ward4.desk1|Ward 4 Front Desk|Shared workstation|4 West Medical||ward4@northhospital.example
ward4.desk2|Ward 4 Back Desk|Shared workstation|4 West Medical||ward4@northhospital.example
karl.vogel|Karl Vogel|Registered Nurse|Emergency Department|gone
nina.petrov|Nina Petrov|Service Desk Analyst|Information Services|desk
omar.farouk|Omar Farouk|EHR Analyst|Information Services|desk
linda.park|Linda Park|Service Desk Lead|Information Services|desk
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
)
