// What every connector must keep to, run over the registry: a new file there is tested by existing.

import { describe, expect, test } from "bun:test";
import validRange from "semver/ranges/valid.js";
import type { Connector, LegContext, PrefillReply } from "../../kv/connector.ts";
import { connectors, findConnector } from "../../kv/index.ts";
import { type LegEdit, noEdit } from "../../kv/leg_edit.ts";
import { deadlyWhenMissing, frozen, legContext, replyTo, samples, wiringContext } from "./connector_samples.ts";

const roles = ["prefill", "decode"] as const;

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

describe.each(samples.map((sample) => [sample.title, sample] as const))("%s", (_title, sample) => {
  const { connector } = sample;
  const reply = replyTo(connector);

  test("tells in one line what it is, and which engine versions have it", () => {
    expect(connector.summary).toMatch(/^[^\n]{20,160}[^.\n]$/);
    expect(Object.keys(connector.engines)).toContain("sim");
    for (const range of Object.values(connector.engines)) expect(validRange(range)).not.toBeNull();
  });

  test.each(roles)("launches a %s worker with a config that is JSON and names the connector and a role", (role) => {
    const { kvTransferConfig, env, args } = connector.wiring(wiringContext(sample, role));
    expect(JSON.parse(JSON.stringify(kvTransferConfig))).toEqual(kvTransferConfig);
    expect(kvTransferConfig.kv_connector).toBe(connector.name);
    expect([role === "prefill" ? "kv_producer" : "kv_consumer", "kv_both"]).toContain(String(kvTransferConfig.kv_role));
    for (const value of Object.values(env)) expect(value).not.toBe("");
    for (const word of args) expect(word).toStartWith("--");
  });

  test.each(roles)("gives every port of a %s worker to the engine, by environment or config", (role) => {
    const context = wiringContext(sample, role, { tp: 2, dp: 1 });
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
    const context = wiringContext(sample, "prefill");
    const { kvTransferConfig } = connector.wiring({
      ...context,
      extraConfig: { ...context.extraConfig, ...extraConfig },
    });
    expect(kvTransferConfig.kv_connector_extra_config).toMatchObject(extraConfig);
  });

  test("leaves regular workers without ports, and without wiring unless it is a cache of one engine", () => {
    expect(connector.ports({ role: "regular", tp: 1, dp: 1, pp: 1 })).toEqual([]);
    const { kvTransferConfig } = connector.wiring({ ...wiringContext(sample, "prefill"), role: "regular" });
    expect([{}, { ...kvTransferConfig, kv_role: "kv_both" }]).toContainEqual(kvTransferConfig);
    if (connector.cannotHandOver === undefined) expect(kvTransferConfig).toEqual({});
  });

  test("leaves encode workers, which have no KV, without ports and wiring", () => {
    expect(connector.ports({ role: "encode", tp: 1, dp: 1, pp: 1 })).toEqual([]);
    expect(connector.wiring({ ...wiringContext(sample, "prefill"), role: "encode" }).kvTransferConfig).toEqual({});
  });

  test("finds nothing wrong with one prefill and one decode worker on its first device", () => {
    const workers = roles.map((role) => ({ name: `${role}-0`, role, tp: 1, dp: 1, pp: 1, flags: {} }));
    const topology = { engine: "vllm", engineVersion: "0.22.1", device: connector.devices[0] ?? "cuda", workers };
    const errors = connector.problems(topology).filter(({ severity }) => severity === "error");
    const needsSize = sample.title === "OffloadingConnector";
    expect(errors.map(({ fix }) => fix)).toEqual(needsSize ? [expect.stringContaining("cpu_bytes_to_use")] : []);
  });

  test("tells what it needs, how it fails and how that is known", () => {
    const isKnown = connector.sources.length > 0;
    expect(isKnown).toBe(connector.evidence !== "not known to pdserve");
    for (const { when, seen } of connector.failureModes) {
      expect([when, seen]).toEqual([expect.stringMatching(/^\S.+[^.]$/), expect.stringMatching(/^\S.+[^.]$/)]);
    }
    expect(connector.failureModes.length).toBeGreaterThan(0);
    if (isKnown) expect(connector.needs.length).toBeGreaterThan(0);
  });

  if (connector.cannotHandOver !== undefined) {
    test("hands nothing over, and says why and what does", () => {
      const { why, fix } = connector.cannotHandOver ?? { why: "", fix: "" };
      expect(connector.shape).toBe("none");
      expect(why.length).toBeGreaterThan(20);
      expect(fix).toStartWith("--");
      expect(connector.prefillLeg(legContext(connector))).toEqual(noEdit);
      expect(connector.decodeLeg(legContext(connector), reply)).toEqual({ is: "no-handoff", reason: why });
    });
    return;
  }

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

  test("waits for a word of prefill's only where it says what the word is, another for each attempt", () => {
    const { arrival, shape } = connector;
    expect(arrival !== undefined).toBe(shape === "announced");
    if (arrival === undefined) return;
    const context = legContext(connector);
    expect(arrival.idOf({ ...context, attemptId: "r-2" })).not.toBe(arrival.idOf(context));
    expect(JSON.stringify(connector.prefillLeg(context).set)).toContain(arrival.idOf(context));
    const ports = connector.ports({ role: "prefill", tp: 1, dp: 1, pp: 1 });
    expect(ports.map(({ purpose }) => purpose)).toContain(arrival.portPurpose);
  });

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
      const answer = connector.decodeLeg({ ...context, prefill: { ...context.prefill, ports: {} } }, null);
      expect(answer).toEqual({ is: "no-handoff", reason: expect.stringContaining("prefill-0") });
    });

    test("names the engine it means only where it knows which", () => {
      const context = legContext(connector);
      const nameless = { ...context.prefill, engineId: null, engineIdByRank: {} };
      const answer = connector.decodeLeg({ ...context, prefill: nameless }, null);
      const namesEngine = JSON.stringify(sent(connector, context, null).set).includes("engine-of") ||
        JSON.stringify(sent(connector, context, null).set).includes("prefill-0-g1");
      expect(answer.is).toBe(namesEngine ? "no-handoff" : "send");
    });
  }

  if (connector.shape === "params-echo") {
    test("sends the reply's params byte for byte", () => {
      const { set } = sent(connector, legContext(connector), reply);
      expect(set).toEqual({ kv_transfer_params: { rawJson: reply.text } });
    });

    test("has no handoff without params, and says who gave none", () => {
      for (const none of [null, { params: null, raw: null }]) {
        const answer = connector.decodeLeg(legContext(connector), none);
        expect(answer).toEqual({ is: "no-handoff", reason: expect.stringContaining("prefill-0") });
      }
    });

    test("never sends part of a real reply, whichever members are missing", () => {
      const required = new Set(requiredMembers(connector));
      expect([...required]).toEqual(expect.arrayContaining([...deadlyWhenMissing(connector)]));
      expect([...required].sort()).toEqual([...connector.replyNeeds ?? []].sort());
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
  const params = replyTo(connector).params ?? {};
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
