# What the guest serves: / for people, /boot_id, /uptime and /status for programs.

# Text fit for HTML. A line that looks like a credential is never shown.
shown() {
  sed -e '/[Pp]assw\|[Ss]ecret\|[Tt]oken\|[Kk]ey/s/.*/(a line is not shown)/' \
    -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g' "$@"
}

write_page() {
  echo "<!doctype html>"
  echo "<title>$(echo "$name" | shown)</title>"
  echo "<h1>Hello from $(echo "$name" | shown)</h1>"
  echo "<p>instance-id: $(echo "${instance:-none}" | shown)</p>"
  echo "<p>boot id: $boot_id</p>"
  if [ -f /seed/user-data ]; then
    echo "<p>My seed told me:</p>"
    echo "<pre>"
    shown /seed/user-data
    echo "</pre>"
  else
    echo "<p>I found no seed.</p>"
  fi
}

# Written beside and renamed, so that a reader never sees half of it.
write_status() {
  read -r up rest </proc/uptime
  echo "$up" >/www/.uptime
  {
    echo "hostname: $name"
    echo "instance-id: $instance"
    echo "boot-id: $boot_id"
    echo "uptime: $up"
    read -r online </sys/devices/system/cpu/online
    echo "cpus: $online"
    read -r label kib rest </proc/meminfo
    echo "memory-kib: $kib"
    for block in /sys/block/vd* /sys/block/sd* /sys/block/sr*; do
      [ -f "$block/size" ] || continue
      read -r sectors <"$block/size"
      echo "disk: ${block##*/} $((sectors * 512))"
    done
    for card in /sys/class/net/*; do
      read -r mac <"$card/address"
      read -r address <"/run/address-${card##*/}" || address=none
      [ "${card##*/}" = lo ] || echo "card: ${card##*/} $mac $address"
    done
  } >/www/.status 2>/dev/null
  mv /www/.uptime /www/uptime
  mv /www/.status /www/status
}
