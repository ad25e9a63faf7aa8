// The PCI devices of the host, with their IOMMU groups
pci = invoke("kvm:index:getNodeDevices", { capability = "pci" })

output "devices" {
  value = pci.devices
}
