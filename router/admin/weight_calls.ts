// What the calls that bring weights say of them.

import type { Update } from "../weights.ts";
import type { Call } from "./ask_all.ts";

/** Members that name the weights which a call brings. */
const versionMembers = ["weight_version", "new_version", "weight_dir"];

/** Fit for a header; null when the call does not say. */
export function versionIn({ body }: Pick<Call, "body">): string | null {
  const members = membersOf(body);
  const said = versionMembers.map((name) => members[name]).find((one) => ["string", "number"].includes(typeof one));
  // Of a folder its last part, and nothing that a header cannot hold.
  return said === undefined ? null : String(said).replace(/\/+$/, "").split("/").at(-1)!.replace(/[^\x21-\x7e]/g, "_");
}

/** Weights that are read from files can be read again: SGLang's and PRIME-RL's calls name them, a reload takes the model's own. */
export function updateOf({ path, body }: Call): Update {
  const { weight_dir, model_path } = membersOf(body);
  const namesFiles = typeof weight_dir === "string" || typeof model_path === "string";
  return { path, body, isWhole: namesFiles || /^\/reload_weights(\?|$)/.test(path) };
}

/** The adapter's name, for a call that loads one or takes one away. */
export function adapterIn({ body }: Pick<Call, "body">): string | null {
  const { lora_name } = membersOf(body);
  return typeof lora_name === "string" ? lora_name : null;
}

function membersOf(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const members: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof members === "object" && members !== null ? members as Record<string, unknown> : {};
  } catch {
    return {};
  }
}
