#!/bin/busybox sh
# The whole guest: reads its NoCloud seed, takes an address, and serves a page that says what the seed told it.
# Kept to the shell's own commands where it matters: under software emulation a fork costs ten milliseconds.
/bin/busybox mkdir -p /proc /sys /dev /run /seed /www /tmp /etc
/bin/busybox mount -t devtmpfs devtmpfs /dev
exec </dev/console >/dev/console 2>&1
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox --install -s /bin
export PATH=/bin

for module in /modules/early/*; do insmod "$module"; done

# The label of an ISO 9660 file system stands 32808 bytes in.
is_seed() {
  [ -b "/dev/$1" ] || return 1
  case "$(dd if="/dev/$1" bs=8 skip=4101 count=4 2>/dev/null)" in
    [Cc][Ii][Dd][Aa][Tt][Aa]*) ;;
    *) return 1 ;;
  esac
}

find_seed() {
  for block in /sys/block/sr* /sys/block/vd* /sys/block/sd*; do
    is_seed "${block##*/}" && seed_device=/dev/${block##*/} && return
  done
  return 1
}

# A CD may show up a moment after its controller; without a controller there is nothing to wait for.
tries=0
until find_seed; do
  ls /sys/class/scsi_host 2>/dev/null | grep -q . || break
  tries=$((tries + 1))
  [ $tries -lt 15 ] || break
  usleep 100000
done
[ -n "$seed_device" ] && mount -t iso9660 -o ro "$seed_device" /seed

# value FILE KEY: a top-level line "KEY: value" of a YAML file, without quotes.
value() {
  [ -f "$1" ] && sed -n "s/^$2:[[:space:]]*//p" "$1" | head -n 1 | sed "s/^[\"']//; s/[\"'][[:space:]]*$//"
}
name=$(value /seed/user-data hostname)
[ -n "$name" ] || name=$(value /seed/meta-data local-hostname)
[ -n "$name" ] || name=guest
instance=$(value /seed/meta-data instance-id)
hostname "$name"
read -r boot_id </proc/sys/kernel/random/boot_id

. /page.sh
cp /proc/sys/kernel/random/boot_id /www/boot_id
write_status
write_page >/www/index.html

# Memory that is plugged in is used so that it can be taken out again; the kernel's command line may say otherwise.
blocks=/sys/devices/system/memory/auto_online_blocks
read -r state 2>/dev/null <$blocks
[ "$state" = offline ] && echo online_movable >$blocks
for block in /sys/devices/system/memory/memory*/state; do
  [ -f "$block" ] || continue
  read -r state <"$block"
  [ "$state" = offline ] && echo online_movable >"$block"
done

# A client for each card; it stays, so that the lease is renewed.
serve_card() {
  ip link set "$1" up
  udhcpc -f -i "$1" -s /dhcp.sh -t 20 -T 1 -A 1 -x "hostname:$name" >/dev/null 2>&1 &
}
cards=" "
new_cards() {
  for card in /sys/class/net/*; do
    card=${card##*/}
    # A card that was taken out and put back has its name again, and another number.
    read -r number <"/sys/class/net/$card/ifindex"
    case "$card$cards" in lo*|*" $card:$number "*) continue ;; esac
    cards="$cards$card:$number "
    serve_card "$card"
  done 2>/dev/null
}
ip link set lo up
httpd -h /www
new_cards
# User data that is a script is run, as cloud-init does.
case "$(head -c 2 /seed/user-data 2>/dev/null)" in '#!') sh /seed/user-data & ;; esac
echo "pulumi-kvm guest ready"

for module in /modules/late/*; do insmod "$module" 2>/dev/null; done
# What another archive brought along.
for more in /late/*; do [ -f "$more" ] && sh "$more" & done

# The power button is the only input device here: any event on it is a wish to be switched off.
for button in /dev/input/event*; do
  [ -e "$button" ] || continue
  { head -c 1 "$button" >/dev/null && echo "pulumi-kvm guest stops" && sync && poweroff -f; } &
done

# What changes while the guest runs: cards and CPUs that were plugged in, and the status page.
while :; do
  new_cards
  for cpu in /sys/devices/system/cpu/cpu*/online; do
    [ -f "$cpu" ] || continue
    read -r state <"$cpu"
    [ "$state" = 0 ] && echo 1 >"$cpu"
  done 2>/dev/null
  write_status
  sleep 1
done
