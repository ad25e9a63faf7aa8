// A network with NAT, DHCP and fixed names
resource "lab" "kvm:index:Network" {
  forward = { mode = "nat" }
  domain  = { name = "lab.example" }
  ips = [{
    address = "10.20.0.1/24"
    dhcp = {
      ranges = [{ start = "10.20.0.100", end = "10.20.0.200" }]
      hosts  = [{ mac = "52:54:00:00:00:01", name = "web", ip = "10.20.0.10" }]
    }
  }]
  dns = {
    hosts = [{ ip = "10.20.0.1", hostnames = ["gateway"] }]
  }
}
