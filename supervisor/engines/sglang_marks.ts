// Landmarks of SGLang's log. Source: start-ups and killed processes of 0.5.23.

import type { LogMarks } from "./engine.ts";

export const sglangMarks: LogMarks = {
  serving: /The server is fired up and ready to roll|"POST \/(?:generate|v1\/)/,
  crash: /SIGQUIT received\. |Scheduler hit an exception|Fatal Python error|Segmentation fault/,
  calm: /^\[[\d :-]+(?: \w+)*\] (?:INFO: |(?:Prefill|Decode) batch, |Init |Load |Memory |Ignore import error )/,
  wrapper: /Scheduler hit an exception|It usually means one child failed|kill_process_tree called/,
  echo: /server_args=|INFO: +\S+ - "(?:GET|POST|PUT) /,
  prefix: /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?: \w+)*\] /,
};
