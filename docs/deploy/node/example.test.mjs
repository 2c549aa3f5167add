// node --test docs/deploy/node/
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { start } from "./ringback.mjs";

let ringback;
before(async () => (ringback = await start()));
after(() => ringback.stop());

test("a number is renamed, and the request is seen", async () => {
  const space = await ringback.space();
  const url = `${space.url("teli")}/v1/voice/phone-numbers/+14155551234/update-agent`;
  const headers = { "X-API-Key": space.key, "Content-Type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ nickname: "Front desk" }) });
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).nickname, "Front desk");
  assert.deepEqual((await space.requests()).map((seen) => seen.operation), ["updatePhoneAgent"]);
  await space.forget();
});

test("the vendor is busy twice, and then is not", async () => {
  const space = await ringback.space();
  await space.fault("vogent", "listPhoneNumbers", { answer: { status: 429 }, times: 2 });
  const statuses = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    const answer = await fetch(`${space.url("vogent")}/api/phone_numbers`, {
      headers: { Authorization: `Bearer ${space.key}` },
    });
    statuses.push(answer.status);
  }
  assert.deepEqual(statuses, [429, 429, 200]);
});

test("a server that cannot start says why", async () => {
  await assert.rejects(start({ args: ["--only", "nobody"] }), /no such vendor/);
});
