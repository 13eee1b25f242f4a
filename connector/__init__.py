"""Help requests from EHR buttons, e-mail and chatbots become exactly one ticket in ServiceNow or Zendesk."""
