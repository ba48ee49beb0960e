import { join } from "node:path";
import { type RouterUnderTest, versionFrom } from "./router_under_test.ts";

/** One hop to the decode worker: what forwarding alone costs in C. */
export const haproxy: RouterUnderTest = {
  name: "haproxy",
  hops: 1,
  inQuick: true,
  install: "apt-get install haproxy",
  find: () => versionFrom(["haproxy", "-v"]),
  start: ({ port, decodePort, folder }) => ({
    argv: ["haproxy", "-db", "-f", join(folder, "haproxy.cfg")],
    files: { "haproxy.cfg": config(port, decodePort) },
  }),
};

function config(port: number, decodePort: number): string {
  return `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  option http-no-delay
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend clients
  bind 127.0.0.1:${port} backlog 4096
  default_backend decode
backend decode
  server decode 127.0.0.1:${decodePort}
`;
}
