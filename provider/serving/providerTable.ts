import { type Args, flag, text } from "../fields";

/** What a provider can be told, in both doors. */
export const providerTable = {
  uri: text({
    doc: "Libvirt URI of the host, such as `qemu:///system` `qemu+ssh://user@host/system` or `qemu+tls://host/system`; else KVM_URI, else LIBVIRT_DEFAULT_URI, else `qemu:///system`.",
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
  privateKeyCertificate: text({
    doc: "SSH: the certificate of privateKey, the text of `KEY-cert.pub`, where hosts trust an authority (TrustedUserCAKeys); else KVM_PRIVATE_KEY_CERTIFICATE.",
    multiline: true,
    most: 65_536,
  }),
  password: text({
    doc: "SSH: the password of the user on the host, tried after the keys. Where libvirt asks for a SASL login, the password of that. Else KVM_PASSWORD.",
    secret: true,
  }),
  knownHosts: text({
    doc: "SSH: lines of a known_hosts file, for machines without one; where given, no such file is read. Else KVM_KNOWN_HOSTS.",
    multiline: true,
    most: 262_144,
  }),
  ca: text({
    doc: "TLS: the CA's certificate as PEM text, which must have signed the host's; else KVM_CA, else cacert.pem where libvirt has it.",
    multiline: true,
    most: 262_144,
  }),
  clientCertificate: text({
    doc: "TLS: the certificate to show to the host as PEM text; else KVM_CLIENT_CERTIFICATE, else clientcert.pem where libvirt has it.",
    multiline: true,
    most: 65_536,
  }),
  clientKey: text({
    doc: "TLS: the key of clientCertificate as PEM text; else KVM_CLIENT_KEY, else clientkey.pem where libvirt has it.",
    secret: true,
    multiline: true,
    most: 16_384,
  }),
  saslUser: text({
    doc: "SASL: the user, where libvirt asks for a SASL login; else KVM_SASL_USER, else the user of the URI.",
  }),
  allowPlainTcp: flag({
    doc: "Allow `qemu+tcp://127.0.0.1/system`, which every user of this machine can read and use; other machines are never reached so. Else KVM_ALLOW_PLAIN_TCP.",
  }),
} as const;

export type ProviderSettings = Args<typeof providerTable>;
