// Who can reach the API that this plan opens?

import type { Problem } from "./problem.ts";
import { originText, type Spec } from "./spec.ts";

/** An address beyond this machine without a key is allowed, but never silently. */
export function checkHost(spec: Spec): readonly Problem[] {
  const { host, apiKey, apiKeyFile } = spec.settings;
  if (apiKey.value !== null || apiKeyFile.value !== null || /^(127\.|localhost$|::1$)/.test(host.value)) return [];
  return [{
    what: `Anyone who reaches this machine at ${host.value} can use the API`,
    why: "it listens beyond this machine and asks for no key",
    fix: "--api-key KEY, or --host 127.0.0.1",
    where: originText(host.origin),
    severity: "warning",
  }];
}
