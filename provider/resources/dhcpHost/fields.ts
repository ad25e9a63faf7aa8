import { flag, type Situation, text } from "../../fields";
import { dhcpHostFacts as facts } from "../network/entries";

/** Where nothing else names the guest, its name is the entry's key. */
function nameChange(_: unknown, __: unknown, { after }: Situation): "live" | "replace" {
  return after["mac"] === undefined && after["duid"] === undefined ? "replace" : "live";
}

/** A fixed address of a network. https://libvirt.org/formatnetwork.html#addressing */
export const dhcpHost = {
  network: text({
    required: true,
    change: "replace",
    most: 255,
    doc: "The name of the network, running or not; an error where the host has none. A change moves the entry.",
  }),
  mac: text({
    ...facts.mac,
    change: "replace",
    doc: "The guest's MAC, such as `52:54:00:12:34:56`; for IPv4, where it or `name` is needed. A change makes a new entry.",
  }),
  // libvirt's attribute is `id`, which in a Pulumi resource is the resource's own.
  duid: text({
    ...facts.id,
    change: "replace",
    doc: "The guest's DHCPv6 unique identifier, hexadecimal bytes joined by `:` (`id` in a network's list); for IPv6, where it or `name` is needed. A change makes a new entry.",
  }),
  name: text({
    ...facts.name,
    change: nameChange,
    doc: "The host name that the guest is given (RFC 1123), which no other entry of the network may have; default: none. A change makes a new entry where neither `mac` nor `duid` is given.",
  }),
  ip: text({
    ...facts.ip,
    change: "live",
    doc: "Its address, IPv4 or IPv6. It decides the network's subnet to which the entry goes; an error where none has it, or another entry has the address.",
  }),
  adopt: flag({
    doc: "Take over an entry of this guest that exists already with other values; default false: it is refused.",
  }),
};
