// A request of a given size, with a place for the number that makes each one different.

import type { Scenario } from "./scenarios.ts";

const numberPlace = "@".repeat(16);
const sentence = 'The quick brown fox said \\"hello\\" to the lazy dog.\\n';

export function requestBody({ bodyBytes, tokenIds = false }: Pick<Scenario, "bodyBytes" | "tokenIds">): string {
  const tail = `"stream":true,"max_tokens":64,"temperature":0.7,"user":"${numberPlace}"`;
  if (tokenIds) {
    const ids = Array.from({ length: 131_072 }, (_, i) => (i * 7_919) % 150_000);
    return `{"model":"m","prompt":[${ids.join(",")}],${tail}}`;
  }
  const turnBytes = 400;
  const text = sentence.repeat(Math.ceil(turnBytes / sentence.length)).slice(0, turnBytes).replace(/\\$/, "");
  const turns = [`{"role":"user","content":"${numberPlace}"}`];
  for (let bytes = 200; bytes < bodyBytes; bytes += text.length + 32) turns.push(`{"role":"user","content":"${text}"}`);
  return `{"model":"m","messages":[${turns.join(",")}],${tail.replace(numberPlace, "bench")}}`;
}
