import { type Difference, readTable } from "../../../fields";
import { ConnectionError, LibvirtError } from "../../../rpc";
import { cloneXml, find, parseXml, printXml, removeChild, type XmlElement } from "../../../xml";
import { readMark, writeMark } from "../../mark";
import type { Request } from "../../port";
import { deviceIn, isDeviceList } from "../parts/devices";
import { domain as table } from "../fields";
import type { Told } from "../live";
import { fitMemory } from "../parts/memory";
import type { FoundDomain } from "../observe";
import { label } from "../pending";
import { describe } from "../words";
import { messageOf } from "../../errors";
import { DomainXml } from "../flags";

/**
 * What to say of live changes of which one failed. The definition goes without those devices that the guest did not get, or
 * was not asked for: its next start must not fail for them. Whatever else was not done stays in it, and the next up does it.
 */
export async function notDone(request: Request, found: FoundDomain, { done, left, error }: Told): Promise<Error> {
  // A device that the guest keeps is out of its definition, and goes with its power cycle.
  const refused = causeOf(error) instanceof LibvirtError ? left : left.slice(1);
  const devices = refused.filter(({ path, key }) => isDeviceList(path[0]) && key !== undefined);
  const others = left.filter((one) => !devices.includes(one));
  const taken = await takeBack(request, found, devices, others);
  const words = (changes: readonly Difference[]): string => [...new Set(changes.map(describe))].join(", ");
  const said = [
    ...(done.length > 0 ? [`done before: ${words(done)}`] : []),
    ...(left.length > 1 ? [`not done: ${words(left.slice(1))}`] : []),
    ...(devices.length === 0 || taken ? [] : [`its definition has it for the next start: ${words(devices)}`]),
    "the next preview shows what is left",
  ];
  return new Error(`${messageOf(error)}; ${said.join("; ")}`, { cause: error });
}

/** Writes the definition that stands there now, with these devices as they were before; false where that cannot be. */
async function takeBack(
  { place }: Request,
  found: FoundDomain,
  devices: readonly Difference[],
  others: readonly Difference[],
): Promise<boolean> {
  if (devices.length === 0) return true;
  try {
    const asked = { dom: found.handle, flags: DomainXml.SECURE_INACTIVE };
    const root = parseXml((await place.host.call("DOMAIN_GET_XML_DESC", asked)).xml);
    const { memory, currentMemory } = readTable(table, root);
    for (const { path, key = "" } of devices) putBack(root, found.inactive, String(path[0]), key);
    fitMemory(root, { memory, currentMemory }, {});
    const mark = readMark(root);
    if (mark) writeMark(root, { ...mark, applying: others.map(label) });
    await place.host.call("DOMAIN_DEFINE_XML_FLAGS", { xml: printXml(root), flags: 0 });
    return true;
  } catch (failure) {
    if (failure instanceof LibvirtError || failure instanceof ConnectionError) return false;
    throw failure;
  }
}

function putBack(root: XmlElement, before: XmlElement, list: string, key: string): void {
  const devices = find(root, "devices");
  const [now, former] = [deviceIn(root, list, key), deviceIn(before, list, key)];
  if (!devices) return;
  if (now && former) devices.children.splice(devices.children.indexOf(now), 1, cloneXml(former));
  else if (now) removeChild(devices, now);
  else if (former) devices.children.push(cloneXml(former));
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? (error.cause ?? error) : error;
}
