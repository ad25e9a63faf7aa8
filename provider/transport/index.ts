export type { Access } from "./access";
export { dial } from "./dial";
export { DialError, type Dialled, type DialOptions } from "./outcome";
export { listens } from "./reach";
export type { Daemon } from "./sockets";
export { tcpComplaint } from "./tcp";
export { parseUri, UriError, type Driver, type HostUri, type Transport } from "./uri";
