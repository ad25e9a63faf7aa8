import { domain, network, nodeDevice, storagePool } from "./objects";
import { int, optional, string, struct, type Codec, type Fields, type StructOf, type ValueOf } from "./xdr";

/** One kind of event: libvirt's class and id of it, and the number and layout of its message. */
export interface EventKind<E> {
  class: EventClass;
  eventID: number;
  message: number;
  payload: Codec<E>;
}

export type EventClass = "domain" | "network" | "pool" | "nodeDevice";

function kind<F extends Fields>(
  eventClass: EventClass,
  eventID: number,
  message: number,
  fields: F,
): EventKind<StructOf<F>> {
  return { class: eventClass, eventID, message, payload: struct(fields) };
}

const lifecycle = { event: int, detail: int };

/** The events that may be subscribed to (https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainEventID). */
// prettier-ignore
export const eventKinds = {
  domainLifecycle: kind("domain", 0, 318, { callbackID: int, dom: domain, ...lifecycle }),
  domainReboot: kind("domain", 1, 319, { callbackID: int, dom: domain }),
  domainBlockJob: kind("domain", 16, 339, { callbackID: int, dom: domain, dst: string, type: int, status: int }),
  domainTrayChange: kind("domain", 10, 328, { callbackID: int, dom: domain, devAlias: string, reason: int }),
  domainDeviceAdded: kind("domain", 19, 354, { callbackID: int, dom: domain, devAlias: string }),
  domainDeviceRemoved: kind("domain", 15, 333, { callbackID: int, dom: domain, devAlias: string }),
  domainDeviceRemovalFailed: kind("domain", 22, 367, { callbackID: int, dom: domain, devAlias: string }),
  domainAgentLifecycle: kind("domain", 18, 348, { callbackID: int, dom: domain, state: int, reason: int }),
  domainMetadataChange: kind("domain", 23, 379, { callbackID: int, dom: domain, type: int, nsuri: optional(string) }),
  networkLifecycle: kind("network", 0, 315, { callbackID: int, net: network, ...lifecycle }),
  poolLifecycle: kind("pool", 0, 370, { callbackID: int, pool: storagePool, ...lifecycle }),
  poolRefresh: kind("pool", 1, 373, { callbackID: int, pool: storagePool }),
  nodeDeviceLifecycle: kind("nodeDevice", 0, 376, { callbackID: int, dev: nodeDevice, ...lifecycle }),
};

export type EventName = keyof typeof eventKinds;
export type EventOf<K extends EventName> = ValueOf<(typeof eventKinds)[K]["payload"]>;
