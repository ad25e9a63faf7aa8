import { flag, grammar, text } from "../../fields";
import { Code, isLibvirt, type Network } from "../../rpc";
import { parseXml, readPath } from "../../xml";
import { lookup, missing, resultsIn } from "../lookup";
import { readMark } from "../mark";
import type { Looking } from "../port";
import { network } from "./fields";

/** As a program writes them. */
const { forward, ips, dns, domain, mtu } = network;
const written = { forward, ips, dns, domain, mtu };

/** One network. */
export const getNetwork = lookup({
  token: "getNetwork",
  doc: "A libvirt network of the host, whoever made it.",
  args: {
    name: text({ check: grammar.printable, doc: "Its name on the host." }),
    uuid: text({ check: grammar.uuidText, doc: "Its UUID." }),
  },
  ways: [["name"], ["uuid"]],
  results: {
    id: text({ required: true, doc: "Its UUID, for `Network.get`." }),
    uuid: text({ required: true, doc: "Its UUID." }),
    name: text({ required: true, doc: "Its name on the host." }),
    bridgeName: text({ required: true, doc: "Its bridge on the host; empty where it has none." }),
    active: flag({ required: true, doc: "Whether it runs." }),
    autostart: flag({ required: true, doc: "Started with the host." }),
    persistent: flag({ required: true, doc: "False: it is gone when it stops." }),
    owner: text({ doc: "Whose it is, where a Pulumi program made it: `organization/project/stack::type::name`." }),
    ...written,
  },
  look: async (from, args) => {
    const { host } = from.place;
    const { signal } = from;
    const net = await sought(from, args);
    const [{ xml }, { active }, { persistent }] = await Promise.all([
      host.call("NETWORK_GET_XML_DESC", { net, flags: 0 }, { signal }),
      host.call("NETWORK_IS_ACTIVE", { net }, { signal }),
      host.call("NETWORK_IS_PERSISTENT", { net }, { signal }),
    ]);
    // libvirt refuses to answer for a network that is not defined.
    const autostart =
      persistent === 1 && (await host.call("NETWORK_GET_AUTOSTART", { net }, { signal })).autostart === 1;
    const root = parseXml(xml);
    return {
      ...resultsIn(written, root),
      id: net.uuid,
      uuid: net.uuid,
      name: net.name,
      bridgeName: readPath(root, "bridge/@name") ?? "",
      active: active === 1,
      autostart,
      persistent: persistent === 1,
      owner: readMark(root)?.owner,
    };
  },
});

async function sought(
  from: Looking,
  { name = "", uuid }: { readonly name?: string | undefined; readonly uuid?: string | undefined },
): Promise<Network> {
  const { host } = from.place;
  const { signal } = from;
  try {
    const { net } = await (uuid === undefined
      ? host.call("NETWORK_LOOKUP_BY_NAME", { name }, { signal })
      : host.call("NETWORK_LOOKUP_BY_UUID", { uuid }, { signal }));
    return net;
  } catch (error) {
    if (!isLibvirt(error, Code.NO_NETWORK)) throw error;
    const how = uuid === undefined ? `named "${name}"` : `with UUID ${uuid}`;
    throw missing(from, { noun: "network", how, code: Code.NO_NETWORK, next: "`networks` of `getHost` lists them" });
  }
}
