import { expect, test } from "bun:test";
import { sglang } from "../../supervisor/engines/sglang.ts";
import { vllm } from "../../supervisor/engines/vllm.ts";
import { addRoom, kvRoomByRole } from "../../supervisor/kv_room.ts";

test("vLLM's room for KV is read from its log, on a CPU and on GPUs", () => {
  const line = (device: string) =>
    `(EngineCore pid=13055) INFO 11-21 10:21:36 [kv_cache_utils.py:2327] ${device} KV cache size: 65,536 tokens, ` +
    "Maximum concurrency for 1,024 tokens per request: 64.00x";
  expect(vllm.kvRoom?.(line("CPU"))).toEqual({ tokens: 65_536, requestTokens: 1_024 });
  expect(vllm.kvRoom?.("INFO [kv_cache_utils.py:716] GPU KV cache size: 1,391,200 tokens")).toEqual({
    tokens: 1_391_200,
    requestTokens: null,
  });
  expect(vllm.kvRoom?.("INFO Available KV cache memory: 4.00 GiB")).toBeNull();
});

test("SGLang's room is told by each tensor-parallel rank and counted once", () => {
  const line = (rank: string) =>
    `[2026-11-21 10:43:53${rank}] max_total_num_tokens=8192, chunked_prefill_size=4096, max_prefill_tokens=16384, ` +
    "max_running_requests=8, context_len=1024, available_cpu_mem=18.01 GB";
  const room = { tokens: 8_192, requestTokens: 1_024 };
  expect(["", " TP0", " DP1 TP0"].map((rank) => sglang.kvRoom?.(line(rank)))).toEqual([room, room, room]);
  expect([" TP1", " DP1 TP3"].map((rank) => sglang.kvRoom?.(line(rank)))).toEqual([null, null]);
});

test("rooms of a role add up; a role with a worker that told nothing has none", () => {
  const room = (tokens: number, requestTokens: number | null = 512) => ({ tokens, requestTokens });
  expect(addRoom(room(1_000, 512), room(500, 256))).toEqual(room(1_500, 256));
  expect(addRoom(room(1_000), room(500, null))).toEqual(room(1_500, null));
  expect(kvRoomByRole([
    { role: "prefill", room: room(1_000) },
    { role: "decode", room: room(2_000) },
    { role: "decode", room: room(2_000) },
  ])).toEqual({ prefill: room(1_000), decode: room(4_000) });
  expect(kvRoomByRole([{ role: "decode", room: room(2_000) }, { role: "decode", room: null }])).toEqual({});
});
