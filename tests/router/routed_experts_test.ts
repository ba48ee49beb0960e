// Routed experts of the prompt are prefill's and those of the answer decode's, in each engine's form.

import { describe, expect, test } from "bun:test";
import { joinRoutedExperts } from "../../router/routed_experts.ts";
import { completion, decodeBody, makeFakeFleet, prefillBody } from "./fake_fleet.ts";

/** What numpy.save writes for int16 of [rows, 2, 1]. */
function npy(rows: readonly (readonly [number, number])[], dtype = "<i2"): string {
  const text = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${rows.length}, 2, 1), }`;
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
  const head = Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), uint16(header.length), Buffer.from(header)]);
  return Buffer.concat([head, ...rows.flat().map(uint16)]).toString("base64");
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

const prompt = [[1, 2], [3, 4]] as const;
const answer = [[0, 0], [0, 0], [5, 6]] as const;
const whole = [...prompt, answer[2]] as const;
const quoted = (text: string) => `"${text}"`;

describe("joined", () => {
  test("vLLM's npy keeps decode's header, whose row count is the whole answer's", () => {
    expect(joinRoutedExperts(quoted(npy(prompt)), quoted(npy(answer)))).toBe(quoted(npy(whole)));
  });

  test("PRIME-RL's data lies beside its shape, and what stands around it stays", () => {
    const data = (rows: readonly (readonly number[])[]) => Buffer.concat(rows.flat().map(uint16)).toString("base64");
    const told = (rows: readonly (readonly number[])[]) =>
      `{"data": "${data(rows)}", "shape": [${rows.length}, 2, 1], "start": 0, "dtype": "int16"}`;
    expect(joinRoutedExperts(told(prompt), told(answer))).toBe(told(whole));
  });

  test("SGLang's raw bytes are cut where prefill's end", () => {
    const raw = (...bytes: number[]) => quoted(Buffer.from(bytes).toString("base64"));
    expect(joinRoutedExperts(raw(1, 2), raw(0, 0, 3))).toBe(raw(1, 2, 3));
  });

  test.each([
    ["another type", quoted(npy(prompt, "<i4")), quoted(npy(answer))],
    ["more rows than decode has", quoted(npy(whole)), quoted(npy(prompt))],
    ["another form", quoted(npy(prompt)), quoted("AAAA")],
    ["no base64 of ours", '{"data":1}', '{"data":"AAAA","shape":[1],"dtype":"int8"}'],
  ])("decode's stay where prefill's have %s", (_, prefill, decode) => {
    expect(joinRoutedExperts(prefill, decode)).toBe(decode);
  });
});

test("a split answer of vLLM has prefill's rows for the prompt, in every choice, and is else decode's", async () => {
  const fleet = makeFakeFleet();
  const choice = (index: number, experts: string) => ({
    index,
    text: "t",
    finish_reason: "stop",
    routed_experts: experts,
  });
  fleet.script(
    "prefill-0",
    (call) => call.answer(200, { ...prefillBody, choices: [{ ...choice(0, npy(prompt)), finish_reason: "length" }] }),
  );
  const decoded = { ...decodeBody, choices: [choice(0, npy(answer)), choice(1, npy(answer))] };
  fleet.script("decode-0", (call) => call.answer(200, decoded));
  const response = await fleet.post("/v1/completions", completion());
  expect(await response.json()).toMatchObject({ choices: [choice(0, npy(whole)), choice(1, npy(whole))] });
});
