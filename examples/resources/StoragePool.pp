// A directory for volumes
resource "images" "kvm:index:StoragePool" {
  type               = "dir"
  path               = "/var/lib/libvirt/images/demo"
  deletionProtection = true
}
