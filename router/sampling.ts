// Sampling fields that stand in a member of their own (`sampling_params` of /inference/v1/generate): read and edited by
// bytes like the body itself.

import type { Json, RawJson } from "../kv/json.ts";
import type { LegEdit } from "../kv/leg_edit.ts";
import { applyEdit } from "./body/apply_edit.ts";
import { lastMember, scanBody, type ScannedBody } from "./body/scan_body.ts";

/** Null when the member is absent or no object: the engine says what is wrong with it when it gets the request whole. */
export function samplingOf(body: ScannedBody, member: string): ScannedBody | null {
  return objectAt(body, member);
}

/** Where engines read KV params of a request that has its sampling fields in a member (vLLM up to 0.28: only there). */
const KV_HOLDER = "extra_args";

/** The leg's edit, with `nested` done inside the sampling member and the KV params there too. */
export function editSampling(body: ScannedBody, member: string, edit: LegEdit, nested: LegEdit): LegEdit {
  const sampling = objectAt(body, member);
  if (sampling === null) return edit;
  const { kv_transfer_params } = edit.set;
  const set: Record<string, Json | RawJson> = { ...nested.set };
  if (kv_transfer_params !== undefined) {
    const kv = { set: { kv_transfer_params }, drop: [], headers: {} };
    set[KV_HOLDER] = raw(applyEdit(objectAt(sampling, KV_HOLDER) ?? empty, kv));
  }
  const edited = raw(applyEdit(sampling, { set, drop: nested.drop, headers: {} }));
  return { ...edit, set: { ...edit.set, [member]: edited } };
}

const empty = scanBody(new TextEncoder().encode("{}")) as ScannedBody;

function objectAt(body: ScannedBody, name: string): ScannedBody | null {
  const member = lastMember(body, name);
  if (member === null) return null;
  const inner = scanBody(body.bytes.subarray(member.valueStart, member.valueEnd));
  return inner.is === "object" ? inner : null;
}

function raw(pieces: readonly Uint8Array[]): RawJson {
  const decoder = new TextDecoder();
  return { rawJson: pieces.map((piece) => decoder.decode(piece, { stream: true })).join("") + decoder.decode() };
}
