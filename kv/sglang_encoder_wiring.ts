// SGLang's encoder workers: a language worker asks one of them for each image or sound by itself, and gets the embeddings over
// ZeroMQ. The router has no part in it. Source: SGLang 0.5.23 srt/disaggregation/encoder, server arguments.

import type { PortNeed, Role } from "./connector.ts";

export interface SglangEncoderContext {
  readonly role: Role;
  readonly encoderUrls: readonly string[];
  /** First port by purpose. */
  readonly ports: Readonly<Record<string, number>>;
}

/** Decode takes the prompt's KV and never sees a medium, so it knows of no encoder. */
export function sglangEncoderWiring({ role, encoderUrls, ports }: SglangEncoderContext): readonly string[] {
  if (role === "encode") return ["--encoder-only"];
  if (!isLanguageOnly(role)) return [];
  const port = ports[purpose];
  const listen = port === undefined ? [] : ["--encoder-bootstrap-port", String(port)];
  return ["--language-only", "--encoder-urls", ...encoderUrls, ...listen];
}

/** Each language worker listens for encoders that announce themselves; left alone, all of a machine on one port. */
export function sglangEncoderPorts(role: Role): readonly PortNeed[] {
  return isLanguageOnly(role) ? [{ purpose, count: 1, env: null, preferred: 8997 }] : [];
}

const purpose = "encoder_bootstrap";

function isLanguageOnly(role: Role): boolean {
  return role === "prefill" || role === "regular";
}
