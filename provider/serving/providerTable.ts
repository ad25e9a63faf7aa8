import { type Args, text } from "../fields";

/** What a provider can be told, in both doors. */
export const providerTable = {
  uri: text({
    doc: "Libvirt URI of the host, such as `qemu:///system` or `qemu+ssh://user@host/system`; else KVM_URI, else LIBVIRT_DEFAULT_URI, else `qemu:///system`.",
  }),
  privateKey: text({
    doc: "SSH: the text of the private key to log in with, instead of the agent's and those in files; else KVM_PRIVATE_KEY.",
    secret: true,
    multiline: true,
    most: 16_384,
  }),
  privateKeyPassphrase: text({
    doc: "SSH: what opens the private key, or the files of encrypted ones; else KVM_PRIVATE_KEY_PASSPHRASE.",
    secret: true,
  }),
  password: text({
    doc: "SSH: the password of the user on the host, tried after the keys; else KVM_PASSWORD.",
    secret: true,
  }),
  knownHosts: text({
    doc: "SSH: lines of a known_hosts file, for machines without one; where given, no such file is read. Else KVM_KNOWN_HOSTS.",
    multiline: true,
    most: 262_144,
  }),
} as const;

export type ProviderSettings = Args<typeof providerTable>;
