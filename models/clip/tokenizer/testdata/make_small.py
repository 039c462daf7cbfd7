"""Writes hf_small/: a CLIP tokenizer of 560 tokens as transformers 4.57.6 saves it (tokenizer.json, vocab.json, merges.txt), and ids.json with its ids for some texts.

Environment as in make_oracle.py. ../data/bpe_simple_vocab_16e6.txt.gz is the source of the merges.
"""
import gzip, json, os
from transformers import CLIPTokenizerFast

SIZE = 560
here = os.path.dirname(os.path.abspath(__file__))
out = here + "/hf_small"
os.makedirs(out, exist_ok=True)
merges = gzip.open(here + "/../data/bpe_simple_vocab_16e6.txt.gz").read().decode().split("\n")[1 : SIZE - 514 + 1]
printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
letters = [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]
vocab = letters + [c + "</w>" for c in letters] + [m.replace(" ", "") for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
json.dump({t: i for i, t in enumerate(vocab)}, open(out + "/vocab.json", "w"))
open(out + "/merges.txt", "w").write("#version: 0.2\n" + "\n".join(merges) + "\n")
fast = CLIPTokenizerFast(out + "/vocab.json", out + "/merges.txt")
fast.save_pretrained(out)
for name in os.listdir(out):
    if name not in ("tokenizer.json", "vocab.json", "merges.txt"):
        os.remove(out + "/" + name)
texts = ["a photo of the number 7", "There's a RED circle, on the left!", "caf\u00e9 \u732b", "<|startoftext|>the thing<|endoftext|>"]
json.dump([[t, fast(t, add_special_tokens=False)["input_ids"]] for t in texts], open(out + "/ids.json", "w"))
