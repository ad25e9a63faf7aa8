import type { Values } from "../../fields";
import { findAll, readPath, type XmlElement } from "../../xml";

/** Where clients reach the screens of a running machine; undefined where it has none. */
export function connectionOf(live: XmlElement | undefined): Values | undefined {
  if (!live) return undefined;
  const screens = findAll(live, "devices/graphics").flatMap((node) => {
    const type = node.attributes.get("type");
    return type === "spice" || type === "vnc" ? [[type, placeOf(node)] as const] : [];
  });
  return screens.length > 0 ? Object.fromEntries(screens) : undefined;
}

function placeOf(node: XmlElement): Values {
  const socket = readPath(node, "listen/@socket") ?? node.attributes.get("socket");
  if (socket !== undefined) return { socket };
  const port = portOf(node.attributes.get("port"));
  const tlsPort = portOf(node.attributes.get("tlsPort"));
  return {
    address: readPath(node, "listen/@address") ?? "127.0.0.1",
    ...(port === undefined ? {} : { port }),
    ...(tlsPort === undefined ? {} : { tlsPort }),
  };
}

function portOf(text: string | undefined): number | undefined {
  const port = Number(text);
  return text !== undefined && port > 0 ? port : undefined;
}
