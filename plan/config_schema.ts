// A JSON schema of pdserve.yaml, for editors: `pdserve config --schema`.

import type { Json } from "../kv/json.ts";
import { type Setting, settings } from "./settings.ts";

type Properties = Record<string, Json>;

export function configSchema(): Json {
  const properties: Properties = {
    model: { type: "string", description: "Model to serve: a hub id or a path" },
    args,
    env,
    groups,
    fixed_ports: { type: "boolean", description: "Take the groups' ports as they are, or refuse" },
    updates_weights: { type: "boolean", description: "Whether a trainer sends these workers new weights" },
  };
  const sections: Record<string, Properties> = { prefill: { args, env }, decode: { args, env } };
  for (const setting of Object.values(settings) as Setting[]) {
    const [first = "", second] = setting.yaml?.split(".") ?? [];
    if (setting.yaml === null) continue;
    if (second === undefined) properties[first] = schemaOf(setting);
    else sections[first] = { ...sections[first], [second]: schemaOf(setting) };
  }
  for (const [name, members] of Object.entries(sections)) properties[name] = closedObject(members);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "pdserve.yaml",
    ...closedObject(properties),
  };
}

const args: Json = {
  description: "Arguments for the engines: a map of flags, or a list of words",
  anyOf: [{ type: "object" }, { type: "array", items: { type: ["string", "number"] } }, { type: "string" }],
};

const env: Json = {
  description: "Environment variables of the engines",
  type: "object",
  additionalProperties: { type: ["string", "number", "boolean"] },
};

const atLeastOne: Json = { type: "integer", minimum: 1 };

const groups: Json = {
  description: "Workers pool by pool, in place of pd, prefill.gpus and the sizes",
  type: "array",
  items: {
    ...closedObject({
      role: { enum: ["prefill", "decode", "regular", "encode", "placeholder"] },
      gpus: { anyOf: [atLeastOne, { type: "array", items: { type: ["string", "integer"] } }] },
      gpus_per_worker: atLeastOne,
      tp: atLeastOne,
      args,
      env,
      ports: { type: "object", additionalProperties: atLeastOne },
    }),
    required: ["role", "gpus"],
  },
};

function closedObject(properties: Properties) {
  return { type: "object", additionalProperties: false, properties };
}

function schemaOf(setting: Setting): Json {
  return { description: setting.help, ...typeOf(setting), ...defaultOf(setting) };
}

function typeOf(setting: Setting): { readonly [key: string]: Json } {
  switch (setting.kind) {
    case "count":
      return { type: "integer", minimum: 1 };
    case "port":
      return { type: "integer", minimum: 0, maximum: 65_535 };
    case "url":
      return { type: "string", pattern: "^https?://" };
    case "switch":
      return { type: "boolean" };
    case "choice":
      return { enum: setting.choices ?? [] };
    case "list":
      return { anyOf: [{ type: "array", items: { type: "string" } }, { type: "string" }] };
    case "json":
      return { type: "object" };
    case "duration":
      return { anyOf: [{ type: "string", pattern: "^([0-9.]+(ms|s|m|h))+$" }, { type: "number", minimum: 0 }] };
    case "bytes":
      return {
        anyOf: [{ type: "string", pattern: "^[0-9.]+ *[kKmMgGtT]?(i?[bB])?$" }, { type: "integer", minimum: 0 }],
      };
    case "text":
      return setting.flag.endsWith("-gpus") ? { type: ["string", "integer", "array"] } : { type: ["string", "number"] };
  }
}

function defaultOf({ kind, default: text }: Setting): { readonly [key: string]: Json } {
  if (text === null) return {};
  if (kind === "switch") return { default: text === "true" };
  return { default: kind === "count" || kind === "port" ? Number(text) : text };
}
