// Who else can use the model when the API listens beyond this machine?

import type { Problem } from "../plan/problem.ts";
import { originText, type Spec } from "../plan/spec.ts";

/** `addresses` are those of this machine's networks. A warning when no key is asked for, else nothing. */
export function openHostWarning({ settings }: Spec, addresses: readonly string[]): Problem[] {
  const { host, port, apiKey, apiKeyFile } = settings;
  if (isLoopback(host.value) || apiKey.value !== null || apiKeyFile.value !== null) return [];
  const everywhere = host.value === "0.0.0.0" || host.value === "::";
  const urls = (everywhere ? addresses : [host.value]).map((address) => `http://${bracketed(address)}:${port.value}`);
  return [{
    what: `Anyone who reaches ${urls.join(", ") || `${host.value}:${port.value}`} may use the model`,
    why: "the API listens beyond this machine and asks for no key",
    fix: "PDSERVE_API_KEY=…, or --host 127.0.0.1",
    where: originText(host.origin),
    severity: "warning",
  }];
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
