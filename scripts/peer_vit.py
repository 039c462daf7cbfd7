"""The full-size CLIP ViT-B/32 image tower in JAX, timed: the peer of BenchmarkPeer in pkg/rig/record.

usage: peer_vit.py BATCH ROUNDS; prints the best wall and CPU seconds of one forward pass, compiled, float32.
"""
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

W, L, H, P, E = 768, 12, 12, 32, 512


def weights(rng):
    def n(*s):
        return jnp.asarray(rng.standard_normal(s, dtype=np.float32) * 0.02)

    block = lambda: dict(l1=jnp.ones(W), b1=n(W), wi=n(3 * W, W), bi=n(3 * W), wo=n(W, W), bo=n(W), l2=jnp.ones(W), b2=n(W),
                         wf=n(4 * W, W), bf=n(4 * W), wp=n(W, 4 * W), bp=n(W))
    return dict(conv=n(W, 3 * P * P), cls=n(W), pos=n(50, W), lp=jnp.ones(W), bpre=n(W), lq=jnp.ones(W), bpost=n(W), proj=n(W, E),
                blocks=[block() for _ in range(L)])


def norm(x, g, b):
    m = x.mean(-1, keepdims=True)
    v = ((x - m) ** 2).mean(-1, keepdims=True)
    return (x - m) / jnp.sqrt(v + 1e-5) * g + b


def tower(w, x):
    b = x.shape[0]
    x = x.reshape(b, 3, 7, P, 7, P).transpose(0, 2, 4, 1, 3, 5).reshape(b, 49, 3 * P * P) @ w["conv"].T
    x = jnp.concatenate([jnp.broadcast_to(w["cls"], (b, 1, W)), x], 1) + w["pos"]
    x = norm(x, w["lp"], w["bpre"])
    for k in w["blocks"]:
        h = norm(x, k["l1"], k["b1"]) @ k["wi"].T + k["bi"]
        q, key, v = [t[:, :, 0] for t in jnp.split(h.reshape(b, 50, 3, H, W // H), 3, 2)]
        a = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q / 8.0, key), -1)
        x = x + jnp.einsum("bhqk,bkhd->bqhd", a, v).reshape(b, 50, W) @ k["wo"].T + k["bo"]
        h = norm(x, k["l2"], k["b2"]) @ k["wf"].T + k["bf"]
        x = x + (h * jax.nn.sigmoid(1.702 * h)) @ k["wp"].T + k["bp"]
    return norm(x[:, 0], w["lq"], w["bpost"]) @ w["proj"]


def main():
    batch, rounds = int(sys.argv[1]), int(sys.argv[2])
    rng = np.random.default_rng(1)
    w = weights(rng)
    x = jnp.asarray(rng.standard_normal((batch, 3, 224, 224), dtype=np.float32))
    f = jax.jit(tower)
    f(w, x).block_until_ready()
    wall = cpu = 1e9
    for _ in range(rounds):
        t, c = time.perf_counter(), time.process_time()
        f(w, x).block_until_ready()
        wall, cpu = min(wall, time.perf_counter() - t), min(cpu, time.process_time() - c)
    print(wall, cpu)


main()
