// How to get a Python module that a connector needs.

export function installHint(module: string): string {
  return notOnPypi[module] ?? `pip install ${packageOf[module] ?? module}`;
}

/** Where the package is not named as the module is. */
const packageOf: Readonly<Record<string, string>> = {
  mooncake: "mooncake-transfer-engine",
  zmq: "pyzmq",
  mori: "amd_mori",
};

const notOnPypi: Readonly<Record<string, string>> = {
  flexkv: "build FlexKV from github.com/taco-project/FlexKV",
  hf3fs_fuse: "build hf3fs_fuse from github.com/deepseek-ai/3FS",
};
