#!/usr/bin/env bash
# Installs a package of banpush on this machine and goes the way of README with it: for a root made for that (`./run fresh package --install`).
set -euo pipefail
package=$(realpath "$1")
export DEBIAN_FRONTEND=noninteractive

fail() {
  printf 'package: %s\n' "$*" >&2
  exit 1
}
same() { [[ $1 == "$2" ]] || fail "$3: \"$1\" where \"$2\" was due"; }
owner() { stat -c '%U:%G %a' "$1"; }

[[ -e /etc/banpush/banpush.yaml ]] && fail "there is a configuration of banpush here: this is for a machine without"
[[ $(command -v banpush) ]] && fail "banpush is installed here already"
apt-get install -y -qq --no-install-recommends "$package" >/dev/null

# What the package brings, and whose it is.
same "$(command -v banpush)" /usr/bin/banpush "the program"
for file in /usr/libexec/banpush/banpush-devices /usr/bin/banpush-lab /lib/systemd/system/banpush.service /lib/systemd/system/banpush-push.timer \
  /etc/fail2ban/action.d/banpush.conf /usr/share/banpush/drivers/cisco_ios.yaml /usr/share/banpush/schema/banpush.schema.json /usr/share/man/man1/banpush.1.gz /usr/share/man/man5/banpush.yaml.5.gz \
  /usr/share/bash-completion/completions/banpush /usr/share/doc/banpush/docs/operations.md /usr/share/doc/banpush/copyright; do
  [[ -f $file ]] || fail "$file is not there"
done
id banpush >/dev/null || fail "the service's user is not there"
same "$(owner /etc/banpush)" "root:banpush 750" /etc/banpush
same "$(owner /var/lib/banpush)" "banpush:banpush 3770" /var/lib/banpush
[[ ! -e /etc/banpush/banpush.yaml ]] || fail "a configuration was made up"
systemd-analyze verify --man=no /lib/systemd/system/banpush.service /lib/systemd/system/banpush-push.service /lib/systemd/system/banpush-push.timer
grep -q '^ExecStart=/usr/bin/banpush serve' /lib/systemd/system/banpush.service || fail "the unit starts another program"
if grep -qF "$BANPUSH_NOT_IN_IT" /usr/bin/banpush /usr/libexec/banpush/banpush-devices /usr/bin/banpush-lab; then
  fail "a program names the folder in which it was built"
fi

# The five minutes of README, with this host's nftables.
unshare --net -- bash -euc 'ip link set lo up 2>/dev/null || true
  banpush init
  banpush setup here --apply >/dev/null
  banpush ban 203.0.113.7 --no-push
  banpush plan >/dev/null
  banpush push
  banpush check
  banpush show here | grep -q 203.0.113.7
  banpush unban 203.0.113.7' || fail "the five minutes of README"
same "$(owner /etc/banpush/banpush.yaml)" "root:banpush 640" "the configuration that init wrote"
# As the service's user, with its folders.
setpriv --reuid=banpush --regid=banpush --clear-groups banpush list >/dev/null || fail "the service's user cannot read the table"

# Once more over itself, as an upgrade is: what the operator wrote, and what is remembered, stays.
printf '# mine\n' >>/etc/banpush/banpush.yaml
before=$(sha256sum /etc/banpush/banpush.yaml /var/lib/banpush/bans.db)
apt-get install -y -qq --reinstall "$package" >/dev/null
same "$(sha256sum /etc/banpush/banpush.yaml /var/lib/banpush/bans.db)" "$before" "after an upgrade"

apt-get remove -y -qq banpush >/dev/null
[[ -e /var/lib/banpush/state.db && -e /etc/banpush/banpush.yaml ]] || fail "a removal took away what a purge is for"
apt-get purge -y -qq banpush >/dev/null
[[ ! -e /var/lib/banpush && ! -e /etc/fail2ban/action.d/banpush.conf ]] || fail "a purge left something behind"
[[ -e /etc/banpush/banpush.yaml ]] || fail "a purge took the operator's configuration away"
echo "package: installed, used, upgraded, removed and purged"
