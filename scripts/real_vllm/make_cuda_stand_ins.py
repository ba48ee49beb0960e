"""Makes do-nothing stand-ins for the CUDA libraries that PyPI's torch links, so that it imports where there is no CUDA.

Each undefined CUDA symbol of torch's own libraries becomes a function that answers an error code, with the version tag the
linker asks for. Run with the Python of the virtual environment.
"""

import glob
import os
import re
import subprocess
import sysconfig
import tempfile
from collections import defaultdict

CUDA_LIBRARY = re.compile(
    r"^lib(cuda|cudart|cublas|cublasLt|cudnn|cufft|cufile|cupti|curand|cusolver|cusparse|cusparseLt|nccl|nvrtc|nvshmem_host)\.so"
)
CUDA_SYMBOL = re.compile(r"^(cu[A-Za-z]*[A-Z]|cudnn|nccl|nvrtc|nvshmem)")


def output_of(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def libraries_of_torch(folder):
    for path in sorted(glob.glob(os.path.join(folder, "*.so*"))):
        if not CUDA_LIBRARY.match(os.path.basename(path)):
            yield path


def version_owners(path, versions):
    """Symbol version -> library that has to define it; notes each version a stand-in must carry."""
    owners, library = {}, None
    for line in output_of("readelf", "-VW", path).splitlines():
        if found := re.search(r"File: (\S+)", line):
            library = found.group(1)
        elif library and (found := re.search(r"Name: (\S+)\s+Flags:", line)):
            owners[found.group(1)] = library
            if CUDA_LIBRARY.match(library):
                versions[library].setdefault(found.group(1), set())
    return owners


def read_needs(folder):
    needed, defined, unversioned = set(), set(), set()
    versions = defaultdict(dict)
    for path in libraries_of_torch(folder):
        needed |= set(re.findall(r"Shared library: \[([^\]]+)\]", output_of("readelf", "-dW", path)))
        owners = version_owners(path, versions)
        for line in output_of("nm", "-D", path).splitlines():
            *_, kind, symbol = line.split()
            name, _, version = symbol.partition("@")
            version = version.lstrip("@")
            if kind not in ("U", "w"):
                defined.add(name)
            elif version and CUDA_LIBRARY.match(owners.get(version, "")):
                versions[owners[version]][version].add(name)
            elif not version and CUDA_SYMBOL.match(name):
                unversioned.add(name)
    return needed, unversioned - defined, versions


def compile_stand_in(library, symbols, versions, folder):
    with tempfile.TemporaryDirectory() as build:
        source = os.path.join(build, "stand_in.c")
        with open(source, "w", encoding="ascii") as file:
            file.writelines(f"int {name}(void) {{ return 999; }}\n" for name in sorted(symbols))
        argv = ["gcc", "-w", "-O1", "-fno-builtin", "-shared", "-fPIC", f"-Wl,-soname,{library}"]
        if versions:
            script = os.path.join(build, "versions.map")
            with open(script, "w", encoding="ascii") as file:
                for version, names in versions.items():
                    body = "global: " + " ".join(f"{name};" for name in sorted(names)) if names else ""
                    file.write(f"{version} {{ {body} }};\n")
            argv.append(f"-Wl,--version-script={script}")
        subprocess.check_call([*argv, "-o", os.path.join(folder, library), source])


def main():
    site = sysconfig.get_paths()["purelib"]
    folder = os.path.join(site, "torch", "lib")
    needed, unversioned, versions = read_needs(folder)
    installed = {os.path.basename(path) for path in glob.glob(os.path.join(site, "nvidia", "*", "lib", "*.so*"))}
    for library in sorted(name for name in needed if CUDA_LIBRARY.match(name) and name not in installed):
        mine = versions.get(library, {})
        compile_stand_in(library, unversioned.union(*mine.values()), mine, folder)


main()
