// `scheduler` of a pdjob: its port, and the proxy's command, whose place pdserve's own router takes.

import { isMap, isScalar, type Node } from "yaml";
import type { Saying } from "../../layer.ts";
import { splitShellWords } from "../../shell_words.ts";
import type { Origin } from "../../spec.ts";
import type { PdjobReading } from "./reading.ts";
import { readProxyCommand } from "../serve_lines/proxy_command.ts";
import { errorAt, warningAt } from "../tell.ts";

type Counts = { readonly prefill: number; readonly decode: number };

const usualPort = "8021";

export function readScheduler(counts: Counts, start: Origin, reading: PdjobReading): readonly Saying[] {
  const { root, originAt, problems } = reading;
  const map = root.get("scheduler", true) as Node | undefined;
  const command = isMap(map) ? map.get("command", true) as Node | undefined : undefined;
  const port = isMap(map) ? map.get("port", true) as Node | undefined : undefined;
  const where = command ?? map;
  const origin = where === undefined ? start : originAt(where);
  const number = isScalar(port) ? String(port.value) : usualPort;
  const portSaying: Saying = { key: "port", text: number, origin: port === undefined ? origin : originAt(port) };
  const text = isScalar(command) ? String(command.value ?? "") : "";
  if (text.trim() === "") {
    problems.push(errorAt(origin, {
      what: "Give scheduler.command",
      why: "upstream needs it; pdserve reads from it what its own router is to do",
      fix:
        `command: "vllm-router --vllm-pd-disaggregation --port {PORT} --prefill $PREFILL_URL_1 --decode $DECODE_URL_1"`,
    }));
    return [portSaying];
  }
  const filled = fillPlaceholders(text, number, counts);
  const left = /\$\{?[A-Z]\w*\}?/.exec(filled)?.[0];
  if (left !== undefined) {
    problems.push(errorAt(origin, {
      what: `Nothing stands for ${left} in scheduler.command`,
      why: `there are ${counts.prefill} prefill and ${counts.decode} decode replicas, counted from 1`,
      fix: "$PREFILL_URL_1, $PREFILL_HOST_1, $PREFILL_PORT_1 and the like, up to the number of replicas",
    }));
  }
  const words = splitShellWords(filled);
  if (words === null) {
    const why = "a quote is opened and not closed";
    problems.push(errorAt(origin, { what: "Cannot split scheduler.command into words", why, fix: "close the quote" }));
    return [portSaying];
  }
  const proxy = readProxyCommand(words, origin, problems);
  if (proxy !== null) return [portSaying, ...proxy.sayings];
  problems.push(warningAt(origin, {
    what: `Serve by pdserve's own router in place of "${words.slice(0, 2).join(" ")}"`,
    why: "it knows the handoff of the connector and watches the workers; this command is none it knows",
    fix: "run it yourself in front of the workers' URLs, where only it will do",
  }));
  return [portSaying];
}

/** `_10` before `_1`, so that the shorter name does not eat the longer; the ports are places in the list, not real ones. */
export function fillPlaceholders(text: string, port: string, counts: Counts): string {
  let filled = text.replaceAll("{PORT}", port);
  for (const [role, count] of [["PREFILL", counts.prefill], ["DECODE", counts.decode]] as const) {
    for (let n = count; n >= 1; n--) {
      const values = { HOST: "127.0.0.1", PORT: String(n), URL: `http://127.0.0.1:${n}` };
      for (const [kind, value] of Object.entries(values)) {
        const name = `${role}_${kind}_${n}`;
        filled = filled.replaceAll(`\${${name}}`, value).replaceAll(new RegExp(`\\$${name}(?!\\d)`, "g"), value);
      }
    }
  }
  return filled;
}
