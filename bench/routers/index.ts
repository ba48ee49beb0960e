// The routers that are compared, the floors last.

import { fastapiToy } from "./fastapi_toy.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";
import { pdserve, pdserveBefore, pdserveLogging } from "./pdserve.ts";
import type { RouterUnderTest } from "./router_under_test.ts";
import { smg } from "./smg.ts";
import { vllmRouter } from "./vllm_router.ts";

export const routers: readonly RouterUnderTest[] = [
  pdserve,
  pdserveLogging,
  pdserveBefore,
  vllmRouter,
  smg,
  fastapiToy,
  nginx,
  haproxy,
];
