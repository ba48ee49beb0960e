// What every engine of the registry must keep to. A new engine is tested by being registered.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { outlook } from "../../supervisor/diagnose.ts";
import type { DiagnosisRule, Engine, Evidence } from "../../supervisor/engines/engine.ts";
import { engines, isEngineName } from "../../supervisor/engines/index.ts";
import { valueOf, workerInput } from "../supervisor/engines/worker_input.ts";

const logs = new URL("../fixtures/vllm-startup/", import.meta.url);
const healthyLogs = readdirSync(new URL("healthy/", logs)).filter((name) => name.endsWith(".log"));
const stages = ["booting", "loading weights", "compiling", "sizing KV", "capturing graphs", "listening"];

const anywhere: Evidence = { lines: [], exitCode: 1, signal: null, role: "prefill", worker: "prefill-0", gpus: ["0"] };

function linesOf(name: string): string[] {
  return readFileSync(new URL(name, logs), "utf8").split("\n");
}

function speaksOf(rule: DiagnosisRule, line: string, evidence: Evidence): boolean {
  const found = rule.line.exec(line);
  return found !== null && (rule.when?.(found.groups ?? {}, evidence) ?? true);
}

test("the registry knows an engine by the name it calls itself", () => {
  for (const [name, engine] of Object.entries(engines)) expect(engine.name).toBe(name);
  expect(isEngineName("vllm")).toBe(true);
  expect(isEngineName("toString")).toBe(false);
});

for (const engine of [engines.vllm, engines.sim] satisfies Engine[]) {
  describe(`${engine.name}: command()`, () => {
    const input = workerInput({
      command: ["engine"],
      kvTransferConfig: { kv_connector: "NixlConnector" },
      wiringArgs: ["--from-connector"],
      wiringEnv: { FROM_CONNECTOR: "1" },
      userArgs: ["--from-user", "a b; $(c)"],
    });
    const { argv, env } = engine.command(input);

    test("takes the command, the model, the port and the configuration from the plan", () => {
      expect(argv[0]).toBe("engine");
      expect(argv).toContain(input.model);
      expect(valueOf(argv, "--port")).toBe("8101");
      expect(valueOf(argv, "--kv-transfer-config")).toBe('{"kv_connector":"NixlConnector"}');
      expect(env.FROM_CONNECTOR).toBe("1");
    });

    test("keeps the user's words whole and last", () => {
      expect(argv.slice(-2)).toEqual(["--from-user", "a b; $(c)"]);
      expect(argv.indexOf("--from-connector")).toBeLessThan(argv.indexOf("--from-user"));
    });

    test("sets each flag of its own but once, and puts no secret among the arguments", () => {
      const flags = argv.filter((word) => word.startsWith("--"));
      expect(new Set(flags).size).toBe(flags.length);
      expect(flags).not.toContain("--api-key");
    });
  });

  describe(`${engine.name}: flags`, () => {
    test("are either free or owned by the plan, never both", () => {
      for (const flag of Object.keys(engine.ownedFlags)) expect(engine.commonFlags).not.toHaveProperty([flag]);
    });

    test("are written as a user writes them", () => {
      const all = [...Object.keys(engine.commonFlags), ...Object.keys(engine.ownedFlags), ...engine.sharedFlags];
      for (const flag of all) expect(flag).toMatch(/^(?:--[a-z0-9]+(?:-[a-z0-9]+)*|-[a-z]{1,3})$/);
    });

    test("that must agree between roles may be given", () => {
      for (const flag of engine.sharedFlags) expect(engine.ownedFlags).not.toHaveProperty([flag]);
    });

    test("refused carry a reason that fits behind a colon", () => {
      for (const reason of Object.values(engine.ownedFlags)) expect(reason).toMatch(/^(?!.*\.$).{20,}/);
    });
  });

  describe(`${engine.name}: stage()`, () => {
    for (const name of healthyLogs.filter((log) => log.startsWith("startup"))) {
      test(`reads a real start in order: ${name}`, () => {
        const told = linesOf(`healthy/${name}`).map((line) => engine.stage(line)?.name).filter((stage) => stage);
        const order = told.map((stage) => stages.indexOf(stage ?? ""));
        expect(order).not.toContain(-1);
        expect(order).toEqual([...order].sort((a, b) => a - b));
        expect(new Set(told)).toContain("booting");
      });
    }

    test("counts the weight files of a real start", () => {
      const counted = linesOf("healthy/startup_D.log").map(engine.stage).filter((stage) => stage?.of !== undefined);
      expect(counted).toEqual([{ name: "loading weights", done: 0, of: 1 }, {
        name: "loading weights",
        done: 1,
        of: 1,
      }]);
    });
  });

  describe(`${engine.name}: diagnosis rules`, () => {
    test("have names of their own", () => {
      const ids = engine.rules.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const id of ids) expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    });

    for (const rule of engine.rules) {
      test(`${rule.id} explains its example before any other rule does`, () => {
        expect(rule.line.test(rule.example)).toBe(true);
        expect(rule.line.flags).not.toContain("g");
        const first = engine.rules.find((other) => other === rule || speaksOf(other, rule.example, anywhere));
        expect(first?.id).toBe(rule.id);
      });

      test(`${rule.id} says why and what to do, whole sentences without gaps`, () => {
        const groups = { ...rule.line.exec(rule.example)?.groups };
        for (const text of [rule.why(groups, anywhere), rule.fix(groups, anywhere)]) {
          expect(text.length).toBeGreaterThan(5);
          expect(text).not.toMatch(/undefined|null|NaN|\[object|\.$|\n/);
        }
      });
    }

    for (const name of healthyLogs) {
      test(`stay silent on a healthy log: ${name}`, () => {
        const wrong = linesOf(`healthy/${name}`).flatMap((line) =>
          engine.rules.filter((rule) => speaksOf(rule, line, anywhere)).map(({ id }) => ({ id, line }))
        );
        expect(wrong).toEqual([]);
      });

      test(`see no end coming in a healthy log: ${name}`, () => {
        expect(linesOf(`healthy/${name}`).filter((line) => outlook(engine, line) !== null)).toEqual([]);
      });
    }
  });

  test(`${engine.name}: metric names are those of a real /metrics page, as counters with or without _total`, () => {
    const page = readFileSync(new URL("healthy/metrics_D.txt", logs), "utf8");
    const { externalSource, localComputeSource, ...names } = engine.metrics;
    for (const name of Object.values(names)) expect(page).toMatch(new RegExp(`^${name}(?:_total)?\\{`, "m"));
    for (const source of [externalSource, localComputeSource]) expect(page).toContain(`source="${source}"`);
  });

  test(`${engine.name}: gives a process time to end before it is killed`, () => {
    expect(engine.stop.graceMs).toBeGreaterThanOrEqual(1_000);
    expect(engine.probe.path).toStartWith("/");
  });
}
