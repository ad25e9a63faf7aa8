import { setTimeout as sleep } from "node:timers/promises";
import type { Situation, XmlPair } from "../../../fields";
import { Code, isLibvirt } from "../../../rpc";
import { findAll, parseXml, readPath, removeChildren, writePath, type XmlElement } from "../../../xml";
import type { Act } from "../live";
import { Impact } from "../flags";

/** How long a guest may take to give up its CPUs; libvirt itself waits 5 s for each. */
const UNPLUG_SECONDS = 20;

/** How many of the CPUs are online. Where each CPU is listed (`<vcpus>`), libvirt heeds the list alone. */
export const onlineCount: XmlPair = {
  read: (root) => {
    const current = readPath(root, "vcpu/@current");
    return current === undefined ? undefined : Number(current);
  },
  write: (root, value) => {
    removeChildren(root, "vcpus");
    writePath(root, "vcpu/@current", typeof value === "number" ? String(value) : undefined);
  },
};

/** A guest gets as many CPUs as it was started for, and gives up those that libvirt may ask it for; all else takes a power cycle. */
export function onlineChange(_before: unknown, after: unknown, at: Situation): "live" | "restart" {
  const [online, most] = [at.live?.["onlineVcpus"], at.live?.["vcpus"]];
  if (typeof after !== "number" || typeof online !== "number" || typeof most !== "number") return "restart";
  if (after >= online) return after <= most ? "live" : "restart";
  return online - after <= (at.removableCpus ?? 0) ? "live" : "restart";
}

/** CPUs that libvirt can ask a running guest for: those that were plugged in, not those of its start. */
export function removableCpus(live: XmlElement): number {
  // Emulated CPUs go, but QEMU does not tell it of them: libvirt would count them on.
  if (live.attributes.get("type") !== "kvm") return 0;
  const plugged = findAll(live, "vcpus/vcpu[@hotpluggable='yes']");
  return plugged.filter((cpu) => cpu.attributes.get("enabled") === "yes").length;
}

function onlineIn(root: XmlElement): number {
  return Number(readPath(root, "vcpu/@current") ?? readPath(root, "vcpu"));
}

/** Plugs CPUs in, or asks the guest for them until it gave them all up. */
export const setOnline: Act = async ({ request, found }, { after }) => {
  const { host } = request.place;
  const nvcpus = Number(after);
  let online = found.live ? onlineIn(found.live) : nvcpus;
  const fewer = nvcpus < online;
  const end = performance.now() + UNPLUG_SECONDS * 1000;
  while (online !== nvcpus) {
    await host
      .call("DOMAIN_SET_VCPUS_FLAGS", { dom: found.handle, nvcpus, flags: Impact.LIVE })
      .catch((error: unknown) => {
        // libvirt waited in vain; the guest may still be at it.
        if (!fewer || !isLibvirt(error, Code.OPERATION_TIMEOUT)) throw error;
      });
    const asked = online;
    for (;;) {
      request.signal.throwIfAborted();
      online = onlineIn(parseXml((await host.call("DOMAIN_GET_XML_DESC", { dom: found.handle, flags: 0 })).xml));
      if (online !== asked || performance.now() > end) break;
      await sleep(200);
    }
    if (online !== nvcpus && performance.now() > end) throw new Error(kept(online, nvcpus));
  }
};

function kept(online: number, wanted: number): string {
  return (
    `the guest still has ${online} CPUs after ${UNPLUG_SECONDS} s: it did not give up ${online - wanted} of them. ` +
    `Its definition has ${wanted}, from its next power cycle on; until then the next up asks again`
  );
}
