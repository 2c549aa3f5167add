import createClient from "openapi-fetch";

import type { paths } from "./generated/vogent.js";

const headers = { Authorization: `Bearer ${process.env.KEY!}` };
const client = createClient<paths>({ baseUrl: `${process.env.ORIGIN!}/api`, headers });

const numbers = await client.GET("/phone_numbers", { params: { query: { limit: 1 } } });
const agents = await client.GET("/agents", {});
const { id } = numbers.data!.data[0]!;
const agentId = agents.data!.data[0]!.id;
const linked = await client.PUT("/phone_numbers/{id}", { params: { path: { id } }, body: { agentId } });
const read = await client.GET("/phone_numbers/{id}", { params: { path: { id } } });
const refused = await client.PUT("/phone_numbers/{id}", { params: { path: { id: "nobody" } }, body: { agentId } });
console.log(JSON.stringify([linked.data!.agentId === agentId && read.data!.agentId === agentId, refused.error!.message]));
