import { expect, test } from "bun:test";
import { join } from "node:path";
import { identityFrom, isInit, newRunId } from "../../supervisor/run_identity.ts";
import { selfCommand } from "../../supervisor/self_command.ts";

test("isInit() does not take a run id that was inherited for its own", () => {
  const env = { PDSERVE_RUN_ID: "run", PDSERVE_INIT_PID: "7" };
  expect(isInit(env, 7)).toBe(true);
  expect(isInit(env, 8)).toBe(false);
  expect(identityFrom({ PDSERVE_RUN_ID: "run" })).toBeNull();
});

test("newRunId() sorts by time and reads as one", () => {
  const at = (text: string) => newRunId(new Date(text), new Uint8Array([1, 2, 255]));
  expect(at("2026-11-21T11:45:03.999Z")).toBe("20261121-114503-0102ff");
  expect(at("2026-11-21T11:45:03Z") < at("2026-11-21T11:45:04Z")).toBe(true);
});

test("selfCommand() starts main.ts with the runtime, and a compiled binary by itself", () => {
  expect(selfCommand()).toEqual([process.execPath, "run", join(import.meta.dir, "../../main.ts")]);
  expect(selfCommand("file:///$bunfs/root/pdserve", "/usr/bin/pdserve")).toEqual(["/usr/bin/pdserve"]);
});
