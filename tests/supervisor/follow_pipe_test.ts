import { expect, test } from "bun:test";
import { writeSync } from "node:fs";
import { followPipe } from "../../supervisor/follow_pipe.ts";
import { closeFd, makePipe } from "../../supervisor/native.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("followPipe() passes on what was written, in order, and ends when nobody can write any more", async () => {
  const { readFd, writeFd } = makePipe();
  let got = "";
  const first = Promise.withResolvers<void>();
  const { ended } = followPipe(readFd, (bytes) => {
    got += text(bytes);
    first.resolve();
  });
  writeSync(writeFd, "one\n");
  writeSync(writeFd, "two\n");
  await first.promise;
  expect(got).toBe("one\ntwo\n");
  writeSync(writeFd, "three");
  closeFd(writeFd);
  await ended;
  expect(got).toBe("one\ntwo\nthree");
});

test("followPipe() takes a flood of megabytes without losing a byte", async () => {
  const { readFd, writeFd } = makePipe();
  const child = Bun.spawn(["head", "-c", "20000000", "/dev/zero"], { stdio: ["ignore", writeFd, "ignore"] });
  closeFd(writeFd);
  let bytes = 0;
  await followPipe(readFd, (chunk) => void (bytes += chunk.length)).ended;
  expect(bytes).toBe(20_000_000);
  expect(await child.exited).toBe(0);
});

test("followPipe().readNow() passes on at once what is there", () => {
  const { readFd, writeFd } = makePipe();
  let got = "";
  const pipe = followPipe(readFd, (bytes) => void (got += text(bytes)));
  writeSync(writeFd, "before it answered\n");
  pipe.readNow();
  expect(got).toBe("before it answered\n");
  closeFd(writeFd);
  pipe.readNow();
  return pipe.ended;
});
