import { type Cost, isRecord, type Situation, type Values } from "../../fields";
import { readPath, type XmlElement } from "../../xml";
import { uplinksOf } from "./xml";

/** Modes in which guests hang on the uplinks themselves: libvirt only hands them out, so they come and go at any time. */
const DIRECT = ["bridge", "private", "vepa", "passthrough"];

/** What a change of the uplinks costs: where libvirt has a bridge of its own, firewall and routes are its start's. */
export function uplinkChange(_before: unknown, _after: unknown, at: Situation): Cost {
  const [before, after] = [forwardOf(at.before), forwardOf(at.after)];
  const direct = DIRECT.includes(String(before["mode"])) && before["mode"] === after["mode"];
  return direct && hasUplink(before) && hasUplink(after) ? "live" : "restart";
}

function forwardOf({ forward }: Values): Values {
  return isRecord(forward) ? forward : {};
}

function hasUplink({ dev, interfaces }: Values): boolean {
  return dev !== undefined || (interfaces !== undefined && !(Array.isArray(interfaces) && interfaces.length === 0));
}

/**
 * The uplinks to take off the running network, and those to add: libvirt adds at the end, and the first one is what `dev` says.
 * One that stays in its order is not touched.
 */
export function uplinkSteps(live: XmlElement, wanted: XmlElement): { readonly off: string[]; readonly on: string[] } {
  const mode = readPath(live, "forward/@mode") ?? "";
  if (!DIRECT.includes(mode) || mode !== readPath(wanted, "forward/@mode")) return { off: [], on: [] };
  const after = uplinksOf(wanted);
  let kept = 0;
  const off = uplinksOf(live).filter((name) => {
    const stays = name === after[kept];
    if (stays) kept += 1;
    return !stays;
  });
  return { off, on: after.slice(kept) };
}
