"""Checks publishing and pulling against the real Hub: `HF_TOKEN=... python tests/real_hub.py OWNER`.

It makes the private repository OWNER/bonexray-check-<random>, publishes a bundled checkpoint there by whatever
transfer the client prefers (Xet), pulls it into an empty cache, compares, and deletes the repository.
"""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]


def check(owner: str, checkpoint: Path) -> None:
    """Publish twice, pull, predict the same bits; raise AssertionError where that is not so."""
    from huggingface_hub import HfApi

    from training.publish import publish
    from training.publishing.staging import stage_checkpoint
    from training.publishing.upload import Target

    target = Target(f"{owner}/bonexray-check-{secrets.token_hex(4)}", private=True, tag="v1")
    with tempfile.TemporaryDirectory() as scratch:
        staged = stage_checkpoint(checkpoint, Path(scratch) / "staged", target.repo, "v1")
        try:
            commits = {publish(staged, target) for _ in range(2)}
            assert len(commits) == 1, f"the same content made two commits: {commits}"
            compare(staged, target.repo, "v1", Path(scratch) / "cache")
        finally:
            HfApi().delete_repo(target.repo, missing_ok=True)
    sys.stdout.write(f"published, pulled and compared {checkpoint.name}; deleted {target.repo}\n")


def compare(staged: Path, repo: str, tag: str, cache: Path) -> None:
    """Pull the tag into an empty cache and compare every file, and a prediction."""
    from bonexray import FractureClassifier
    from bonexray.hub import resolve

    names = [path.name for path in staged.iterdir()]
    pulled = resolve(repo, tag, cache_dir=cache, files=names).folder
    for name in names:
        assert (pulled / name).read_bytes() == (staged / name).read_bytes(), f"{name} came back with other bytes"
    image = np.random.default_rng(0).integers(0, 256, (480, 320), dtype=np.uint8)
    here = FractureClassifier.from_pretrained(staged).predict(image)
    there = FractureClassifier.from_pretrained(repo, tag, cache_dir=cache).predict(image)
    assert here.logit == there.logit


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("owner", metavar="OWNER", help="account or organisation that the token may write to")
    check(parser.parse_args().owner, ROOT / "checkpoints/mobilenetv2")
