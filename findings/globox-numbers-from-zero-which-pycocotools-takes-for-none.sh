#!/usr/bin/env bash
# Guess: a COCO file that one tool writes, and that another one loads without complaint, gives detections that repeat it
#   exactly an average precision of 1.
# What happens: globox numbers annotations from 0. pycocotools keeps the number of the matched annotation for each
#   detection, and 0 means "none", so that the detection of the first annotation counts as false. With one box each of
#   two classes the precision is 0.5, with 20 boxes of one class 0.894. globox's own evaluator, and pycocotools after
#   1 is added to each number, give 1.
# Why it matters: one box is lost, the first of the dataset. That is too little to be noticed in a large test set, and
#   decides the result of a rare class, a sample, or an evaluation image by image. Number from 1.
# Seen with: globox 2.9.0, pycocotools 2.0.11, numpy 2.4.6, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet globox==2.9.0 pycocotools==2.0.11 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PY'
import contextlib
import io
import json

from globox import Annotation, AnnotationSet, BoundingBox, COCOEvaluator
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def boxes(labels, **options):
    places = [(40 * at, 10, 40 * at + 36, 60) for at in range(len(labels))]
    return [BoundingBox.create(label=one, coords=at, **options) for one, at in zip(labels, places, strict=True)]


def precision(name, first):
    """By pycocotools, of detections that repeat the annotations, numbered from `first`."""
    with open(name) as file:
        data = json.load(file)
    for at, annotation in enumerate(data["annotations"]):
        annotation["id"] = at + first
    with open("numbered.json", "w") as file:
        json.dump(data, file)
    keys = ("image_id", "category_id", "bbox")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO("numbered.json")
        found = truth.loadRes([{**{key: one[key] for key in keys}, "score": 0.9} for one in data["annotations"]])
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return round(float(evaluation.stats[0]), 3)


for labels, expected in ((("cat", "dog"), 0.5), (("cat",) * 20, 0.894)):
    truth = AnnotationSet([Annotation("a.jpg", (800, 100), boxes(labels))])
    truth.save_coco("written.json", auto_ids=True)
    with open("written.json") as file:
        numbers = [one["id"] for one in json.load(file)["annotations"]]
    found = AnnotationSet([Annotation("a.jpg", (800, 100), boxes(labels, confidence=0.9))])
    own = COCOEvaluator(ground_truths=truth, predictions=found).ap()
    as_written, from_one = precision("written.json", 0), precision("written.json", 1)
    print(f"{len(labels)} boxes, numbers {numbers[:2]}..: as written {as_written}, from 1 {from_one}, globox {own:.3f}")
    assert numbers == list(range(len(labels)))
    assert (as_written, from_one, round(float(own), 3)) == (expected, 1.0, 1.0)
print("as seen")
PY
