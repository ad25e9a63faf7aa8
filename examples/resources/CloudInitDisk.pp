// A seed as a CD of its own
resource "seed" "kvm:index:CloudInitDisk" {
  pool     = "default"
  userData = "#cloud-config\nhostname: web\n"
}

resource "web" "kvm:index:Domain" {
  memory = 1024
  disks  = [{ device = "cdrom", volume = seed.id }]
}
