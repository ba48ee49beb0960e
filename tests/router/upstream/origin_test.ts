import { describe, expect, test } from "bun:test";
import { parseOrigin } from "../../../router/upstream/origin.ts";

describe("parseOrigin()", () => {
  test.each(
    [
      ["http://127.0.0.1:8000", { is: "tcp", host: "127.0.0.1", port: 8000, tls: false, hostHeader: "127.0.0.1:8000" }],
      ["http://[::1]:8000", { is: "tcp", host: "::1", port: 8000, tls: false, hostHeader: "[::1]:8000" }],
      ["http://worker", { is: "tcp", host: "worker", port: 80, tls: false, hostHeader: "worker" }],
      ["https://worker", { is: "tcp", host: "worker", port: 443, tls: true, hostHeader: "worker" }],
      ["https://worker:8443/", { is: "tcp", host: "worker", port: 8443, tls: true, hostHeader: "worker:8443" }],
      ["unix:/run/w.sock", { is: "unix", path: "/run/w.sock", hostHeader: "localhost" }],
    ] as const,
  )("reads %p", (origin, target) => {
    expect(parseOrigin(origin)).toEqual(target);
  });

  test.each([
    "",
    "worker:8000",
    "ftp://worker",
    "http://",
    "http://a/path",
    "http://a?q",
    "http://u:p@a",
    "unix:relative",
    "unix:/a\0b",
  ])(
    "refuses %p",
    (origin) => expect(parseOrigin(origin)).toBeNull(),
  );
});
