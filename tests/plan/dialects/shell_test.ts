import { describe, expect, test } from "bun:test";
import { errorsOf, typed, typedPlan } from "./typed.ts";

const both = `'{"kv_connector":"NixlConnector","kv_role":"kv_both"}'`;
const line = "--config pd.sh";

describe("a tutorial's script", () => {
  test("gives workers their GPUs, model and flags, and the router the proxy's port", async () => {
    const text = `#!/bin/bash
MODEL=\${MODEL:-org/m}
export UCX_TLS=all
# prefill
CUDA_VISIBLE_DEVICES=3 vllm serve $MODEL \\
  --port 8100 --enforce-eager \\
  --kv-transfer-config '{"kv_connector":"NixlConnector",
     "kv_role":"kv_both"}' > p.log 2>&1 &
CUDA_VISIBLE_DEVICES=1,2 vllm serve "$MODEL" --port=8200 -tp 2 --enforce-eager --kv-transfer-config ${both} &
python3 toy_proxy_server.py --port 8192 --prefiller-ports 8100 --decoder-ports 8200
wait
`;
    const { rows, told } = await typed(line, { "pd.sh": text });
    expect(rows).toEqual(["prefill-0 gpus 3 tp 1 --enforce-eager", "decode-0 gpus 1,2 tp 2 --enforce-eager"]);
    expect(told).toEqual(["warning pd.sh:5 Give out these anew: --port 8100 (line 5), --port=8200 (line 9)"]);
    const { router, model, workers } = await typedPlan(line, { "pd.sh": text });
    expect([router.port, model, workers[1]?.userEnv]).toEqual([8192, "org/m", { UCX_TLS: "all" }]);
  });

  test("K19: the flags of the guide's Python form are the same words as members of its KVTransferConfig", async () => {
    const serve = (role: string) =>
      `vllm serve org/m --tensor-parallel-size 4 --kv-transfer-config '{"kv_connector":"NixlConnector","kv_role":"${role}","kv_buffer_device":"cuda"}'`;
    const { workers } = await typedPlan(line, { "pd.sh": `${serve("kv_producer")} &\n${serve("kv_consumer")} &\n` });
    expect(workers.map(({ name, tp, gpus }) => [name, tp, gpus.join()])).toEqual([
      ["prefill-0", 4, "0,1,2,3"],
      ["decode-0", 4, "4,5,6,7"],
    ]);
  });

  test.each([
    ["for i in 1 2; do", 'pd.sh:1 Cannot follow "for"'],
    ["vllm serve 'm", "pd.sh:1 A quote is opened and not closed"],
    ["echo hello", "pd.sh:1 Find no vllm serve line"],
    [`vllm serve m n --kv-transfer-config ${both}`, "pd.sh:1 vllm serve on line 1 names several models: m, n"],
    [`vllm serve m -tp x --kv-transfer-config ${both}`, 'pd.sh:1 --tensor-parallel-size cannot be "x"'],
    [
      `vllm serve m --kv-transfer-config ${both} &\nvllm serve m --kv-transfer-config ${both}`,
      "pd.sh:1 Say whether vllm serve on line 1 prefills or decodes",
    ],
  ])("refuses %j with its line", async (text, told) => {
    expect(errorsOf(await typed(line, { "pd.sh": text }))).toContain(told);
  });
});
