// Ports, addresses, and the networks that GPU workers of one engine talk over.

import type { DiagnosisRule } from "../engine.ts";
import { whoListens } from "./fix_text.ts";
import { argumentOf } from "./evidence_facts.ts";

export const networkRules: readonly DiagnosisRule[] = [
  {
    id: "port-taken",
    line: /OSError: \[Errno 98\] .*?[Aa]ddress already in use/,
    why: (_, evidence) =>
      `port ${argumentOf(evidence, "port") ?? "of the worker"} was taken between the plan and the start`,
    fix: (_, evidence) => {
      const port = argumentOf(evidence, "port");
      return `start again: the plan takes a free port${port ? `; ${whoListens(port)} names the holder` : ""}`;
    },
    example: "OSError: [Errno 98] Address already in use",
  },
  {
    id: "address-foreign",
    line: /OSError: \[Errno 99\] .*?[Cc]annot assign requested address/,
    why: (_, evidence) => `"${argumentOf(evidence, "host") ?? "the host"}" is not an address of this machine`,
    fix: () => "leave the workers' --host to pdserve: it is 127.0.0.1",
    example: "OSError: [Errno 99] Cannot assign requested address",
  },
  {
    id: "internal-port-race",
    line: /(?:DistNetworkError|RuntimeError): The server socket has failed to listen.*EADDRINUSE/,
    why: () =>
      "two engines took the same internal port at the same moment (vLLM ≤ 0.27 picks ports without holding them)",
    fix: () => "start again, or take vLLM ≥ 0.28",
    example:
      "torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. port: 29500, useIpv6: false, code: -98, name: EADDRINUSE, message: address already in use",
  },
  {
    id: "nccl",
    line: /NCCL error|ncclSystemError|ncclInternalError|ncclUnhandledCudaError|NCCL_ERROR_SYSTEM_ERROR/,
    why: () => "the GPUs of this worker could not set up NCCL with each other",
    fix: () => "in a container use --ipc=host; else export NCCL_DEBUG=INFO and NCCL_SOCKET_IFNAME=lo, and read the log",
    example: "RuntimeError: NCCL error: unhandled system error (run with NCCL_DEBUG=INFO for details)",
  },
  {
    id: "gloo",
    line: /Gloo connectFullMesh failed/,
    why: () => "vLLM's processes could not reach each other over the network interface that Gloo chose",
    fix: () => "export GLOO_SOCKET_IFNAME=lo before pdserve",
    example:
      "RuntimeError: Gloo connectFullMesh failed with [../third_party/gloo/gloo/transport/tcp/pair.cc:144] no error",
  },
];
