// Names in the DNS of a platform's network
resource "web" "kvm:index:DnsHost" {
  network   = "platform"
  ip        = "10.20.0.10"
  hostnames = ["web", "shop.example"]
}
