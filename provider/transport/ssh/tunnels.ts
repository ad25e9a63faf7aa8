import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Access } from "../access";
import { DialError, quoted } from "../outcome";
import type { HostUri } from "../uri";
import { login, type Login, readyMs, tcpTo } from "./connect";
import type { Source } from "./keyRing";
import type { Client } from "./library";
import { type Hop, routeTo } from "./route";
import { thisSystem } from "./system";
import { Tunnel } from "./tunnel";
import { ConfigError } from "./words";

const lingerMs = 5_000;

const tunnels = new Map<string, Promise<Tunnel>>();

/**
 * The one SSH connection for a host and its settings: whoever comes while it is being made waits for it. A failure stands for
 * as long as it took, so that of many objects on a host that does not answer only the first one waits.
 */
export function tunnelTo(uri: HostUri, access: Access): Promise<Tunnel> {
  const key = keyOf(uri, access);
  const known = tunnels.get(key);
  if (known !== undefined) return known;
  const begunMs = performance.now();
  const opening = open(uri, access);
  tunnels.set(key, opening);
  const forget = (): void => {
    if (tunnels.get(key) === opening) tunnels.delete(key);
  };
  opening.then(
    (tunnel) => {
      tunnel.onClose(forget);
      if (tunnel.closed) forget();
      endWhenIdle(tunnel);
    },
    () => {
      setTimeout(forget, performance.now() - begunMs).unref();
    },
  );
  return opening;
}

/** True where the URI wants the host's own helper instead of a forwarded socket. */
export function wantsHelper(uri: HostUri): boolean {
  return ["helper", "native"].includes(uri.parameters.get("proxy") ?? "");
}

function keyOf(uri: HostUri, access: Access): string {
  const parameters = ["keyfile", "known_hosts", "sshauth"].map((name) => uri.parameters.get(name));
  // A session's sockets are looked for in ways that a sealed connection does not allow.
  const open = uri.path === "/session" || wantsHelper(uri);
  return JSON.stringify([uri.user, uri.host, uri.port, parameters, open, access]);
}

/** A daemon that restarts closes all streams and wants them again in a moment. */
function endWhenIdle(tunnel: Tunnel): void {
  let timer: NodeJS.Timeout | undefined;
  tunnel.onIdle(() => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (tunnel.idle) tunnel.end();
    }, lingerMs).unref();
  });
}

async function open(uri: HostUri, access: Access): Promise<Tunnel> {
  const clients: Client[] = [];
  const way: { outer?: Socket; next?: Duplex } = {};
  try {
    const hops = routeTo(uri, thisSystem());
    for (const hop of hops) {
      const reach = (): Duplex => way.next ?? (way.outer = tcpTo(hop));
      const client = await login(hop, reach, loginFor(uri, access, hop === hops.at(-1)));
      clients.unshift(client);
      const next = hops[clients.length];
      if (next !== undefined) way.next = await onward(client, hop, next);
    }
    return tunnelOver(hops.at(-1), clients, way.outer);
  } catch (error) {
    for (const client of clients) client.end();
    if (error instanceof ConfigError) throw new DialError(error.message, false);
    throw error;
  }
}

function tunnelOver(hop: Hop | undefined, [client, ...others]: readonly Client[], outer: Socket | undefined): Tunnel {
  if (hop === undefined || client === undefined || outer === undefined)
    throw new ConfigError("there is no host to reach");
  const tunnel = new Tunnel(hop, client, others, outer);
  outer.on("data", () => {
    tunnel.heard();
  });
  return tunnel;
}

function loginFor(uri: HostUri, access: Access, last: boolean): Login {
  const named = uri.parameters.get("sshauth")?.split(",");
  const sources = (named ?? ["agent", "privkey"]) as Source[]; // the URI's rules allow nothing else
  return { access, sources, last, deadlineMs: readyMs };
}

/** The way from a host to the next one. */
function onward(client: Client, hop: Hop, next: Hop): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const refuse = (reason: string): void => {
      reject(
        new DialError(
          `${hop.host} does not pass on to ${next.host}:${next.port} (${reason}): can it reach that host, and does its sshd_config allow it (AllowTcpForwarding)?`,
          true,
        ),
      );
    };
    const timer = setTimeout(() => {
      refuse(`no answer within ${readyMs / 1000} s`);
    }, readyMs);
    client.forwardOut("127.0.0.1", 0, next.host, next.port, (error, channel) => {
      clearTimeout(timer);
      if (error === undefined) resolve(channel);
      else refuse(quoted(error.message));
    });
  });
}
