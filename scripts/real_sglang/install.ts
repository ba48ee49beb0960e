// Installs a real SGLang for CPU with NIXL, and a tiny model, into a cache folder. One to five minutes and 4 GB, once.
//
// Why it is more than `pip install`: SGLang asks for gigabytes of CUDA packages that a small dense model never imports on a CPU,
// and for CPU kernels that PyPI does not have. The first are left out, for the second plain torch does (sgl_kernel.py).

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, installSystemPackages } from "../real_vllm/install.ts";
import { type Installed, installOnce, type Step } from "../real_vllm/install_once.ts";
import { cacheFolder, systemPython } from "../real_vllm/this_machine.ts";
import { versions } from "./versions.ts";

export interface RealSglang {
  /** The words that start a worker. */
  readonly sglang: string;
  readonly model: string;
}

const recipeDir = import.meta.dir;
const sharedRecipeDir = join(import.meta.dir, "../real_vllm");

export function installRealSglang(log: (line: string) => void): Installed<RealSglang> {
  const root = cacheFolder(`real-sglang-${versions.sglang}-${versions.torch}-${versions.nixl}-${versions.recipe}`);
  const at = { sglang: join(root, "venv/bin/sglang"), model: join(root, "tiny") };
  const title = `a real CPU SGLang ${versions.sglang} with NIXL ${versions.nixl} (some minutes and 4 GB, once)`;
  return installOnce({ root, at, title, steps: steps(root) }, log);
}

function steps(root: string): readonly Step[] {
  const python = join(root, "venv/bin/python");
  const uv = (...args: string[]) =>
    command([join(root, "venv/bin/uv"), "pip", "install", "--no-cache", "--python", python, ...args]);
  const constraints = ["--constraint", join(recipeDir, "constraints.txt")];
  const step = (name: string, ...argv: string[]): Step => ({ name, run: () => command(argv) });
  return [
    { name: "system packages", run: installSystemPackages },
    {
      name: "virtual environment",
      run: () => command([systemPython() ?? "python3", "-m", "venv", join(root, "venv")]),
    },
    step("uv", python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "uv"),
    {
      name: "SGLang",
      run: () => {
        const overrides = join(root, "overrides.txt");
        writeFileSync(overrides, withoutCuda());
        const packages = [`sglang==${versions.sglang}`, `nvidia-cuda-runtime==${versions.cudaRuntime}`];
        return uv(...constraints, "--override", overrides, ...packages);
      },
    },
    { name: "NIXL", run: () => uv("--no-deps", `nixl==${versions.nixl}`, `nixl-cu13==${versions.nixl}`) },
    step("CUDA stand-ins", python, join(sharedRecipeDir, "make_cuda_stand_ins.py")),
    step("adjustments for a CPU", python, join(recipeDir, "adjust_packages.py"), recipeDir),
    {
      name: "byte code",
      run: () => command([python, "-m", "compileall", "-q", "-j", "2", join(root, "venv/lib")], [0, 1]),
    },
    step("tiny model", python, join(sharedRecipeDir, "make_tiny_model.py"), join(root, "tiny")),
    step("import check", "env", "SGLANG_USE_CPU_ENGINE=1", python, "-c", importCheck),
  ];
}

const importCheck = "import torchvision, sgl_kernel, sglang.srt.configs; from nixl._api import nixl_agent; " +
  "from sglang.srt.utils import is_cpu; assert is_cpu()";

/** Requirements that would pull gigabytes of CUDA are made never to apply. */
function withoutCuda(): string {
  const cuda = [
    ...["cuda-toolkit", "cuda-bindings", "cuda-python", "nvidia-cudnn-cu13", "nvidia-cusparselt-cu13"],
    ...["nvidia-nccl-cu13", "nvidia-nvshmem-cu13", "nvshmem4py-cu13", "nvidia-cutlass-dsl", "nvidia-mathdx"],
    ...["flash-attn-4", "flashinfer_python", "flashinfer-cubin", "humming-kernels", "quack-kernels", "tilelang"],
    ...["sgl-deep-ep", "sgl-deep-gemm", "sgl-flash-mla", "sglang-kernel", "torchaudio", "torchcodec", "timm"],
  ];
  return [`torch==${versions.torch}`, ...cuda.map((name) => `${name}; sys_platform == 'never'`)].join("\n") + "\n";
}
