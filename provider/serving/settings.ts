import { type Args, text } from "../fields";
import { Place, UriError } from "../resources/place";

/** Reads one key of the provider's configuration (`kvm:uri`). */
export type Configuration = (key: string) => unknown;

/** What a provider can be told, in both doors. */
export const providerTable = {
  uri: text({
    doc: "Libvirt URI of the host, such as `qemu:///system`; else KVM_URI, else LIBVIRT_DEFAULT_URI, else `qemu:///system`.",
  }),
} as const;

export type ProviderSettings = Args<typeof providerTable>;

const DEFAULT_URI = "qemu:///system";
const places = new Map<string, Place>();

/** The URI of the host: configuration, then KVM_URI, then LIBVIRT_DEFAULT_URI, then this machine's system driver. */
export function uriOf(configuration: Configuration): string {
  const given = [configuration("kvm:uri"), process.env["KVM_URI"], process.env["LIBVIRT_DEFAULT_URI"]];
  const found = given.find((text) => text !== undefined && text !== null && text !== "");
  if (found === undefined) return DEFAULT_URI;
  return typeof found === "string" ? found : JSON.stringify(found);
}

/** The place behind a URI, one for each URI in a process; throws UriError where the URI cannot work. */
export function placeAt(uri: string): Place {
  const known = places.get(uri);
  if (known) return known;
  const place = new Place({ uri });
  places.set(uri, place);
  return place;
}

const CORRECT_URI = "correct `kvm:uri` and run `pulumi up`, or add `--run-program` to refresh and destroy";

/** The place that the configuration names; an operation that comes without a check before fails here with a sentence. */
export function placeFor(configuration: Configuration): Place {
  const uri = uriOf(configuration);
  const complaint = uriComplaint(uri);
  if (complaint !== undefined) throw new Error(`provider.uri: ${complaint}; ${CORRECT_URI}`);
  return placeAt(uri);
}

/** Why a URI cannot work, without secrets, or nothing. */
export function uriComplaint(uri: string): string | undefined {
  try {
    const { transport, driver, path } = placeAt(uri).uri;
    if (transport === "unix") return undefined;
    return `${transport} hosts come in a later release; run the program on the host itself with ${driver}://${path}`;
  } catch (error) {
    if (error instanceof UriError) return error.reason;
    throw error;
  }
}
