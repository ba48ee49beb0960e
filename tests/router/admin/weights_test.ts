// V35: what becomes of workers that missed a trainer's update, seen from the router: no request, shown, and back.

import { describe, expect, test } from "bun:test";
import { completion, decodeBody, type FakeFleet, makeFakeFleet, prefillBody, until } from "../fake_fleet.ts";

type Told = Record<string, string | undefined>;

/** Engines that do everything they are asked, but for the paths in `refuses`; `told` are the versions they name. */
function trained(
  names: readonly string[],
  { refuses = {}, told = null }: { refuses?: Record<string, readonly string[]>; told?: Told | null } = {},
): FakeFleet {
  const settings = told === null ? {} : { weightVersionPath: "/model_info" };
  const fleet = makeFakeFleet({ workers: names, settings });
  for (const name of names) {
    fleet.script(name, (call) => {
      const path = call.path.split("?")[0]!;
      if (path === "/v1/completions") return call.answer(200, name.startsWith("prefill") ? prefillBody : decodeBody);
      if (path === "/model_info") return call.answer(200, { weight_version: told?.[name] });
      call.answer(refuses[name]?.includes(path) ? 500 : 200, {});
    });
  }
  return fleet;
}

const post = (fleet: FakeFleet, path: string, body: unknown = {}) =>
  fleet.router.admin(new Request(`http://admin${path}`, { method: "POST", body: JSON.stringify(body) }));

const restart = (fleet: FakeFleet, name: string) =>
  fleet.change((snapshot) => ({
    ...snapshot,
    workers: snapshot.workers.map((worker) =>
      worker.facts.name === name ? { ...worker, generation: worker.generation + 1 } : worker
    ),
  }));

const isStale = (fleet: FakeFleet, name: string) =>
  fleet.metric(`pdserve_worker_stale_weights{worker="${name}",role="${name.replace(/-\d+$/, "")}"}`) === 1;

const asked = (fleet: FakeFleet, name: string) => fleet.callsTo(name).map(({ path }) => path);

const broadcast = { update_info: { names: ["w"] } };

describe("V35: after an update by broadcast, a worker that restarts", () => {
  test("gets no request while another serves, and is back with the next update", async () => {
    const fleet = trained(["prefill-0", "decode-0", "decode-1"]);
    await post(fleet, "/update_weights", broadcast);
    restart(fleet, "decode-1");
    expect(isStale(fleet, "decode-1")).toBe(true);
    const before = asked(fleet, "decode-1").length;
    for (let i = 0; i < 4; i++) expect((await fleet.post("/v1/completions", completion())).status).toBe(200);
    expect(asked(fleet, "decode-1")).toHaveLength(before);
    expect((await post(fleet, "/update_weights", broadcast)).status).toBe(200);
    expect(isStale(fleet, "decode-1")).toBe(false);
    for (let i = 0; i < 2; i++) await fleet.post("/v1/completions", completion());
    expect(asked(fleet, "decode-1")).toContain("/v1/completions");
  });

  test("makes it 503, by name, only where no other can serve", async () => {
    const fleet = trained(["prefill-0", "decode-0"]);
    await post(fleet, "/update_weights", broadcast);
    restart(fleet, "decode-0");
    const refused = await fleet.post("/v1/completions", completion());
    expect(refused.status).toBe(503);
    expect((await fleet.errorOf(refused)).message).toBe(
      "No decode worker is ready: decode-0 waits for its trainer's weights",
    );
  });

  test("serves when an administrator says that it has them", async () => {
    const fleet = trained(["prefill-0", "decode-0"]);
    await post(fleet, "/update_weights", broadcast);
    restart(fleet, "decode-0");
    expect((await post(fleet, "/workers/nobody/accept_weights")).status).toBe(404);
    const accepted = await post(fleet, "/workers/decode-0/accept_weights");
    expect(await accepted.json()).toEqual({ schema: 1, worker: "decode-0", generation: 2, weights: "current" });
    expect((await fleet.post("/v1/completions", completion())).status).toBe(200);
  });

  test("is not waited for in a broadcast that it is not in: the trainer is told to join again", async () => {
    const fleet = trained(["prefill-0", "decode-0"]);
    await post(fleet, "/init_broadcaster", { server_rank: 0 });
    expect((await post(fleet, "/update_weights", broadcast)).status).toBe(200);
    restart(fleet, "decode-0");
    const refused = await post(fleet, "/update_weights", broadcast);
    expect(refused.status).toBe(409);
    expect((await refused.json() as { error: string }).error).toContain(
      "decode-0, restarted since /init_broadcaster; call /init_broadcaster again",
    );
    expect((await post(fleet, "/update_weights", { weight_dir: "/w/step_3" })).status).toBe(200);
    await post(fleet, "/init_broadcaster", { server_rank: 0 });
    expect((await post(fleet, "/update_weights", broadcast)).status).toBe(200);
    expect(isStale(fleet, "decode-0")).toBe(false);
  });
});

describe("V35: an update that was read from files", () => {
  test("is read again by a worker that restarts, which then serves", async () => {
    const fleet = trained(["prefill-0", "decode-0"]);
    await post(fleet, "/update_weights_from_disk", { model_path: "/w/7", weight_version: "7" });
    const before = asked(fleet, "decode-0").length;
    restart(fleet, "decode-0");
    await until(() => !isStale(fleet, "decode-0"));
    expect(fleet.callsTo("decode-0").slice(before).map(({ path, json }) => [path, json])).toEqual([
      ["/update_weights_from_disk", { model_path: "/w/7", weight_version: "7" }],
      ["/reset_prefix_cache", null],
    ]);
    expect((await fleet.post("/v1/completions", completion())).headers.get("x-pdserve-weight-version")).toBe("7");
  });

  test("leaves a worker that cannot read it again out, and tries a few times only", async () => {
    const fleet = trained(["prefill-0", "decode-0"], { refuses: {} });
    await post(fleet, "/update_weights_from_disk", { model_path: "/w/7" });
    fleet.script("decode-0", (call) => call.answer(500, { error: "no such folder" }));
    const before = asked(fleet, "decode-0").length;
    restart(fleet, "decode-0");
    for (let i = 0; i < 5; i++) {
      fleet.change((snapshot) => ({ ...snapshot }));
      await until(() => fleet.log.filter((line) => line.includes("could not read")).length >= Math.min(i + 1, 3));
      await Bun.sleep(0);
    }
    expect(asked(fleet, "decode-0").slice(before)).toEqual(Array(3).fill("/update_weights_from_disk"));
    expect(isStale(fleet, "decode-0")).toBe(true);
  });

  test("and that one worker could not do leaves that one out, and the others with the new version", async () => {
    const fleet = trained(["prefill-0", "decode-0", "decode-1"], { refuses: { "decode-1": ["/update_weights"] } });
    expect((await post(fleet, "/update_weights", broadcast)).status).toBe(502);
    expect(isStale(fleet, "decode-1")).toBe(true);
    const served = await fleet.post("/v1/completions", completion());
    expect([served.status, served.headers.get("x-pdserve-weight-version")]).toEqual([200, "1"]);
  });
});

describe("V35: adapters that a trainer has loaded", () => {
  const adapter = { lora_name: "r16", lora_path: "/w/step_3" };

  test("are loaded again by a worker that restarts, before it serves", async () => {
    const fleet = trained(["prefill-0", "decode-0"]);
    await post(fleet, "/load_lora_adapter", adapter);
    await post(fleet, "/v1/load_lora_adapter", { ...adapter, lora_path: "/w/step_4" });
    expect(isStale(fleet, "decode-0")).toBe(false);
    const before = asked(fleet, "decode-0").length;
    restart(fleet, "decode-0");
    expect(isStale(fleet, "decode-0")).toBe(true);
    await until(() => !isStale(fleet, "decode-0"));
    expect(fleet.callsTo("decode-0").slice(before).map(({ path, json }) => [path, json?.lora_path ?? null])).toEqual([
      ["/v1/load_lora_adapter", "/w/step_4"],
      ["/reset_prefix_cache", null],
    ]);
  });

  test("leave a worker out that could not load one, and are forgotten when they are unloaded", async () => {
    const fleet = trained(["prefill-0", "decode-0", "decode-1"], { refuses: { "decode-1": ["/load_lora_adapter"] } });
    expect((await post(fleet, "/load_lora_adapter", adapter)).status).toBe(502);
    expect([isStale(fleet, "decode-0"), isStale(fleet, "decode-1")]).toEqual([false, true]);
    await post(fleet, "/unload_lora_adapter", { lora_name: "r16" });
    restart(fleet, "decode-0");
    expect(isStale(fleet, "decode-0")).toBe(false);
  });
});

describe("V35: where a trainer updates the engines directly", () => {
  test("a worker that restarts is asked what it has, and waits until it tells what the others tell", async () => {
    const told: Told = { "prefill-0": "9", "decode-0": "9", "decode-1": "default" };
    const fleet = trained(["prefill-0", "decode-0", "decode-1"], { told });
    restart(fleet, "decode-1");
    expect(isStale(fleet, "decode-1")).toBe(true);
    await until(() => fleet.log.some((line) => line.includes("decode-1 restarted with older weights")));
    expect(isStale(fleet, "decode-1")).toBe(true);
    told["decode-1"] = "9";
    fleet.change((snapshot) => ({ ...snapshot }));
    await until(() => !isStale(fleet, "decode-1"));
  });

  test("one that tells the same as the others, or nothing, serves", async () => {
    for (const told of [{ "prefill-0": "9", "decode-0": "9" }, {}]) {
      const fleet = trained(["prefill-0", "decode-0"], { told });
      restart(fleet, "decode-0");
      await until(() => !isStale(fleet, "decode-0"));
      expect((await fleet.post("/v1/completions", completion())).status).toBe(200);
    }
  });
});

test("GET /weights tells the version and who has it", async () => {
  const fleet = trained(["prefill-0", "decode-0"]);
  await post(fleet, "/update_weights", { weight_version: "3" });
  restart(fleet, "decode-0");
  const response = await fleet.router.admin(new Request("http://admin/weights"));
  expect(await response.json()).toEqual({
    schema: 1,
    version: "3",
    workers: [
      { worker: "prefill-0", generation: 1, weights: "current" },
      { worker: "decode-0", generation: 2, weights: "stale" },
    ],
  });
});
