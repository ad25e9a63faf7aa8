// A machine from a cloud image
resource "images" "kvm:index:StoragePool" {
  path = "/var/lib/libvirt/images/demo"
}

resource "lab" "kvm:index:Network" {
  forward = { mode = "nat" }
  ips = [{ address = "10.20.0.1/24", dhcp = {} }]
}

resource "debian" "kvm:index:Volume" {
  pool   = images.name
  source = "./debian-12-generic-amd64.qcow2"
}

resource "root" "kvm:index:Volume" {
  pool     = images.name
  backing  = debian.id
  capacity = 20
}

resource "web" "kvm:index:Domain" {
  type       = "auto"
  memory     = 2048
  vcpus      = 2
  disks      = [{ volume = root.id }]
  interfaces = [{ network = lab.name }]
  cloudInit = {
    pool     = images.name
    userData = "#cloud-config\nhostname: web\n"
  }
}

output "address" {
  value = web.addresses[0]
}
