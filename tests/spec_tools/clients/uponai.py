"""Assigns an agent to a number with the client that openapi-python-client made of UponAI's file."""

import json
import os

from uponai_client import AuthenticatedClient
from uponai_client.api.agents import list_agents
from uponai_client.api.numbers import update_phone_number_assignment
from uponai_client.models import UpdatePhoneNumberAssignmentBody

client = AuthenticatedClient(os.environ["ORIGIN"], os.environ["KEY"])
account = {"accountSid": "29e90072-fb58-4c6c-870a-43005115131e", "workspaceId": 1}
agent = list_agents.sync(client=client, workspace_id=1)[0].agent_id


def assign(**sent: object) -> object:
    """The answer to an assignment."""
    body = UpdatePhoneNumberAssignmentBody.from_dict({**account, **sent})
    return update_phone_number_assignment.sync("+12137771235", client=client, body=body)


linked = assign(outboundAgentId=agent, inboundAgents=[{"agent_id": agent, "weight": 1}])
refused = assign(outboundAgentId="agent_nobody")
print(json.dumps([linked.assignment.agent_id == agent, refused.message]))
