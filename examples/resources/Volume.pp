// A cloud image and a disk on top of it
resource "debian" "kvm:index:Volume" {
  pool   = "default"
  source = "./debian-12-generic-amd64.qcow2"
}

resource "root" "kvm:index:Volume" {
  pool     = "default"
  backing  = debian.id
  capacity = 20
}
