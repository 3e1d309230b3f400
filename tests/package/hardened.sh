#!/usr/bin/env bash
# Looks whether the programs of a package of banpush were built as dpkg-buildflags' hardening=+all has it.
set -euo pipefail
package=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
dpkg-deb -x "$package" "$folder"

failed=0
lacks() {
  printf 'package: %s: %s\n' "${program#"$folder"}" "$1" >&2
  failed=1
}
for program in "$folder"/usr/bin/banpush "$folder"/usr/bin/banpush-lab "$folder"/usr/libexec/banpush/banpush-devices; do
  header=$(readelf -hW "$program") parts=$(readelf -lW "$program") dynamic=$(readelf -dW "$program") symbols=$(readelf --dyn-syms -W "$program")
  grep -q 'Type: *DYN' <<<"$header" || lacks "it is loaded at an address that everybody knows (no PIE)"
  [[ $parts == *GNU_RELRO* ]] || lacks "its table of functions may be written (no RELRO)"
  grep -q 'BIND_NOW\|FLAGS_1.*NOW' <<<"$dynamic" || lacks "its table of functions may be written until each is called (no BIND_NOW)"
  if grep -q 'GNU_STACK.* RWE ' <<<"$parts"; then lacks "its stack may be executed"; fi
  [[ $symbols == *__stack_chk_fail* ]] || lacks "its stack is not guarded (no stack protector)"
  grep -q '__[a-z]*_chk@' <<<"$symbols" || lacks "no function of the C library looks at its bounds (no _FORTIFY_SOURCE)"
done
if ((failed == 0)); then echo "package: hardened: PIE, RELRO, BIND_NOW, stack protector, _FORTIFY_SOURCE"; fi
exit "$failed"
