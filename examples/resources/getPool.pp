// The free space of a pool
images = invoke("kvm:index:getPool", { name = "images" })

output "available" {
  value = images.available
}
