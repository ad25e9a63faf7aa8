// The bridge of a network that another program made
lab = invoke("kvm:index:getNetwork", { name = "lab" })

output "bridge" {
  value = lab.bridgeName
}
