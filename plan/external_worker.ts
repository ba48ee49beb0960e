// A worker somebody else started, from the URL it was given by.

import type { Role } from "../kv/connector.ts";
import type { WorkerPlan } from "./plan.ts";

/**
 * `http://host:port`, `https://…` or `unix:/path`. What the router must know besides stands behind `#`, which is never sent:
 * `engine_id`, sizes, and first ports by the connector's purposes: `http://127.0.0.1:8100#bootstrap=8998&tp=2`. Null when it is no such URL.
 */
export function externalWorker(
  text: string,
  role: Role,
  index: number,
  usualPorts: Readonly<Record<string, number>>,
): WorkerPlan | null {
  const url = parseUrl(text);
  if (url === null) return null;
  const facts = new URLSearchParams(url.hash.slice(1));
  const engineId = facts.get("engine_id");
  facts.delete("engine_id");
  const numbers = new Map([...facts].map(([name, value]) => [name, Number(value)]));
  if ([...numbers.values()].some((value) => !Number.isInteger(value) || value < 1 || value > 65_535)) return null;
  const sizes = { tp: numbers.get("tp") ?? 1, dp: numbers.get("dp") ?? 1, pp: numbers.get("pp") ?? 1 };
  for (const name of Object.keys(sizes)) numbers.delete(name);
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  const ports = { ...usualPorts, ...Object.fromEntries(numbers), ...(url.protocol === "unix:" ? {} : { http: port }) };
  return {
    name: `${role}-${index}`,
    role,
    gpus: [],
    ...sizes,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.protocol === "unix:" ? 0 : port,
    ports: Object.fromEntries(Object.entries(ports).map(([purpose, number]) => [purpose, [number]])),
    engineId,
    userArgs: [],
    userEnv: {},
    argv: [],
    env: {},
    cwd: "",
    external: text.split("#")[0]?.replace(/\/+$/, "") ?? text,
  };
}

function parseUrl(text: string): URL | null {
  const url = URL.parse(text);
  if (url === null) return null;
  if (url.protocol === "unix:") return url.pathname.startsWith("/") ? url : null;
  return /^https?:$/.test(url.protocol) && url.hostname !== "" ? url : null;
}
