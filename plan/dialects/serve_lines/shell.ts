// A tutorial's `vllm serve` lines and the proxy in front of them.

import { emptyLayer, type Layer, type Saying } from "../../layer.ts";
import type { Problem } from "../../problem.ts";
import type { Origin } from "../../spec.ts";
import type { Dialect, ReadFile } from "../dialect.ts";
import { layerOfLines } from "./layer_of_lines.ts";
import { type ProxyCommand, readProxyCommand } from "./proxy_command.ts";
import { readServeLine, type ServeFacts } from "./read_serve_line.ts";
import { serveArguments } from "./serve_line.ts";
import { readShellScript, type ShellCommand } from "./shell_script.ts";
import { errorAt } from "../tell.ts";

export const shell: Dialect = {
  name: "shell",
  matches: (path, text) => /\.(sh|bash|txt|md)$/i.test(path) || /^\s*(\w+=\S*\s+)*vllm serve\b/m.test(text),
  read,
};

function read(text: string, path: string): ReadFile {
  const script = readShellScript(text);
  const at = (line: number): Origin => ({ is: "file", path, line });
  if (script.is === "wrong") {
    const { line, what, why, fix } = script;
    return { layer: emptyLayer, problems: [errorAt(at(line), { what, why, fix })] };
  }
  const problems: Problem[] = [];
  const proxies = script.commands.flatMap((command) =>
    servedAt(command) === null ? readProxyCommand(command.words, at(command.line), problems) ?? [] : []
  );
  const served = script.commands.flatMap((command) => serveFacts(command, at(command.line), proxies));
  if (served.length === 0) {
    problems.push(errorAt(at(1), {
      what: "Find no vllm serve line",
      why: "they say what runs where",
      fix: "CUDA_VISIBLE_DEVICES=0 vllm serve MODEL --kv-transfer-config '{…}'",
    }));
    return { layer: emptyLayer, problems };
  }
  const layer = layerOfLines("shell", served, problems);
  return { layer: withSayings(layer, proxies.flatMap(({ sayings }) => sayings)), problems };
}

function withSayings(layer: Layer, sayings: readonly Saying[]): Layer {
  return { ...layer, sayings: [...layer.sayings, ...sayings] };
}

/** Index of the word after `vllm serve`, or after the module that does the same. */
function servedAt({ words }: ShellCommand): number | null {
  const serve = words.findIndex((word, at) => word === "serve" && /(^|\/)vllm$/.test(words[at - 1] ?? ""));
  if (serve >= 0) return serve + 1;
  const module = words.findIndex((word) => /^vllm\.entrypoints\.(openai\.)?api_server$/.test(word));
  return module < 0 ? null : module + 1;
}

function serveFacts(command: ShellCommand, origin: Origin, proxies: readonly ProxyCommand[]): ServeFacts[] {
  const start = servedAt(command);
  if (start === null) return [];
  const { CUDA_VISIBLE_DEVICES: gpus, ...env } = command.env;
  const line = origin.is === "file" ? origin.line : 0;
  const facts = readServeLine({
    ...{ name: `vllm serve on line ${line}`, origin, role: null, replicas: 1, gpuCount: null },
    gpuIds: gpus === undefined ? null : { value: gpus, origin },
    args: serveArguments(command.words.slice(start).map((text) => ({ text, origin }))),
    env: Object.entries(env).map(([name, value]) => ({ name, value, origin })),
  });
  const named = (role: "prefill" | "decode") => proxies.some(({ ports }) => ports[role].includes(facts.port ?? "8000"));
  const role = named("prefill") ? "prefill" as const : named("decode") ? "decode" as const : null;
  return [{ ...facts, line: { ...facts.line, role } }];
}
