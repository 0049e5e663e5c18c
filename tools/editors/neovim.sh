#!/usr/bin/env bash
# Neovim without a screen opens a request, shows what imgbudget finds, and applies a fix; prints a transcript.
# Usage: tools/editors/neovim.sh [REQUEST]   (needs nvim 0.7 or later, and imgbudget[lsp] in the PATH)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
request=$(realpath "${1:-$here/../../examples/requests/many-images.json}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$request" "$folder/request.json"
cd "$folder"
export XDG_CONFIG_HOME="$folder/config" XDG_DATA_HOME="$folder/data" XDG_STATE_HOME="$folder/state"
nvim --version | head -1
timeout 120 nvim --headless --clean -u NONE -i NONE -S "$here/neovim.lua" request.json 2>&1
echo
echo "\$ imgbudget check request.json --format concise"
imgbudget check request.json --format concise || true
