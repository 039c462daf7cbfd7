"""The models of the reference cases in plain numpy (float64), from weights and inputs alone; no torch. A second statement of every convention."""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import erf


# ---------------------------------------------------------------- pieces
def layer_norm(x, W, p, eps):
    m = x.mean(-1, keepdims=True)
    v = ((x - m) ** 2).mean(-1, keepdims=True)
    return (x - m) / np.sqrt(v + eps) * W[p + ".weight"] + W[p + ".bias"]


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def quick_gelu(x): return x / (1 + np.exp(-1.702 * x))
def gelu(x): return 0.5 * x * (1 + erf(x / np.sqrt(2)))
def silu(x): return x / (1 + np.exp(-x))
def relu(x): return np.maximum(x, 0)


def linear(x, W, p):
    y = x @ W[p + ".weight"].T
    return y + W[p + ".bias"] if p + ".bias" in W else y


def heads_of(x, n): return x.reshape(*x.shape[:2], n, -1).transpose(0, 2, 1, 3)


def attention(q, k, v, heads, mask=None):
    """(probabilities [N, heads, Q, K], heads concatenated [N, Q, D])"""
    s = heads_of(q, heads) @ heads_of(k, heads).transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1] // heads)
    p = softmax(s if mask is None else s + mask)
    z = (p @ heads_of(v, heads)).transpose(0, 2, 1, 3)
    return p, z.reshape(*z.shape[:2], -1)


def conv(x, w, b=None, stride=1, pad=(0, 0, 0, 0), groups=1):
    """pad = top, bottom, left, right; groups is 1 or the number of channels"""
    x = np.pad(x, ((0, 0), (0, 0), pad[:2], pad[2:]))
    win = sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    if groups == 1:
        y = np.einsum("nchwij,ocij->nohw", win, w, optimize=True)
    else:
        assert groups == w.shape[0] == x.shape[1]
        y = np.einsum("nchwij,cij->nchw", win, w[:, 0], optimize=True)
    return y if b is None else y + b[None, :, None, None]


def batch_norm(x, W, p, eps):
    s = W[p + ".weight"] / np.sqrt(W[p + ".running_var"] + eps)
    return x * s[:, None, None] + (W[p + ".bias"] - W[p + ".running_mean"] * s)[:, None, None]


def pool(x, k, s, kind, pad=(0, 0, 0, 0), count_pad=True):
    xp = np.pad(x, ((0, 0), (0, 0), pad[:2], pad[2:]), constant_values=-np.inf if kind == "max" else 0)
    win = sliding_window_view(xp, (k, k), axis=(2, 3))[:, :, ::s, ::s]
    if kind == "max":
        return win.max((-1, -2))
    if count_pad:
        return win.mean((-1, -2))
    one = np.pad(np.ones(x.shape[2:]), (pad[:2], pad[2:]))
    return win.sum((-1, -2)) / sliding_window_view(one, (k, k))[::s, ::s].sum((-1, -2))


def cubic(x, a):
    x = np.abs(x)
    return np.where(x <= 1, (a + 2) * x**3 - (a + 3) * x**2 + 1, np.where(x < 2, a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a, 0))


def resize_matrix(n_in, n_out, antialias, step=None):
    """Rows are output samples, half-pixel centres. antialias: a = -0.5, support grows with the down-factor, taps outside are dropped and the
    rest renormalised; else a = -0.75, 4 taps with clamped indices. step: input samples per output sample (default n_in / n_out)."""
    r = n_in / n_out if step is None else step
    M = np.zeros((n_out, n_in))
    for o in range(n_out):
        c = (o + 0.5) * r
        if antialias:
            f = max(r, 1.0)
            lo, hi = max(int(c - 2 * f + 0.5), 0), min(int(c + 2 * f + 0.5), n_in)
            w = cubic((np.arange(lo, hi) - c + 0.5) / f, -0.5)
            M[o, lo:hi] = w / w.sum()
        else:
            c -= 0.5
            i0 = int(np.floor(c))
            for t in range(-1, 3):
                M[o, min(max(i0 + t, 0), n_in - 1)] += cubic(c - (i0 + t), -0.75)
    return M


def resize_table(rows, side, h, w, how):
    """A side x side position table [side*side, D] for h x w patches. how: size, size_antialias, or scale_offset ((n + 0.1) / side)."""
    if (h, w) == (side, side):
        return rows
    aa = how == "size_antialias"
    step = (lambda n: side / (n + 0.1)) if how == "scale_offset" else (lambda n: None)
    g = rows.reshape(side, side, -1)
    g = np.einsum("oh,hwd,pw->opd", resize_matrix(side, h, aa, step(h)), g, resize_matrix(side, w, aa, step(w)), optimize=True)
    return g.reshape(h * w, -1)


def patches(x, W, p):
    """tokens [N, L, D], row-major, and the grid; what is no whole patch is dropped"""
    k = W[p + ".weight"].shape[2]
    h, w = x.shape[2] // k, x.shape[3] // k
    y = conv(x[:, :, : h * k, : w * k], W[p + ".weight"], W.get(p + ".bias"), stride=k)
    return y.reshape(*y.shape[:2], -1).transpose(0, 2, 1), (h, w)


def with_class(cls, t): return np.concatenate([np.broadcast_to(cls.reshape(1, 1, -1), (len(t), 1, t.shape[2])), t], 1)


# ---------------------------------------------------------------- CLIP, OpenAI layout
def clip_blocks(x, W, prefix, heads, act, mask, o):
    i = 0
    while f"{prefix}.{i}.ln_1.weight" in W:
        p = f"{prefix}.{i}"
        a = o[p + ".ln_1"] = layer_norm(x, W, p + ".ln_1", 1e-5)
        qkv = a @ W[p + ".attn.in_proj_weight"].T + W[p + ".attn.in_proj_bias"]
        o[p + ".attn.probs"], z = attention(*np.split(qkv, 3, -1), heads, mask)
        o[p + ".attn.z"] = z
        o[p + ".attn"] = linear(z, W, p + ".attn.out_proj")
        x = x + o[p + ".attn"]
        b = o[p + ".ln_2"] = layer_norm(x, W, p + ".ln_2", 1e-5)
        f = o[p + ".mlp.c_fc"] = linear(b, W, p + ".mlp.c_fc")
        h = o[p + ".mlp.gelu"] = act(f)
        o[p + ".mlp.c_proj"] = linear(h, W, p + ".mlp.c_proj")
        x = o[p] = x + o[p + ".mlp.c_proj"]
        i += 1
    return x


def clip_image(img, W, heads, act, o, how=None):
    t, (h, w) = patches(img, W, "visual.conv1")
    o["visual.conv1"] = t.transpose(0, 2, 1).reshape(len(t), -1, h, w)
    pos = W["visual.positional_embedding"]
    side = round((len(pos) - 1) ** 0.5)
    pos = np.concatenate([pos[:1], resize_table(pos[1:], side, h, w, how)])
    x = o["visual.ln_pre"] = layer_norm(with_class(W["visual.class_embedding"], t) + pos, W, "visual.ln_pre", 1e-5)
    x = clip_blocks(x, W, "visual.transformer.resblocks", heads, act, None, o)
    x = o["visual.ln_post"] = layer_norm(x, W, "visual.ln_post", 1e-5)
    return x[:, 0] @ W["visual.proj"]


def clip_text(ids, W, heads, act, o):
    x = o["transformer.input"] = W["token_embedding.weight"][ids] + W["positional_embedding"]
    n = ids.shape[1]
    x = clip_blocks(x, W, "transformer.resblocks", heads, act, np.triu(np.full((n, n), -np.inf), 1), o)
    x = o["ln_final"] = layer_norm(x, W, "ln_final", 1e-5)
    return x[np.arange(len(ids)), ids.argmax(1)] @ W["text_projection"]


def clip_logits(fi, ft, W):
    n = lambda v: v / np.linalg.norm(v, axis=-1, keepdims=True)
    return np.exp(W["logit_scale"]) * n(fi) @ n(ft).T


# ---------------------------------------------------------------- ModifiedResNet, OpenAI layout
def clip_resnet(x, W, layers, heads, o, pool_table=None, stop=None):
    """pool_table: how to resample the attention pool's table (None: it must fit); stop: return after this block"""
    bn = lambda x, n: batch_norm(x, W, "visual." + n, 1e-5)
    cv = lambda x, n, s=1, p=0: conv(x, W[f"visual.{n}.weight"], stride=s, pad=(p,) * 4)
    put = lambda n, v: o.__setitem__("visual." + n, v) or v
    x = put("conv1", cv(x, "conv1", 2, 1))
    x = relu(put("bn1", bn(x, "bn1")))
    x = relu(bn(cv(x, "conv2", 1, 1), "bn2"))
    x = put("stem_before_avgpool", relu(bn(cv(x, "conv3", 1, 1), "bn3")))
    x = put("stem", pool(x, 2, 2, "avg"))
    for s, n in enumerate(layers, 1):
        for b in range(n):
            p = f"layer{s}.{b}"
            half = (lambda v: pool(v, 2, 2, "avg")) if b == 0 and s > 1 else (lambda v: v)
            a = put(p + ".bn1", bn(cv(x, p + ".conv1"), p + ".bn1"))
            a = put(p + ".bn2", bn(cv(relu(a), p + ".conv2", 1, 1), p + ".bn2"))
            a = put(p + ".bn3", bn(cv(half(relu(a)), p + ".conv3"), p + ".bn3"))
            side = x
            if f"visual.{p}.downsample.0.weight" in W:
                side = put(p + ".downsample", bn(cv(half(x), p + ".downsample.0"), p + ".downsample.1"))
            x = put(p, relu(put(p + ".pre_relu", a + side)))
            if p == stop:
                return None
    n, c, h, w = x.shape
    t = x.reshape(n, c, -1).transpose(0, 2, 1)
    pos = W["visual.attnpool.positional_embedding"]
    if h * w + 1 != len(pos):
        if pool_table is None:
            return None
        pos = np.concatenate([pos[:1], resize_table(pos[1:], round((len(pos) - 1) ** 0.5), h, w, pool_table)])
    t = put("attnpool.tokens", np.concatenate([t.mean(1, keepdims=True), t], 1) + pos)
    q, k, v = (linear(y, W, f"visual.attnpool.{s}_proj") for s, y in (("q", t[:, :1]), ("k", t), ("v", t)))
    p, z = attention(q, k, v, heads)
    put("attnpool.probs", p[:, :, 0])
    put("attnpool.z", z[:, 0])
    return put("attnpool", linear(z[:, 0], W, "visual.attnpool.c_proj"))


# ---------------------------------------------------------------- plain vision transformer blocks, timm's and the original names
def vit_blocks(x, W, heads, eps, o, prefix="blocks", to="blocks"):
    i = 0
    while f"{prefix}.{i}.norm1.weight" in W:
        p, q = f"{prefix}.{i}", f"{to}.{i}"
        a = o[q + ".norm1"] = layer_norm(x, W, p + ".norm1", eps)
        o[q + ".attn.probs"], z = attention(*np.split(linear(a, W, p + ".attn.qkv"), 3, -1), heads)
        o[q + ".attn.z"] = z
        at = o[q + ".attn"] = linear(z, W, p + ".attn.proj")
        o[q + ".ls1"] = at * W.get(p + ".ls1.gamma", 1.0)
        x = x + o[q + ".ls1"]
        b = o[q + ".norm2"] = layer_norm(x, W, p + ".norm2", eps)
        first, last = ("w12", "w3") if p + ".mlp.w12.weight" in W else ("fc1", "fc2")
        f = o[q + ".mlp.fc1"] = linear(b, W, f"{p}.mlp.{first}")
        if W[f"{p}.mlp.{last}.weight"].shape[1] * 2 == f.shape[-1]:
            x1, x2 = np.split(f, 2, -1)
            h = silu(x1) * x2
        else:
            h = gelu(f)
        o[q + ".mlp.act"] = h
        m = o[q + ".mlp.fc2"] = linear(h, W, f"{p}.mlp.{last}")
        o[q + ".ls2"] = m * W.get(p + ".ls2.gamma", 1.0)
        x = o[q] = x + o[q + ".ls2"]
        i += 1
    return x


def dinov2(img, W, heads, how, o):
    """timm's or the original layout, with or without registers"""
    t, (h, w) = patches(img, W, "patch_embed.proj")
    reg = W.get("reg_token", W.get("register_tokens"))
    folded = "reg_token" in W                                  # timm with registers: no class row in the table
    pos = W["pos_embed"][0]
    cls = W["cls_token"] if folded else W["cls_token"] + pos[:1]
    rows = pos if folded else pos[1:]
    x = with_class(cls, t + resize_table(rows, round(len(rows) ** 0.5), h, w, how))
    if reg is not None:
        x = np.concatenate([x[:, :1], np.broadcast_to(reg, (len(x),) + reg.shape[1:]), x[:, 1:]], 1)
    o["tokens"] = x
    return layer_norm(vit_blocks(x, W, heads, 1e-6, o), W, "norm", 1e-6)


# ---------------------------------------------------------------- MAE, the original layout
def sincos(dim, n):
    """the fixed table: first half of the channels from the column, second half from the row, each [sin | cos], zero row for the class"""
    om = 1.0 / 10000 ** (np.arange(dim // 4) / (dim / 4.0))
    one = lambda pos: np.concatenate([np.sin(pos[:, None] * om), np.cos(pos[:, None] * om)], 1)
    yy, xx = np.meshgrid(np.arange(n, dtype=float), np.arange(n, dtype=float), indexing="ij")
    return np.concatenate([np.zeros((1, dim)), np.concatenate([one(xx.ravel()), one(yy.ravel())], 1)])


def mae_encoder(img, W, cfg, order, o):
    """order [N, K]: the patches kept, in that order"""
    t, (h, w) = patches(img, W, "patch_embed.proj")
    pos = W["pos_embed"][0]
    t = t + resize_table(pos[1:], round((len(pos) - 1) ** 0.5), h, w, "size")
    t = np.take_along_axis(t, order[:, :, None], 1)
    x = o["tokens"] = with_class(W["cls_token"] + pos[:1], t)
    return layer_norm(vit_blocks(x, W, cfg["num_attention_heads"], cfg["layer_norm_eps"], o), W, "norm", cfg["layer_norm_eps"])


def mae_decoder(z, W, cfg, order, n, o):
    d = o["decoder.decoder_embed"] = linear(z, W, "decoder_embed")
    full = np.broadcast_to(W["mask_token"], (len(z), n, d.shape[2])).copy()
    np.put_along_axis(full, order[:, :, None], d[:, 1:], 1)
    pos = W["decoder_pos_embed"][0]
    if len(pos) != n + 1:                                       # Hugging Face resamples the rows as one line
        pos = np.concatenate([pos[:1], resize_matrix(len(pos) - 1, n, False) @ pos[1:]])
    x = np.concatenate([d[:, :1], full], 1) + pos
    x = vit_blocks(x, W, cfg["decoder_num_attention_heads"], cfg["layer_norm_eps"], o, "decoder_blocks", "decoder.decoder_layers")
    return linear(layer_norm(x, W, "decoder_norm", cfg["layer_norm_eps"]), W, "decoder_pred")[:, 1:]


def mae_patches(img, k):
    """[N, L, k*k*3], in a patch row, column, channel, channel fastest"""
    n, c, h, w = img.shape
    return img.reshape(n, c, h // k, k, w // k, k).transpose(0, 2, 4, 3, 5, 1).reshape(n, -1, k * k * c)


def mae_losses(logits, target, mask):
    loss = lambda t: np.array([(((logits - t) ** 2).mean(-1) * mask).sum() / mask.sum()])
    return loss(target), loss((target - target.mean(-1, keepdims=True)) / np.sqrt(target.var(-1, ddof=1, keepdims=True) + 1e-6))


# ---------------------------------------------------------------- VGG, torchvision's layout
def adaptive(x, hh, ww):
    r = lambda n, k: [(i * n // k, -(-(i + 1) * n // k)) for i in range(k)]
    return np.stack([np.stack([x[:, :, a:b, c:d].mean((2, 3)) for c, d in r(x.shape[3], ww)], -1) for a, b in r(x.shape[2], hh)], -2)


def vgg_features(x, W, cfg, bn, o):
    i = 0
    for v in cfg:
        if v == "M":
            x = o[f"features.{i}"] = pool(x, 2, 2, "max")
            i += 1
            continue
        x = o[f"features.{i}"] = conv(x, W[f"features.{i}.weight"], W[f"features.{i}.bias"], pad=(1, 1, 1, 1))
        if bn:
            i += 1
            x = o[f"features.{i}"] = batch_norm(x, W, f"features.{i}", 1e-5)
        x = relu(x)
        i += 2
    return x


def vgg(x, W, cfg, bn, o):
    x = o["avgpool"] = adaptive(vgg_features(x, W, cfg, bn, o), 7, 7)
    x = o["classifier.0"] = linear(x.reshape(len(x), -1), W, "classifier.0")
    x = o["classifier.3"] = linear(relu(x), W, "classifier.3")
    return linear(relu(x), W, "classifier.6")


def vgg_timm(x, W, cfg, bn, o):
    x = vgg_features(x, W, cfg, bn, o)
    if min(x.shape[2:]) < 7:
        x = adaptive(x, max(7, x.shape[2]), max(7, x.shape[3]))
    x = relu(conv(x, W["pre_logits.fc1.weight"], W["pre_logits.fc1.bias"]))
    x = relu(conv(x, W["pre_logits.fc2.weight"], W["pre_logits.fc2.bias"]))
    return linear(x.mean((2, 3)), W, "head.fc")


# ---------------------------------------------------------------- NASNet-A, timm's layout
def same(n, k, s):
    t = max((-(-n // s) - 1) * s + k - n, 0)
    return t // 2, t - t // 2


def nasnet(x, W, cells, o, tf_avg=False):
    """cells: the names in forward order, conv0 and the stems first. tf_avg: padding of stride-2 average pools is not counted."""
    bn = lambda x, p: batch_norm(x, W, p, 1e-3)
    pad = lambda x, k, s: same(x.shape[2], k, s) + same(x.shape[3], k, s)

    def sep(x, p, k, s=1):
        for j, st in ((1, s), (2, 1)):
            d = W[f"{p}.separable_{j}.depthwise_conv2d.weight"]
            x = conv(relu(x), d, stride=st, pad=pad(x, k, st), groups=d.shape[0])
            x = bn(conv(x, W[f"{p}.separable_{j}.pointwise_conv2d.weight"]), f"{p}.bn_sep_{j}")
        o[p] = x
        return x

    def one(x, p): return bn(conv(relu(x), W[p + ".conv.weight"]), p + ".bn")
    def put(n, v): o[n] = v; return v
    def maximum(x, p): return put(p, pool(x, 3, 2, "max", pad(x, 3, 2)))
    def average2(x, p): return put(p, pool(x, 3, 2, "avg", pad(x, 3, 2), count_pad=not tf_avg))
    def average1(x, p): return put(p, pool(x, 3, 1, "avg", (1, 1, 1, 1), count_pad=False))

    def factorised(x, p):
        x = relu(x)
        shifted = np.pad(x[:, :, 1:, 1:], ((0, 0), (0, 0), (0, 1), (0, 1)))
        a, b = conv(x[:, :, ::2, ::2], W[p + ".path_1.conv.weight"]), conv(shifted[:, :, ::2, ::2], W[p + ".path_2.conv.weight"])
        return bn(np.concatenate([a, b], 1), p + ".final_path_bn")

    def reduction(h, p, n):
        b = lambda k, side: f"{n}.comb_iter_{k}_{side}"
        c0 = sep(h, b(0, "left"), 5, 2) + sep(p, b(0, "right"), 7, 2)
        c1 = maximum(h, b(1, "left")) + sep(p, b(1, "right"), 7, 2)
        c2 = average2(h, b(2, "left")) + sep(p, b(2, "right"), 5, 2)
        c3 = average1(c0, b(3, "right")) + c1
        c4 = sep(c0, b(4, "left"), 3) + maximum(h, b(4, "right"))
        return np.concatenate([c1, c2, c3, c4], 1)

    def normal(h, p, n):
        b = lambda k, side: f"{n}.comb_iter_{k}_{side}"
        c = [p, sep(h, b(0, "left"), 5) + sep(p, b(0, "right"), 3), sep(p, b(1, "left"), 5) + sep(p, b(1, "right"), 3), average1(h, b(2, "left")) + p,
             average1(p, b(3, "left")) + average1(p, b(3, "right")), sep(h, b(4, "left"), 3) + h]
        o.update({f"{n}.piece_{k}": v for k, v in zip(("p", "c0", "c1", "c2", "c3", "c4"), c)})
        return np.concatenate(c, 1)

    prev = cur = None
    for n in cells:
        if n == "conv0":
            new = bn(conv(x, W["conv0.conv.weight"], stride=2), "conv0.bn")
        elif n == "cell_stem_0":
            new = reduction(one(cur, n + ".conv_1x1"), cur, n)
        else:
            h = o[n + ".h"] = one(cur, n + ".conv_1x1")
            p = one(prev, n + ".conv_prev_1x1") if n + ".conv_prev_1x1.conv.weight" in W else factorised(prev, n)
            new = (normal if n.startswith("cell_") and "stem" not in n else reduction)(h, p, n)
        o[n] = new
        # the cell after a reduction cell takes the same older input as the reduction did
        prev, cur = (prev if n.startswith("reduction") else cur), new
    return linear(relu(cur).mean((2, 3)), W, "last_linear")
