"""Counts and sorts, and asks for what a run could differ in: time, chance, hashes, folders."""
import collections, hashlib, json, os, random, sys

text = open("/in/sequences").read()
kmers = collections.Counter(text[i:i + 4] for i in range(len(text) - 3))
random.seed(7)
picked = random.sample(sorted(kmers), 8)
json.dump(
    {
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "top": kmers.most_common(5),
        "picked": picked,
        "in": sorted(os.listdir("/in")),
        "float": repr(sum(1 / n for n in range(1, 10_000))),
    },
    open("words.json", "w"), sort_keys=True,
)
print(sys.version_info[:2], len(kmers))
