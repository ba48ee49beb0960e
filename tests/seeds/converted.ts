// What a verb prints, with the files its line names made of strings.

import { convertCommand } from "../../cli/commands/convert.ts";
import { engineOf } from "../../cli/read_wish.ts";
import { splitArgv } from "../../cli/split_argv.ts";
import { fakeContext } from "../cli/fake_context.ts";

/** Standard output of `pdserve convert …`; fails when it prints none. */
export async function converted(argv: readonly string[], files: Readonly<Record<string, string>>): Promise<string> {
  const context = fakeContext();
  await convertCommand({ argv, line: splitArgv(argv, engineOf), context }, {
    ...{ env: {}, cwd: "/job" },
    readText: (path) => {
      const text = files[path.replace(/^\/job\//, "")];
      return Promise.resolve(
        text === undefined ? { is: "missing", why: "there is no such file" } : { is: "text", text },
      );
    },
  });
  const { stdout, stderr } = context.said();
  if (stdout === "") throw new Error(stderr);
  return stdout;
}
