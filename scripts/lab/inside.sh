#!/bin/bash
# Called by lab.mjs as the first process of new mount, network and PID namespaces: makes them a small virtualization host
# with nothing on it, then runs the command.
set -euo pipefail

mount --make-rprivate /

# Settings as the packages brought them, less what this machine defined; read before they are covered.
settings=$(mktemp -d)
cp -a /etc/libvirt/. "$settings/"
rm -rf "$settings"/qemu/*.xml "$settings"/qemu/autostart "$settings"/qemu/networks "$settings"/storage "$settings"/lxc "$settings"/secrets
mkdir -p "$settings/qemu/networks"

places="/run/libvirt /var/lib/libvirt /var/log/libvirt /etc/libvirt"
# A host inside a lab knows the emulators from it: to ask each of them takes seconds.
[ -n "${LAB_HOST_UUID:-}" ] || places="$places /var/cache/libvirt"
for place in $places; do
  mkdir -p "$place"
  mount -t tmpfs -o mode=755 lab "$place"
done
cp -a "$settings/." /etc/libvirt/
rm -rf "$settings"
mkdir -p /var/lib/libvirt/{images,boot,qemu,network,dnsmasq,lxc} /var/log/libvirt/{qemu,lxc}

# /sys must show this network namespace's bridges; control groups are kept for containers.
if [ -d /sys/fs/cgroup ]; then
  mkdir -p /run/libvirt/cgroup
  mount --rbind /sys/fs/cgroup /run/libvirt/cgroup
  mount -t sysfs sysfs /sys
  mount --rbind /run/libvirt/cgroup /sys/fs/cgroup
  umount -l /run/libvirt/cgroup
  # With both versions mounted, libvirt's containers trip over the second.
  if mountpoint -q /sys/fs/cgroup/unified; then umount --quiet /sys/fs/cgroup/unified || true; fi
fi
ip link set lo up

# Guests run as root and unconfined: the namespaces around are the fence, and labels may not work inside them.
cat >>/etc/libvirt/qemu.conf <<'CONF'
user = "root"
group = "root"
dynamic_ownership = 1
remember_owner = 0
namespaces = []
cgroup_controllers = []
security_driver = "none"
CONF

if [ -n "${LAB_HOST_UUID:-}" ]; then
  echo "host_uuid = \"$LAB_HOST_UUID\"" >>/etc/libvirt/libvirtd.conf
fi

# Tests that stop the daemon start it again with this.
export LAB_LIBVIRTD="libvirtd -d -p /run/libvirt/libvirtd.pid"
virtlogd -d -p /run/libvirt/virtlogd.pid
$LAB_LIBVIRTD
for attempt in $(seq 150); do
  virsh -q -c qemu:///system version >/dev/null 2>&1 && break
  if [ "$attempt" = 150 ]; then
    echo "lab: libvirtd does not answer; what it says in the foreground:" >&2
    timeout 5 libvirtd -p /run/libvirt/again.pid >&2 || true
    exit 1
  fi
  sleep 0.1
done

# Not exec: this shell stays as the one that reaps.
code=0
"$@" || code=$?
exit "$code"
