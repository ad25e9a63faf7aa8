// The machines that run
running = invoke("kvm:index:getDomains", { state = "running" })

output "running" {
  value = running.domains
}
