export type { CallOptions } from "./calls";
export { Connection } from "./connection";
export {
  CancelledError,
  Code,
  codeName,
  ConnectionError,
  DeadlineError,
  EncodingError,
  isLibvirt,
  isUnknownProcedure,
  LibvirtError,
  plainText,
  ProtocolError,
} from "./errors";
export { eventKinds, type EventName, type EventOf } from "./eventTable";
export { opened, type OpenOptions } from "./handshake";
export { AuthError } from "./login";
export { Host, type HostOptions } from "./host";
export {
  typedParamMap,
  type DhcpLease,
  type Domain,
  type DomainCheckpoint,
  type DomainInterface,
  type DomainSnapshot,
  type Network,
  type NetworkInterface,
  type NodeDevice,
  type Nwfilter,
  type Secret,
  type StoragePool,
  type StorageVol,
  type TypedParam,
} from "./objects";
export { procedures, type ArgumentsOf, type Lane, type ProcedureName, type ResultOf } from "./procedures";
export type { Hole } from "./streams";
export type { EventListener } from "./subscriptions";
export type { Range, TransferOptions } from "./transfers";
export { parseUri, tcpComplaint, UriError, type Access, type HostUri } from "../transport";
