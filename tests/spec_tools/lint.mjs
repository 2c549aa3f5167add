// node lint.mjs EXCEPTIONS.json FILE...: what Redocly's and Spectral's recommended rules say, as a JSON list of lines.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const redocly = require("@redocly/openapi-core");
const { Spectral, Document } = require("@stoplight/spectral-core");
const parsers = require("@stoplight/spectral-parsers");
const { oas } = require("@stoplight/spectral-rulesets");

const [, , exceptions, ...files] = process.argv;
const off = (tool) => Object.fromEntries(JSON.parse(exceptions)[tool].map((rule) => [rule, "off"]));
const config = await redocly.createConfig({ extends: ["recommended"], rules: off("redocly") });
const said = [];
for (const file of files) {
  for (const one of await redocly.lint({ ref: file, config })) {
    said.push(`redocly ${file} ${one.location[0].pointer} ${one.ruleId}: ${one.message}`);
  }
  const spectral = new Spectral();
  spectral.setRuleset({ extends: [oas], rules: off("spectral") });
  for (const one of await spectral.run(new Document(readFileSync(file, "utf8"), parsers.Yaml, file))) {
    said.push(`spectral ${file} ${one.path.join("/")} ${one.code}: ${one.message}`);
  }
}
console.log(JSON.stringify(said));
