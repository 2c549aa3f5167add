"""Links a number and an agent with the client that openapi-python-client made of Vogent's file."""

import json
import os

from vogent_client import AuthenticatedClient
from vogent_client.api.agents import list_agents
from vogent_client.api.numbers import get_phone_number, list_phone_numbers, update_phone_number
from vogent_client.models import UpdatePhoneNumberBody

client = AuthenticatedClient(os.environ["ORIGIN"] + "/api", os.environ["KEY"])
id = list_phone_numbers.sync(client=client, limit=1).data[0].id
agent = list_agents.sync(client=client).data[0].id
linked = update_phone_number.sync(id, client=client, body=UpdatePhoneNumberBody(agent_id=agent))
read = get_phone_number.sync(id, client=client)
refused = update_phone_number.sync("nobody", client=client, body=UpdatePhoneNumberBody(agent_id=agent))
print(json.dumps([linked.agent_id == agent == read.agent_id, refused.message]))
