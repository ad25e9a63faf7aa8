import { type Failure, isRecord, itemsOf, printPath, UNKNOWN, type Values } from "../../fields";
import { isAway } from "../place";
import type { Request } from "../port";
import { checkTuning } from "./parts/controllers";
import { places } from "./parts/graphics";
import { cardSources } from "./parts/interfaces";
import { checkMemory } from "./parts/memoryDevices";
import { SEED_TARGET } from "./parts/seed";
import { typeComplaint } from "./parts/template";
import { checkVlans } from "./parts/vlans";
import { busOf } from "./wanted";

/** What the table cannot say of a machine's inputs: identities of devices, sizes, and whether the host can run it. */
export async function checkMore(
  request: Request,
  olds: Values | undefined,
  given: Values,
): Promise<{ inputs: Values; failures: Failure[] }> {
  const inputs = withCards(request, given);
  const failures = [
    ...checkIdentities(inputs),
    ...checkNames(inputs),
    ...checkDrives(inputs),
    ...checkSeed(inputs),
    ...checkCards(inputs),
    ...checkSizes(inputs),
    ...checkModel(inputs),
    ...checkLimits(inputs),
    ...checkThreads(inputs),
    ...checkPins(inputs),
    ...checkMemory(inputs),
    ...checkTuning(inputs),
    ...checkVlans(inputs),
    ...checkFate(inputs),
    ...checkScreens(inputs),
  ];
  // Only a new machine asks: an existing one runs already, and a host that is away fails no check.
  if (olds === undefined && failures.length === 0) {
    const complaint = await request.place.facts().then(
      (facts) => typeComplaint(inputs["type"], facts),
      (error: unknown) => {
        if (isAway(error)) return undefined;
        throw error;
      },
    );
    if (complaint !== undefined) failures.push({ property: "type", reason: complaint });
  }
  return { inputs, failures };
}

/** In a session only QEMU's own network needs no rights: a card that names nothing has that. */
function withCards({ place: { uri } }: Request, inputs: Values): Values {
  const cards = inputs["interfaces"];
  if (uri.path !== "/session" || !Array.isArray(cards)) return inputs;
  const plugged = (card: unknown): unknown => (isRecord(card) && !isPlugged(card) ? { ...card, user: {} } : card);
  return { ...inputs, interfaces: cards.map(plugged) };
}

function checkCards(inputs: Values): Failure[] {
  const names = cardSources.map((name) => `"${name}"`).join(", ");
  return itemsOf(inputs["interfaces"]).flatMap((card, index) =>
    isPlugged(card) ? [] : [{ property: printPath(["interfaces", index]), reason: `needs one of ${names}` }],
  );
}

function isPlugged(card: Values): boolean {
  return cardSources.some((name) => card[name] !== undefined);
}

function checkIdentities(inputs: Values): Failure[] {
  const disks = itemsOf(inputs["disks"]);
  const cards = itemsOf(inputs["interfaces"]);
  const reason = "is required with more than one of them: it is the device's identity";
  const names = 'give each one of its own ("vda", "vdb", ...; a machine\'s only disk has the first of its bus)';
  return [
    ...disks.flatMap((disk, index) =>
      disks.length > 1 && disk["target"] === undefined
        ? [{ property: printPath(["disks", index, "target"]), reason: `${reason}; ${names}` }]
        : [],
    ),
    ...cards.flatMap((card, index) =>
      cards.length > 1 && card["mac"] === undefined && card["name"] === undefined
        ? [
            {
              property: printPath(["interfaces", index, "name"]),
              reason: `${reason}. A card that the machine has already keeps its identity by its mac (see the output macs)`,
            },
          ]
        : [],
    ),
  ];
}

/** On these buses the host tells disks apart by the letters of their names. */
const LETTERED: readonly unknown[] = ["virtio", "usb"];

function checkNames(inputs: Values): Failure[] {
  const taken = new Map<string, string>();
  return itemsOf(inputs["disks"]).flatMap((disk, index) => {
    const [bus, { target }] = [busOf(disk), disk];
    if (!LETTERED.includes(bus) || typeof target !== "string") return [];
    const place = `${String(bus)} ${target.replace(/^(xv|.)d/, "")}`;
    const other = taken.get(place);
    taken.set(place, target);
    if (other === undefined || other === target) return [];
    return [
      {
        property: printPath(["disks", index, "target"]),
        reason: `"${target}" and "${other}" are one place on the bus ${String(bus)}: give one of them other letters`,
      },
    ];
  });
}

function checkDrives(inputs: Values): Failure[] {
  return itemsOf(inputs["disks"]).flatMap(({ device, readOnly }, index) =>
    device === "cdrom" && readOnly === false
      ? [
          {
            property: printPath(["disks", index, "readOnly"]),
            reason: "must not be false: a cdrom is always read-only",
          },
        ]
      : [],
  );
}

function checkSeed(inputs: Values): Failure[] {
  if (inputs["cloudInit"] === undefined) return [];
  const index = itemsOf(inputs["disks"]).findIndex((disk) => disk["target"] === SEED_TARGET);
  if (index < 0) return [];
  return [
    { property: printPath(["disks", index, "target"]), reason: `"${SEED_TARGET}" is taken by the cloudInit seed` },
  ];
}

function checkSizes(inputs: Values): Failure[] {
  const over = (name: string, most: string): Failure[] => {
    const [value, limit] = [inputs[name], inputs[most]];
    const wrong = typeof value === "number" && typeof limit === "number" && value > limit;
    return wrong ? [{ property: name, reason: `must not be above ${most} (${limit})` }] : [];
  };
  return [...over("currentMemory", "memory"), ...over("onlineVcpus", "vcpus")];
}

/** libvirt drops a model in any other mode, and takes QEMU's own where mode `custom` names none. */
function checkModel({ cpu }: Values): Failure[] {
  if (!isRecord(cpu)) return [];
  const { mode, model } = cpu;
  if (mode === "custom" && model === undefined)
    return [{ property: "cpu.model", reason: 'is required with mode "custom"' }];
  if (model === undefined || mode === undefined || mode === "custom" || mode === UNKNOWN) return [];
  return [{ property: "cpu.model", reason: 'is for mode "custom"' }];
}

/** libvirt takes a limit of reads and writes together, or of each. */
function checkLimits(inputs: Values): Failure[] {
  return itemsOf(inputs["disks"]).flatMap((disk, index) => {
    const limits = isRecord(disk["iotune"]) ? disk["iotune"] : {};
    return ["Bytes", "Iops"].flatMap((unit) => {
      const total = `total${unit}Sec`;
      const part = [`read${unit}Sec`, `write${unit}Sec`].find((name) => isLimit(limits[name]));
      if (part === undefined || !isLimit(limits[total])) return [];
      return [
        { property: printPath(["disks", index, "iotune", part]), reason: `stands beside ${total}: give one of them` },
      ];
    });
  });
}

/** Only virtio disks have a thread of their own, and it must be there. */
function checkThreads(inputs: Values): Failure[] {
  const most = inputs["iothreads"];
  const lacks = (property: string, id: unknown): Failure[] => {
    if (typeof id !== "number" || most === UNKNOWN || (typeof most === "number" && id <= most)) return [];
    return [{ property, reason: `needs iothreads of ${id} or more` }];
  };
  const disks = itemsOf(inputs["disks"]).flatMap((disk, index) => {
    const property = printPath(["disks", index, "iothread"]);
    const bus = busOf(disk);
    const other = disk["iothread"] !== undefined && bus !== "virtio" && bus !== UNKNOWN;
    return other ? [{ property, reason: 'is for disks of bus "virtio"' }] : lacks(property, disk["iothread"]);
  });
  const tune = isRecord(inputs["cputune"]) ? inputs["cputune"] : {};
  const pins = itemsOf(tune["iothreadpins"]).flatMap((pin, index) =>
    lacks(printPath(["cputune", "iothreadpins", index, "iothread"]), pin["iothread"]),
  );
  return [...disks, ...pins];
}

/** libvirt drops the pin of a CPU that is not there without a word. */
function checkPins({ cputune, vcpus }: Values): Failure[] {
  const pins = itemsOf(isRecord(cputune) ? cputune["vcpupins"] : undefined);
  return pins.flatMap(({ vcpu }, index) =>
    typeof vcpu === "number" && typeof vcpus === "number" && vcpu >= vcpus
      ? [{ property: printPath(["cputune", "vcpupins", index, "vcpu"]), reason: `needs vcpus of ${vcpu + 1} or more` }]
      : [],
  );
}

/** A machine that starts anew when it is off cannot be off after a reboot. */
function checkFate(inputs: Values): Failure[] {
  if (inputs["onPoweroff"] !== "restart" || inputs["onReboot"] !== "destroy") return [];
  return [{ property: "onReboot", reason: '"destroy" does not go with onPoweroff "restart"' }];
}

/**
 * What libvirt forgets of a screen without a word: the end of a password that is not there, the ports of one without network
 * or with autoport, where -1 is how it writes that it has chosen none yet. A place of one kind is none of another.
 */
function checkScreens(inputs: Values): Failure[] {
  const graphics = isRecord(inputs["graphics"]) ? inputs["graphics"] : {};
  return ["spice", "vnc"].flatMap((kind) => {
    const screen = graphics[kind];
    if (!isRecord(screen)) return [];
    const fail = (name: string, reason: string): Failure[] =>
      screen[name] === undefined ? [] : [{ property: printPath(["graphics", kind, name]), reason }];
    const listen = isRecord(screen["listen"]) ? screen["listen"] : {};
    const place = listen["type"];
    const portless = place === "none" || place === "socket";
    const others = places.filter((name) => listen[name] !== undefined && name !== place && place !== UNKNOWN);
    return [
      ...others.map((name) => ({
        property: printPath(["graphics", kind, "listen", name]),
        reason: `is for listen.type "${name}"`,
      })),
      ...(screen["password"] === undefined ? fail("passwordValidTo", "needs a password beside it") : []),
      ...(portless
        ? ["port", "tlsPort", "autoport"].flatMap((name) => fail(name, `does not go with listen.type "${place}"`))
        : []),
      ...(screen["autoport"] === true
        ? ["port", "tlsPort"].flatMap((name) => (screen[name] === -1 ? [] : fail(name, "does not go with autoport")))
        : []),
    ];
  });
}

function isLimit(value: unknown): boolean {
  return typeof value === "number" && value > 0;
}
