import { flag, int, object, text } from "../../fields";

const listen = object(
  {
    type: text({
      xml: "@type",
      values: ["address", "network", "socket", "none"],
      change: "restart",
      doc: "Kind of place.",
    }),
    address: text({ xml: "@address", change: "restart", doc: "Address; default `127.0.0.1`." }),
    network: text({ xml: "@network", change: "restart", doc: "Name of a libvirt network." }),
    socket: text({ xml: "@socket", change: "restart", doc: "Path of a socket; libvirt chooses it where absent." }),
  },
  { xml: "listen", change: "restart", doc: "Where the server listens; default the host's loopback address." },
);

const password = {
  xml: "@passwd",
  secret: true,
  change: "restart",
  doc: "Password that a client must give; secret.",
} as const;

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
      password: text({ ...password, most: 64 }),
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
      password: text({ ...password, most: 8 }),
      listen,
    },
    {
      xml: "devices/graphics[@type='vnc']",
      change: "restart",
      doc: "A VNC server. Its passwords are weak (8 characters).",
    },
  ),
} as const;
