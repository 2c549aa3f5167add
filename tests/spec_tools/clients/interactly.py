"""Imports a number and attaches an assistant with the client that openapi-python-client made of Interactly's file."""

import json
import os

from interactly_client import AuthenticatedClient
from interactly_client.api.assistants import create_assistant
from interactly_client.api.numbers import import_number, update_number
from interactly_client.models import CreateAssistantBody, ImportNumberBody, UpdateNumberBody

client = AuthenticatedClient(os.environ["ORIGIN"], os.environ["KEY"])
imported = import_number.sync("twilio", client=client, body=ImportNumberBody(number="+14155550143", label="front-desk"))
made = create_assistant.sync(client=client, body=CreateAssistantBody(name="Night Desk"))
body = UpdateNumberBody(assistant_id=made.field_id, inbound_enabled=False)
linked = update_number.sync(imported.field_id, client=client, body=body)
refused = update_number.sync("nobody", client=client, body=body)
print(json.dumps([linked.assistant_id == made.field_id and linked.inbound_enabled is False, refused.message]))
