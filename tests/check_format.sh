#!/usr/bin/env bash
# Every C++ file is as clang-format (the configuration in this repository) would write it.
set -euo pipefail
cd "$1"
mapfile -t files < <(find src tests -name '*.cpp' -o -name '*.hpp' | sort)
clang-format --dry-run --Werror "${files[@]}"
echo "format: ${#files[@]} files as they should be"
