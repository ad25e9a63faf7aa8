import { flag, int, isRecord, object, type Situation, text, type Values } from "../../../fields";

/** A kind of place says where it is by a property of its own name; `none` has none. */
export const places = ["address", "network", "socket"] as const;

const listen = object(
  {
    type: text({
      xml: "@type",
      values: [...places, "none"],
      default: "address",
      change: "restart",
      doc: "Kind of place; default `address`.",
    }),
    address: text({
      xml: "@address",
      change: "restart",
      doc: "Address, for type `address`; default `127.0.0.1`.",
    }),
    network: text({ xml: "@network", change: "restart", doc: "Name of a libvirt network, for type `network`." }),
    socket: text({
      xml: "@socket",
      change: "restart",
      doc: "Path of a socket, for type `socket`; libvirt chooses it where absent.",
    }),
  },
  { xml: "listen", change: "restart", doc: "Where the server listens; default the host's loopback address." },
);

/** QEMU changes a password, and when it ends, only of a screen that was started with one, and never takes the password away. */
function passwordChange(screen: "spice" | "vnc") {
  const passwordIn = (values: Values | undefined): unknown => {
    const shown = isRecord(values?.["graphics"]) ? values["graphics"][screen] : undefined;
    return isRecord(shown) ? shown["password"] : undefined;
  };
  return (_before: unknown, _after: unknown, { after, live }: Situation): "live" | "restart" =>
    passwordIn(after) !== undefined && passwordIn(live) !== undefined ? "live" : "restart";
}

const passwords = (screen: "spice" | "vnc", most: number) => ({
  password: text({
    xml: "@passwd",
    secret: true,
    most,
    change: passwordChange(screen),
    doc: "Password that a client must give; secret. A screen that was started with one takes another while it runs.",
  }),
  passwordValidTo: text({
    xml: "@passwdValidTo",
    change: passwordChange(screen),
    check: (value: string) =>
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(value) ? undefined : 'must be a time (UTC) such as "2027-01-31T23:59:59"',
    doc: "When the password ends, in UTC, such as `2027-01-31T23:59:59`; absent: never.",
  }),
});

/** Where a screen listens whose program gives no place, or none any more. */
export const LOOPBACK = "127.0.0.1";

/** Screens as a program wants them; where it took a place back they go to the loopback address. */
export function withPlaces(screens: unknown, managed: unknown): unknown {
  if (!isRecord(screens) || !isRecord(managed)) return screens;
  const entries = Object.entries(screens).map(([kind, screen]) => {
    const [now, before] = [listenOf(screen), listenOf(managed[kind])];
    const open = now === undefined || (now["type"] === "address" && now["address"] === undefined);
    const taken = open && (now === undefined ? before : before?.["address"]) !== undefined;
    return [kind, taken && isRecord(screen) ? { ...screen, listen: { type: "address", address: LOOPBACK } } : screen];
  });
  return Object.fromEntries(entries) as Values;
}

function listenOf(screen: unknown): Values | undefined {
  return isRecord(screen) && isRecord(screen["listen"]) ? screen["listen"] : undefined;
}

/** Screens of a machine. https://libvirt.org/formatdomain.html#graphical-framebuffers */
export const graphics = {
  spice: object(
    {
      port: int({ xml: "@port", min: -1, max: 65535, change: "restart", doc: "Port; absent: the host chooses." }),
      tlsPort: int({
        xml: "@tlsPort",
        min: -1,
        max: 65535,
        change: "restart",
        doc: "TLS port; absent: the host chooses.",
      }),
      autoport: flag({
        xml: "@autoport",
        change: "restart",
        doc: "The host chooses the ports; default where no port is given.",
      }),
      ...passwords("spice", 64),
      listen,
    },
    { xml: "devices/graphics[@type='spice']", change: "restart", doc: "A SPICE server." },
  ),
  vnc: object(
    {
      port: int({ xml: "@port", min: -1, max: 65535, change: "restart", doc: "Port; absent: the host chooses." }),
      autoport: flag({
        xml: "@autoport",
        change: "restart",
        doc: "The host chooses the port; default where no port is given.",
      }),
      // Its protocol has no more; libvirt refuses a longer one when the machine is defined.
      ...passwords("vnc", 8),
      listen,
    },
    {
      xml: "devices/graphics[@type='vnc']",
      change: "restart",
      doc: "A VNC server. Its passwords are weak (8 characters).",
    },
  ),
} as const;
