import createClient from "openapi-fetch";

import type { paths } from "./generated/interactly.js";

const headers = { Authorization: `Bearer ${process.env.KEY!}` };
const client = createClient<paths>({ baseUrl: process.env.ORIGIN!, headers });

const imported = await client.POST("/assistants/v1/numbers/{provider}", {
  params: { path: { provider: "twilio" } },
  body: { number: "+14155550143", label: "front-desk" },
});
const made = await client.POST("/assistants/v1/assistants", { body: { name: "Night Desk" } });
const assistantId = made.data!._id;
// The vendor's {id}: one path has one name for its parameter.
const linked = await client.PUT("/assistants/v1/numbers/{provider}", {
  params: { path: { provider: imported.data!._id } },
  body: { assistantId, inboundEnabled: false },
});
const refused = await client.PUT("/assistants/v1/numbers/{provider}", {
  params: { path: { provider: "nobody" } },
  body: { assistantId },
});
const right = linked.data!.assistantId === assistantId && linked.data!.inboundEnabled === false;
console.log(JSON.stringify([right, refused.error!.message]));
