import { connect } from "node:net";
import type { Access } from "./access";
import { tunnelTo } from "./ssh/tunnels";
import type { HostUri } from "./uri";

/** True when something listens at an address: seen from the host where SSH leads there, else from this machine. */
export async function listens(
  uri: HostUri,
  access: Access,
  at: { readonly address: string; readonly port: number },
  timeoutMs: number,
): Promise<boolean> {
  if (uri.transport !== "ssh") return listensFromHere(at.address, at.port, timeoutMs);
  return (await tunnelTo(uri, access)).listens(at.address, at.port, timeoutMs);
}

function listensFromHere(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const settle = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.once("connect", () => {
      settle(true);
    });
    for (const event of ["error", "timeout"]) {
      socket.once(event, () => {
        settle(false);
      });
    }
  });
}
