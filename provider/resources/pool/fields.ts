import { flag, gibibytes, grammar, int, list, type LiveKeys, object, text } from "../../fields";

/** A path as libvirt keeps it: no doubled and no trailing slash. */
function tidy(path: string): string {
  return path.replace(/\/+/g, "/").replace(/(.)\/$/, "$1");
}

const samePath = (wanted: string, found: string): boolean => tidy(wanted) === tidy(found);
const sameMode = (wanted: string, found: string): boolean => parseInt(wanted, 8) === parseInt(found, 8);
const mode = (value: string): string | undefined =>
  /^0?[0-7]{3}$/.test(value) ? undefined : 'must be an octal mode such as "0711"';
/** A device of the host, or what a protocol calls one (an iSCSI target). */
const device = (value: string): string | undefined =>
  value.startsWith("/") ? grammar.absolutePath(value) : tokenOf(value, "a path or the name of a target");
const token = (value: string): string | undefined => tokenOf(value, "a name without spaces");
function tokenOf(value: string, what: string): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,222}$/.test(value) ? undefined : `must be ${what}`;
}

const hosts = {
  name: text({ required: true, xml: "@name", change: "restart", check: token, doc: "Host name or address." }),
  port: int({ xml: "@port", change: "restart", min: 1, max: 65535, doc: "Port; default: the protocol's." }),
};

const adapter = {
  type: text({ xml: "@type", values: ["scsi_host", "fc_host"], change: "restart", doc: "Kind of adapter." }),
  name: text({ xml: "@name", change: "restart", check: token, doc: "Name of a `scsi_host`, such as `scsi_host1`." }),
  parent: text({ xml: "@parent", change: "restart", check: token, doc: "Parent of an `fc_host`." }),
  wwnn: text({ xml: "@wwnn", change: "restart", check: token, doc: "World wide node name of an `fc_host`." }),
  wwpn: text({ xml: "@wwpn", change: "restart", check: token, doc: "World wide port name of an `fc_host`." }),
};

const auth = {
  type: text({
    required: true,
    xml: "@type",
    values: ["ceph", "chap"],
    change: "restart",
    doc: "`ceph` for rbd, `chap` for iSCSI.",
  }),
  username: text({ required: true, xml: "@username", change: "restart", check: token, doc: "The user." }),
  secretUuid: text({
    required: true,
    xml: "secret/@uuid",
    change: "restart",
    check: grammar.uuidText,
    doc: "UUID of the libvirt secret that holds the key; the key itself never stands here.",
  }),
};

const source = {
  hosts: list(object(hosts, { doc: "A server." }), {
    xml: "host",
    change: "restart",
    doc: "Servers (`netfs`, `iscsi`, `iscsi-direct`, `rbd`, `gluster`).",
  }),
  devices: list(text({ xml: "@path", change: "restart", check: device, doc: "A device." }), {
    xml: "device",
    change: "restart",
    doc: "Devices of the host (`fs`, `logical`, `disk`, `zfs`) or the target's name (`iscsi`, `iscsi-direct`).",
  }),
  dir: text({
    xml: "dir/@path",
    change: "restart",
    check: grammar.absolutePath,
    same: samePath,
    doc: "Exported directory (`netfs`, `gluster`).",
  }),
  name: text({
    xml: "name",
    change: "restart",
    check: token,
    doc: "Volume group, rbd pool, gluster volume, ZFS pool or Virtuozzo cluster.",
  }),
  format: text({
    xml: "format/@type",
    change: "restart",
    check: token,
    doc: "Format of the source (`fs`: `ext4`, `xfs`, ...; `netfs`: `nfs`, `cifs`, ...; `disk`: `gpt`, ...); default: libvirt's.",
  }),
  protocolVersion: text({ xml: "protocol/@ver", change: "restart", check: token, doc: "Version of NFS (`netfs`)." }),
  initiator: text({
    xml: "initiator/iqn/@name",
    change: "restart",
    check: token,
    doc: "The host's own iSCSI name (`iscsi-direct`).",
  }),
  adapter: object(adapter, { xml: "adapter", change: "restart", doc: "The adapter of a `scsi` pool." }),
  auth: object(auth, { xml: "auth", change: "restart", doc: "Who asks for the source." }),
};

const permissions = {
  mode: text({
    xml: "mode",
    change: "restart",
    check: mode,
    same: sameMode,
    doc: 'Octal mode of the directory, such as "0711".',
  }),
  owner: int({ xml: "owner", change: "restart", min: 0, max: 4294967294, doc: "User id that owns it." }),
  group: int({ xml: "group", change: "restart", min: 0, max: 4294967294, doc: "Group id that owns it." }),
};

/** A storage pool. https://libvirt.org/formatstorage.html */
export const pool = {
  name: text({
    filled: true,
    xml: "name",
    change: "replace",
    check: grammar.objectName,
    doc: "The pool's name on the host; default `<logical name>-<7 hex>`. A change replaces the pool, never its content.",
  }),
  type: text({
    xml: "@type",
    values: [
      "dir",
      "fs",
      "netfs",
      "logical",
      "disk",
      "iscsi",
      "iscsi-direct",
      "scsi",
      "mpath",
      "rbd",
      "gluster",
      "zfs",
      "vstorage",
    ],
    default: "dir",
    change: "replace",
    doc: "What it is made of; default `dir`, a directory.",
  }),
  path: text({
    xml: "target/path",
    change: "replace",
    check: grammar.absolutePath,
    same: samePath,
    doc: "Absolute path on the host where the volumes stand, such as `/var/lib/libvirt/images/lab`; required for `fs`, `netfs` and `vstorage`. Default for `dir`: `/var/lib/libvirt/images/NAME`, in a session of this machine `~/.local/share/libvirt/images/NAME`; for others libvirt's own (`/dev/...`). QEMU must be able to reach it.",
  }),
  source: object(source, { xml: "source", change: "restart", doc: "Where the storage comes from; not for `dir`." }),
  permissions: object(permissions, {
    xml: "target/permissions",
    change: "restart",
    doc: "Mode and owners of the directory; default: libvirt's 0711 for one it makes, else as found. Where a file system is mounted there (`fs`, `netfs`) it has its own, and they do not change.",
  }),
  autostart: flag({ default: true, change: "live", doc: "Start with the host; default true." }),
  build: object(
    {
      overwrite: flag({
        doc: "Format the source at create even if it holds something else; one that starts as such a pool already keeps its content. Default false: libvirt refuses where it finds data.",
      }),
    },
    {
      doc: "Format the source of a new `fs`, `logical`, `disk`, `vstorage` or `zfs` pool; absent: it must be formatted. What starts as it is is never formatted. A directory is made without it. Read at create only.",
    },
  ),
  deletionProtection: flag({ doc: "Refuse to delete or replace it; default false." }),
  adopt: flag({ doc: "Take over a pool of this name that exists already; default false: it is refused." }),
  uuid: text({ output: true, doc: "The pool's UUID." }),
  capacity: gibibytes({ output: true, doc: "Size in GiB, as of the last refresh; 0 while it is stopped." }),
  available: gibibytes({ output: true, doc: "Free space in GiB, as of the last refresh; 0 while it is stopped." }),
  active: flag({ output: true, doc: "Whether it runs; a stopped pool is started by the next update." }),
};

/** What changes while the pool runs: each owes an act (live.ts). */
export type LiveField = LiveKeys<typeof pool>;
