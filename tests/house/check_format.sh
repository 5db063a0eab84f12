#!/usr/bin/env bash
# Are all C++ files as clang-format 14 writes them? Other versions break lines differently.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
format=$(command -v clang-format-14 || command -v clang-format || true)
if [[ -z $format ]] || ! "$format" --version | grep -q 'version 14\.'; then
  echo "SKIPPED: clang-format 14 is not here (found: ${format:-none})"
  exit 77
fi
find sim gpu models scenarios analysis tests -type f \
  \( -name '*.hpp' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 -r "$format" --dry-run --Werror
echo "formatting is as it should be; to mend a file: clang-format -i FILE"
