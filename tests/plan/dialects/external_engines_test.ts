import { describe, expect, test } from "bun:test";
import { errorsOf, typed } from "./typed.ts";

const vllm = (kv: Record<string, unknown> | null, tp = 1, port?: number) => ({
  vllm_config: { kv_transfer_config: kv, parallel_config: { tensor_parallel_size: tp } },
  ...(port === undefined ? {} : { vllm_env: { VLLM_NIXL_SIDE_CHANNEL_PORT: port } }),
});
const nixl = (role: string) => ({ kv_connector: "NixlConnector", kv_role: role });

/** Answers by URL, each at the route that engine has. */
function engines(answers: Record<string, unknown>) {
  return (url: string): Promise<unknown> => Promise.resolve(answers[url] ?? null);
}

const line = (...addresses: string[]) => ["m", "--rollout-external-engine-addrs", ...addresses];

describe("--rollout-external-engine-addrs", () => {
  test("V32: running engines are adopted by address, their role, size and side channel found out", async () => {
    const answers = engines({
      "http://a:1/server_info?config_format=json": vllm(nixl("kv_producer"), 2, 5600),
      "http://b:2/server_info": vllm(nixl("kv_consumer")),
    });
    const { planned, told } = await typed(line("a:1", "http://b:2/"), {}, 0, answers);
    expect(told).toEqual([]);
    expect(planned).toMatchObject({
      plan: {
        connector: { name: "NixlConnector" },
        workers: [
          { name: "prefill-0", external: "http://a:1", tp: 2, ports: { side_channel: [5600] } },
          { name: "decode-0", external: "http://b:2", tp: 1 },
        ],
      },
    });
  });

  test("V32: SGLang's engines tell their mode, size and bootstrap port", async () => {
    const told = (mode: string) => ({
      disaggregation_mode: mode,
      disaggregation_transfer_backend: "nixl",
      disaggregation_bootstrap_port: 9001,
      tp_size: 2,
    });
    const answers = { "http://p:1/get_server_info": told("prefill"), "http://d:2/server_info": told("decode") };
    expect((await typed(line("p:1", "d:2"), {}, 0, engines(answers))).planned).toMatchObject({
      plan: {
        engine: { name: "sglang" },
        connector: { name: "SGLangNixl" },
        workers: [{ name: "prefill-0", tp: 2, ports: { bootstrap: [9001] } }, { name: "decode-0", tp: 2 }],
      },
    });
    const mixed = { ...answers, "http://v:3/server_info": vllm(null) };
    expect(errorsOf(await typed(line("p:1", "v:3"), {}, 0, engines(mixed)))[0]).toContain("Leave out http://v:3");
  });

  test("engines without a connector are whole workers", async () => {
    const answers = engines({ "http://a:1/server_info": vllm(null) });
    expect((await typed(line("a:1"), {}, 0, answers)).planned).toMatchObject({
      plan: { workers: [{ name: "regular-0" }] },
    });
  });

  test.each([
    [{}, "Cannot tell what runs at http://a:1"],
    [{ "http://a:1/server_info": { hello: 1 } }, "Cannot route to the engine at http://a:1"],
    [{ "http://a:1/server_info": vllm(nixl("kv_both")) }, "Say whether http://a:1 prefills or decodes"],
  ])("what it cannot adopt is told with the flag that can: %j", async (answers, told) => {
    expect(errorsOf(await typed(line("a:1"), {}, 0, engines(answers)))).toContain(
      `flag --rollout-external-engine-addrs ${told}`,
    );
  });

  test("V21: they are refused beside a topology file", async () => {
    expect(errorsOf(await typed([...line("a:1"), "--vllm-config", "t.yaml"], {}, 0))).toHaveLength(1);
  });
});
