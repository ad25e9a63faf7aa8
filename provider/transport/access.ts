/** What a provider's settings say about getting in, beside the URI. No word of it may stand in a message. */
export interface Access {
  /** A private key's text, in OpenSSH's format or PEM. */
  readonly privateKey?: string;
  /** Opens that key, and the encrypted ones among the identity files. */
  readonly privateKeyPassphrase?: string;
  /** The certificate of that key, as `KEY-cert.pub` has it. */
  readonly privateKeyCertificate?: string;
  readonly password?: string;
  /** Lines of a known_hosts file; where given, only they count and those of the URI's `known_hosts`. */
  readonly knownHosts?: string;
  /** TLS: certificates of the CAs that sign the hosts', in PEM. */
  readonly ca?: string;
  /** TLS: the certificate that we show, in PEM, and those that signed it. */
  readonly clientCertificate?: string;
  /** TLS: its key, in PEM. */
  readonly clientKey?: string;
  /** SASL: who logs in, where the URI names nobody or another login of the way there. */
  readonly saslUser?: string;
  /** Plain TCP may be used, on this machine. */
  readonly allowPlainTcp?: boolean;
}
