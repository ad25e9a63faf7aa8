import { Code, type HostUri, isLibvirt } from "../../rpc";
import { explain } from "../errors";
import { isAway } from "../place";
import type { Looking } from "../port";
import { type Account, judgeAccount } from "./account";
import { type Finding, findingOf, findingsOf } from "./lacks";
import type { Matter } from "./matters";
import { see } from "./observe";

const connection = { what: "connection", title: "connection", group: "link", essential: true } as const;

const login: Omit<Matter, "judge"> = {
  what: "account",
  title: "account",
  group: "account",
  remedy: "log out and in again, or start the program with `sg libvirt -c ...`",
};

/** What can be said of a link, an account and a host; what cannot be reached is a finding too. Nothing is changed. */
export async function examine(from: Looking, account: Account): Promise<Finding[]> {
  const { uri, host } = from.place;
  // Over the wire it is the other side's account that counts.
  const who = uri.transport === "unix" ? [findingOf(login, judgeAccount(account))] : [];
  try {
    const seen = await see(from);
    const begun = performance.now();
    await host.call("CONNECT_GET_LIB_VERSION", {}, { signal: from.signal });
    const roundTripMs = performance.now() - begun;
    const fact = `${wayOf(uri)}, a call takes ${roundTripMs.toFixed(1)} ms`;
    return [findingOf(connection, { fact }), ...who, ...findingsOf(seen)];
  } catch (error) {
    return [unreached(uri, error), ...who];
  }
}

/** What is said of a URI that cannot work. */
export function unusable(complaint: string): Finding {
  return findingOf(connection, { why: complaint });
}

const ways: Readonly<Record<HostUri["transport"], string>> = {
  unix: "a socket of this machine",
  ssh: "SSH",
  tls: "TLS",
  tcp: "TCP, which hides nothing",
};

/** How the host is reached, as the URI says. */
function wayOf({ transport, parameters }: HostUri): string {
  const socket = parameters.get("socket");
  if (transport === "ssh") {
    if (parameters.get("proxy") === "helper") return "SSH, through virt-ssh-helper there";
    return `SSH, libvirt's socket${socket === undefined ? "" : ` ${socket}`} is forwarded`;
  }
  return transport === "unix" && socket !== undefined ? `the socket ${socket} of this machine` : ways[transport];
}

const joinGroup = "add the user to the group libvirt of the host (`sudo usermod -aG libvirt USER`), and log in anew";

const remedies: Readonly<Record<number, string>> = {
  [Code.NO_CONNECT]: "install this driver of libvirt on the host, and restart libvirt",
  [Code.AUTH_FAILED]: joinGroup,
  [Code.AUTH_CANCELLED]: joinGroup,
  [Code.AUTH_UNAVAILABLE]: joinGroup,
  [Code.OPERATION_DENIED]: "use an account that may read the host",
  [Code.ACCESS_DENIED]: "let polkit's rules on the host give this account `connect.read` and `connect.getattr`",
};

/** The error of a connection has its remedy already, libvirt's own has none. */
function unreached(uri: HostUri, error: unknown): Finding {
  if (isLibvirt(error)) {
    const remedy = remedies[error.code] ?? "read libvirt's log on the host: `journalctl -u libvirtd -u virtqemud`";
    return findingOf({ ...connection, remedy }, { why: explain(`ask ${uri.text}`, error).message });
  }
  if (isAway(error) && error instanceof Error) return findingOf(connection, { why: error.message });
  throw error;
}
