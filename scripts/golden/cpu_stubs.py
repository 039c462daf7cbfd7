#!/usr/bin/env python3
"""Let the PyPI (CUDA) torch wheel import on a CPU-only machine without its big CUDA libraries.

Usage:  python cpu_stubs.py [/path/to/site-packages]
Needs gcc and binutils (readelf).  Finds every CUDA library that torch's own .so files are linked with and that is
absent, and writes in its place (torch/lib is on every library's rpath) a stub that defines the wanted symbols; each
returns 1.  Nothing in torch is changed.  torch.cuda.is_available() stays False; CPU results are untouched.
"""
import os, re, subprocess, sys, sysconfig, tempfile

sp = sys.argv[1] if len(sys.argv) > 1 else sysconfig.get_paths()["platlib"]
lib = os.path.join(sp, "torch", "lib")
here = [os.path.join(lib, f) for f in sorted(os.listdir(lib)) if ".so" in f and not os.path.islink(os.path.join(lib, f))]
nv = {f for d, _, fs in os.walk(os.path.join(sp, "nvidia")) for f in fs}
CUDA = re.compile(r"^lib(cu|nccl|nvrtc|nvshmem_host|nvJit)")


def run(*a):
    return subprocess.run(a, check=True, capture_output=True, text=True).stdout


missing, syms, vers = set(), {}, {}
for f in here:
    if os.path.basename(f) in ("libtorch_cuda_linalg.so", "libcaffe2_nvrtc.so"):
        continue                                   # loaded lazily, only for CUDA work
    need = re.findall(r"\(NEEDED\).*\[(.+?)\]", run("readelf", "-dW", f))
    miss = [n for n in need if CUDA.match(n) and n not in nv and not os.path.exists(os.path.join(lib, n))]
    missing |= set(miss)
    # undefined symbols of C name (CUDA APIs are plain C); all go to every stub that this file wants
    for line in run("readelf", "--dyn-syms", "-W", f).splitlines():
        p = line.split()
        if len(p) >= 8 and p[6] == "UND" and re.match(r"^(cu|nccl|nvrtc|nvshmem|nvJit)\w+(@|$)", p[7]):
            syms.setdefault(p[7].split("@")[0], set()).update(miss)
            if "@" in p[7]:
                vers[p[7].split("@")[0]] = p[7].split("@")[-1]

for soname in sorted(missing):
    names = sorted(s for s, libs in syms.items() if soname in libs)
    key = re.match(r"lib([A-Za-z]+)", soname).group(1).lower()
    # keep only this library's own prefix
    pre = {"cublas": "cublas(?!Lt)", "cublaslt": "cublasLt", "cudnn": "cudnn", "cufft": "cufft", "nccl": "p?nccl",
           "cusparse": "cusparse(?!Lt)", "cusparselt": "cusparseLt", "nvrtc": "nvrtc", "nvshmem": "nvshmem",
           "cusolver": "cusolver", "nvjitlink": "nvJit", "cufile": "cuFile", "cupti": "cupti", "cudart": "cuda"}[key]
    names = [n for n in names if re.match(pre, n)]
    with tempfile.TemporaryDirectory() as d:
        c = os.path.join(d, "s.c")
        open(c, "w").write("".join(f"int {n}(void){{return 1;}}\n" for n in names) or "int torch_cpu_stub_unused;\n")
        extra, by = [], {}
        for n in names:                            # glibc insists on the symbol versions torch was linked with
            by.setdefault(vers.get(n), []).append(n)
        if set(by) - {None}:
            m = os.path.join(d, "s.map")
            open(m, "w").write("".join("%s {\n global: %s;\n};\n" % (v, "; ".join(ns)) for v, ns in by.items() if v))
            extra = [f"-Wl,--version-script={m}"]
        run("gcc", "-shared", "-fPIC", "-O1", "-w", "-fno-builtin", f"-Wl,-soname,{soname}", *extra, "-o",
            os.path.join(lib, soname), c)
    print(f"stub {soname}: {len(names)} symbols")
