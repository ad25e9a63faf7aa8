// A fixed address in a platform's network
resource "web" "kvm:index:DhcpHost" {
  network = "platform"
  ip      = "10.20.0.10"
  mac     = "52:54:00:00:00:01"
  name    = "web"
}
