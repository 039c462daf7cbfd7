"""Writes oracle.jsonl: hostile texts with the ids that the Python tokenizers give, one JSON object a line.

text, clean (after the ftfy steps that Cleaning FTFYLite has), then ids: "lite" for open_clip's tokenizer after that
cleaning, and where they differ from lite "none" (without ftfy), "openai" (OpenAI's pattern and white space, FTFYLite),
"openai_none" (OpenAI without ftfy) and "hf" (CLIPTokenizerFast).

    python3.11 -m venv v && v/bin/pip install ftfy==6.3.1 regex==2026.11.15 transformers==4.57.6 && v/bin/pip install --no-deps open_clip_torch==3.3.0
    v/bin/python make_oracle.py
"""
import gzip, html, importlib.util, json, os, random, sys, tempfile, types, unicodedata

# open_clip's tokenizer needs torch for types only.
torch = types.ModuleType("torch")
torch.Tensor = torch.LongTensor = object
where = os.path.dirname(importlib.util.find_spec("open_clip").origin)
package = types.ModuleType("open_clip")
package.__path__ = [where]
sys.modules.update(torch=torch, open_clip=package)
spec = importlib.util.spec_from_file_location("open_clip.tokenizer", where + "/tokenizer.py")
ot = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ot)
del sys.modules["torch"]

import ftfy, regex
from transformers import CLIPTokenizerFast

LITE = ftfy.TextFixerConfig(unescape_html=False, fix_encoding=False, fix_surrogates=False)
open_clip = ot.SimpleTokenizer()
open_ai = ot.SimpleTokenizer()
for a, b in (("<start_of_text>", "<|startoftext|>"), ("<end_of_text>", "<|endoftext|>")):
    open_ai.encoder[b] = open_ai.encoder.pop(a)
open_ai.cache = {t: t for t in ("<|startoftext|>", "<|endoftext|>")}
open_ai.pat = regex.compile(r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+""", regex.IGNORECASE)

folder = tempfile.mkdtemp()
merges = gzip.open(ot.default_bpe()).read().decode().split("\n")[1:48895]
json.dump(open_ai.encoder, open(folder + "/vocab.json", "w"))
open(folder + "/merges.txt", "w").write("#version: 0.2\n" + "\n".join(merges) + "\n")
fast = CLIPTokenizerFast(folder + "/vocab.json", folder + "/merges.txt")


def clean(text, repair, narrow):
    if repair:
        text = ftfy.fix_text(text, LITE)
    text = html.unescape(html.unescape(text)).strip()
    text = regex.sub(r"\s+", " ", text) if narrow else " ".join(text.split())
    return text.strip().lower()


def ids(tokenizer, text):
    out = []
    for word in regex.findall(tokenizer.pat, text):
        word = "".join(tokenizer.byte_encoder[b] for b in word.encode())
        out += [tokenizer.encoder[p] for p in tokenizer.bpe(word).split(" ")]
    return out


rnd = random.Random(20211)
pieces = ["Σ", "σ", "İ", "ſ", "'s", "'ll", "'S", "'ſ", "'Re", "\x1b[3;1m", "\x1b[", "\u0301", "\u0307", "\u0316", "\u0345", "\u09be", "ẞ", "Ω", "Å", "ﬅ", "ŉ", "Ǳ", "ǅ", "&amp;", "&#",
          "&#x", "&lt", "&nbsp", "&#0;", "&#13;", "&#x80;", "&#99999999999999;", "&#xfffe;", "&#27;", "&notit;", "&notin;", "&nGt;", "&bne;", "&AMP;", "<start_of_text>",
          "<|startoftext|>", "<|endoftext|>", "<END_OF_TEXT>", "\r\n", "\r", "\u2028", "\x85", "\x1c", "\x1f", "</w>", "123", "ing", "\u1f88", "the", "cat", "A photo of a",
          "don't", "I'M", "antidisestablishment", "ΟΔΟΣ", "ΣΑΣ'Α", "Σ.", " ", " ", "\U00010041", "가", "\u11a8", "ﾊﾞ", "ｶ", "कि", "か\u3099"]
blocks = [(0x20, 0x7f), (0, 0x20), (0x7f, 0x250), (0x2b0, 0x600), (0x2000, 0x2100), (0xfb00, 0xfb10), (0xfe00, 0x10000), (0x3000, 0x3100), (0x20, 0xd800)]


def piece():
    if rnd.random() < 0.5:
        return rnd.choice(pieces)
    while True:
        c = chr(rnd.randrange(*rnd.choice(blocks)))
        if unicodedata.category(c) not in ("Cn", "Cs"):
            return c


texts = pieces + ["".join(piece() for _ in range(rnd.randrange(2, 10))) for _ in range(700)] + ["a" + "\u0301\u0316" * 20, "x" * 300, "ab" * 200, "!?" * 90, "\u732b" * 60]
with open("oracle.jsonl", "w", encoding="ascii") as f:
    for text in dict.fromkeys(texts):
        row = {"text": text, "clean": clean(text, True, False)}
        row["lite"] = ids(open_clip, row["clean"])
        for name, value in (("none", ids(open_clip, clean(text, False, False))), ("openai", ids(open_ai, clean(text, True, True))),
                            ("openai_none", ids(open_ai, clean(text, False, True))), ("hf", list(fast(text, add_special_tokens=False)["input_ids"]))):
            if value != row["lite"]:
                row[name] = value
        f.write(json.dumps(row, separators=(",", ":")) + "\n")
