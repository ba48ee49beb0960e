// `scheduler` of a pdjob: its port, and the proxy's command. Of a proxy that pdserve knows its own router takes the place; another
// one is run as it is given.

import { isMap, isScalar, type Node } from "yaml";
import type { Saying } from "../../layer.ts";
import { type Address, schedulerWords } from "../../scheduler_command.ts";
import type { Origin } from "../../spec.ts";
import type { Asked } from "../dialect.ts";
import { readProxyCommand } from "../serve_lines/proxy_command.ts";
import { errorAt, warningAt } from "../tell.ts";
import type { PdjobReading } from "./reading.ts";

type Counts = { readonly prefill: number; readonly decode: number };

const usualPort = "8021";

export function readScheduler(
  counts: Counts,
  start: Origin,
  reading: PdjobReading,
  wish: NonNullable<Asked["scheduler"]>,
): readonly Saying[] {
  const { root, originAt, problems } = reading;
  const map = root.get("scheduler", true) as Node | undefined;
  const command = isMap(map) ? map.get("command", true) as Node | undefined : undefined;
  const port = isMap(map) ? map.get("port", true) as Node | undefined : undefined;
  const where = command ?? map;
  const origin = where === undefined ? start : originAt(where);
  const number = isScalar(port) ? String(port.value) : usualPort;
  const portOrigin = port === undefined ? origin : originAt(port);
  const ofRouter: Saying = { key: "port", text: number, origin: portOrigin };
  const text = isScalar(command) ? String(command.value ?? "") : "";
  if (text.trim() === "") {
    problems.push(errorAt(origin, {
      what: "Give scheduler.command",
      why: "upstream needs it; pdserve reads from it what its own router is to do",
      fix:
        `command: "vllm-router --vllm-pd-disaggregation --port {PORT} --prefill $PREFILL_URL_1 --decode $DECODE_URL_1"`,
    }));
    return [ofRouter];
  }
  // The ports are places in the list, not real ones, so that a known proxy's flags can be read.
  const places = { port: number, prefill: inOrder(counts.prefill), decode: inOrder(counts.decode) };
  const read = schedulerWords(text, places);
  if (read.is === "bad") {
    problems.push(errorAt(origin, read));
    return [ofRouter];
  }
  const proxy = wish === "command" ? null : readProxyCommand(read.words, origin, problems);
  if (proxy !== null) return [ofRouter, ...proxy.sayings];
  const name = read.words.slice(0, 2).join(" ");
  if (wish === "builtin") {
    problems.push(warningAt(origin, {
      what: `Serve by pdserve's own router in place of "${name}"`,
      why: "--scheduler builtin asks for it; what this command would do besides is not known",
      fix: "--scheduler auto runs it",
    }));
    return [ofRouter];
  }
  return [
    { key: "schedulerCommand", text, origin },
    { key: "schedulerPort", text: number, origin: portOrigin },
  ];
}

function inOrder(count: number): readonly Address[] {
  return Array.from({ length: count }, (_, at) => ({ host: "127.0.0.1", port: at + 1 }));
}
