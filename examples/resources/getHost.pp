// What the host lacks, and what gives it to it
host = invoke("kvm:index:getHost", {})

output "lacks" {
  value = host.lacks
}
