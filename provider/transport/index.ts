export { dial, DialError, type Dialled, type DialOptions } from "./dial";
export type { Daemon } from "./sockets";
export { parseUri, UriError, type Driver, type HostUri, type Transport } from "./uri";
