import createClient from "openapi-fetch";

import type { paths } from "./generated/teli.js";

const client = createClient<paths>({ baseUrl: process.env.ORIGIN!, headers: { "X-API-Key": process.env.KEY! } });

const owner = { user_id: "1762896366429x599348279945132448", organization_id: "1762896364768x389173798861431550" };
const bought = await client.POST("/v1/voice/phone-numbers/create", {
  body: { ...owner, area_code: "313", tenant_id: "your_tenant" },
});
const number: string = bought.data!.phone_number;
const made = await client.POST("/v1/agents", {
  body: { ...owner, agent_type: "voice", agent_name: "A", starting_message: "Hi", prompt: "Sell.", voice_id: "11labs-Adrian" },
});
// The two kinds of agent are told apart by agent_type.
const agent: string = made.data!.agent_type === "voice" ? made.data!.voice_agent_id : "none";
const linked = await client.POST("/v1/voice/phone-numbers/{phone_number}/update-agent", {
  params: { path: { phone_number: number } },
  body: { inbound_agent_id: agent },
});
const refused = await client.POST("/v1/voice/phone-numbers/{phone_number}/update-agent", {
  params: { path: { phone_number: number } },
  body: { inbound_agent_id: "agent_nobody" },
});
console.log(JSON.stringify([linked.data!.inbound_agent_id === agent, refused.error!.error]));
