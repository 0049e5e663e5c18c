#!/usr/bin/env bash
# Shows what a pull request costs: makes a bare repository with two branches in a temporary folder, checks the base and
# the branch as the GitHub Action and the GitLab template do, and prints the summary. Needs git and imgbudget (or the
# command in IMGBUDGET) with its Python on PATH.
set -euo pipefail
imgbudget=${IMGBUDGET:-imgbudget}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.invalid
export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.invalid

picture() { python3 -c 'import sys; from PIL import Image; Image.new("RGB", (int(sys.argv[2]), int(sys.argv[3])), sys.argv[4]).save(sys.argv[1])' "$@"; }

git init --quiet --bare --initial-branch main origin.git
git clone --quiet origin.git work 2>/dev/null
cd work
picture logo.png 400 300 navy
git add . && git commit --quiet --message "one image" && git push --quiet origin HEAD:main
git checkout --quiet -b more-images
picture wide.png 4000 3000 teal
picture small.png 150 150 orange
picture page.png 1092 1092 white
git add . && git commit --quiet --message "three images" && git push --quiet origin more-images

git worktree add --quiet --detach "$folder/base" origin/main
(cd "$folder/base" && "$imgbudget" check --no-cache --quiet --exit-zero --format "json:$folder/base.json")
code=0
"$imgbudget" check --no-cache --compare "$folder/base.json" --fail-over 5% --format "markdown:$folder/summary.md" || code=$?
cat "$folder/summary.md"
echo "exit code $code"
