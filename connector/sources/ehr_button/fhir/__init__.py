"""HL7 FHIR R4 as JSON: a Task, a Communication or a QuestionnaireResponse, alone or in a Bundle.

Read leniently: what does not belong into FHIR is passed over or kept, never a reason to lose a request. References
are resolved within the payload, never over the network.
"""

from connector.sources.ehr_button.fhir.request import matches, reading
from connector.sources.ehr_button.fhir.resources import as_bytes, requests

__all__ = ["as_bytes", "matches", "reading", "requests"]
