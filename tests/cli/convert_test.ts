// `pdserve convert`: what it prints plans the same workers as the file it was given.

import { describe, expect, test } from "bun:test";
import { convertCommand } from "../../cli/commands/convert.ts";
import type { TextFile } from "../../cli/read_text.ts";
import { engineOf } from "../../cli/read_wish.ts";
import { splitArgv } from "../../cli/split_argv.ts";
import { fakeContext } from "./fake_context.ts";

async function convert(argv: readonly string[], files: Readonly<Record<string, string>>) {
  const context = fakeContext();
  const readText = (path: string): Promise<TextFile> => {
    const text = files[path.replace(/^\/nowhere\//, "")];
    return Promise.resolve(text === undefined ? { is: "missing", why: "there is no such file" } : { is: "text", text });
  };
  const words = ["convert", ...argv];
  const line = splitArgv(words, engineOf);
  const code = await convertCommand({ argv: words, line, context }, {
    env: {},
    cwd: "/nowhere",
    readText,
  });
  return { code, ...context.said() };
}

const kv = (role: string) => `'{"kv_connector":"NixlConnector","kv_role":"${role}"}'`;

describe("pdserve convert", () => {
  test("prints pdserve.yaml with the line each value comes from", async () => {
    const files = {
      "t.yaml":
        "vllm:\n  - name: a\n    server_groups:\n      - {worker_type: prefill, num_gpus: 2, overrides: {max_num_seqs: 8}}\n      - {worker_type: decode, num_gpus: 2}\n",
    };
    const { code, stdout } = await convert(["--vllm-config", "t.yaml", "--port", "9000"], files);
    expect(stdout).toBe(`# Made from t.yaml by pdserve convert. Use it as ./pdserve.yaml, or with --config.

limits:
  request_timeout: 14400s # t.yaml:1
  queue_timeout: 14400s # t.yaml:1
  prefill_timeout: 14400s # t.yaml:1
  first_token_timeout: 14400s # t.yaml:1
  idle_timeout: 14400s # t.yaml:1
  body_size: 512m # t.yaml:1
  queue: 65536 # t.yaml:1
router:
  port: 9000 # flag --port
env:
  VLLM_SERVER_DEV_MODE: "1" # t.yaml:2
  NCCL_CUMEM_ENABLE: "0" # t.yaml:2
groups:
  - role: prefill # t.yaml:4
    gpus: 2
    args:
      - --max-num-seqs 8 # t.yaml:4
  - role: decode # t.yaml:5
    gpus: 2
`);
    expect(code).toBe(0);
  });

  test("names secrets and leaves them out", async () => {
    const script = `HF_TOKEN=hf_secret vllm serve m --api-key sk-secret --hf-token hf_other --kv-transfer-config ${
      kv("kv_producer")
    } &\nvllm serve m --kv-transfer-config ${kv("kv_consumer")} &\n`;
    const { stdout } = await convert(["pd.sh"], { "pd.sh": script });
    expect(stdout).not.toMatch(/hf_|sk-/);
    expect(stdout.match(/Left out, because it is a secret: .*/g)).toEqual([
      "Left out, because it is a secret: PDSERVE_API_KEY (pd.sh:1)",
      "Left out, because it is a secret: --hf-token (pd.sh:1)",
      "Left out, because it is a secret: HF_TOKEN (pd.sh:1)",
    ]);
  });

  test("says what is wrong with the file, or that there is none, and prints nothing", async () => {
    const wrong = await convert(["t.yaml"], { "t.yaml": "vllm: 3\n" });
    expect(wrong).toMatchObject({ code: 2, stdout: "" });
    expect(wrong.stderr).toContain('List the models under "vllm:"');
    expect(await convert([], {})).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Name the file to convert"),
    });
    expect(await convert(["a.yaml", "m", "b.yaml"], { "a.yaml": "pd: 1P1D" })).toMatchObject({ code: 2, stdout: "" });
    expect((await convert(["gone.yaml"], {})).stderr).toContain("there is no such file");
  });
});
