// What trainers ask of all engines: every worker, in order, and a partial failure is told.

import { expect, test } from "bun:test";
import { completion, decodeBody, type FakeFleet, makeFakeFleet, prefillBody, until } from "../fake_fleet.ts";

const workers = ["prefill-0", "decode-0"];

function engines(
  answers: Record<string, (path: string) => number> = {},
  names: readonly string[] = workers,
): FakeFleet {
  const fleet = makeFakeFleet({ workers: names });
  for (const name of names) {
    fleet.script(name, (call) => {
      if (call.path === "/v1/completions") {
        return call.answer(200, name.startsWith("prefill") ? prefillBody : decodeBody);
      }
      const status = answers[name]?.(call.path.split("?")[0]!) ?? 200;
      call.answer(status, status === 200 ? { said: call.path } : { error: "no" });
    });
  }
  return fleet;
}

const post = (fleet: FakeFleet, path: string, body?: unknown) =>
  fleet.router.admin(new Request(`http://admin${path}`, { method: "POST", body: JSON.stringify(body ?? {}) }));

const asked = (fleet: FakeFleet) => fleet.calls.map(({ worker, path }) => `${worker} ${path}`);

const sglangPaths = ["/flush_cache", "/pause_generation", "/release_memory_occupation", "/resume_memory_occupation"];

for (
  const path of [
    ...sglangPaths,
    "/pause?mode=abort",
    "/resume",
    "/reset_prefix_cache",
    "/sleep?level=2",
    "/wake_up?tags=weights",
  ]
) {
  test(`POST ${path} asks every worker with the same query, and answers as one engine would`, async () => {
    const fleet = engines();
    const response = await post(fleet, path);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      status: "ok",
      said: path,
      workers: [{ status: 200 }, { status: 200 }],
    });
    expect(asked(fleet)).toEqual(workers.map((worker) => `${worker} ${path}`));
  });
}

test("bodies travel as they are", async () => {
  const fleet = engines();
  const body = { lora_name: "a", lora_path: "/adapters/a" };
  await post(fleet, "/load_lora_adapter", body);
  expect(fleet.calls.map(({ json }) => json)).toEqual([body, body]);
});

test("a worker that does not do it makes it 502, with what each one said", async () => {
  const fleet = engines({ "decode-0": () => 500 });
  const response = await post(fleet, "/pause");
  expect(response.status).toBe(502);
  expect(await response.json()).toEqual({
    status: "error",
    error: "decode-0 did not do /pause",
    workers: [
      { worker: "prefill-0", role: "prefill", step: "/pause", status: 200, body: { said: "/pause" } },
      { worker: "decode-0", role: "decode", step: "/pause", status: 500, body: { error: "no" } },
    ],
  });
});

test("a call that all refuse alike is refused alike", async () => {
  const fleet = engines({ "prefill-0": () => 400, "decode-0": () => 400 });
  expect((await post(fleet, "/load_lora_adapter")).status).toBe(400);
});

const steps = ["/pause?mode=keep&clear_cache=false", "/reset_prefix_cache", "/update_weights", "/resume"];

test("/update_weights pauses all, resets, updates and resumes, each step on all before the next", async () => {
  const fleet = engines();
  const response = await post(fleet, "/update_weights", { weight_dir: "/weights/step_7/" });
  expect(response.status).toBe(200);
  expect(asked(fleet)).toEqual(steps.flatMap((step) => workers.map((worker) => `${worker} ${step}`)));
  const served = await fleet.post("/v1/completions", completion());
  expect(served.headers.get("x-pdserve-weight-version")).toBe("step_7");
});

test("engines without a development mode are updated as they run", async () => {
  const fleet = engines(
    Object.fromEntries(workers.map((name) => [name, (path) => path === "/update_weights" ? 200 : 404])),
  );
  expect((await post(fleet, "/update_weights")).status).toBe(200);
});

for (const failing of ["/pause", "/reset_prefix_cache", "/update_weights"]) {
  test(`when one worker fails at ${failing}, nothing further is done but all are resumed, and it is 502`, async () => {
    const fleet = engines({ "decode-0": (path) => path === failing ? 500 : 200 });
    const response = await post(fleet, "/update_weights");
    expect(response.status).toBe(502);
    const done = steps.slice(0, steps.findIndex((step) => step.startsWith(failing)) + 1);
    expect(asked(fleet)).toEqual([...done, "/resume"].flatMap((step) => workers.map((worker) => `${worker} ${step}`)));
    expect((await fleet.post("/v1/completions", completion())).headers.get("x-pdserve-weight-version")).toBeNull();
  });
}

test("a trainer that has paused the engines itself updates without another pause, and resumes when it wants", async () => {
  const fleet = engines();
  await post(fleet, "/pause");
  await post(fleet, "/update_weights", { weight_version: 12 });
  await post(fleet, "/resume");
  expect(asked(fleet)).toEqual(
    ["/pause", "/update_weights", "/resume"].flatMap((step) => workers.map((w) => `${w} ${step}`)),
  );
  expect((await fleet.post("/v1/completions", completion())).headers.get("x-pdserve-weight-version")).toBe("12");
});

test("requests wait while weights change, and are served by the new ones", async () => {
  const fleet = engines();
  let letGo: (() => void) | null = null;
  fleet.script("decode-0", (call) => {
    if (call.path === "/update_weights") letGo = () => call.answer(200, {});
    else call.answer(200, decodeBody);
  });
  const updating = post(fleet, "/update_weights", { weight_version: "v2" });
  await until(() => letGo !== null);
  const answering = fleet.post("/v1/completions", completion());
  await until(() => fleet.metric("pdserve_queued") === 1);
  letGo!();
  expect((await updating).status).toBe(200);
  expect((await answering).headers.get("x-pdserve-weight-version")).toBe("v2");
});

test("joining a broadcast gives each worker its own place: index, count, and ranks by the sizes before it", async () => {
  const fleet = engines({}, ["prefill-0", "prefill-1", "decode-0"]);
  fleet.change((snapshot) => ({
    ...snapshot,
    workers: snapshot.workers.map((worker) => ({
      ...worker,
      facts: { ...worker.facts, tp: worker.facts.role === "prefill" ? 2 : 4 },
    })),
  }));
  await post(fleet, "/init_broadcaster", { host: "h", server_rank: 0, num_inference_server: 1, rank_offset: 1 });
  expect(fleet.calls.map(({ json }) => [json.host, json.server_rank, json.num_inference_server, json.rank_offset]))
    .toEqual([["h", 0, 3, 1], ["h", 1, 3, 3], ["h", 2, 3, 5]]);
  await post(fleet, "/init_weight_transfer_engine", { init_info: { rank_offset: 1, world_size: 9 } });
  expect(fleet.calls.slice(3).map(({ json }) => json.init_info)).toEqual([
    { rank_offset: 1, world_size: 9 },
    { rank_offset: 3, world_size: 9 },
    { rank_offset: 5, world_size: 9 },
  ]);
});

test("V37: engines are held while a trainer pauses or sleeps them, until all of them is awake", async () => {
  const fleet = engines();
  const held: boolean[] = [];
  const calls = ["/pause", "/resume", "/sleep?level=1", "/wake_up?tags=weights", "/wake_up?tags=kv_cache"];
  for (const path of [...calls, "/release_memory_occupation", "/resume_memory_occupation"]) {
    await post(fleet, path);
    held.push(fleet.router.weights.isHeld);
  }
  expect(held).toEqual([true, false, true, true, false, true, false]);
});

test("the API's listener has these routes only for the admin key", async () => {
  const without = makeFakeFleet();
  expect((await without.post("/pause", {})).status).toBe(404);
  const fleet = makeFakeFleet({ settings: { apiKeys: ["client"], adminKeys: ["admin"] } });
  const status = async (key: string) =>
    (await fleet.post("/pause", {}, { headers: { authorization: `Bearer ${key}` } })).status;
  expect([await status("client"), await status("")]).toEqual([401, 401]);
  expect(fleet.calls).toHaveLength(0);
  expect(await status("admin")).toBe(200);
  expect(fleet.calls.map(({ path }) => path)).toEqual(["/pause", "/pause"]);
});

test("V19, V28: a frozen model takes no weights and joins no broadcast, and its workers hear nothing of either", async () => {
  const fleet = makeFakeFleet({ workers, settings: { takesWeights: false } });
  for (const path of ["/update_weights", "/update_weights_from_disk", "/init_broadcaster"]) {
    const response = await post(fleet, path, { weight_dir: "/w" });
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ error: expect.stringContaining("takes no new weights") });
  }
  expect(asked(fleet)).toEqual([]);
});

test.each(["/server_info", "/get_server_info", "/model_info", "/get_model_info"])(
  "GET %s tells what SGLang's workers tell of themselves",
  async (path) => {
    const fleet = engines();
    const response = await fleet.router.admin(new Request(`http://admin${path}`));
    expect(response.status).toBe(200);
    expect(asked(fleet)).toEqual(workers.map((worker) => `${worker} ${path}`));
  },
);

for (const path of ["/kv_event_sources", "/collective_rpc", "/next_versions/cache_dump", "/is_scaling_elastic_ep"]) {
  test(`${path}, which is no client's and not listed, asks every worker`, async () => {
    const fleet = engines();
    expect((await post(fleet, path)).status).toBe(200);
    expect(asked(fleet)).toEqual(workers.map((worker) => `${worker} ${path}`));
  });
}

for (const path of ["/scale_elastic_ep", "/pd_role_switch", "/fault_tolerance/apply", "/shutdown"]) {
  test(`${path} reaches no engine, and the answer names what does it instead`, async () => {
    const fleet = engines();
    const response = await post(fleet, path);
    expect(response.status).toBe(403);
    expect((await response.json() as { error: string }).error).toContain("pdserve");
    expect(fleet.calls).toHaveLength(0);
  });
}

test("what no engine has, and pdserve's own paths, ask nobody", async () => {
  const fleet = engines();
  for (const path of ["/nope", "/admin/nope", "/workers/nope/weights"]) {
    expect((await post(fleet, path)).status).toBe(404);
  }
  expect(fleet.calls).toHaveLength(0);
});

test("/get_world_size is the sum of the workers' ranks", async () => {
  const fleet = makeFakeFleet({ workers });
  for (const [index, name] of workers.entries()) {
    fleet.script(name, (call) => call.answer(200, { world_size: index + 1 }));
  }
  const response = await fleet.router.admin(new Request("http://admin/get_world_size"));
  expect(await response.json()).toMatchObject({
    status: "ok",
    world_size: 3,
    workers: [{ status: 200 }, { status: 200 }],
  });
});

test("a model that takes no weights takes none by an unlisted way either", async () => {
  const fleet = makeFakeFleet({ workers, settings: { takesWeights: false } });
  expect((await post(fleet, "/update_weights_from_tensor")).status).toBe(409);
  expect(fleet.calls).toHaveLength(0);
});
