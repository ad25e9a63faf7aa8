#!/bin/sh
# The guest's user data. Each GET of :8080/cgi-bin/count adds one to a number in RAM, which a restart would reset, and answers
# with it and with the id of the guest's boot.
mkdir -p /run /srv/cgi-bin
echo 0 >/run/count
cat >/srv/cgi-bin/count <<'END'
#!/bin/sh
read -r count </run/count
read -r boot </proc/sys/kernel/random/boot_id
count=$((count + 1))
echo $count >/run/count
printf 'Content-Type: text/plain\r\n\r\n%s %s\n' $count "$boot"
END
chmod +x /srv/cgi-bin/count
busybox httpd -p 8080 -h /srv
