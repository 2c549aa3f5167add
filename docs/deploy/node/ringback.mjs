// Ringback for tests in Node: copy this file beside your tests. It needs `ringback` on the PATH, or RINGBACK_COMMAND.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";

/** Starts a server on a free port and resolves when it answers; it ends with `stop()`, and with this process. */
export async function start({ args = [], command = process.env.RINGBACK_COMMAND ?? "ringback", seconds = 30 } = {}) {
  const [program, ...first] = command.split(" ");
  const child = spawn(program, [...first, "serve", "--port", "0", "--json", "--end-with-stdin", ...args], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (said = (said + text).slice(-65536)));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const where = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`ringback was not ready after ${seconds} s: ${said}`)), seconds * 1000);
    child.once("error", (error) => reject(new Error(`${command} cannot be started: ${error.message}`)));
    child.once("exit", (code) => reject(new Error(`ringback ended with ${code}: ${said}`)));
    createInterface(child.stdout).once("line", (line) => {
      clearTimeout(late);
      resolve(JSON.parse(line));
    });
  }).catch((error) => {
    child.kill();
    throw error;
  });

  async function control(method, path, body) {
    const answer = await fetch(where.control + path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /** A world of its own: its key opens it. */
  async function space(name = `test_${randomUUID()}`) {
    await control("POST", "/spaces", { name });
    return {
      key: name,
      url: (vendor) => where.providers[vendor],
      fault: (provider, operation, rule) => control("POST", "/faults", { space: name, provider, operation, ...rule }),
      requests: async () => (await control("GET", `/requests?space=${encodeURIComponent(name)}`)).requests,
      forget: () => control("DELETE", `/spaces/${encodeURIComponent(name)}`),
    };
  }

  async function stop() {
    child.stdin.end();
    child.kill();
    await ended;
  }

  return { url: where.url, origins: where.providers, control, space, log: () => said, stop };
}
