// P2pNcclConnector, up to vLLM 0.22: the prefill engine sends KV layer by layer to the address in the request id, under
// the internal request id; the decode engine stands still until it has come (kv-protocols.md §5.1).

import type { EngineRequest } from "../engine/request.ts";
import { readSlotRun } from "../kv/slot_run.ts";
import { askPeer, listenForPeers, packSlots, type PeerServer, unpackSlots } from "../peer/side_channel.ts";
import { type Connector, type EngineHost, nothingHandedOver, type StartOutcome } from "./connector.ts";
import { decodeAddress, prefillAddress } from "./request_id_address.ts";
import { moveBlocks } from "./transfer_time.ts";

const PATIENCE = { answerMs: 30_000, refusalMs: 0 };

export function makeP2pNccl(host: EngineHost): Connector {
  const servers: PeerServer[] = [];
  const arrived = new Map<string, Uint32Array>();
  const awaited = new Map<string, (slots: Uint32Array) => void>();
  const producer = host.connector.role === "kv_producer";
  const receive = (requestId: string, slots: Uint32Array) => {
    const waiting = awaited.get(requestId);
    awaited.delete(requestId);
    if (waiting) waiting(slots);
    else arrived.set(requestId, slots);
  };
  return {
    start() {
      const { tp, pp } = host.settings.parallel;
      const outcomes = Array.from(
        { length: tp * pp },
        (_, rank) => listen(host, host.connector.port + host.rank * tp * pp + rank, servers, receive),
      );
      return Promise.resolve(outcomes.find(({ kind }) => kind !== "ready") ?? { kind: "ready" });
    },
    arrived() {},
    lookup(request, localTokens) {
      const tokens = request.promptIds.length - 1 - localTokens;
      if (producer || tokens <= 0) return { kind: "none" };
      const load = () => {
        if (!prefillAddress(request.id)) {
          host.violations.record("E13", "a request id without addresses: decode waits for ever", request.id);
        }
        return awaitSlots(request, tokens, localTokens, arrived, awaited);
      };
      return { kind: "block", tier: "p2p", tokens, load };
    },
    prefilled(request, blockIds) {
      if (producer) send(host, request, blockIds);
    },
    finished: () => nothingHandedOver,
    dropped() {},
    state: () => ({ kind: "p2p_nccl", arrived: [...arrived.keys()], awaited: [...awaited.keys()] }),
    stop: () => servers.forEach((server) => server.stop()),
  };
}

function listen(
  host: EngineHost,
  port: number,
  servers: PeerServer[],
  receive: (requestId: string, slots: Uint32Array) => void,
): StartOutcome {
  const listening = listenForPeers(host.settings.env.hostIp, port, (message) => {
    if (message["tp"] !== host.settings.parallel.tp) {
      host.die("NotImplementedError: prefill and decode must have the same tensor parallel size");
      return {};
    }
    receive(String(message["requestId"]), unpackSlots(String(message["slots"])));
    return {};
  });
  if (listening.kind === "refused") {
    const address = `tcp://${host.settings.env.hostIp}:${port}`;
    return { kind: "failed", stderr: `zmq.error.ZMQError: Address already in use (addr='${address}')\n` };
  }
  servers.push(listening.server);
  return { kind: "ready" };
}

function awaitSlots(
  request: EngineRequest,
  tokens: number,
  localTokens: number,
  arrived: Map<string, Uint32Array>,
  awaited: Map<string, (slots: Uint32Array) => void>,
) {
  const cut = (slots: Uint32Array) => ({
    kind: "loaded" as const,
    slots: slots.slice(localTokens, localTokens + tokens),
  });
  const already = arrived.get(request.id);
  arrived.delete(request.id);
  if (already) return Promise.resolve(cut(already));
  return new Promise<Uint32Array>((resolve) => awaited.set(request.id, resolve)).then(cut);
}

/** Fire and forget, like PUT_ASYNC; a peer that is not there is not noticed. */
function send(host: EngineHost, request: EngineRequest, blockIds: readonly number[]): void {
  const to = decodeAddress(request.id);
  if (!to) {
    host.violations.record("E13", "a request id without addresses on the prefill engine", request.id);
    host.die(`ValueError: Request id ${request.id} does not contain hostname and port`);
    return;
  }
  const run = readSlotRun(host.pool, blockIds) ?? new Uint32Array();
  const message = {
    requestId: request.id,
    tp: host.settings.parallel.tp,
    slots: packSlots(run.subarray(0, request.promptIds.length)),
  };
  void moveBlocks(host, blockIds.length, host.pool.blockSize).then(() => askPeer(to.host, to.port, message, PATIENCE));
}
