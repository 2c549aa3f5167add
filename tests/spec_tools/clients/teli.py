"""Buys a number, makes an agent and links them with the client that openapi-python-client made of Teli's file."""

import json
import os

from teli_client import AuthenticatedClient
from teli_client.api.agents import create_agent
from teli_client.api.numbers import create_phone_number, update_phone_agent
from teli_client.models import CreateAgentBody, CreatePhoneNumberBody, Error, UpdatePhoneAgentBody, VoiceAgentCreated

client = AuthenticatedClient(os.environ["ORIGIN"], os.environ["KEY"], prefix="", auth_header_name="X-API-Key")
owner = {"user_id": "1762896366429x599348279945132448", "organization_id": "1762896364768x389173798861431550"}
wanted = CreatePhoneNumberBody.from_dict({**owner, "area_code": "313", "tenant_id": "your_tenant"})
bought = create_phone_number.sync(client=client, body=wanted)
voice = {
    "agent_type": "voice",
    "agent_name": "A",
    "starting_message": "Hi",
    "prompt": "Sell.",
    "voice_id": "11labs-Adrian",
}
made = create_agent.sync(client=client, body=CreateAgentBody.from_dict({**owner, **voice}))
assert isinstance(made, VoiceAgentCreated), made
number = bought.phone_number
linked = update_phone_agent.sync(number, client=client, body=UpdatePhoneAgentBody(inbound_agent_id=made.voice_agent_id))
refused = update_phone_agent.sync(number, client=client, body=UpdatePhoneAgentBody(inbound_agent_id="agent_nobody"))
assert isinstance(refused, Error)
print(json.dumps([linked.inbound_agent_id == made.voice_agent_id, refused.error]))
