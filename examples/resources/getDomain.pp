// The address of a machine that another program made
database = invoke("kvm:index:getDomain", { name = "database" })

output "address" {
  value = database.addresses[0]
}
