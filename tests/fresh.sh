#!/usr/bin/env bash
# `./run fresh COMMAND…`: runs `./run COMMAND…` of the committed HEAD on a minimal Debian 12 made for it alone.
#
# The root is made by mmdebstrap from this machine's own apt sources, in a temporary folder. It has mounts and process ids of its
# own; the network is the machine's, because packages come over it. Whatever ends this script, the processes in the root are
# ended and the folder is removed.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
codename=bookworm

say() { printf '\n== fresh: %s\n' "$*" >&2; }
fail() {
  printf './run fresh: %s\n' "$*" >&2
  exit 1
}

# The entries of the machine's apt sources that lead to Debian 12, as they stand there, into FOLDER/one-line.list and FOLDER/deb822.sources.
copy_sources() { # FOLDER
  local entry file number entries
  entries=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(SOURCESENTRY)' 'Created-By: Packages' |
    sed -nE "s/^Debian $codename(-[a-z]+)? //p" | sort -u)
  [[ $entries ]] || fail "this machine's apt sources name no Debian 12 ($codename), or \`apt-get update\` has not succeeded"
  while read -r entry; do
    file=${entry%:*} number=${entry##*:}
    if [[ $file == *.sources ]]; then
      # Stanzas are counted; comments between them are none.
      awk -v wanted="$number" -v RS= '{ gsub(/(^|\n)#[^\n]*/, ""); sub(/^\n+/, "") } NF && ++stanza == wanted { print $0 "\n" }' "$file" >>"$1/deb822.sources"
    else
      sed -n "${number}p" "$file" >>"$1/one-line.list"
    fi
  done <<<"$entries"
}

# What apt is told here about the way to its sources: proxies, time-outs, certificates. Not what it keeps or shows.
copy_apt_settings() { # FILE
  apt-config dump | grep -E '^Acquire::(http|https|ftp|Proxy|Retries|Check-|Allow|ForceIPv|By-Hash|Max-)' >"$1" || true
}

# Files that the sources and settings name, at the same place in the root.
copy_files_of_sources() { # ROOT FILE…
  local root=$1 file
  shift
  for file in $(grep -hoE '/[^] ",;=]+\.(gpg|asc|pgp|pem|crt|key)' "$@") /etc/apt/auth.conf /etc/apt/auth.conf.d/*.conf /etc/apt/trusted.gpg.d/*; do
    if [[ -f $file ]]; then install -D -m 644 "$file" "$root$file"; fi
  done
  chmod -f 600 "$root"/etc/apt/auth.conf "$root"/etc/apt/auth.conf.d/* 2>/dev/null || true
}

make_root() { # ROOT WORK
  local root=$1 work=$2 mirrors=() include=()
  copy_sources "$work"
  copy_apt_settings "$work/settings"
  for file in "$work/deb822.sources" "$work/one-line.list"; do
    if [[ -s $file ]]; then mirrors+=("$file"); fi
  done
  if grep -q 'https:' "${mirrors[@]}" "$work/settings"; then include=(--include=ca-certificates); fi
  copy_files_of_sources "$work/files" "${mirrors[@]}" "$work/settings"
  mmdebstrap --quiet --mode=root --variant=minbase "${include[@]}" --aptopt="$work/settings" --dpkgopt=force-unsafe-io \
    --setup-hook="cp -a '$work/files/.' \"\$1/\"" "$codename" "$root" "${mirrors[@]}" ||
    fail "mmdebstrap could not make a Debian 12 (mounts or chroot may be forbidden here; its own words stand above)"
  grep -q '^12' "$root/etc/debian_version" || fail "what was made is no Debian 12"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  printf '127.0.0.1 localhost %s\n::1 localhost\n' "$(uname -n)" >"$root/etc/hosts"
}

# A /dev with what programs need and nothing of this machine's disks and logs.
make_devices() { # ROOT
  local node
  mount -t tmpfs -o mode=755,nosuid dev "$1/dev"
  mkdir -p "$1"/dev/{pts,shm,net}
  for node in null zero full random urandom tty net/tun fuse; do
    if [[ -c /dev/$node ]]; then
      : >"$1/dev/$node"
      mount --bind "/dev/$node" "$1/dev/$node"
    fi
  done
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$1/dev/pts"
  mount -t tmpfs -o mode=1777 shm "$1/dev/shm"
  ln -s pts/ptmx "$1/dev/ptmx"
  ln -s /proc/self/fd "$1/dev/fd"
  ln -s fd/0 "$1/dev/stdin" && ln -s fd/1 "$1/dev/stdout" && ln -s fd/2 "$1/dev/stderr"
}

# From here on `/` is the new root, a mount point as it has to be for `ip netns exec`, and nothing of the machine's is seen.
# A chroot would not do: in one no user namespace can be made.
enter() { # ROOT
  mount --bind "$1" "$1"
  mount -t proc proc "$1/proc"
  mount --rbind /sys "$1/sys"
  make_devices "$1"
  if [[ ${BANPUSH_FRESH_CCACHE:-} ]]; then
    mkdir -p "$1/root/.cache/ccache"
    mount --bind "$BANPUSH_FRESH_CCACHE" "$1/root/.cache/ccache"
  fi
  cd "$1"
  pivot_root . mnt
  umount -l /mnt
}

# Runs as the first process of the namespaces: when it ends, all in them ends.
inside() { # FOLDER COMMAND…
  local root=$1/root began=$SECONDS status=0
  shift
  { mount --make-rprivate / && mount -t proc proc /proc; } || fail "this machine forbids mounts"
  make_root "$root" "${root%/root}"
  git clone --quiet --no-hardlinks --no-checkout "file://$source" "$root/root/banpush"
  git -C "$root/root/banpush" checkout --quiet --detach "$head"
  enter "$root" || fail "this machine forbids mounts or pivot_root"
  say "a minimal Debian $(</etc/debian_version) after $((SECONDS - began)) s; there, at ${head:0:12}: ./run $*"
  cd /root/banpush
  env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" "${passed_on[@]}" ./run "$@" || status=$?
  say "\`./run $*\` ended with status $status after $((SECONDS - began)) s; the root took $(du -sxm / 2>/dev/null | cut -f1) MB"
  exit "$status"
}

uncommitted() { git -C "$source" status --porcelain 2>/dev/null | head -20; }

outside() { # COMMAND…
  (($#)) || { echo 'usage: ./run fresh COMMAND…, as in: ./run fresh demo' >&2; exit 2; }
  ((EUID == 0)) || fail "only root may make a root file system with mounts of its own"
  git -C "$source" rev-parse --verify --quiet HEAD >/dev/null || fail "$source is no git checkout with a commit"
  local changes folder status=0
  changes=$(uncommitted)
  if [[ $changes ]]; then
    say "WARNING: what is committed is tried (HEAD); these changes are not in it:"
    printf '%s\n' "$changes" >&2
  fi
  if [[ ! $(apt-get indextargets 'Created-By: Packages') ]]; then apt-get update -qq >&2; fi
  folder=$(mktemp -d -t banpush-fresh.XXXXXXXX)
  chmod 755 "$folder"

  # This one removes the folder when nobody holds its pipe any more, so also after a SIGKILL of this script.
  exec {alive}> >(trap '' INT TERM HUP QUIT; cat >/dev/null; rm -rf --one-file-system -- "$folder")
  local remover=$! first=
  trap 'leave 130' INT
  trap 'leave 143' TERM
  trap 'leave 129' HUP
  leave() {
    trap '' INT TERM HUP
    if [[ $first ]]; then kill -KILL "$first" 2>/dev/null || true; wait "$first" 2>/dev/null || true; fi
    exec {alive}>&-
    wait "$remover" || true
    exit "$1"
  }

  # In the background, because bash handles no signal while it waits for a program in the foreground.
  setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child=KILL -- \
    "$BASH" "$source/tests/fresh.sh" --inside "$folder" "$@" <&0 {alive}>&- &
  first=$!
  wait "$first" || status=$?
  leave "$status"
}

# Settings of the caller that a command may be given; everything else of his is not there on a new machine.
passed_on=()
for name in http_proxy https_proxy no_proxy ftp_proxy CTEST_PARALLEL_LEVEL BANPUSH_WERROR BANPUSH_HISTORIES BANPUSH_SEED; do
  if [[ ${!name:-} ]]; then passed_on+=("$name=${!name}"); fi
done
if [[ ${1:-} == --inside ]]; then
  shift
  head=$(git -C "$source" rev-parse HEAD)
  inside "$@"
else
  outside "$@"
fi
