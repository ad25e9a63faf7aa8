import { type Access, Place, tcpComplaint, UriError } from "../resources/place";

export { providerTable, type ProviderSettings } from "./providerTable";

/** Reads one key of the provider's configuration (`kvm:uri`). */
export type Configuration = (key: string) => unknown;

const DEFAULT_URI = "qemu:///system";

const VARIABLES: Readonly<Record<Exclude<keyof Access, "allowPlainTcp">, string>> = {
  privateKey: "KVM_PRIVATE_KEY",
  privateKeyPassphrase: "KVM_PRIVATE_KEY_PASSPHRASE",
  privateKeyCertificate: "KVM_PRIVATE_KEY_CERTIFICATE",
  password: "KVM_PASSWORD",
  knownHosts: "KVM_KNOWN_HOSTS",
  ca: "KVM_CA",
  clientCertificate: "KVM_CLIENT_CERTIFICATE",
  clientKey: "KVM_CLIENT_KEY",
  saslUser: "KVM_SASL_USER",
};

const places = new Map<string, Place>();

/** The URI of the host: configuration, then KVM_URI, then LIBVIRT_DEFAULT_URI, then this machine's system driver. */
export function uriOf(configuration: Configuration): string {
  return firstOf(configuration("kvm:uri"), process.env["KVM_URI"], process.env["LIBVIRT_DEFAULT_URI"]) ?? DEFAULT_URI;
}

/** Keys, passwords, certificates and what is allowed: configuration, then the environment, whose values no state ever holds. */
export function accessOf(configuration: Configuration): Access {
  const found = Object.entries(VARIABLES).flatMap(([name, variable]) => {
    const value = firstOf(configuration(`kvm:${name}`), process.env[variable]);
    return value === undefined ? [] : [[name, value]];
  });
  const texts = Object.fromEntries(found) as Access; // the names are those of the table
  return plainTcpAllowed(configuration) ? { ...texts, allowPlainTcp: true } : texts;
}

function plainTcpAllowed(configuration: Configuration): boolean {
  return firstOf(configuration("kvm:allowPlainTcp"), process.env["KVM_ALLOW_PLAIN_TCP"]) === "true";
}

function firstOf(...given: readonly unknown[]): string | undefined {
  const found = given.find((value) => value !== undefined && value !== null && value !== "");
  return found === undefined || typeof found === "string" ? found : JSON.stringify(found);
}

/** The place behind a URI, one for each URI and its settings in a process; throws UriError where the URI cannot work. */
export function placeAt(uri: string, access: Access = {}): Place {
  const key = JSON.stringify([uri, access]);
  const known = places.get(key);
  if (known) return known;
  const place = new Place({ uri, access });
  places.set(key, place);
  return place;
}

const CORRECT_URI = "correct `kvm:uri` and run `pulumi up`, or add `--run-program` to refresh and destroy";

/** The place that the configuration names; an operation that comes without a check before fails here with a sentence. */
export function placeFor(configuration: Configuration): Place {
  const uri = uriOf(configuration);
  const complaint = uriComplaint(configuration);
  if (complaint !== undefined) throw new Error(`provider.uri: ${complaint}; ${CORRECT_URI}`);
  return placeAt(uri, accessOf(configuration));
}

/** Why the host's URI cannot work, without secrets, or nothing. */
export function uriComplaint(configuration: Configuration): string | undefined {
  try {
    return tcpComplaint(placeAt(uriOf(configuration)).uri, plainTcpAllowed(configuration));
  } catch (error) {
    if (error instanceof UriError) return error.reason;
    throw error;
  }
}
