/** What a provider's settings say about getting in, beside the URI. No word of it may stand in a message. */
export interface Access {
  /** A private key's text, in OpenSSH's format or PEM. */
  readonly privateKey?: string;
  /** Opens that key, and the encrypted ones among the identity files. */
  readonly privateKeyPassphrase?: string;
  readonly password?: string;
  /** Lines of a known_hosts file; where given, only they count and those of the URI's `known_hosts`. */
  readonly knownHosts?: string;
}
