import { expect, test } from "bun:test";
import { takeKvMembers } from "../../plan/kv_members.ts";
import { plannedFor, problemsOf } from "./wishes.ts";

test("takeKvMembers() reads dotted members as vLLM does: JSON where it is JSON, else text", () => {
  const args = ["--a", "1", "--kv_transfer_config.kv_buffer_device", "cpu", "--kv-transfer-config.kv_buffer_size=8e9"];
  expect(takeKvMembers([...args, "--kv-transfer-config.kv_connector_extra_config.backends", '["UCX"]', "-x"])).toEqual({
    args: ["--a", "1", "-x"],
    members: { kv_buffer_device: "cpu", kv_buffer_size: 8e9, kv_connector_extra_config: { backends: ["UCX"] } },
  });
});

test("a member for one role stands in that role's --kv-transfer-config and nowhere else", () => {
  const { workers } = plannedFor({
    flags: { kvExtraConfig: '{"num_threads":4}' },
    prefill: ["--kv-transfer-config.kv_buffer_device", "cpu"],
    decode: ["--kv-transfer-config.kv_connector_extra_config.backends", '["GDS"]'],
  });
  const configs = workers.map(({ argv }) => JSON.parse(argv[argv.indexOf("--kv-transfer-config") + 1] ?? ""));
  expect(configs[0]).toMatchObject({ kv_buffer_device: "cpu", kv_connector_extra_config: { num_threads: 4 } });
  expect(configs.at(-1)).toMatchObject({ kv_connector_extra_config: { num_threads: 4, backends: ["GDS"] } });
  expect(configs.at(-1).kv_buffer_device).toBeUndefined();
  expect(workers.flatMap(({ argv }) => argv).filter((word) => word.startsWith("--kv-transfer-config."))).toEqual([]);
});

test("a member the plan decides is refused with the reason", () => {
  expect(problemsOf({ decode: ["--kv-transfer-config.kv_port", "21001"] })).toMatchObject([{
    what: "Remove --kv-transfer-config.kv_port from the engine's arguments",
    why: "--kv-transfer-config.kv_port is set by pdserve: every worker gets its own, which the plan allocates",
  }]);
});
