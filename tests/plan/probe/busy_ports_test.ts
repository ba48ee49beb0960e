import { describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { once } from "node:events";
import { claimPort } from "../../../supervisor/native.ts";
import { busyPorts, parseProcNetTcp } from "../../../plan/probe/busy_ports.ts";

describe("busyPorts()", () => {
  test("finds a listening port of IPv4 and of IPv6, with the holder where it is asked for", async () => {
    const servers = ["127.0.0.1", "::1"].map((host) => createServer().listen(0, host));
    await Promise.all(servers.map((server) => once(server, "listening")));
    const [four, six] = servers.map((server) => (server.address() as { port: number }).port);
    try {
      const busy = await busyPorts([four ?? 0]);
      expect(busy.find(({ port }) => port === four)).toMatchObject({ pid: process.pid });
      expect(busy.find(({ port }) => port === six)).toMatchObject({ pid: null, name: null });
    } finally {
      for (const server of servers) server.close();
    }
  });

  test("finds a port that a pdserve keeps for a worker which has not taken it yet", async () => {
    // Nobody binds it: the claim alone makes it busy.
    const port = 64_999;
    const claim = claimPort(port);
    try {
      expect((await busyPorts([port])).find((busy) => busy.port === port)).toMatchObject({ pid: process.pid });
    } finally {
      claim?.release();
    }
    expect((await busyPorts([port])).find((busy) => busy.port === port)).toBeUndefined();
  });

  test("parseProcNetTcp() leaves out what only waits out its time", () => {
    const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 100 0 0 10 0
   1: 0100007F:1F91 0100007F:9C40 06 00000000:00000000 03:00000F5C 00000000     0        0 0 3 0
   2: 00000000000000000000000001000000:15E0 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 77 1 0 100 0 0 10 0
`;
    expect(parseProcNetTcp(text)).toEqual([{ port: 8080, inode: "4242" }, { port: 5600, inode: "77" }]);
    expect(parseProcNetTcp("")).toEqual([]);
  });
});
