import { flag, grammar, text } from "../../fields";

const MOST_CHARACTERS = 16 * 1024 * 1024;

/** A NoCloud seed on a volume. https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html */
export const cloudInitDisk = {
  name: text({
    filled: true,
    change: "replace",
    check: grammar.objectName,
    doc: "The volume's name in its pool; default `<logical name>-<7 hex>`, another for other content.",
  }),
  pool: text({ required: true, change: "replace", most: 255, doc: "The name of the pool." }),
  userData: text({
    secret: true,
    multiline: true,
    most: MOST_CHARACTERS,
    doc: "cloud-init's user-data, mostly `#cloud-config` and YAML; secret in the state. Default: an empty one.",
  }),
  metaData: text({
    multiline: true,
    most: MOST_CHARACTERS,
    doc: "cloud-init's meta-data; default: an instance-id made from the content, and the logical name as host name.",
  }),
  networkConfig: text({
    secret: true,
    multiline: true,
    most: MOST_CHARACTERS,
    doc: "cloud-init's network-config, version 1 or 2; secret in the state. Default: none.",
  }),
  deletionProtection: flag({ doc: "Refuses to delete or replace the disk. Default false." }),
  adopt: flag({ doc: "Takes over a volume of this name that exists already, as it is. Default false." }),
  /** The digest of the image: hidden, so that another content is another disk. */
  __content: text({ change: "replace", secret: true, doc: "Set by the provider." }),
  __made: text({ output: true, secret: true, doc: "Set by the provider." }),
  path: text({ output: true, doc: "Its path on the host." }),
  key: text({ output: true, doc: "libvirt's key of the volume." }),
};
