import { setTimeout as sleep } from "node:timers/promises";
import { findAll, parseXml, readPath } from "../xml";
import {
  type Access,
  ConnectionError,
  Host,
  type HostUri,
  LibvirtError,
  parseUri,
  tcpComplaint,
  UriError,
} from "../rpc";

export { type Access, tcpComplaint, UriError };

/** What a host says of itself, as far as we build on it. */
export interface HostFacts {
  readonly uuid: string;
  /**
   * Set where nothing backs the UUID: without SMBIOS (containers, small ARM boards) libvirt makes a new one at each start of
   * its daemon, and the name is what stays.
   */
  readonly hostname?: string;
  /** The CPU architecture in libvirt's words (`x86_64`). */
  readonly arch: string;
  /** False: the host is a virtual machine itself, without the CPU flag that a KVM guest needs to boot. */
  readonly hardwareVirtualisation: boolean;
  /** Domain types that the driver offers (`kvm`, `qemu`, `lxc`, ...) for the host's own architecture. */
  readonly domainTypes: readonly string[];
}

/** Settings of a provider, as a door hands them over. */
export interface Settings {
  readonly uri: string;
  readonly access?: Access;
}

/** One host's one driver in one mode, and what this process knows about it. */
export class Place {
  readonly uri: HostUri;
  readonly host: Host;
  /** The lives that creates of this process gave, by resource and id. */
  readonly lives = new Map<string, string>();
  /** Counts the beginnings and ends of operations that may change something. */
  acts = 0;
  private known: Promise<HostFacts> | undefined;
  private readonly queues = new Map<string, Promise<unknown>>();
  private readonly questions = new Map<string, Promise<unknown>>();

  constructor({ uri, access }: Settings) {
    this.uri = parseUri(uri);
    this.host = Host.at(this.uri, access === undefined ? {} : { access });
  }

  /** What the host says of itself; asked once, and again after a failure. */
  facts(): Promise<HostFacts> {
    this.known ??= this.ask().catch((error: unknown) => {
      this.known = undefined;
      throw error;
    });
    return this.known;
  }

  /**
   * Names the place for good: the host's own UUID, system or session with its user, and for machines the driver.
   * `qemu:///system`, `qemu:///session` and `lxc:///system` of one host are three places for machines.
   */
  async identity(scope: "machines" | "rest"): Promise<string> {
    const { uuid, hostname } = await this.facts();
    const machine = hostname === undefined ? uuid : `${uuid}@${hostname}`;
    const mode = this.uri.path === "/session" ? `session:${await this.host.user()}` : this.uri.path.slice(1);
    return scope === "machines" ? `${machine}/${mode}/${this.uri.driver}` : `${machine}/${mode}`;
  }

  /** Why this account may only look at the host, with the remedy; nothing where it may do more. */
  denial(): Promise<string | undefined> {
    return this.host.denial();
  }

  /** Runs acts of one kind one after the other: libvirt itself races for bridge names and pool refreshes. */
  inTurn<T>(queue: string, act: () => Promise<T>): Promise<T> {
    const before = this.queues.get(queue) ?? Promise.resolve();
    const turn = before.then(act, act);
    this.queues.set(queue, turn);
    return turn;
  }

  /**
   * Asks once for all who ask the same: whoever comes while the question is under way shares the next one with all others who
   * do, so that no answer is older than its question. A costly one waits `gatherMs` for those who come at the same moment.
   */
  together<T>(question: string, ask: () => Promise<T>, gatherMs = 0): Promise<T> {
    const next = this.questions.get(question);
    if (next) return next as Promise<T>; // the question names its answer's type
    const asked = this.inTurn(`question/${question}`, async () => {
      if (gatherMs > 0) await sleep(gatherMs);
      this.questions.delete(question);
      return ask();
    });
    this.questions.set(question, asked);
    return asked;
  }

  private async hostnameWithoutSmbios(): Promise<string | undefined> {
    try {
      await this.host.call("CONNECT_GET_SYSINFO", { flags: 0 });
      return undefined;
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      const { hostname } = await this.host.call("CONNECT_GET_HOSTNAME", {});
      // A name that many hosts have tells none of them.
      return hostname.startsWith("localhost") ? undefined : hostname.replace(/[/@]/g, "_");
    }
  }

  private async ask(): Promise<HostFacts> {
    const [{ capabilities }, hostname] = await Promise.all([
      this.host.call("CONNECT_GET_CAPABILITIES", {}),
      this.hostnameWithoutSmbios(),
    ]);
    const root = parseXml(capabilities);
    const arch = readPath(root, "host/cpu/arch") ?? "x86_64";
    const flags = findAll(root, "host/cpu/feature").map((feature) => feature.attributes.get("name"));
    const guests = findAll(root, "guest/arch").filter((guest) => guest.attributes.get("name") === arch);
    return {
      uuid: readPath(root, "host/uuid") ?? `no-uuid:${this.uri.remoteUri}`,
      ...(hostname === undefined ? {} : { hostname }),
      arch,
      hardwareVirtualisation: canVirtualise(arch, readPath(root, "host/cpu/model") ?? "", flags),
      domainTypes: guests.flatMap((guest) => findAll(guest, "domain").map((type) => type.attributes.get("type") ?? "")),
    };
  }
}

/** True when two identities name the same place: the UUIDs agree, or nothing backs them and the hosts' names do. */
export function samePlace(recorded: string, here: string): boolean {
  const [before, now] = [partsOf(recorded), partsOf(here)];
  if (before.rest !== now.rest) return false;
  return before.uuid === now.uuid || (before.hostname !== undefined && before.hostname === now.hostname);
}

function partsOf(identity: string): { uuid: string; hostname: string | undefined; rest: string } {
  const cut = identity.indexOf("/");
  const [uuid = "", hostname] = identity.slice(0, cut).split("@");
  return { uuid, hostname, rest: identity.slice(cut) };
}

/** CPU models whose own definition in libvirt has `svm`, which is not listed apart from them. */
const MODELS_WITH_SVM = /^(EPYC|Dhyana|Opteron_G[2-9]|phenom)/;

/** A virtual machine shows KVM devices also where its CPU cannot run a guest; a host of iron is trusted. */
function canVirtualise(arch: string, model: string, flags: readonly (string | undefined)[]): boolean {
  if (arch !== "x86_64" || !flags.includes("hypervisor")) return true;
  return flags.includes("vmx") || flags.includes("svm") || MODELS_WITH_SVM.test(model);
}

/** True when the host could not be reached or went away: never a sign that an object is gone. */
export function isAway(error: unknown): boolean {
  if (error instanceof ConnectionError || error instanceof UriError) return true;
  return error instanceof Error && error.cause !== undefined && isAway(error.cause);
}
