// The acceptance tests of the studied systems, each with the tests that are it here. The last five were meant for GPUs: what of them
// shows on CPUs or simulated engines is named, and what does not is the reason.

export interface Acceptance {
  readonly id: number;
  readonly says: string;
  /** `router/pd_test.ts: title`; empty with a reason. */
  readonly shownBy: readonly string[];
  readonly reason?: string;
}

export const acceptance: readonly Acceptance[] = [
  {
    id: 1,
    says: "affinity by headers in any case; the turns of a session meet the same workers, and few sessions move",
    shownBy: [
      "router/session_key_test.ts: consistent_hash takes the session from ${name}",
      "router/policies/consistent_hash_test.ts: sessions spread evenly, and only those of a worker that left move",
      "router/policies/consistent_hash_test.ts: a session stays with its worker, whatever the order of the list",
    ],
  },
  {
    id: 2,
    says: "both legs of /generate say one host, port and room; rooms never repeat and stay below 2^53, also in batches",
    shownBy: [
      "router/sglang_test.ts: both legs get the same host, port and room at once, and nothing else differs but the stream",
      "router/sglang_test.ts: rooms are never repeated, start at 1 and stay below 2^53; a batch has one for each of its prompts",
    ],
  },
  {
    id: 3,
    says: "log-probabilities and routed experts are prefill's and then decode's",
    shownBy: [
      "router/sglang_test.ts: the prompt's log-probabilities are prefill's and then decode's, every digit as it came",
      "router/sglang_test.ts: each event of a stream gets prefill's part, wherever its chunks end",
      "router/sglang_test.ts: routed experts of the prompt are prefill's bytes, those of the answer decode's",
      "router/routed_experts_test.ts: vLLM's npy keeps decode's header, whose row count is the whole answer's",
      "router/routed_experts_test.ts: PRIME-RL's data lies beside its shape, and what stands around it stays",
      "router/routed_experts_test.ts: a split answer of vLLM has prefill's rows for the prompt, in every choice, and is else decode's",
    ],
  },
  {
    id: 4,
    says: "prefill's body limits tokens where its route has them",
    shownBy: [
      "router/routes_test.ts: ${path} is split: prefill is asked for one token by its own fields, decode as the client wrote",
      "router/routes_test.ts: /inference/v1/generate is split: limits and KV params stand in its sampling_params too",
      "router/pd_test.ts: the prefill leg asks for one token, no stream, and nothing that is only about the answer",
    ],
  },
  {
    id: 5,
    says: "unknown fields and large integers reach decode byte for byte",
    shownBy: [
      "router/pd_test.ts: R5: unknown members, large integers and other alphabets reach decode as they were written",
    ],
  },
  {
    id: 6,
    says: "prefill's kv_transfer_params reach decode unchanged, unknown keys inside",
    shownBy: ["router/pd_test.ts: R4: the decode leg carries prefill's params byte for byte, and never the client's"],
  },
  {
    id: 7,
    says: "a prefill without params is counted",
    shownBy: [
      "router/failures_test.ts: R6: without KV params nothing is recomputed silently: an error, a counter and a log line",
    ],
    reason: "decode is not asked to compute the prompt again unless --fallback decode-alone says so",
  },
  {
    id: 8,
    says: "prefill's 4xx is the client's; a leg that dies is retried until the first byte, never after it",
    shownBy: [
      "router/failures_test.ts: R7: a worker's 4xx keeps its body byte for byte",
      "router/failures_test.ts: R2: a decode leg that failed is not sent its handle again: each attempt prefills anew",
      "router/failures_test.ts: R2: a stream that breaks off after its first byte is told as an error event, and nothing is tried again",
    ],
  },
  {
    id: 9,
    says: "a client that leaves ends both legs",
    shownBy: [
      "router/leaving_test.ts: R3: a client that leaves ${phase.name} ends what runs and leaves nothing behind",
      "router/sglang_test.ts: a client that leaves ends both legs at once",
    ],
    reason: "by closing the connections, which both engines take for an abort",
  },
  {
    id: 10,
    says: "a scoring request gets prompt log-probabilities of a worker that computed the prompt",
    shownBy: ["router/must_not_split_test.ts: R10: ${JSON.stringify(extra)} goes whole to decode"],
  },
  {
    id: 11,
    says: "a request during a restart succeeds in the end; a bad one is refused at once, each time",
    shownBy: [
      "router/failures_test.ts: ${row.leg} ${row.what}: ${after}",
      "e2e/restart_test.ts: an engine that gives no token while /health stays 200 is found, restarted and proven again",
      "router/failures_test.ts: R7: a worker's 4xx keeps its body byte for byte",
    ],
  },
  {
    id: 12,
    says: "two thousand slow requests for an hour",
    shownBy: [],
    reason: "takes an hour: npm run soak -- 60",
  },
  {
    id: 13,
    says: "/workers is what slime and vime look workers up in; a repeated POST does no harm",
    shownBy: [
      "router/admin/workers_test.ts: GET /workers has SMG's members, with the role's counts",
      "router/admin/workers_test.ts: DELETE /workers/${id}: no new request, what runs ends, then it is forgotten",
    ],
  },
  {
    id: 14,
    says: "pause all, reset all, update, resume; resume is always sent",
    shownBy: [
      "router/admin/engines_test.ts: /update_weights pauses all, resets, updates and resumes, each step on all before the next",
      "router/admin/engines_test.ts: when one worker fails at ${failing}, nothing further is done but all are resumed, and it is 502",
    ],
  },
  {
    id: 15,
    says: "/init_broadcaster gives ranks by the sizes before",
    shownBy: [
      "router/admin/engines_test.ts: joining a broadcast gives each worker its own place: index, count, and ranks by the sizes before it",
    ],
  },
  {
    id: 16,
    says: "mem_fraction_static under vllm: becomes a flag, with one warning",
    shownBy: [
      "plan/dialects/rollout_test.ts: V15: overrides are taken in both engines' spelling, and each translation is told",
    ],
  },
  {
    id: 17,
    says: "wrong sums, roles, sizes and keys are errors of one line",
    shownBy: [
      "plan/dialects/rollout_test.ts: V20: --rollout-num-gpus must be the sum of the groups",
      "plan/dialects/rollout_test.ts: V10: engine_groups is read, an unknown key of a group is an error, of a model a warning",
      "plan/dialects/rollout_test.ts: V23: regular beside prefill or decode, and prefill alone, are refused",
    ],
  },
  {
    id: 18,
    says: "PRIME-RL's fixed default ports collide with two prefill workers",
    shownBy: [
      "plan/dialects/prime_rl_test.ts: P18: fixed ports are exact, and the defaults collide at 2 prefill workers with both owners named",
    ],
  },
  {
    id: 19,
    says: "toml_files in its two meanings",
    shownBy: [
      "plan/dialects/prime_rl_test.ts: P3: several files, dotted keys and toml_files are laid over each other",
      "plan/dialects/prime_rl_test.ts: --toml-files literal lets the included file replace whole tables, as upstream's loader does",
    ],
  },
  {
    id: 20,
    says: "pdjob's placeholders, truth values, _extra_params and null variables",
    shownBy: [
      "plan/dialects/pdjob_test.ts: J10: placeholders count from 1 up to the replicas, and one too many is an error",
      "plan/dialects/pdjob_test.ts: J7, J28: variables are global and by role, with Python's spelling of truth, and null is none",
      "plan/dialects/pdjob_test.ts: J11, J13, J16, J26: role params win over general ones, both _extra_params come last, replicas make workers",
    ],
  },
  {
    id: 21,
    says: "a connector's name in any case reaches the engine as vLLM spells it",
    shownBy: [
      "plan/dialects/pdjob_test.ts: J17, J18, J24: the connector is prefill's, in any case of letters, and one upstream does not list is told",
    ],
  },
  {
    id: 22,
    says: "P2P NCCL with TP 2 and two workers a role on one node",
    shownBy: [
      "plan/dialects/prime_rl_test.ts: P16: auto_ports searches from the file's ports, and P2P ports stand TP apart",
      "e2e/connectors_test.ts: every answer is a plain engine",
    ],
    reason: "NCCL itself needs GPUs: ports and addresses are planned, the protocol is played by the simulator",
  },
  {
    id: 23,
    says: "P2P NCCL with host 127.0.0.1",
    shownBy: [
      "plan/dialects/prime_rl_test.ts: P17: the host is pd_disagg's, else inference.server's, else 127.0.0.1",
      "e2e/connectors_test.ts: every answer is a plain engine",
    ],
    reason: "as 22",
  },
  {
    id: 24,
    says:
      "NIXL pull on one node: side channels apart, and prefill's blocks come free within the lease when decode dies",
    shownBy: [
      "real/side_channel_test.ts: a taken side-channel port is diagnosed by its number, and the run ends with nothing left",
      "real/nixl_test.ts: no lease has run out on prefill, so nothing was pinned in vain",
      "real/topology_test.ts: streams that are left leave nothing running on either worker, and no KV held",
    ],
  },
  {
    id: 25,
    says: "greedy output of a pair is a plain server's, token for token, log-probabilities nearly",
    shownBy: [
      "real/nixl_test.ts: 16 requests at once are all right, and none is computed again on decode",
      "real/sglang_test.ts: /generate with log-probabilities of prompt and answer",
    ],
    reason: "on real engines on the CPU, in float32",
  },
  {
    id: 26,
    says: "weight updates under load; no request mixes KV of two versions",
    shownBy: [
      "e2e/rl_test.ts: weight updates under",
      "e2e/rl_test.ts: a worker killed between two updates reads the last one again",
      "real/sglang_test.ts: weights from a folder reach both workers, and one that restarts reads them again",
    ],
  },
];
