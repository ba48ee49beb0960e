// What every connector must keep to, run over the registry: a new file there is tested by existing.

import { describe, expect, test } from "bun:test";
import validRange from "semver/ranges/valid.js";
import type { Connector, LegContext, PrefillReply, WiringContext, WorkerFacts } from "../../kv/connector.ts";
import { connectors, findConnector } from "../../kv/index.ts";
import type { LegEdit } from "../../kv/leg_edit.ts";
import { unknownConnector } from "../../kv/unknown_connector.ts";

const all: readonly Connector[] = [...Object.values(connectors), unknownConnector("SomeStoreConnector")];
const roles = ["prefill", "decode"] as const;

/** A reply of a real vLLM 0.32.0, with an integer no double holds and a member nobody knows. */
const rawReply =
  '{"do_remote_prefill":true,"do_remote_decode":false,"remote_block_ids":[[1, 2,9007199254740993]],"remote_engine_id":"33345126-d129","remote_request_id":"cmpl-ade3-0-85740754","remote_host":"127.0.0.1","remote_port":5610,"tp_size":1,"dcp_size":1,"pp_size":1,"remote_num_tokens":105,"remote_blocks_expiry_time":null,"transfer_mode":"pull","from_the_future":{"é":1e3}}';
const reply: PrefillReply = { params: JSON.parse(rawReply), raw: { rawJson: rawReply } };

/** A NIXL decode engine that lacks one of these dies, waits for ever, reads wrong shards or computes the prompt again. */
const deadlyWhenMissing = [
  "do_remote_prefill",
  "remote_block_ids",
  "remote_engine_id",
  "remote_request_id",
  "remote_host",
  "remote_port",
  "tp_size",
];

test("every connector stands in the registry under vLLM's own name", () => {
  for (const [key, connector] of Object.entries(connectors)) expect(key).toBe(connector.name);
});

test("names and aliases lead to one connector each, whatever the case", () => {
  const names = Object.values(connectors).flatMap(({ name, aliases }) => [name, ...aliases]);
  expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
  for (const connector of Object.values(connectors)) {
    for (const name of [connector.name, ...connector.aliases]) {
      expect(findConnector(name.toUpperCase())).toEqual({ is: "known", connector });
    }
  }
});

describe.each(all.map((connector) => [connector.name, connector] as const))("%s", (_name, connector) => {
  test("tells in one line what it is, and which engine versions have it", () => {
    expect(connector.summary).toMatch(/^[^\n]{20,110}[^.\n]$/);
    expect(Object.keys(connector.engines)).toContain("sim");
    for (const range of Object.values(connector.engines)) expect(validRange(range)).not.toBeNull();
  });

  test.each(roles)("launches a %s worker with a config that is JSON and names the connector and a role", (role) => {
    const { kvTransferConfig, env, args } = connector.wiring(wiringContext(connector, role));
    expect(JSON.parse(JSON.stringify(kvTransferConfig))).toEqual(kvTransferConfig);
    expect(kvTransferConfig.kv_connector).toBe(connector.name);
    expect([role === "prefill" ? "kv_producer" : "kv_consumer", "kv_both"]).toContain(String(kvTransferConfig.kv_role));
    for (const value of Object.values(env)) expect(value).not.toBe("");
    for (const word of args) expect(word).toStartWith("--");
  });

  test.each(roles)("gives every port of a %s worker to the engine, by environment or config", (role) => {
    const context = wiringContext(connector, role, { tp: 2, dp: 1 });
    const { kvTransferConfig, env } = connector.wiring(context);
    for (const need of connector.ports(context)) {
      const port = context.ports[need.purpose];
      expect(port).toBeNumber();
      if (need.env !== null) expect(env[need.env]).toBe(String(port));
      else expect(JSON.stringify(kvTransferConfig)).toContain(String(port));
      expect(need.count).toBeGreaterThan(0);
      expect(need.preferred).toBeLessThan(32_768);
    }
  });

  test("lets the user's extra config win and does not change it", () => {
    const extraConfig = Object.freeze({
      mooncake_protocol: "rdma",
      shared_storage_path: "/kv",
      send_type: "GET",
      other: [1],
    });
    const { kvTransferConfig } = connector.wiring({ ...wiringContext(connector, "prefill"), extraConfig });
    expect(kvTransferConfig.kv_connector_extra_config).toMatchObject(extraConfig);
  });

  test("leaves regular and encode workers without ports and wiring", () => {
    for (const role of ["regular", "encode"] as const) {
      expect(connector.ports({ role, tp: 1, dp: 1, pp: 1 })).toEqual([]);
      expect(connector.wiring({ ...wiringContext(connector, "prefill"), role })).toEqual({
        kvTransferConfig: {},
        env: {},
        args: [],
      });
    }
  });

  test("finds nothing wrong with one prefill and one decode worker on its first device", () => {
    const workers = roles.map((role) => ({ name: `${role}-0`, role, tp: 1, dp: 1, pp: 1, flags: {} }));
    const topology = { engine: "vllm", engineVersion: "0.22.1", device: connector.devices[0] ?? "cuda", workers };
    expect(connector.problems(topology).filter(({ severity }) => severity === "error")).toEqual([]);
  });

  test("writes the same legs for the same attempt and changes nothing it is given", () => {
    for (const dp of [1, 4]) {
      const context = frozen(legContext(connector, { dp }));
      const answer = connector.legs === "concurrent" ? null : frozen(reply);
      expect(connector.prefillLeg(context)).toEqual(connector.prefillLeg(context));
      expect(connector.decodeLeg(context, answer)).toEqual(connector.decodeLeg(context, answer));
      expect(sent(connector, context, answer)).toBeDefined();
    }
  });

  test("never changes what makes the prompt, or the request would have other KV on each leg", () => {
    const context = legContext(connector);
    const edits = [
      connector.prefillLeg(context),
      sent(connector, context, connector.legs === "concurrent" ? null : reply),
    ];
    for (const { set, drop } of edits) {
      const touched = [...Object.keys(set), ...drop];
      const allowed = ["kv_transfer_params", "min_tokens", "stop", "stop_token_ids", "include_stop_str_in_output"];
      expect(touched.filter((member) => !allowed.includes(member))).toEqual([]);
    }
  });

  test("names its headers in lower case, as the upstream client sends them", () => {
    const context = legContext(connector, { dp: 2 });
    const names = [connector.prefillLeg(context), sent(connector, context, reply)].flatMap(({ headers }) =>
      Object.keys(headers)
    );
    expect(names).toEqual(names.map((name) => name.toLowerCase()));
  });

  if (connector.shape === "params-prebuilt" || connector.shape === "request-id") {
    test("gives no two attempts the same id", () => {
      const first = legContext(connector);
      const second = { ...first, attemptId: "r-2", nonce: "f".repeat(32) };
      expect(sent(connector, second, null)).not.toEqual(sent(connector, first, null));
    });
  }

  if (connector.shape !== "plain-two-step") {
    test("hands nothing from a worker to itself", () => {
      const context = legContext(connector);
      const renamed = { ...context.prefill, name: "other-name" };
      for (const decode of [context.prefill, renamed]) {
        expect(connector.decodeLeg({ ...context, decode }, reply).is).toBe("no-handoff");
      }
    });
  }

  if (connector.legs === "concurrent") {
    test("writes the decode leg without a prefill reply, or says what it does not know of the worker", () => {
      const context = legContext(connector);
      expect(connector.decodeLeg(context, null).is).toBe("send");
      for (const lacking of [{ ports: {} }, { engineId: null, engineIdByRank: {} }]) {
        const answer = connector.decodeLeg({ ...context, prefill: { ...context.prefill, ...lacking } }, null);
        expect(answer).toEqual({ is: "no-handoff", reason: expect.stringContaining("prefill-0") });
      }
    });
  }

  if (connector.shape === "params-echo") {
    test("sends the reply's params byte for byte", () => {
      const { set } = sent(connector, legContext(connector), reply);
      expect(set).toEqual({ kv_transfer_params: { rawJson: rawReply } });
    });

    test("has no handoff without params, and says who gave none", () => {
      for (const none of [null, { params: null, raw: null }]) {
        const answer = connector.decodeLeg(legContext(connector), none);
        expect(answer).toEqual({ is: "no-handoff", reason: expect.stringContaining("prefill-0") });
      }
    });

    test("never sends part of a real reply, whichever members are missing", () => {
      const required = new Set(requiredMembers(connector));
      expect([...required]).toEqual(expect.arrayContaining(deadlyWhenMissing));
      const members = Object.entries(reply.params ?? {});
      const wrong: string[] = [];
      for (let subset = 0; subset < 2 ** members.length; subset++) {
        const kept = members.filter((_, bit) => (subset >> bit) & 1);
        const params = Object.fromEntries(kept);
        const whole = [...required].every((name) => name in params);
        const answer = connector.decodeLeg(legContext(connector), { params, raw: { rawJson: JSON.stringify(params) } });
        if ((answer.is === "send") !== whole) wrong.push(Object.keys(params).join(","));
      }
      expect(wrong).toEqual([]);
    });
  }
});

/** Those without which no handoff happens, found by leaving out one at a time. */
function requiredMembers(connector: Connector): string[] {
  const params = reply.params ?? {};
  return Object.keys(params).filter((name) => {
    const { [name]: _left, ...rest } = params;
    const answer = connector.decodeLeg(legContext(connector), { params: rest, raw: { rawJson: JSON.stringify(rest) } });
    return answer.is === "no-handoff";
  });
}

function sent(connector: Connector, context: LegContext, answer: PrefillReply | null): LegEdit {
  const leg = connector.decodeLeg(context, answer);
  if (leg.is === "no-handoff") throw new Error(leg.reason);
  return leg.edit;
}

function legContext(connector: Connector, sizes: { readonly dp?: number } = {}): LegContext {
  const prefill = workerFacts(connector, "prefill", 8101, sizes.dp ?? 1);
  return {
    attemptId: "r-1",
    nonce: "0123456789abcdef0123456789abcdef",
    api: "completions",
    prefill,
    decode: workerFacts(connector, "decode", 8102, 1),
  };
}

function workerFacts(connector: Connector, role: "prefill" | "decode", httpPort: number, dp: number): WorkerFacts {
  const shape = { role, tp: 1, dp, pp: 1 };
  const ranks = Array.from({ length: dp }, (_, rank) => [String(rank), `engine-of-${role}_dp${rank}`]);
  return {
    ...shape,
    name: `${role}-0`,
    host: "127.0.0.1",
    httpPort,
    ports: Object.fromEntries(connector.ports(shape).map(({ purpose }, index) => [purpose, httpPort + 100 + index])),
    engineId: `${role}-0-g1`,
    engineIdByRank: Object.fromEntries(ranks),
  };
}

function wiringContext(
  connector: Connector,
  role: "prefill" | "decode",
  sizes: { readonly tp: number; readonly dp: number } = { tp: 1, dp: 1 },
): WiringContext {
  const shape = { role, pp: 1, ...sizes };
  return {
    ...shape,
    device: "cuda",
    engineVersion: "0.22.1",
    host: "127.0.0.1",
    httpPort: 8101,
    ports: Object.fromEntries(connector.ports(shape).map(({ purpose }, index) => [purpose, 20_123 + index])),
    engineId: `${role}-0-g1`,
    sharedDir: "/run/kv",
    loadFailurePolicy: "fail",
    extraConfig: {},
  };
}

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}
