#!/bin/busybox sh
# Called by udhcpc, which says what happened in $1 and hands the lease over in the environment.
case "$1" in
  deconfig) ip addr flush dev "$interface" ;;
  bound | renew)
    ip addr replace "$ip/$mask" dev "$interface"
    [ -n "$router" ] && ip route replace default via "${router%% *}" dev "$interface"
    : >/etc/resolv.conf
    for server in $dns; do echo "nameserver $server" >>/etc/resolv.conf; done
    echo "$ip" >"/run/address-$interface"
    [ "$1" = bound ] && echo "$interface has $ip" >/dev/console
    ;;
esac
