// A disk on top of an image that another program uploaded
debian = invoke("kvm:index:getVolume", { pool = "images", name = "debian-12" })

resource "root" "kvm:index:Volume" {
  pool     = debian.pool
  backing  = debian.id
  capacity = 20
}
