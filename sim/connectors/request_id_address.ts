// The addresses that P2pNcclConnector reads out of a request id:
// `___prefill_addr_<ip:port>___decode_addr_<ip:port>_<32 hex>` (kv-protocols.md §5.1).

export interface ZmqAddress {
  readonly host: string;
  readonly port: number;
}

export function decodeAddress(requestId: string): ZmqAddress | null {
  return address(/___decode_addr_(.*):(\d+)/.exec(requestId));
}

export function prefillAddress(requestId: string): ZmqAddress | null {
  return address(/___prefill_addr_(.*):(\d+)___/.exec(requestId));
}

function address(match: RegExpExecArray | null): ZmqAddress | null {
  return match ? { host: match[1] ?? "", port: Number(match[2]) } : null;
}
