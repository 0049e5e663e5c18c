#!/usr/bin/env bash
# Shows what a pull request costs, without a server: makes a bare repository with two branches in a temporary folder, runs
# the steps of action.yml on a shallow clone of it as a runner does, and prints the log, the summary and the comment.
#
#   ci/try.sh [SITUATION...]
#
#   pull-request  adds three images, with fail-over: 5% (the default)
#   renamed       only renames a folder
#   fork          comes from a fork, whose token may not write the comment
#   no-base       a base that cannot be fetched; gate-no-base the same with fail-over: 5%
#   broken-base   a base whose configuration is broken
#   nonsense      fail-over: banana
#   push          no pull request, with fail-over: 5%
#
# Needs git, and imgbudget with its Python on PATH.
set -euo pipefail
action=$(cd "$(dirname "$0")/.." && pwd)/action.yml
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.invalid
export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.invalid

# what a runner has: a folder for temporary files, where imgbudget is installed, and a command that writes comments
export RUNNER_TEMP="$folder/temp" GITHUB_OUTPUT="$folder/output" GITHUB_STEP_SUMMARY="$folder/summary.md"
mkdir -p "$RUNNER_TEMP/imgbudget" "$folder/tools"
ln -s "$(dirname "$(command -v imgbudget)")" "$RUNNER_TEMP/imgbudget/bin"
cat > "$folder/tools/gh" << 'END'
#!/usr/bin/env bash
case "$*" in *--method*) ;; *) exit 0 ;; esac
if [ "$SOURCE" != "$REPOSITORY" ]; then echo "gh: Resource not accessible by integration (HTTP 403)" >&2; exit 1; fi
for word in "$@"; do case "$word" in body=@*) echo "--- comment"; cat "${word#body=@}" ;; esac; done
END
chmod +x "$folder/tools/gh"
export PATH="$folder/tools:$PATH"

picture() { python3 -c 'import sys; from PIL import Image; Image.new("RGB", (int(sys.argv[2]), int(sys.argv[3])), sys.argv[4]).save(sys.argv[1])' "$@"; }
commit() { git add --all && git commit --quiet --message "$1"; }
output() { sed -n "s/^$1=//p" "$GITHUB_OUTPUT"; }

# the script of a step, with what its expressions come to in the environment
step() {
  local name=$1 script
  shift
  script=$(python3 -c '
import sys, yaml
steps = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))["runs"]["steps"]
print(next(step["run"] for step in steps if step["name"] == sys.argv[2]))
' "$action" "$name")
  : > "$GITHUB_OUTPUT"
  env "$@" bash --noprofile --norc -eo pipefail -c "$script"
}

try() {
  local situation=$1 event=pull_request over="" source=o/r base head report why code
  rm -rf "$folder/origin.git" "$folder/work" "$folder/checkout" "$GITHUB_STEP_SUMMARY"
  git init --quiet --bare --initial-branch main "$folder/origin.git"
  git -C "$folder/origin.git" config uploadpack.allowAnySHA1InWant true
  git clone --quiet "$folder/origin.git" "$folder/work" 2> /dev/null
  cd "$folder/work"
  git checkout --quiet -b main
  mkdir old && picture old/logo.png 400 300 navy
  if [ "$situation" = broken-base ]; then echo "model: [" > imgbudget.yaml; fi
  commit "one image" && base=$(git rev-parse HEAD)
  git checkout --quiet -b change
  if [ "$situation" = renamed ]; then
    git mv old new
  else
    picture wide.png 4000 3000 teal
    picture small.png 150 150 orange
    picture page.png 1092 1092 white
  fi
  rm -f imgbudget.yaml
  commit "a change" && head=$(git rev-parse HEAD)
  git push --quiet origin main change
  git clone --quiet --depth=1 --branch change "file://$folder/origin.git" "$folder/checkout"
  cd "$folder/checkout"
  case "$situation" in
    pull-request) over=5% ;;
    renamed | broken-base) ;;
    fork) source=fork/r ;;
    no-base) base=1111111111111111111111111111111111111111 ;;
    gate-no-base) base=1111111111111111111111111111111111111111 over=5% ;;
    nonsense) over=banana ;;
    push) event=push over=5% ;;
    *)
      echo "there is no situation $situation; see the beginning of this file" >&2
      exit 2
      ;;
  esac

  echo "=== $situation"
  step Base PATHS=. ARGS= FOLDER=. COMPARE=true EVENT="$event" BASE="$base" HEAD="$head" SERVER=https://example.invalid TOKEN=
  report=$(output report) why=$(output why)
  step Check PATHS=. ARGS= FOLDER=. FAIL_ON=warning FAIL_ON_UNREAD=true SUMMARY=true COMPARE=true EVENT="$event" \
    FAIL_OVER="$over" BASE_REPORT="$report" WHY="$why"
  report=$(output json) code=$(output exit-code)
  step Comment COMMENT=true COMPARE=true FOLDER=. EVENT="$event" REPORT="$report" REPOSITORY=o/r SOURCE="$source" \
    NUMBER=7 GH_HOST=https://example.invalid
  echo "--- summary"
  cat "$GITHUB_STEP_SUMMARY"
  echo "exit code $code"
}

[ $# -gt 0 ] || set -- pull-request
for situation in "$@"; do try "$situation"; done
