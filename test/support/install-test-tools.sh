#!/bin/sh
# Installs what the tests need besides npm packages: etcd with its client, dig, nslookup, curl, kdig, openssl, the zone checker and signer
# of BIND, and BIND, Unbound, NSD and Knot themselves; Chromium, for the page; dnsmasq is for the bench. Does nothing where all are there.
set -eu
missing=""
command -v etcd >/dev/null 2>&1 || missing="$missing etcd-server"
command -v etcdctl >/dev/null 2>&1 || missing="$missing etcd-client"
for tool in dig nslookup; do
  command -v "$tool" >/dev/null 2>&1 || missing="$missing dnsutils"
done
command -v curl >/dev/null 2>&1 || missing="$missing curl"
command -v kdig >/dev/null 2>&1 || missing="$missing knot-dnsutils"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
for tool in named-compilezone dnssec-signzone; do
  command -v "$tool" >/dev/null 2>&1 || missing="$missing bind9-utils"
done
PATH="$PATH:/usr/sbin" command -v named >/dev/null 2>&1 || missing="$missing bind9"
PATH="$PATH:/usr/sbin" command -v unbound >/dev/null 2>&1 || missing="$missing unbound"
PATH="$PATH:/usr/sbin" command -v dnsmasq >/dev/null 2>&1 || missing="$missing dnsmasq-base"
PATH="$PATH:/usr/sbin" command -v nsd-checkzone >/dev/null 2>&1 || missing="$missing nsd"
PATH="$PATH:/usr/sbin" command -v knotd >/dev/null 2>&1 || missing="$missing knot"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "The tests need these Debian packages:$missing. Please install them (apt-get install$missing) and try again." >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# The packages start their services where they can; the tests run processes of their own, so none is wanted.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing
