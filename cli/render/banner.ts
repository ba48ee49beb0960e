// What a user wants to know once everything runs: is it proven, where is it, what do I paste.

import { quoteShellWord } from "../../plan/shell_words.ts";
import type { PairProof, Ready } from "../../supervisor/events.ts";
import type { Paint } from "./color.ts";
import { bytesText, countText, elapsedText, shortNumber, tokensText } from "./quantities.ts";
import { wrapText } from "./text_width.ts";

export interface BannerStyle {
  readonly columns: number;
  readonly paint: Paint;
  /** Clients must send a key; the curl line then takes it from the environment. */
  readonly needsApiKey: boolean;
}

export function bannerLines(ready: Ready, style: BannerStyle): string[] {
  const { paint, columns } = style;
  const fact = (name: string, value: string) => `    ${paint.dim(name.padEnd(8))} ${value}`;
  return [
    "",
    `  ${paint.green("✓")} ${paint.bold(topologyLine(ready))} in ${elapsedText(ready.tookMs)}`,
    ...proofLines(ready, style),
    "",
    fact("Model", ready.model),
    ...kvRoomLines(ready, columns - 13).map((line, at) => fact(at === 0 ? "KV room" : "", line)),
    fact("API", paint.cyan(`${ready.url}/v1`)),
    fact("Run", ready.runDir),
    "",
    ...curlLines(ready, style),
  ];
}

function topologyLine({ prefill, decode }: Ready): string {
  return `${prefill} prefill · ${decode} decode ready`;
}

function proofLines({ proofs, connector }: Ready, { columns, paint }: BannerStyle): string[] {
  if (proofs === null) return [`  ${paint.yellow("!")} KV handoff not verified: --no-canary was given`];
  const summary = proofSummary(proofs, connector);
  const mark = proofs.every(({ is }) => is === "proven") ? paint.green("✓") : paint.yellow("!");
  return wrapText(summary, columns - 4).map((line, at) => at === 0 ? `  ${mark} ${line}` : `    ${line}`);
}

/** `KV handoff verified: 4 pairs, 128 tokens each over NixlConnector in 2.1–3.4 ms, 0 tokens recomputed`. */
export function proofSummary(proofs: readonly PairProof[], connector: string): string {
  const proven = proofs.filter((proof) => proof.is === "proven");
  if (proven.length === 0) return "KV handoff not verified: no pair was proven";
  const all = proven.length === proofs.length;
  const pairs = all ? countText(proven.length, "pair") : `${proven.length} of ${proofs.length} pairs`;
  const each = proven.length === 1 ? "" : " each";
  const tokens = `${rangeText(proven.map(({ movedTokens }) => movedTokens))} tokens${each}`;
  const time = `${rangeText(proven.map(({ tookMs }) => tookMs))} ms`;
  const bytes = proven.flatMap((proof) => proof.bytes === null ? [] : [proof.bytes]);
  const moved = bytes.length === 0 ? "" : ` (${bytesText(Math.max(...bytes))})`;
  const recomputed = proven.reduce((sum, proof) => sum + proof.recomputedTokens, 0);
  const over = `over ${connector} in ${time}`;
  return `KV handoff verified: ${pairs}, ${tokens}${moved} ${over}, ${countText(recomputed, "token")} recomputed`;
}

/** `prefill 391k tokens · decode 402k tokens (49 requests of 8,192)`: decode's room is what bounds the requests at once. */
function kvRoomLines({ kvRoom = {} }: Ready, columns: number): readonly string[] {
  const rooms = Object.entries(kvRoom).map(([role, { tokens, requestTokens }]) => {
    const fits = requestTokens === null || role === "prefill" ? 0 : Math.floor(tokens / requestTokens);
    const requests = fits === 0 ? "" : ` (${countText(fits, "request")} of ${requestTokens!.toLocaleString("en-US")})`;
    return `${role} ${tokensText(tokens)} tokens${requests}`;
  });
  return rooms.length === 0 ? [] : wrapText(rooms.join(" · "), columns);
}

function rangeText(values: readonly number[]): string {
  const [low, high] = [shortNumber(Math.min(...values)), shortNumber(Math.max(...values))];
  return low === high ? low : `${low}–${high}`;
}

/** Works when pasted, whatever the model's name holds. */
function curlLines({ url, model }: Ready, { needsApiKey }: BannerStyle): string[] {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] });
  const key = needsApiKey ? [`      -H "authorization: Bearer $PDSERVE_API_KEY" \\`] : [];
  return [
    `    curl ${quoteShellWord(`${url}/v1/chat/completions`)} \\`,
    `      -H 'content-type: application/json' \\`,
    ...key,
    `      -d ${quoteShellWord(body)}`,
  ];
}
