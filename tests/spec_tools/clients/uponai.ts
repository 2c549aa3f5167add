import createClient from "openapi-fetch";

import type { paths } from "./generated/uponai.js";

const headers = { Authorization: `Bearer ${process.env.KEY!}` };
const client = createClient<paths>({ baseUrl: process.env.ORIGIN!, headers });

const account = { accountSid: "29e90072-fb58-4c6c-870a-43005115131e", workspaceId: 1 };
const agents = await client.GET("/api/agents", { params: { query: { workspaceId: 1 } } });
const outboundAgentId = agents.data![0]!.agent_id;
const path = { number: "+12137771235" };
const linked = await client.PUT("/api/numbers/{number}/agent", {
  params: { path },
  body: { ...account, outboundAgentId, inboundAgents: [{ agent_id: outboundAgentId, weight: 1 }] },
});
const refused = await client.PUT("/api/numbers/{number}/agent", {
  params: { path },
  body: { ...account, outboundAgentId: "agent_nobody" },
});
console.log(JSON.stringify([linked.data!.assignment!.agent_id === outboundAgentId, refused.error!.message]));
