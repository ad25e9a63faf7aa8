// A machine as libvirt's own client shows it, with the proof of which run of the guest it is.
import { existsSync, readFileSync } from "node:fs";
import { isRecord, readTable, type Values } from "../../../provider/fields";
import { domain } from "../../../provider/resources/domain/fields";
import { findAll, parseXml, readPath, type XmlElement } from "../../../provider/xml";
import { virshAll } from "../../e2e/engine";

/** What one look at a machine tells. */
export interface Sight {
  /** `running`, `paused` or `stopped`. */
  readonly power: string;
  /** Names this run of the guest; absent where it does not run. */
  readonly run?: string;
  readonly live?: Values;
  readonly inactive: Values;
  /** Cards that should hang on a bridge and hang in the air. */
  readonly loose: readonly string[];
}

const STATES: Readonly<Record<string, string>> = { "shut off": "stopped" };

export function look(id: string): Sight {
  const [state = "", info = "", defined = "", number = "", running = ""] = virshAll(
    ["domstate", id],
    ["dominfo", id],
    ["dumpxml", id, "--security-info", "--inactive"],
    ["domid", id],
    ["dumpxml", id, "--security-info"],
  );
  const own = { powerState: STATES[state] ?? state, autostart: /^Autostart:\s+enable/m.test(info) };
  const inactive = { ...readAll(parseXml(defined)), ...own };
  if (state === "shut off") return { power: "stopped", inactive, loose: [] };
  const root = parseXml(running);
  const name = readPath(root, "name") ?? "";
  return {
    power: state,
    run: `domain ${number}, process ${readFileSync(`/run/libvirt/qemu/${name}.pid`, "utf8").trim()}`,
    live: { ...readAll(root), ...own },
    inactive,
    loose: looseCards(root),
  };
}

function readAll(root: XmlElement): Values {
  const values = readTable(domain, root);
  const online = values["onlineVcpus"] ?? values["vcpus"];
  return { ...values, ...firmwareOf(root, values), onlineVcpus: online, seed: seedOf(root) };
}

/** A running guest shows the loader that libvirt chose in the place of the firmware that it was asked for. */
function firmwareOf(root: XmlElement, { os }: Values): Values {
  const uefi = readPath(root, "os/loader/@type") === "pflash" && isRecord(os);
  return uefi ? { os: { ...os, firmware: "efi" } } : {};
}

/** The bytes of the seed in the machine's drive. */
function seedOf(root: XmlElement): string | undefined {
  const drives = findAll(root, "devices/disk").filter((node) => readPath(node, "alias/@name") === "ua-kvm-seed");
  const path = drives[0] && readPath(drives[0], "source/@file");
  return path !== undefined && existsSync(path) ? readFileSync(path, "latin1") : undefined;
}

function looseCards(root: XmlElement): string[] {
  return findAll(root, "devices/interface").flatMap((card) => {
    const [tap, bridge] = [readPath(card, "target/@dev"), readPath(card, "source/@bridge")];
    if (tap === undefined || bridge === undefined || card.attributes.get("type") === "direct") return [];
    return existsSync(`/sys/class/net/${bridge}/brif/${tap}`) ? [] : [readPath(card, "mac/@address") ?? tap];
  });
}

/** Which boot of the guest it is, by its own word; undefined where it does not answer. */
export async function bootOf(address: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://${address}/boot_id`, { signal: AbortSignal.timeout(1000) });
    return (await answer.text()).trim();
  } catch {
    // Not up yet, or paused: whoever asks decides what that means.
    return undefined;
  }
}
