import { expect, test } from "bun:test";
import { jsonReporter } from "../../../cli/render/json.ts";
import { scenes } from "./fleet_scenes.ts";

function objects(scene: string): Record<string, unknown>[] {
  let text = "";
  const reporter = jsonReporter({ write: (more) => void (text += more), columns: 80, rows: 24, color: true });
  for (const { event } of scenes[scene] ?? []) reporter.event(event);
  reporter.end();
  expect(text).toEndWith("\n");
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

test("--progress json says of a worker its name, state and stage", () => {
  expect(objects("starting").at(-1)).toEqual({
    ...{ type: "worker", name: "decode-1", state: "starting", stage: "compiling", elapsed_ms: 41_000 },
  });
  expect(objects("starting").at(-2)).toMatchObject({ stage: "capturing graphs", done: 12, of: 35 });
  expect(objects("stopped").findLast(({ type }) => type === "worker")).toMatchObject({ state: "stopped", stage: null });
});

test("--progress json says ready with the URL, the run directory and what was proven", () => {
  expect(objects("ready").at(-1)).toMatchObject({
    ...{ type: "ready", url: "http://127.0.0.1:8000", run_dir: "~/.local/state/pdserve/runs/7f3a", verified: true },
  });
  expect(objects("not_verified").at(-1)).toMatchObject({ type: "ready", verified: null });
});

test("--progress json tells a failure with its diagnosis", () => {
  expect(objects("failure").find(({ type }) => type === "failed")).toMatchObject({
    worker: "decode-1",
    diagnosis: { what: expect.any(String), why: expect.any(String), fix: expect.stringContaining("0.40") },
    exit: { code: 1, signal: null },
  });
  expect(objects("refuted").find(({ type }) => type === "proof")).toMatchObject({ is: "refuted", decode: "decode-1" });
});

test("--progress json says stopped last, with the exit code", () => {
  expect(objects("failure").at(-1)).toEqual({ type: "stopped", exit_code: 1 });
});

test("--progress json leaves the engines' logs to the run directory, and writes no colour", () => {
  expect(objects("warned").map(({ type }) => type)).toEqual(["plan", "warning"]);
  expect(JSON.stringify(objects("warned"))).not.toContain("u001b");
});

test("--progress json shows no secret", () => {
  expect(JSON.stringify(objects("ready"))).not.toContain("hidden");
});
