// A played recording must look like the recorded one.

import { expect } from "bun:test";
import { maskBody, maskHeaders } from "./mask.ts";
import type { Played } from "./replay_legs.ts";

/** `heads`: status and headers only. */
export function expectPlayed(played: readonly Played[], what: "all" | "heads" = "all"): void {
  for (const { golden, answer } of played) {
    const status = answer?.status ?? 0;
    expect({ leg: golden.title, status }).toEqual({ leg: golden.title, status: golden.status });
    if (!answer) continue;
    expect(maskHeaders(answer.headers)).toEqual(maskHeaders(golden.answerHeaders));
    if (what === "heads") continue;
    const type = golden.answerHeaders.get("content-type") ?? "";
    expect(maskBody(answer.body, type)).toEqual(maskBody(golden.answerBody, type));
  }
}

/** Where the recording asked an engine for the same text without a handoff, both must say the same. */
export function expectSameText(played: readonly Played[]): void {
  const decode = played.find(({ golden, answer }) => golden.title.startsWith("decode") && answer?.status === 200);
  const reference = played.find(({ golden }) => golden.title.startsWith("reference"));
  if (!decode || !reference) return;
  const streamed = decode.answer!.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  expect(streamed ? streamedIds(decode.answer!.body) : wholeIds(decode.answer!.body)).toEqual(
    wholeIds(reference.answer!.body),
  );
}

function wholeIds(body: string): unknown {
  return (JSON.parse(body) as { choices: { token_ids: number[] }[] }).choices.map(({ token_ids }) => token_ids);
}

function streamedIds(body: string): unknown {
  const frames = body.split("\n\n").filter((frame) => frame.startsWith("data: {"));
  const chunks = frames.map((frame) => JSON.parse(frame.slice(6)) as { choices: { token_ids: number[] }[] });
  return [chunks.flatMap(({ choices }) => choices[0]?.token_ids ?? [])];
}
