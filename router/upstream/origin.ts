// Where an origin string leads.

import type { Origin } from "./client.ts";

export type Target =
  | {
    readonly is: "tcp";
    readonly host: string;
    readonly port: number;
    readonly tls: boolean;
    readonly hostHeader: string;
  }
  | { readonly is: "unix"; readonly path: string; readonly hostHeader: string };

/** Null when it is neither `http(s)://host:port` nor `unix:/path`; user names, paths and queries are refused. */
export function parseOrigin(origin: Origin): Target | null {
  if (origin.startsWith("unix:")) {
    const path = origin.slice("unix:".length);
    return path.startsWith("/") && !path.includes("\0") ? { is: "unix", path, hostHeader: "localhost" } : null;
  }
  if (!URL.canParse(origin)) return null;
  const url = new URL(origin);
  const isBare = url.pathname === "/" && url.search + url.hash + url.username + url.password === "";
  if (!isBare || (url.protocol !== "http:" && url.protocol !== "https:")) return null;
  const tls = url.protocol === "https:";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { is: "tcp", host, port: Number(url.port || (tls ? 443 : 80)), tls, hostHeader: url.host };
}
